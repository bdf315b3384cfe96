import pytest

from landcover.errors import BandMapping, ConfigError, RadiometryMismatch
from landcover.sensors import PRODUCTS, Radiometry, canonical_band_name, get_product

EO_COMMON_NAMES = {  # https://stac-extensions.github.io/eo/v2.0.0/schema.json
    *(
        "pan",
        "coastal",
        "blue",
        "green",
        "green05",
        "yellow",
        "red",
        "rededge",
        "rededge071",
        "rededge075",
        "rededge078",
    ),
    *("nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12"),
}
MSI_GSD = {  # https://sentiwiki.copernicus.eu/web/s2-mission
    10: {"B02", "B03", "B04", "B08"},
    20: {"B05", "B06", "B07", "B8A", "B11", "B12"},
    60: {"B01", "B09", "B10"},
}
OLI_LIMITS_UM = {  # https://www.usgs.gov/faqs/what-are-band-designations-landsat-satellites
    "SR_B1": (0.43, 0.45),
    "SR_B2": (0.45, 0.51),
    "SR_B3": (0.53, 0.59),
    "SR_B4": (0.64, 0.67),
    "SR_B5": (0.85, 0.88),
    "SR_B6": (1.57, 1.65),
    "SR_B7": (2.11, 2.29),
}
RADIOMETRY = {
    "sentinel-2-l1c": ("L1C", 1e-4, 0.0),
    "sentinel-2-l1c-0400": ("L1C", 1e-4, -0.1),
    "sentinel-2-l2a": ("L2A", 1e-4, 0.0),
    "sentinel-2-l2a-0400": ("L2A", 1e-4, -0.1),
    "landsat-8-c2-l2": ("L2SP", 0.0000275, -0.2),
    "landsat-9-c2-l2": ("L2SP", 0.0000275, -0.2),
}

PICTURES = {"aerial-rgb-8bit": ("red", "green", "blue"), "aerial-rgbn-8bit": ("red", "green", "blue", "nir")}


def test_the_products_are_the_agreed_ones():
    assert set(PRODUCTS) == {*RADIOMETRY, *PICTURES}


@pytest.mark.parametrize(("product_id", "bands"), PICTURES.items())
def test_pictures_hold_display_values_of_a_byte(product_id, bands):
    product = get_product(product_id)
    assert (product.level, product.dtype, product.band_names) == ("display", "uint8", bands)
    assert 255 * product.radiometry.scale + product.radiometry.offset == 1
    middles = [product.band(name).center_wavelength_um for name in ("blue", "green", "red")]
    assert middles == sorted(middles)


@pytest.mark.parametrize("product_id", RADIOMETRY)
def test_level_and_radiometry(product_id):
    product = get_product(product_id)
    found = product.level, product.radiometry.scale, product.radiometry.offset
    assert found == RADIOMETRY[product_id]
    assert (product.id, product.dtype, product.nodata) == (product_id, "uint16", 0)


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_bands_have_stac_names_and_lie_in_the_solar_range(product):
    names = [band.common_name for band in product.bands]
    assert set(names) <= EO_COMMON_NAMES
    assert len(set(names)) == len(names)
    assert all(
        0.4 < band.center_wavelength_um < 2.5 and 0 < band.full_width_half_max_um < 0.3 for band in product.bands
    )


@pytest.mark.parametrize("level", ["l1c", "l2a"])
def test_sentinel_2_bands(level):
    product = get_product(f"sentinel-2-{level}")
    expected = {10: MSI_GSD[10], 20: MSI_GSD[20], 60: MSI_GSD[60] - ({"B10"} if level == "l2a" else set())}
    assert {gsd: {b.name for b in product.bands if b.gsd_m == gsd} for gsd in expected} == expected
    assert len(product.bands) == (13 if level == "l1c" else 12)


@pytest.mark.parametrize("number", [8, 9])
def test_landsat_bands(number):
    product = get_product(f"landsat-{number}-c2-l2")
    assert product.band_names == tuple(OLI_LIMITS_UM)
    for band in product.bands:
        low, high = OLI_LIMITS_UM[band.name]
        assert band.center_wavelength_um == pytest.approx((low + high) / 2, abs=1e-9)
        assert band.full_width_half_max_um == pytest.approx(high - low, abs=1e-9)
        assert band.gsd_m == 30


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *[(f"B{n}", f"B{n:02d}") for n in range(1, 13)],
        *[(f"b{n:02d}", f"B{n:02d}") for n in range(1, 13)],
        ("B8a", "B8A"),
        ("b8A", "B8A"),
        (" B02 ", "B02"),
        ("sr_b4", "SR_B4"),
        *[
            (name, None)
            for name in ("", "B", "B0", "B00", "B13", "B012", "B08A", "SR_B8", "SR_B04", "blue", "2", "B2_10m")
        ],
        ("S2A_MSIL2A_T48TYN_B02_10m", None),
    ],
)
def test_only_plain_aliases_are_names(name, expected):
    assert canonical_band_name(name) == expected


def test_bands_are_found_by_name():
    assert get_product("sentinel-2-l2a").band("b8a").common_name == "nir08"
    assert get_product("landsat-8-c2-l2").band("SR_B2").common_name == "blue"


def test_a_missing_band_lists_those_there_are():
    with pytest.raises(BandMapping, match=r"'B10'.*B01, B02"):
        get_product("sentinel-2-l2a").band("B10")
    with pytest.raises(BandMapping):
        get_product("landsat-8-c2-l2").band("B2")
    with pytest.raises(BandMapping, match="'blue'"):  # a colour is a name only where the product calls its band so
        get_product("sentinel-2-l2a").band("blue")


def test_unknown_product_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'modis'.*sentinel-2-l2a"):
        get_product("modis")


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_must_be_invertible(scale):
    with pytest.raises(RadiometryMismatch):
        Radiometry(scale, 0.0)
