"""Observation quality: what the product's own mask band says stands between the sensor and the ground.

Masks of several products are brought to one small legend. None of them is perfect; the codes say what the product says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import DtypeMismatch
from landcover.legends import CLASS_NODATA, LandClass, Legend

VALID: Final = 1
CLOUD: Final = 2
THIN_CIRRUS: Final = 3
CLOUD_SHADOW: Final = 4
SNOW: Final = 5
DEFECTIVE: Final = 6
UNKNOWN: Final = 7

QUALITY_LEGEND: Final = Legend(
    "observation-quality",
    "1",
    "Observation quality",
    (
        LandClass(VALID, "valid", "Valid", "#4C9F70"),
        LandClass(CLOUD, "cloud", "Cloud", "#F2F2F2"),
        LandClass(THIN_CIRRUS, "thin_cirrus", "Thin cirrus", "#A9D6F5"),
        LandClass(CLOUD_SHADOW, "cloud_shadow", "Cloud shadow", "#5A4A42"),
        LandClass(SNOW, "snow", "Snow or ice", "#E07BE0"),
        LandClass(DEFECTIVE, "defective", "Saturated or defective", "#D62728"),
        LandClass(UNKNOWN, "unknown", "Not told by the mask", "#9E9E9E"),
    ),
    "Codes and colours are Steppe's own",
)
"""The classes of a quality map; 255 is no data, whatever it is in the class map."""

CLOUDS: Final = (CLOUD, THIN_CIRRUS)
"""What counts as cloud cover, as in Sentinel-2's own cloud coverage: opaque clouds and thin cirrus."""

UNSEEN: Final = (CLOUD, THIN_CIRRUS, CLOUD_SHADOW, DEFECTIVE)
"""Where the ground is not seen as it is. Snow is what lies on the ground, so it is not among them."""

UNSEEN_WORDS: Final = "cloud, thin cirrus, cloud shadow or defective"
"""The same for people."""

_SIZE: Final = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class MaskKind:
    """One kind of mask band.

    Attributes:
        name: the band's name in the product, and in what Steppe says.
        bands: names of its bands in a multi-band file; several bands are flags, 0 or not, of one mask.
        meaning: quality code of every number, uint8, 65536 of them; flags are read as bits, the first band the lowest.
        citation: where the numbers are explained.
    """

    name: str
    bands: tuple[str, ...]
    meaning: NDArray[np.uint8]
    citation: str

    def codes(self, values_BRC: NDArray[Any]) -> NDArray[np.uint8]:
        """Quality codes (row, col) of the mask's numbers (band, row, col).

        Raises:
            DtypeMismatch: the numbers are neither uint8 nor uint16.
        """
        if values_BRC.dtype not in (np.uint8, np.uint16):
            raise DtypeMismatch(
                f"the mask band {self.name} has {values_BRC.dtype} samples; expected uint8 or uint16 as in the product"
            )
        number_RC = values_BRC[0]
        if len(self.bands) > 1:
            number_RC = np.zeros(values_BRC.shape[1:], np.uint16)
            for bit, value_RC in enumerate(values_BRC):
                number_RC |= (value_RC != 0).astype(np.uint16) << np.uint16(bit)
        codes_RC: NDArray[np.uint8] = self.meaning[number_RC]
        return codes_RC

    def tells(self, code: int) -> bool:
        """Whether this mask can say ``code`` at all."""
        return bool((self.meaning == code).any())


def _listed(*codes: int) -> NDArray[np.uint8]:
    """A table of the first numbers; all others are unknown."""
    table = np.full(_SIZE, UNKNOWN, np.uint8)
    table[: len(codes)] = codes
    return table


def _bits(*flags: tuple[int, int]) -> NDArray[np.uint8]:
    """A table of (bit, code) flags; the last one that is set wins, and no flag means valid."""
    numbers, table = np.arange(_SIZE), np.full(_SIZE, VALID, np.uint8)
    for bit, code in flags:
        table[(numbers >> bit) & 1 == 1] = code
    return table


MASKS: Final = (
    # 0 no data, 1 saturated or defective, 2 dark area or topographic shadow, 3 cloud shadow, 4 vegetation,
    # 5 not vegetated, 6 water, 7 unclassified, 8 and 9 cloud of medium and high probability, 10 thin cirrus, 11 snow.
    MaskKind(
        "SCL",
        ("SCL",),
        _listed(
            UNKNOWN,
            DEFECTIVE,
            VALID,
            CLOUD_SHADOW,
            VALID,
            VALID,
            VALID,
            UNKNOWN,
            CLOUD,
            CLOUD,
            THIN_CIRRUS,
            SNOW,
        ),
        "Sentinel-2 Products Specification Document, scene classification; "
        "https://sentiwiki.copernicus.eu/web/s2-processing",
    ),
    # Three bands of 60 m: opaque clouds, cirrus, snow and ice. Raster masks came with processing baseline 04.00.
    MaskKind(
        "MSK_CLASSI",
        ("MSK_CLASSI_OPAQUE", "MSK_CLASSI_CIRRUS", "MSK_CLASSI_SNOW_ICE"),
        _bits((2, SNOW), (1, THIN_CIRRUS), (0, CLOUD)),
        "Sentinel-2 Products Specification Document, MSK_CLASSI_B00; https://sentiwiki.copernicus.eu/web/s2-products",
    ),
    # Bit 10 opaque clouds, bit 11 cirrus. Products of 2022 and 2023 may carry it empty.
    MaskKind(
        "QA60",
        ("QA60",),
        _bits((11, THIN_CIRRUS), (10, CLOUD)),
        "https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_S2_HARMONIZED#bands",
    ),
    # Bit 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow, 5 snow.
    MaskKind(
        "QA_PIXEL",
        ("QA_PIXEL",),
        _bits((5, SNOW), (4, CLOUD_SHADOW), (2, THIN_CIRRUS), (1, CLOUD), (3, CLOUD), (0, UNKNOWN)),
        "Landsat 8-9 Collection 2 Level 2 science product guide, USGS LSDS-1619, table of QA_PIXEL",
    ),
)
"""The masks that are understood; where an input has several, the first of these is taken."""


def valid_only(codes_HW: NDArray[Any], *, nodata: int = CLASS_NODATA) -> NDArray[np.uint8]:
    """The quality of an input without a mask: valid where the map has a class, no data elsewhere.

    Args:
        codes_HW: class codes (row, col).
        nodata: code of pixels without a class; that of a quality map is always 255.
    """
    return np.where(codes_HW == nodata, np.uint8(CLASS_NODATA), np.uint8(VALID))
