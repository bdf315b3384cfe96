"""Maps of whole scenes against the prediction of the whole scene at once."""

import numpy as np
import pytest
import torch
from affine import Affine
from pyproj import CRS

from landcover.grid import Grid
from landcover.legends import get_legend
from landcover.raster.maps import read_map
from tests.training.verdicts import predict_scene
from training.inference import scene_plan, torch_predictor
from training.maps import OVERLAP, TILE, write_maps
from training.scenes import MemoryScene, SceneInfo
from training.task import InputChoice, LandCoverTask, NetworkChoice


@pytest.fixture
def task():
    torch.manual_seed(0)
    inputs = InputChoice(bands=["B02", "B03"], mean=[0.3] * 2, std=[0.1] * 2)
    return LandCoverTask(NetworkChoice("plain-tiny"), inputs).eval()


def scene(name, shape, *, grid=True):
    height, width = shape
    image = torch.randint(1, 5000, (2, *shape), generator=torch.Generator().manual_seed(1)).int()
    image[:, 3:5, 7:9] = 0
    where = Grid(CRS.from_epsg(32631), Affine(10, 0, 4e5, 0, -10, 5e6), height, width) if grid else None
    return MemoryScene(SceneInfo(name, "site", height, width, grid=where), {"image": image})


def test_a_map_holds_the_codes_of_the_whole_prediction(task, tmp_path):
    legend, given = get_legend("unccd7"), scene("a/b[0:9]", (40, 70))
    predict = torch_predictor(task.scene_net)
    assert list(write_maps(predict, [given], legend, tmp_path / "maps")) == [("a/b[0:9]", True)]
    (path,) = (tmp_path / "maps").iterdir()
    codes, grid = read_map(path)
    plan = scene_plan(given, tile=TILE, overlap=OVERLAP)
    wanted = legend.encode(predict_scene(predict, given, plan, classes=7).argmax(axis=0).astype(np.uint8))
    wanted[3:5, 7:9] = legend.nodata
    assert path.name == "a_b_0_9_.tif"
    assert grid == given.info.grid
    np.testing.assert_array_equal(codes, wanted)
    assert len(np.unique(codes)) > 2


def test_an_image_without_georeference_is_passed_over(task, tmp_path):
    given = [scene("a", (40, 40), grid=False)]
    assert list(write_maps(torch_predictor(task.scene_net), given, get_legend("unccd7"), tmp_path)) == [("a", False)]
    assert not list(tmp_path.iterdir())
