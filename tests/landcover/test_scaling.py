import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.errors import DtypeMismatch
from landcover.scaling import harmonise, to_reflectance
from landcover.sensors import Radiometry, get_product

EVERY_DN = np.arange(65536, dtype=np.uint16).reshape(256, 256)
SOME_DN = [*range(1100), *range(1100, 64500, 41), *range(64500, 65536)]  # both ends fully, the middle in steps
OLD = get_product("sentinel-2-l2a").radiometry
NEW = get_product("sentinel-2-l2a-0400").radiometry
OLI = get_product("landsat-8-c2-l2").radiometry


def by_hand(dn, source, target, nodata):
    """The same in exact fractions, one number at a time."""
    if dn == nodata:
        return nodata
    scale, offset, to_scale, to_offset = (
        Fraction(str(value)) for value in (source.scale, source.offset, target.scale, target.offset)
    )
    made = round((dn * scale + offset - to_offset) / to_scale)
    made = min(max(made, 1 if nodata == 0 else 0), 65534 if nodata == 65535 else 65535)
    return made + 1 if made == nodata else made


def test_baseline_0400_goes_back_by_1000_and_stays_valid():
    dn = np.array([0, 1, 999, 1000, 1001, 1002, 11000, 65535], np.uint16)
    assert harmonise(dn, NEW, OLD).tolist() == [0, 1, 1, 1, 1, 2, 10000, 64535]


def test_older_baselines_go_forward_by_1000_and_stay_in_range():
    dn = np.array([0, 1, 64535, 64536, 65535], np.uint16)
    assert harmonise(dn, OLD, NEW).tolist() == [0, 1001, 65535, 65535, 65535]


@pytest.mark.parametrize("nodata", [0, 65535, 9999])
@pytest.mark.parametrize(("source", "target"), [(NEW, OLD), (OLD, NEW), (OLI, OLD), (OLD, OLI), (OLI, NEW)])
def test_digital_numbers_agree_with_exact_arithmetic(source, target, nodata):
    found = harmonise(EVERY_DN, source, target, nodata=nodata)
    expected = np.array([by_hand(dn, source, target, nodata) for dn in SOME_DN])
    assert found.dtype == np.uint16
    assert found.shape == EVERY_DN.shape
    gap = np.abs(found.reshape(-1)[SOME_DN].astype(int) - expected)
    # Halves may round either way when a scale has no exact binary form; nothing else may differ.
    assert gap.max() <= (0 if source.scale == target.scale else 1)
    assert np.count_nonzero(gap) <= len(SOME_DN) // 100
    assert np.array_equal(found.reshape(-1) == nodata, np.arange(65536) == nodata)


@settings(deadline=None)  # the machine may be busy
@given(shift=st.integers(-70000, 70000))
def test_whole_shifts_of_any_size(shift):
    source = Radiometry(1e-4, shift * 1e-4)
    dn = np.array([0, 1, 2, 1000, 30000, 65534, 65535], np.uint16)
    expected = [0, *(min(max(value + shift, 1), 65535) for value in dn[1:].tolist())]
    assert harmonise(dn, source, OLD).tolist() == expected


def test_reflectance_is_kept():
    dn = np.arange(8000, 43000, 7, dtype=np.uint16)
    there = to_reflectance(harmonise(dn, OLI, OLD), OLD)
    np.testing.assert_allclose(there, to_reflectance(dn, OLI), atol=0.51e-4)


def test_equal_radiometries_return_the_input_itself():
    assert harmonise(EVERY_DN, OLD, Radiometry(1e-4, 0.0)) is EVERY_DN


def test_the_input_is_never_changed():
    dn = EVERY_DN.copy()
    harmonise(dn, NEW, OLD)
    np.testing.assert_array_equal(dn, EVERY_DN)


def test_strided_and_empty_arrays():
    dn = np.random.default_rng(0).integers(0, 65536, (3, 300, 400)).astype(np.uint16)
    np.testing.assert_array_equal(harmonise(dn[:, ::2, ::-1], NEW, OLD), harmonise(dn, NEW, OLD)[:, ::2, ::-1])
    assert harmonise(dn[:0], NEW, OLD).shape == (0, 300, 400)


def test_only_uint16_is_harmonised():
    for dtype in (np.int16, np.float32, np.uint8):
        with pytest.raises(DtypeMismatch, match=np.dtype(dtype).name):
            harmonise(np.zeros(3, dtype), NEW, OLD)


@pytest.mark.parametrize("source", [NEW, OLI])
def test_no_wide_copies_of_big_arrays(source):
    dn = np.ones((4, 1024, 1024), np.uint16)
    harmonise(dn[:1, :2, :2], source, OLD)
    tracemalloc.start()
    harmonise(dn, source, OLD)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * dn.nbytes


def test_reflectance_is_float32():
    found = to_reflectance(np.array([0, 1000, 11000], np.uint16), NEW)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [-0.1, 0.0, 1.0], atol=1e-6)
