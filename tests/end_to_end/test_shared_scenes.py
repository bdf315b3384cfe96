"""The shipped model on every real image of the training collection; needs STEPPE_DATA.

These images are not part of the project. Run with ``STEPPE_DATA=FOLDER make test``.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from landcover.grid import Window
from landcover.tiling import MARGIN, TilePlan, round_up
from serving.classify import classify_scene
from serving.engine import Engine
from serving.pipeline import plan_windows
from serving.predict import predict_rows
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import open_input
from tests.scenes import as_shown

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]

ROOT = Path(os.environ.get("STEPPE_DATA", "absent")) / "s2_landcover"
IMAGES = sorted(ROOT.glob("images/*.tif")) + sorted(ROOT.glob("chips/images/*.tif"))
SETTINGS = Settings(registry=None)
TILED = ("beirut_20150820", "lasvegas_20180205", "majortom_T48QUE_20200223_L2A", "pisa_20150704")
"""Large images of four climates, one of them L2A."""


@pytest.fixture(scope="module")
def engine():
    return Engine(open_registry(SETTINGS).get(SETTINGS.model), provider="cpu")


def test_the_collection_is_there():
    listed = {row.split(",")[0] for name in ("index.csv", "chips/index.csv") for row in rows_of(ROOT / name)}
    assert {path.stem for path in IMAGES} == listed, "STEPPE_DATA must name the folder that holds s2_landcover"


def rows_of(path):
    return path.read_text(encoding="utf-8").splitlines()[1:]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_every_image_becomes_a_valid_map_on_its_own_grid(path, engine, tmp_path):
    outputs = Outputs(map=tmp_path / "map.tif", confidence=tmp_path / "confidence.tif")
    classify_scene(Inputs(source=path), outputs, engine, SETTINGS)
    with rasterio.open(path) as image, rasterio.open(outputs.map) as result:
        assert (result.crs, result.transform, result.shape) == (image.crs, image.transform, image.shape)
        has_data = (image.read() != 0).any(axis=0)
        codes = result.read(1)
    assert np.array_equal(codes != 255, has_data)
    assert set(np.unique(codes)) <= {1, 2, 3, 4, 5, 6, 7, 255}
    for written in (outputs.map, outputs.confidence):
        valid, errors, warnings = cog_validate(written, strict=True, quiet=True)
        assert valid, (errors, warnings)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["confidence.tif", "map.qml", "map.tif"]


def codes_of(scene, engine, plan, batch_size):
    return np.concatenate([rows.codes_HW for rows in predict_rows(scene, engine, plan, batch_size=batch_size)])


def test_the_map_is_the_same_for_batch_sizes_1_3_and_8(engine):
    path = ROOT / "images" / "beirut_20150820.tif"
    with open_input(Inputs(source=path), engine.bundle.manifest) as scene:
        plan = TilePlan(scene.grid.height, scene.grid.width, 256, 64)
        maps = [codes_of(scene, engine, plan, batch_size) for batch_size in (1, 3, 8)]
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2])


@pytest.mark.parametrize("name", TILED)
def test_the_tiled_map_equals_one_pass_over_the_whole_image(name, engine):
    manifest = engine.bundle.manifest
    with open_input(Inputs(source=ROOT / "images" / f"{name}.tif"), manifest) as scene:
        height, width = scene.grid.height, scene.grid.width
        dn = scene.read(Window(0, 0, height, width)).data
        plan, _ = plan_windows(scene, engine, SETTINGS)
        tiled = codes_of(scene, engine, plan, 1)
    far = [MARGIN + round_up(side + 2 * MARGIN) - side - 2 * MARGIN for side in (height, width)]
    padded = np.pad(dn, [(0, 0), (MARGIN, far[0]), (MARGIN, far[1])], mode="symmetric")
    whole = (
        engine.run(as_shown(padded)[None])[0, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width].argmax(axis=0) + 1
    )
    different = np.count_nonzero(tiled != whole) / tiled.size
    assert different <= 0.003, f"{100 * different:.3f} % of the pixels differ"
