"""Field plots made by code: soil, leaves and straw mixed by their fractions, with noise."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
HEAD = ("site", "green_fraction", "dry_fraction", "bare_fraction", "cryptogam_fraction")
BANDS = ("green_band", "red", "nir", "swir1", "swir2")
# Reflectance in green, red, near infrared and two short-wave infrared bands.
SOIL, LEAF, STRAW = [0.14, 0.22, 0.30, 0.42, 0.36], [0.06, 0.04, 0.38, 0.20, 0.09], [0.10, 0.15, 0.24, 0.30, 0.20]
PLOTS = 400


def mixed(cover_PC, seed):
    """Reflectance (plot, band) of fractions of bare, green and dry."""
    random = np.random.default_rng(seed)
    brightness = random.uniform(0.8, 1.2, (len(cover_PC), 1))
    return cover_PC @ np.array([SOIL, LEAF, STRAW]) * brightness + random.normal(0, 0.004, (len(cover_PC), 5))


def write_plots(path, *, plots=PLOTS, seed=0):
    """A table in the form of field_cover/sites.csv."""
    cover_PC = np.random.default_rng(seed).dirichlet([0.7, 0.7, 1.0], plots)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*HEAD, *BANDS))
        for number, (cover, bands) in enumerate(zip(cover_PC, mixed(cover_PC, seed + 1), strict=True)):
            writer.writerow([2 * number + 1, cover[1], cover[2], cover[0], 0.0, *bands])
    return path


def write_config(path, **trainer):
    """The shipped configuration, made small."""
    config = yaml.safe_load((REPOSITORY / "configs/train/landsat_severity.yaml").read_text())
    config["model"]["init_args"] |= {
        "network": {"members": 2, "width": 12, "depth": 2},
        "optimiser": {"learning_rate": 0.02, "warmup_steps": 5, "schedule": "one-cycle"},
    }
    config["data"]["init_args"]["batch_size"] = 32
    config["trainer"] |= {"max_epochs": 6, "log_every_n_steps": 1, "enable_model_summary": False} | trainer
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def plots_root(tmp_path_factory):
    """Folder of data sets with generated plots."""
    root = tmp_path_factory.mktemp("plots")
    write_plots(root / "field_cover" / "sites.csv")
    return root


@pytest.fixture(scope="session")
def table_path():
    """The shipped default table."""
    return REPOSITORY / "configs/severity/bare_ground.yaml"
