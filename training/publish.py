"""``steppe publish``: calibrate, evaluate, export, compare, and write a bundle; or refuse and write nothing."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from landcover.bundle import Bundle, write_bundle
from landcover.errors import ConfigError, OutputNotWritable
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE, BandStatistics, Manifest
from landcover.sensors import get_product
from landcover.tiling import round_up
from models.export import Export, export_graph
from models.graph import MAX_REFLECTANCE
from training.card import model_card
from training.config import data_from_config, read_yaml
from training.datamodule import LandCoverData
from training.datasets import FOLDERS, SiteDataset
from training.evaluate import print_evaluation
from training.evaluation import Evaluation, evaluate_sites
from training.golden import band_statistics, golden_input
from training.inference import load_task, torch_predictor
from training.task import LandCoverTask
from training.temperature import fit_temperature

GOLDEN_SIDE: Final = 128
GOLDEN_WINDOWS: Final = 2
PROBE_SIDE: Final = 256
PROBE_STEP: Final = 64

_TEXT_KEYS: Final = (
    *("name", "title", "description", "licence", "attribution", "tile_size", "overlap", "batch_size", "levels"),
    *("training_data", "training", "labels", "terms", "limits"),
)
_PACKAGES: Final = ("torch", "lightning", "torchgeo", "segmentation-models-pytorch", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True, slots=True)
class Order:
    """What to publish.

    Attributes:
        config: training configuration, for data and split.
        text: publishing configuration: names, licence, limits.
        checkpoint: file that ``steppe train fit`` wrote.
        version: version of the bundle.
        output: registry folder.
    """

    config: Path
    text: Mapping[str, Any]
    checkpoint: Path
    version: str
    output: Path


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: everything after ``steppe publish``.

    Returns:
        Exit code.
    """
    options = _parser().parse_args(arguments)
    order = Order(options.config, read_yaml(options.publish), options.checkpoint, options.version, options.output)
    bundle = publish(order, Console())
    sys.stdout.write(f"wrote {bundle.manifest.identifier}, sha256 of its manifest {bundle.digest}\n")
    return 0


def publish(order: Order, console: Console) -> Bundle:
    """Calibrate, evaluate on the test sites, export, compare and write.

    Raises:
        ConfigError: when the publishing configuration lacks an entry.
        ParityError: when the exported graph disagrees with the network.
        OutputNotWritable: when that version exists.
    """
    _check_order(order)
    data, task = data_from_config(order.config), load_task(order.checkpoint)
    temperature = fit_temperature(task.scene_net, data.sites("val"))
    console.print(f"temperature fitted on the validation sites: {temperature:.3f}")
    before = _evaluate(order, task, data, temperature=1.0)
    test = _evaluate(order, task, data, temperature=temperature)
    print_evaluation(test, console)
    statistics = band_statistics(data.sites("train"), task.inputs.bands)
    scores = {"test": test.to_json(), "test_ece_before_temperature": before.reliability.ece}
    manifest = _manifest(order, task, statistics, scores, _provenance(order, data), temperature)
    export = export_graph(
        task.scene_net,
        golden_input(statistics.values(), side=GOLDEN_SIDE, windows=GOLDEN_WINDOWS, seed=0),
        probes=_probes(data.sites("val")),
        temperature=temperature,
        metadata={"stac_item": json.dumps(manifest.to_item(), ensure_ascii=False)},
    )
    card = model_card(
        order.text,
        manifest.identifier,
        test=test,
        facts=_facts(manifest, export),
        ece_before=before.reliability.ece,
    )
    files = {MODEL_FILE: export.content, SAMPLE_FILE: _sample(export), CARD_FILE: card.encode()}
    return write_bundle(order.output, manifest, files)


def _check_order(order: Order) -> None:
    """Refuse before minutes are spent."""
    missing = [key for key in _TEXT_KEYS if key not in order.text]
    if missing:
        raise ConfigError(f"the publishing configuration lacks {', '.join(missing)}; see configs/publish")
    if (order.output / str(order.text["name"]) / order.version).exists():
        raise OutputNotWritable(
            f"{order.text['name']}@{order.version} exists and bundles never change; raise --version"
        )


def _evaluate(order: Order, task: LandCoverTask, data: LandCoverData, *, temperature: float) -> Evaluation:
    predict = torch_predictor(task.scene_net, temperature=temperature)
    tile, overlap = int(order.text["tile_size"]), int(order.text["overlap"])
    return evaluate_sites(predict, data.sites("test"), task.legend, tile=tile, overlap=overlap)


def _manifest(
    order: Order,
    task: LandCoverTask,
    statistics: Mapping[str, BandStatistics],
    scores: Mapping[str, Any],
    provenance: Mapping[str, Any],
    temperature: float,
) -> Manifest:
    text, product = order.text, get_product(task.inputs.product)
    parameters = sum(parameter.numel() for parameter in task.scene_net.parameters())
    return Manifest(
        name=text["name"],
        version=order.version,
        title=text["title"],
        description=text["description"],
        architecture=task.hparams["network"].name,
        legend_id=task.legend.id,
        legend_version=task.legend.version,
        bands=tuple(task.inputs.bands),
        product=product.id,
        levels=tuple(text["levels"]),
        radiometry=product.radiometry,
        dtype=product.dtype,
        nodata=product.nodata,
        gsd_m=min(product.band(band).gsd_m for band in task.inputs.bands),
        tile_size=int(text["tile_size"]),
        overlap=int(text["overlap"]),
        batch_size=int(text["batch_size"]),
        temperature=round(temperature, 4),
        total_parameters=parameters,
        memory_size=4 * parameters,
        value_scaling=tuple(_value_scaling(task)),
        statistics=statistics,
        licence=text["licence"],
        attribution=" ".join(str(text["attribution"]).split()),
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        scores=scores,
        provenance=provenance,
    )


def _value_scaling(task: LandCoverTask) -> Iterable[dict[str, Any]]:
    """What the graph does to each band, in the words of MLM (a processing expression); see ``models.graph``."""
    radiometry = get_product(task.inputs.product).radiometry
    for mean, std in zip(task.inputs.mean, task.inputs.std, strict=True):
        reflectance = f"clip(DN * {radiometry.scale} + {radiometry.offset}, 0, {MAX_REFLECTANCE})"
        yield {
            "type": "processing",
            "format": "python",
            "expression": f"(sqrt({reflectance}) - {mean}) / {std}",
            "description": "applied inside the graph; give it digital numbers",
        }


def _provenance(order: Order, data: LandCoverData) -> dict[str, Any]:
    return {
        "training_data": " ".join(str(order.text["training_data"]).split()),
        "training": " ".join(str(order.text["training"]).split()),
        "labels": " ".join(str(order.text["labels"]).split()),
        "source_legend": data.source.source_legend,
        "sites": {name: [site.name for site in data.site_files(name)] for name in ("train", "val", "test")},
        "training_files_sha256": _files_digest(data),
        "config_sha256": hashlib.sha256(order.config.read_bytes()).hexdigest(),
        "checkpoint_sha256": hashlib.sha256(order.checkpoint.read_bytes()).hexdigest(),
        "command": "steppe train fit, steppe publish",
        "steppe": version("steppe"),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _files_digest(data: LandCoverData) -> str:
    """SHA-256 over names and contents of all training images and labels, in order of their names."""
    total = hashlib.sha256()
    for site in data.site_files("train"):
        for kind in FOLDERS:
            for path in site.files(kind):
                total.update(f"{kind}/{path.name}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _probes(sites: Iterable[SiteDataset]) -> list[NDArray[np.generic]]:
    """One batch of real windows from each site, the upper left corner of its scenes; compared on, never published."""
    return [np.stack([_probe(site.scene(when)["image"].numpy()) for when in site.geo.index.index]) for site in sites]


def _probe(image_BHW: NDArray[np.int32]) -> NDArray[np.uint16]:
    """A window whose sides are multiples of 64, so that half of it, the second size compared, is one of 32."""
    window = image_BHW[:, :PROBE_SIDE, :PROBE_SIDE].astype(np.uint16)
    missing = [round_up(side, PROBE_STEP) - side for side in window.shape[1:]]
    return np.pad(window, [(0, 0), (0, missing[0]), (0, missing[1])], mode="symmetric")


def _sample(export: Export) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, dn_NBHW=export.sample_dn_NBHW, probabilities_NKHW=export.sample_probabilities_NKHW)
    return buffer.getvalue()


def _facts(manifest: Manifest, export: Export) -> dict[str, str]:
    provenance = manifest.provenance
    return {
        "architecture": f"{manifest.architecture}, {manifest.total_parameters:,} parameters",
        "input": f"{manifest.dtype} digital numbers of {', '.join(manifest.bands)} at {manifest.gsd_m:g} m",
        "processing levels": ", ".join(manifest.levels),
        "output": f"probabilities of the {len(manifest.legend)} classes of legend {manifest.legend_id} "
        f"(version {manifest.legend_version}), temperature {manifest.temperature:g}",
        "training data": str(provenance["training_data"]),
        "sites": ", ".join(f"{name} {len(sites)}" for name, sites in provenance["sites"].items()),
        "created": manifest.created,
        "parity": f"torch and ONNX Runtime differ by at most {export.parity:.1e} in a probability",
        "software": ", ".join(f"{package} {provenance[package]}" for package in _PACKAGES),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe publish",
        description="Export a checkpoint as a bundle, after calibration, evaluation and comparison with the network.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration: data and split")
    parser.add_argument("-p", "--publish", type=Path, required=True, help="names, licence and limits, configs/publish")
    parser.add_argument("--checkpoint", type=Path, required=True, help="file that steppe train fit wrote")
    parser.add_argument("--version", required=True, help="version of the bundle, for example 0.1.0")
    parser.add_argument("-o", "--output", type=Path, default=Path("models/zoo"), help="default: models/zoo")
    return parser
