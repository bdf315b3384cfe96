"""Layers that others made, and FAO-WOCAT's table."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from indicators.productivity.fao_wocat import FAO_WOCAT_TABLE
from indicators.productivity.imported import FAO_WOCAT, JRC, LPD_SOURCES, get_lpd_source, import_lpd, lpd_positions
from landcover.errors import ConfigError, DtypeMismatch, GridMismatch, UnmappedCodes
from tests.landcover.vectors import vector

VECTOR = vector("fao_wocat_lpd_36")


@pytest.mark.parametrize("source", LPD_SOURCES.values(), ids=LPD_SOURCES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int64])
def test_every_code(source, dtype):
    limits = np.iinfo(dtype)
    empty = [0, 15, *([255] if dtype == np.uint8 else []), *([-32768, -32767] if limits.min < -128 else [])]
    codes = np.array([1, 2, 3, 4, 5, *empty], dtype)
    found = import_lpd(codes, source)
    assert found.dtype == np.int16
    assert found.tolist() == [1, 2, 3, 4, 5, *([-32768] * len(empty))]
    assert lpd_positions(codes, source).tolist() == [0, 1, 2, 3, 4, *([5] * len(empty))]


@pytest.mark.parametrize(("code", "dtype"), [(6, np.uint8), (14, np.uint8), (-1, np.int16), (255, np.int16)])
def test_unmapped_codes(code, dtype):
    layer = np.ones((3, 4), dtype)
    layer[0, :2] = code
    with pytest.raises(UnmappedCodes, match=rf"'jrc' does not have \(code: pixels\): {code}: 2"):
        import_lpd(layer, JRC)


def test_floats_are_no_classes():
    with pytest.raises(DtypeMismatch):
        import_lpd(np.ones(3, np.float32), JRC)


def test_sources_carry_their_caveats():
    assert [slug for slug, _ in FAO_WOCAT.caveats] == ["lpd-other-algorithm", "lpd-fao-wocat-deserts"]
    assert get_lpd_source("trends_earth").caveats == ()
    assert len({source.identity for source in LPD_SOURCES.values()}) == 4
    with pytest.raises(ConfigError, match="known sources are jrc, fao_wocat, trends_earth, national"):
        get_lpd_source("modis")


def test_the_source_names_its_table():
    assert FAO_WOCAT.table is FAO_WOCAT_TABLE
    assert FAO_WOCAT.to_document()["table"] == FAO_WOCAT_TABLE.to_document()
    other = replace(FAO_WOCAT_TABLE, cells=FAO_WOCAT_TABLE.cells[::-1])
    assert replace(FAO_WOCAT, table=other).identity != FAO_WOCAT.identity
    assert "table" not in JRC.to_document()


def test_fao_wocats_36_combinations():
    rows = np.array(VECTOR["rows"])
    assert len({tuple(row) for row in rows[:, :3].tolist()}) == 36
    np.testing.assert_array_equal(FAO_WOCAT_TABLE.lpd(*rows[:, :3].T), rows[:, 4])


def test_fao_wocat_without_data():
    for place, mark in itertools.product(range(3), (0, 255, -32768)):
        layers = [np.array([1, 1], np.int16) for _ in range(3)]
        layers[place][0] = mark
        assert FAO_WOCAT_TABLE.lpd(*layers).tolist() == [-32768, 1]


def test_bad_fao_wocat_layers_and_tables():
    layer = np.ones(3, np.uint8)
    with pytest.raises(UnmappedCodes, match="initial biomass"):
        FAO_WOCAT_TABLE.lpd(layer, layer + 3, layer)
    with pytest.raises(GridMismatch):
        FAO_WOCAT_TABLE.lpd(layer, layer[1:], layer)
    with pytest.raises(ConfigError, match="4 x 3 x 3"):
        replace(FAO_WOCAT_TABLE, cells=FAO_WOCAT_TABLE.cells[:3])
    assert FAO_WOCAT_TABLE.identity.startswith("fao-wocat@1#")
