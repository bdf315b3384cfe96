"""The shipped configurations for own data: check, statistics and one training step on data made by code."""

import numpy as np
import pytest
import yaml

from serving.cli import main
from tests.rasters import write_band_folder
from tests.training.fits import WARNINGS
from tests.training.own_data import box, codes, dark_numbers, write_geojson, write_image, write_labels
from training import cli

pytestmark = WARNINGS

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
SMALL = (
    "--data.init_args.patches.size=32",
    "--data.init_args.patches.eval_size=64",
    "--data.init_args.patches.batch_size=2",
    "--data.init_args.patches.per_epoch=2",
    "--data.init_args.patches.num_workers=0",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--trainer.fast_dev_run=1",
)
KINDS = ("forest", "meadow", "grass", "scrub", "farm", "wetland", "residential", "water")


def polygons(folder):
    """One scene of band files at two resolutions, 640 x 640 pixels, and a chequerboard of OpenStreetMap classes."""
    coarse = {"B05", "B06", "B07", "B11", "B12"}
    bands = {
        name: dark_numbers(number, (320, 320) if name in coarse else (640, 640), 1)[0]
        for number, name in enumerate(BANDS)
    }
    write_band_folder(folder / "data/images/T33UUU_20170216", bands)
    squares = [(row, col) for row in range(0, 640, 40) for col in range(0, 640, 40)]
    features = [
        (box(col, row, col + 40, row + 40), {"fclass": KINDS[number % len(KINDS)]})
        for number, (row, col) in enumerate(squares)
    ]
    write_geojson(folder / "data/labels.gpkg", features)  # GDAL goes by content


def rasters(folder):
    """Three places with images of both baselines, labels of WorldCover and masks of 20 m."""
    names = dict(zip(range(1, 8), (10, 30, 40, 90, 50, 60, 80), strict=True))
    lines = ["image,labels,site,split,product,weight,mask"]
    for number, split in enumerate(("train", "val", "test")):
        worldcover = np.vectorize(names.get)(codes(number, (64, 64))).astype(np.uint8)
        suffix = "-0400" if split == "train" else ""
        write_image(
            folder / f"data/{split}.tif",
            dark_numbers(number, (64, 64), 9) + (1000 if suffix else 0),
            number,
            names=BANDS,
            tags={},
        )
        write_labels(folder / f"data/{split}_wc.tif", worldcover, number)
        write_labels(folder / f"data/{split}_scl.tif", np.full((64, 64), 4, np.uint8), number)
        lines.append(f"{split}.tif,{split}_wc.tif,{split},{split},sentinel-2-l2a{suffix},0.5,{split}_scl.tif")
    (folder / "data/scenes.csv").write_text("\n".join(lines))


@pytest.fixture(params=[("own_polygons", polygons), ("own_rasters", rasters)], ids=lambda case: case[0])
def config(request, repository, tmp_path, monkeypatch):
    name, make = request.param
    make(tmp_path)
    monkeypatch.chdir(tmp_path)
    return repository / f"configs/train/{name}.yaml"


def test_check_and_stats_and_a_step(config, capsys):
    assert main(["train", "check", "-c", str(config)]) == 0
    assert main(["train", "stats", "-c", str(config)]) == 0
    said = capsys.readouterr().out
    inputs = yaml.safe_load(said[said.index("inputs:") :])["inputs"]
    assert inputs["bands"] == list(BANDS)
    assert cli.train(["fit", "-c", str(config), *SMALL]) == 0


def test_the_bands_of_model_and_data_are_the_same(config):
    content = yaml.safe_load(config.read_text())
    source = content["data"]["init_args"]["source"]["init_args"]
    inputs = content["model"]["init_args"]["inputs"]
    assert (source["bands"], source["product"]) == (inputs["bands"], inputs["product"])
