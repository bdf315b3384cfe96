"""What the numbers of the products' masks mean, against tables written out by hand."""

import numpy as np
import pytest

from landcover.errors import DtypeMismatch
from landcover.quality import CLOUD_SHADOW, MASKS, QUALITY_LEGEND, valid_only

KINDS = {kind.name: kind for kind in MASKS}


def names_of(kind, *numbers, dtype=np.uint16):
    """Names of the quality codes of some numbers; of tuples for masks of several bands."""
    values = np.array(numbers, dtype)
    values_BRC = values.T[:, None] if values.ndim == 2 else values[None, None]
    codes = KINDS[kind].codes(values_BRC)
    assert codes.dtype == np.uint8
    return [QUALITY_LEGEND.by_code(int(code)).name for code in codes[0]]


def test_scene_classification_of_sentinel_2():
    expected = ["unknown", "defective", "valid", "cloud_shadow", "valid", "valid", "valid", "unknown"]
    expected += ["cloud", "cloud", "thin_cirrus", "snow", "unknown", "unknown"]
    for dtype in (np.uint8, np.uint16):
        assert names_of("SCL", *range(13), 255, dtype=dtype) == expected


def test_raster_masks_of_sentinel_2_level_1c():
    flags = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (0, 255, 1)]
    expected = ["valid", "cloud", "thin_cirrus", "snow", "cloud", "thin_cirrus"]
    assert names_of("MSK_CLASSI", *flags, dtype=np.uint8) == expected


def test_qa60():
    numbers = [0, 1 << 10, 1 << 11, (1 << 10) | (1 << 11), 1]
    assert names_of("QA60", *numbers) == ["valid", "cloud", "thin_cirrus", "cloud", "valid"]


def test_landsat():
    """Numbers that are typical of Landsat 8: fill, clear, water, cloud, shadow, snow, cirrus, dilated cloud."""
    numbers = [1, 21824, 21952, 22280, 23888, 30048, 54596, 21826]
    expected = ["unknown", "valid", "valid", "cloud", "cloud_shadow", "snow", "thin_cirrus", "cloud"]
    assert names_of("QA_PIXEL", *numbers) == expected


def test_what_a_mask_can_tell():
    assert {name: kind.tells(CLOUD_SHADOW) for name, kind in KINDS.items()} == {
        "SCL": True,
        "MSK_CLASSI": False,
        "QA60": False,
        "QA_PIXEL": True,
    }


def test_floats_are_no_mask():
    with pytest.raises(DtypeMismatch, match="SCL has float32 samples"):
        KINDS["SCL"].codes(np.zeros((1, 2, 2), np.float32))


def test_without_a_mask():
    codes = np.array([[1, 255, 7]], np.uint8)
    assert valid_only(codes).tolist() == [[1, 255, 1]]
    wide = np.array([[111, -32768, 523]], np.int16)
    assert valid_only(wide, nodata=-32768).tolist() == [[1, 255, 1]]
