"""Every bad raster ends in the error it should, soon, and is closed again; every odd one is read."""

from __future__ import annotations

import time

import numpy as np
import pytest

from landcover.errors import DataError
from landcover.raster.header import check_header
from landcover.raster.opening import gdal_takes
from landcover.raster.scene import open_scene
from tests.bundles import BANDS
from tests.corpus.cases import CASES
from tests.corpus.metadata import SECRET
from tests.service import scene_numbers

GATED = frozenset({1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 30})
GATED |= frozenset({64, 65, 66, 67, 68})
"""Numbers that the header check alone refuses, before GDAL is asked."""


def read(case, path):
    """All pixels, as the service opens them."""
    bands = case.options.get("bands")
    with open_scene(
        path,
        bands_wanted=BANDS,
        bands=tuple(bands.split(",")) if bands else None,
        level=case.options.get("level"),
        dtype_wanted="uint16" if case.model == "tiny" else "float32",
    ) as scene:
        return scene.read(scene.grid.extent)


def outcome(step, *inputs):
    """The problem type that a step ends in, or its result."""
    start = time.process_time()
    try:
        result = step(*inputs)
    except DataError as error:
        result = error.slug
    assert time.process_time() - start < 2
    return result


def test_there_are_enough():
    assert len(CASES) >= 90
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reading(tmp_path, case):
    path = case.write(tmp_path)
    found = outcome(read, case, path)
    if case.slugs and not case.seen_late and not case.seen_whole:
        assert found in case.slugs
        return
    assert not isinstance(found, str), found
    assert not (found.data == SECRET).all()
    if case.valid and not case.seen_late:
        np.testing.assert_array_equal(found.valid, case.valid())
    if case.like_plain and case.number != 48:
        np.testing.assert_array_equal(found.data, scene_numbers())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_header_check(tmp_path, case):
    """It refuses what it must and nothing that reads well."""
    path = case.write(tmp_path)
    if path.is_dir() or not gdal_takes(path):
        return
    found = outcome(check_header, path)
    if case.number in GATED:
        assert found in case.slugs
    elif not case.slugs:
        assert not isinstance(found, str), found
