"""Pixels of a key where nobody can know them before the images are open: none are given away."""

from __future__ import annotations

import pytest

from tests.bundles import BANDS
from tests.crew import service
from tests.rasters import write_tiff
from tests.service import scene_numbers
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.conftest import House, furnish

AREAS = {"outputs": {"areas": {}}}
PIXELS = 6300
"""Of the scene."""


@pytest.fixture
def folder(tmp_path):
    """The operator's folder, with a scene whose size no single file tells."""
    bands = tmp_path / "data" / "scene"
    bands.mkdir(parents=True)
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
    for band, dn_RC in zip(BANDS, scene_numbers(), strict=True):
        write_tiff(bands / f"scene_{band}.tif", dn_RC[None], nodata=0, tags=tags)
    return bands.parent


def test_what_was_not_known_is_in_the_way_of_what_comes_next(tmp_path, folder, readers):
    settings, body = furnish(tmp_path, data_folder=folder, pixels_per_minute=PIXELS + 100)
    asked = {"inputs": {"scene": {"path": "scene"}}, **AREAS}
    with service(settings, readers) as client:
        house = House(client, settings, body)
        for _ in range(2):
            assert house.ask(**asked).json()["total"]["pixels"] == PIXELS
        refused = house.ask(**asked)
        check_problem(refused, 429, "quota")
        assert 60 < int(refused.headers["retry-after"]) <= 120
    with service(settings, readers) as client:  # begun anew
        check_problem(House(client, settings, body).ask(**asked), 429, "quota")


def test_a_job_is_no_larger_than_the_limit_of_its_key(tmp_path, folder, readers):
    settings, body = furnish(tmp_path, data_folder=folder, pixels_per_minute=PIXELS - 100)
    with service(settings, readers) as client:
        answer = House(client, settings, body).ask(inputs={"scene": {"path": "scene"}}, **AREAS)
        assert "the limit is 6,200" in check_problem(answer, 413, "raster-too-large")


def test_finer_pixels_count(tmp_path, readers):
    settings, body = furnish(tmp_path, pixels_per_minute=2 * PIXELS)
    with service(settings, readers) as client:
        house = House(client, settings, body)
        fine = {"scene": house.scene, "resolution": 1}
        check_problem(house.ask(inputs={**fine, "crs": "EPSG:32633"}, **AREAS), 413, "quota-too-small")
        # In units of a CRS that nobody knows before the scene is open.
        assert house.ask(inputs={**fine, "resolution": 8.5}, **AREAS).json()["total"]["pixels"] > 8000
        check_problem(house.ask(**AREAS), 429, "quota")
