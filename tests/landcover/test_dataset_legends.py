"""Legends of TorchGeo's data sets agree with what TorchGeo's own classes say, and with UNCCD-7 as decided by hand."""

import re

import numpy as np
import pytest

from landcover.crosswalks import get_crosswalk
from landcover.dataset_crosswalks import DATASET_RULES
from landcover.dataset_legends import DATASET_LEGENDS
from landcover.legends import CLASS_NODATA, get_legend

# In words: which UNCCD-7 class each class of a data set becomes.
BY_HAND = {
    "loveda": {
        "tree_covered": ["forest"],
        "cropland": ["agriculture"],
        "artificial": ["building", "road"],
        "other_land": ["barren"],
        "water": ["water"],
        None: ["background"],
    },
    "deepglobe": {
        "tree_covered": ["forest"],
        "grassland": ["rangeland"],
        "cropland": ["agriculture"],
        "artificial": ["urban"],
        "other_land": ["barren"],
        "water": ["water"],
        None: ["unknown"],
    },
    "landcoverai": {
        "tree_covered": ["woodland"],
        "artificial": ["building", "road"],
        "water": ["water"],
        None: ["background"],
    },
    "geonrw": {
        "tree_covered": ["forest"],
        "grassland": ["grassland_swamp_shrubbery"],
        "cropland": ["agricultural"],
        "artificial": [
            *("residential_commercial_industrial", "railway_trainstation", "highway_squares"),
            *("airport_shipyard", "roads", "buildings"),
        ],
        "water": ["water"],
        None: ["background"],
    },
    "igbp": {
        "tree_covered": [
            *("evergreen_needleleaf_forests", "evergreen_broadleaf_forests", "deciduous_needleleaf_forests"),
            *("deciduous_broadleaf_forests", "mixed_forests", "woody_savannas"),
        ],
        "grassland": ["closed_shrublands", "open_shrublands", "savannas", "grasslands"],
        "cropland": ["croplands", "cropland_natural_mosaics"],
        "wetland": ["permanent_wetlands"],
        "artificial": ["urban"],
        "other_land": ["snow_and_ice", "barren"],
        "water": ["water"],
    },
    "dfc2020": {
        "tree_covered": ["forest"],
        "grassland": ["shrubland", "grassland"],
        "cropland": ["croplands"],
        "wetland": ["wetlands"],
        "artificial": ["urban"],
        "other_land": ["snow_and_ice", "barren"],
        "water": ["water"],
        None: ["savanna"],
    },
    "flair": {
        "tree_covered": ["deciduous", "coniferous", "mixed"],
        "grassland": ["herbaceous_vegetation", "brushwood"],
        "cropland": ["agricultural_land", "plowed_land", "vineyard"],
        "artificial": ["building", "greenhouse", "swimming_pool", "impervious_surface", "pervious_surface"],
        "other_land": ["bare_soil", "snow"],
        "water": ["water"],
        None: ["clear_cut", "ligneous", "undefined"],
    },
    "esri2020": {
        "tree_covered": ["trees"],
        "grassland": ["grass", "scrub_shrub"],
        "cropland": ["crops"],
        "wetland": ["flooded_vegetation"],
        "artificial": ["built_area"],
        "other_land": ["bare_ground", "snow_and_ice"],
        "water": ["water"],
        None: ["clouds"],
    },
    "nlcd": {
        "tree_covered": ["deciduous_forest", "evergreen_forest", "mixed_forest"],
        "grassland": ["shrub_scrub", "grassland_herbaceous", "pasture_hay"],
        "cropland": ["cultivated_crops"],
        "wetland": ["woody_wetlands", "emergent_herbaceous_wetlands"],
        "artificial": [
            *("developed_open_space", "developed_low_intensity"),
            *("developed_medium_intensity", "developed_high_intensity"),
        ],
        "other_land": ["perennial_ice_snow", "barren_land"],
        "water": ["open_water"],
        None: ["background"],
    },
}
ZERO_IS_NODATA = {"loveda", "igbp", "dfc2020", "esri2020"}


def test_every_data_set_but_the_change_masks_has_a_crosswalk():
    assert set(BY_HAND) == set(DATASET_RULES) == set(DATASET_LEGENDS) - {"change2"}


@pytest.mark.parametrize("legend_id", BY_HAND)
def test_classes_go_where_they_were_decided_to_go(legend_id):
    source, target = get_legend(legend_id), get_legend("unccd7")
    found = {
        source.by_code(code).name: None if to == CLASS_NODATA else target.by_code(to).name
        for code, to in get_crosswalk(legend_id).mapping
    }
    assert found == {name: to for to, names in BY_HAND[legend_id].items() for name in names}


@pytest.mark.parametrize("legend_id", BY_HAND)
def test_zero_is_a_class_or_nodata_as_the_producer_says(legend_id):
    assert (0 in get_crosswalk(legend_id).nodata_codes) == (legend_id in ZERO_IS_NODATA)


def rgb(colors):
    return ["#{:02X}{:02X}{:02X}".format(*color[:3]) for color in (np.asarray(colors) * 255).round().astype(int)]


def words(text):
    return set(re.findall("[a-z]+", text.lower())) - {"and", "land", "area", "surface", "surfaces"}


@pytest.mark.train
@pytest.mark.parametrize(
    ("legend_id", "name", "skipped"),
    [
        ("loveda", "LoveDA", {"no-data"}),
        ("deepglobe", "DeepGlobeLandCover", set()),
        ("landcoverai", "LandCoverAI", set()),
        ("geonrw", "GeoNRW", set()),
        ("dfc2020", "CopernicusBenchDFC2020S2", {"Background"}),
    ],
)
def test_titles_are_those_of_the_class(legend_id, name, skipped):
    datasets = pytest.importorskip("torchgeo.datasets")
    theirs = [title for title in getattr(datasets, name).classes if title not in skipped]
    assert [words(c.title) for c in get_legend(legend_id).classes] == [words(title) for title in theirs]


@pytest.mark.train
def test_colours_and_codes_are_those_of_the_class():
    datasets = pytest.importorskip("torchgeo.datasets")
    flair = pytest.importorskip("torchgeo.datasets.flair").TASKS["land_cover"]
    colours = {legend_id: [c.color for c in get_legend(legend_id).classes] for legend_id in DATASET_LEGENDS}
    assert colours["deepglobe"] == rgb(np.array(datasets.DeepGlobeLandCover.colormap) / 255)
    assert colours["landcoverai"] == rgb(datasets.LandCoverAI.cmap.colors)
    assert colours["geonrw"] == [color.upper() for color in datasets.GeoNRW.colormap.colors]
    assert colours["dfc2020"] == [color.upper() for color in datasets.CopernicusBenchDFC2020S2.cmap.colors[1:]]
    assert colours["flair"] == [color.upper() for color in flair["cmap"].colors]
    assert [words(c.title) for c in get_legend("flair").classes] == [words(name) for name in flair["classes"]]
    assert get_legend("nlcd").codes == datasets.NLCD.valid_classes
    assert colours["nlcd"] == rgb(datasets.NLCD.cmap.colors[list(datasets.NLCD.valid_classes)])


def test_a_change_mask_is_no_land_cover():
    assert get_legend("change2").names == ("no_change", "change")
    assert get_crosswalk("change2", "change2").apply(np.array([0, 1, 255])).tolist() == [0, 1, 255]
