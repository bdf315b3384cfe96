"""Legends whose codes need int16 and have -32768 as no data, through quality, masking and merging of small patches."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio import features

from landcover.legends import get_legend
from serving.classify import classify_scene
from serving.engine import Engine
from serving.request import Inputs, Outputs
from serving.treatment import MinimumPatch, Treatment
from tests.bundles import BANDS, tiny_bundle, tiny_graph
from tests.service import scene_numbers, valid_of, write_scene

CORINE = get_legend("corine")
EMPTY = -32768


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    facts = {"name": "wide", "legend_id": CORINE.id, "legend_version": CORINE.version}
    graph = tiny_graph(classes=len(CORINE))
    bundle = tiny_bundle(tmp_path_factory.mktemp("wide"), graph=graph, **facts)
    return Engine(bundle, provider="cpu", threads=1)


@pytest.fixture
def classify(engine, settings, out, tmp_path):
    """Classifies a scene whose left third is cloud by its own mask; answers the rasters by role and the outcome."""
    numbers = scene_numbers()
    cloud_HW = np.zeros(numbers.shape[1:], np.uint16)
    cloud_HW[:, :30] = 1 << 10
    source = write_scene(tmp_path / "scene.tif", np.concatenate([numbers, cloud_HW[None]]), names=(*BANDS, "QA60"))

    def run(*roles, **treatment):
        outputs = Outputs(**{role: out / f"{role}.tif" for role in ("map", *roles)})
        outcome = classify_scene(Inputs(source=source), outputs, engine, settings, treatment=Treatment(**treatment))
        rasters = {}
        for role in ("map", *roles):
            with rasterio.open(outcome.files[role]) as dataset:
                rasters[role] = dataset.read(1)
        return rasters, outcome

    return run


CLOUDY = np.broadcast_to(np.arange(90) < 30, (70, 90))
VALID = valid_of(scene_numbers())


def test_quality_tells_no_data_from_valid(classify):
    rasters, outcome = classify("quality")
    assert rasters["map"].dtype == np.int16
    np.testing.assert_array_equal(rasters["map"] != EMPTY, VALID)
    np.testing.assert_array_equal(rasters["quality"], np.where(VALID, np.where(CLOUDY, 2, 1), 255))
    cloud = 100 * (CLOUDY & VALID).sum() / VALID.sum()
    assert outcome.extras["quality"]["cloud_cover_percent"] == pytest.approx(cloud, abs=1e-4)


def test_masked_pixels_get_the_legends_no_data(classify):
    plain = classify()[0]["map"]
    rasters, outcome = classify(mask_clouds=True)
    np.testing.assert_array_equal(rasters["map"], np.where(CLOUDY, EMPTY, plain))
    assert outcome.areas.valid_pixels == (VALID & ~CLOUDY).sum()


def test_small_patches_are_merged(classify):
    plain = classify()[0]["map"]
    rasters, outcome = classify(min_patch=MinimumPatch.parse("12px"))
    expected = features.sieve(plain, 12, mask=plain != EMPTY)
    expected[plain == EMPTY] = EMPTY
    np.testing.assert_array_equal(rasters["map"], expected)
    assert outcome.extras["sieve"]["moved"]["pixels"] == (plain != expected).sum() > 0


def test_all_of_them_together(classify):
    plain = classify()[0]["map"]
    rasters, _ = classify("quality", mask_clouds=True, min_patch=MinimumPatch.parse("12px"))
    masked = np.where(CLOUDY, np.int16(EMPTY), plain)
    expected = features.sieve(masked, 12, mask=masked != EMPTY)
    expected[masked == EMPTY] = EMPTY
    np.testing.assert_array_equal(rasters["map"], expected)
