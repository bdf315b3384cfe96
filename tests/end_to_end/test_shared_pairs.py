"""The shipped model of two dates on real pairs of the training collection; needs STEPPE_DATA.

These images are not part of the project. Run with ``STEPPE_DATA=FOLDER make test``.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from landcover.tiling import MARGIN, round_up
from serving.degradation import PairInputs, compare_scenes
from serving.engine import Engine
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from serving.settings import Settings
from tests.scenes import as_shown

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]

IMAGES = Path(os.environ.get("STEPPE_DATA", "absent")) / "s2_landcover" / "images"
SETTINGS = Settings(registry=None)


@pytest.fixture(scope="module")
def engine():
    return Engine(open_registry(SETTINGS).get(SETTINGS.degradation_model), provider="cpu")


@pytest.mark.parametrize(
    "names", [("rennes_20150821", "rennes_20170621"), ("montpellier_20150812", "montpellier_20171030")]
)
def test_a_pair_of_one_window_equals_one_pass_over_the_whole_image(names, engine, tmp_path):
    paths = [IMAGES / f"{name}.tif" for name in names]
    outputs = Outputs(map=tmp_path / "map.tif")
    inputs = PairInputs(before=Inputs(source=paths[0]), after=Inputs(source=paths[1]))
    outcome = compare_scenes(inputs, outputs, engine, SETTINGS)
    dates = []
    for path in paths:
        with rasterio.open(path) as image:
            dates.append(image.read([image.descriptions.index(band) + 1 for band in engine.bundle.manifest.bands]))
    dn_BRC = np.concatenate(dates)
    height, width = dn_BRC.shape[1:]
    rows, cols = ([int((part + 0.5) * side / 64) for part in range(64)] for side in (height, width))
    far = [MARGIN + round_up(side + 2 * MARGIN) - side - 2 * MARGIN for side in (height, width)]
    padded = np.pad(dn_BRC, [(0, 0), (MARGIN, far[0]), (MARGIN, far[1])], mode="symmetric")
    whole = engine.run(as_shown(padded, dates=2)[None], dn_BRC[None][:, :, rows][:, :, :, cols])[0].argmax(axis=0) - 1
    with rasterio.open(outputs.map) as written:
        codes = written.read(1)
    valid = np.all([(date != 0).any(axis=0) for date in dates], axis=0)
    assert outcome.seams.share is None
    np.testing.assert_array_equal(
        codes, np.where(valid, whole[MARGIN : MARGIN + height, MARGIN : MARGIN + width], -32768)
    )
    assert set(np.unique(codes)) >= {-1, 0}
