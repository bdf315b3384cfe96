"""Sensors and products: bands by name, their wavelengths, and how digital numbers become reflectance.

Nothing here is guessed from pixel values: a product says what its numbers mean, or the caller does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from landcover.errors import BandMapping, ConfigError, RadiometryMismatch

type Level = Literal["L1C", "L2A", "L2SP", "display"]


@dataclass(frozen=True, slots=True)
class Band:
    """One spectral band.

    Attributes:
        name: the product's own name, for example ``B02``.
        common_name: name in the STAC eo extension v2.0, https://github.com/stac-extensions/eo#common-band-names.
        center_wavelength_um: middle of the band, micrometres.
        full_width_half_max_um: width at half of the maximum response, micrometres.
        gsd_m: ground sample distance, metres.
    """

    name: str
    common_name: str
    center_wavelength_um: float
    full_width_half_max_um: float
    gsd_m: float


@dataclass(frozen=True, slots=True)
class Radiometry:
    """reflectance = digital_number * scale + offset.

    Attributes:
        scale: reflectance of one digital number, above 0.
        offset: reflectance of digital number 0.
    """

    scale: float
    offset: float

    def __post_init__(self) -> None:
        """Refuse a scale that cannot be inverted.

        Raises:
            RadiometryMismatch: when the scale is not above 0.
        """
        if not self.scale > 0:
            raise RadiometryMismatch(f"scale {self.scale}: expected a number above 0")


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of scene: a sensor's bands at one processing level with one radiometry.

    Attributes:
        id: short name, the key of ``get_product``.
        sensor: platform and instrument.
        level: processing level; L1C is top-of-atmosphere, L2A and L2SP are surface reflectance, ``display`` is a
            picture whose values were stretched for the eye and are no reflectance.
        bands: in the product's own order.
        radiometry: digital numbers to reflectance.
        dtype: sample type of the bands.
        nodata: digital number that means "no data".
        citation: where bands and radiometry come from.
    """

    id: str
    sensor: str
    level: Level
    bands: tuple[Band, ...]
    radiometry: Radiometry
    dtype: str
    nodata: int
    citation: str

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands in the product's order."""
        return tuple(band.name for band in self.bands)

    def band(self, name: str) -> Band:
        """The band of this name; plain aliases such as ``B2`` or ``b8a`` are understood.

        Raises:
            BandMapping: listing the bands the product has.
        """
        wanted = canonical_band_name(name)
        for band in self.bands:
            if band.name in {name, wanted}:
                return band
        raise BandMapping(f"product {self.id!r} has no band {name!r}; its bands are {', '.join(self.band_names)}")


# Sentinel-2 MSI: https://sentiwiki.copernicus.eu/web/s2-mission; centre and width as published in STAC catalogues,
# https://github.com/stactools-packages/sentinel2 (constants.py). The platforms differ by a few nanometres.
_MSI: Final = (
    Band("B01", "coastal", 0.443, 0.027, 60),
    Band("B02", "blue", 0.490, 0.098, 10),
    Band("B03", "green", 0.560, 0.045, 10),
    Band("B04", "red", 0.665, 0.038, 10),
    Band("B05", "rededge071", 0.704, 0.019, 20),
    Band("B06", "rededge075", 0.740, 0.018, 20),
    Band("B07", "rededge078", 0.783, 0.028, 20),
    Band("B08", "nir", 0.842, 0.145, 10),
    Band("B8A", "nir08", 0.865, 0.033, 20),
    Band("B09", "nir09", 0.945, 0.026, 60),
    Band("B10", "cirrus", 1.3735, 0.075, 60),
    Band("B11", "swir16", 1.610, 0.143, 20),
    Band("B12", "swir22", 2.190, 0.242, 20),
)
_MSI_SURFACE: Final = tuple(band for band in _MSI if band.name != "B10")  # L2A drops the cirrus band

# Landsat 8/9 OLI: band limits 0.43-0.45, 0.45-0.51, 0.53-0.59, 0.64-0.67, 0.85-0.88, 1.57-1.65, 2.11-2.29 um,
# https://www.usgs.gov/faqs/what-are-band-designations-landsat-satellites; here their middle and width.
_OLI: Final = (
    Band("SR_B1", "coastal", 0.440, 0.02, 30),
    Band("SR_B2", "blue", 0.480, 0.06, 30),
    Band("SR_B3", "green", 0.560, 0.06, 30),
    Band("SR_B4", "red", 0.655, 0.03, 30),
    Band("SR_B5", "nir08", 0.865, 0.03, 30),
    Band("SR_B6", "swir16", 1.610, 0.08, 30),
    Band("SR_B7", "swir22", 2.200, 0.18, 30),
)

# Sentinel-2 quantification value 10000; RADIO_ADD_OFFSET / BOA_ADD_OFFSET -1000 DN from processing baseline 04.00
# (25 January 2022) on: https://sentiwiki.copernicus.eu/web/s2-processing
_MSI_PLAIN: Final = Radiometry(1e-4, 0.0)
_MSI_0400: Final = Radiometry(1e-4, -0.1)
# https://www.usgs.gov/faqs/how-do-i-use-a-scale-factor-landsat-level-2-science-products
_OLI_C2: Final = Radiometry(0.0000275, -0.2)

# The four bands that aerial cameras and pictures of commercial satellites share. The data sets name no camera, so these
# are nominal middles and widths, good enough to tell colours apart; pixels of 0.2 to 1 m, 0.5 m stands for them.
_CAMERA: Final = (
    Band("red", "red", 0.650, 0.080, 0.5),
    Band("green", "green", 0.560, 0.080, 0.5),
    Band("blue", "blue", 0.470, 0.080, 0.5),
    Band("nir", "nir", 0.840, 0.120, 0.5),
)
# 0..1 as a screen shows it. Not reflectance: gamma, contrast stretch and haze are baked in and differ between surveys.
_DISPLAY: Final = Radiometry(1 / 255, 0.0)

_S2: Final = "Sentinel-2 products specification, https://sentiwiki.copernicus.eu/web/s2-products"
_C2: Final = "Landsat 8-9 Collection 2 Level 2 science product guide, USGS LSDS-1619"


def _sentinel2(product_id: str, level: Level, radiometry: Radiometry) -> Product:
    bands = _MSI if level == "L1C" else _MSI_SURFACE
    return Product(product_id, "sentinel-2-msi", level, bands, radiometry, "uint16", 0, _S2)


def _landsat(product_id: str, sensor: str) -> Product:
    return Product(product_id, sensor, "L2SP", _OLI, _OLI_C2, "uint16", 0, _C2)


def _picture(product_id: str, bands: tuple[Band, ...]) -> Product:
    return Product(
        product_id, "aerial-camera", "display", bands, _DISPLAY, "uint8", 0, "8-bit pictures; scale is Steppe's"
    )


PRODUCTS: Final[Mapping[str, Product]] = MappingProxyType(
    {
        product.id: product
        for product in (
            _sentinel2("sentinel-2-l1c", "L1C", _MSI_PLAIN),
            _sentinel2("sentinel-2-l1c-0400", "L1C", _MSI_0400),
            _sentinel2("sentinel-2-l2a", "L2A", _MSI_PLAIN),
            _sentinel2("sentinel-2-l2a-0400", "L2A", _MSI_0400),
            _landsat("landsat-8-c2-l2", "landsat-8-oli"),
            _landsat("landsat-9-c2-l2", "landsat-9-oli-2"),
            _picture("aerial-rgb-8bit", _CAMERA[:3]),
            _picture("aerial-rgbn-8bit", _CAMERA),
        )
    }
)
"""Every product Steppe knows, by id; ``-0400`` means Sentinel-2 processing baseline 04.00 or later.

The two ``-8bit`` products hold display values 0..255, not reflectance: what was trained on one survey's pictures needs
another survey's pictures to look alike.
"""


def get_product(product_id: str) -> Product:
    """The product with this id.

    Raises:
        ConfigError: listing the known ids.
    """
    try:
        return PRODUCTS[product_id]
    except KeyError:
        raise ConfigError(f"product {product_id!r} is not known; choose one of {', '.join(PRODUCTS)}") from None


_MSI_ALIAS: Final = re.compile(r"B0?([1-9])|B(1[0-2])")
_OLI_ALIAS: Final = re.compile(r"SR_B[1-7]")


def canonical_band_name(name: str) -> str | None:
    """The product's own spelling of a plain band name, or None when it is not one.

    ``B2``, ``b02`` and ``B02`` are ``B02``; ``b8a`` is ``B8A``; ``sr_b4`` is ``SR_B4``. A bare ``B2`` always means
    Sentinel-2. File names, wavelengths and colours are not names: they are answered with None.
    """
    upper = name.strip().upper()
    if upper == "B8A" or _OLI_ALIAS.fullmatch(upper):
        return upper
    match = _MSI_ALIAS.fullmatch(upper)
    return f"B{int(match[1] or match[2]):02d}" if match else None
