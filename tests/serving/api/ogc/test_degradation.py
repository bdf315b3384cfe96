"""The process ``degradation``."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bundles import BANDS
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import codes_of


@pytest.fixture(scope="module")
def pair(house, tmp_path_factory):
    """Two dates of one place, as uploads."""
    folder = tmp_path_factory.mktemp("pair")
    hrefs = {}
    for name, seed, date in (("before", 1, "2016-03-01T10:20:30Z"), ("after", 2, "2018-04-02")):
        tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": date}
        path = write_tiff(folder / f"{name}.tif", smooth_numbers(70, 90, seed=seed), names=BANDS, nodata=0, tags=tags)
        hrefs[name] = house.upload(path.read_bytes())
    return hrefs


def test_degradation(house, pair):
    answer = house.ask(process="degradation", inputs=pair, outputs={"map": {}})
    assert answer.status_code == 200, answer.text
    assert answer.headers["steppe-model"] == "pair@0.1.0"
    codes = codes_of(answer.content)
    assert set(np.unique(codes)) <= {-1, 0, 1}
    document = house.ask(process="degradation", inputs=pair, response="document").json()
    assert list(document) == ["map", "confidence", "preview", "areas", "features", "item", "style"]
    assert document["areas"]["value"]["total"]["pixels"] == 6300
    features = house.client.get(document["features"]["href"]) if "href" in document["features"] else None
    found = features.json() if features else document["features"]["value"]
    assert [feature["id"] for feature in found["features"]] == [-1, 0, 1]


def test_degradation_asks_for_two_dates(house, pair):
    for inputs in ({"before": pair["before"]}, {}, {"tile": "33UVR", "before_datetime": "2020-01-01"}):
        check_problem(house.ask(process="degradation", inputs=inputs), 422, "inputs")
    same = house.ask(process="degradation", inputs={"before": pair["before"], "after": pair["before"]})
    assert same.status_code == 422
    wrong = house.ask(process="degradation", inputs=pair | {"model": "tiny"})
    assert wrong.status_code == 422, wrong.text


def test_degradation_by_tile(outside, earth):
    earth.add("S2A_33UVR_20200601_0_L2A", "2020-06-01")
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01", shift=5)
    inputs = {"tile": "33UVR", "before_datetime": "2020-06-01/2020-06-30", "after_datetime": "2024-06-01/2024-06-30"}
    answer = outside.ask(process="degradation", inputs=inputs, outputs={"areas": {}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"]["pixels"] == 6300
