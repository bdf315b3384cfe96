"""Files that a report is made of, made by code: two maps, layers, areas, and documents of rules."""

import numpy as np

from landcover.crosswalk_files import trends_earth_document
from landcover.crosswalks import get_crosswalk
from landcover.legends import get_legend
from tests.rasters import write_tiff
from tests.serving.report.classmaps import UTM, class_codes, write_map


def write_layer(path, codes, *, nodata=-32768):
    """A layer of int16 codes on the grid of the maps, or on a part of it."""
    return write_tiff(path, codes.astype(np.int16)[None], crs=UTM.crs, transform=UTM.transform, nodata=nodata)


def write_inputs(folder):
    """Files by the inputs of the process ``report``; the layers leave corners without data."""
    rng = np.random.default_rng(11)
    lpd = rng.choice([1, 2, 3, 4, 5], (UTM.height, UTM.width), p=[0.1, 0.1, 0.2, 0.4, 0.2])
    soc = rng.choice([-30, -5, 0, 5, 40], (UTM.height, UTM.width))
    lpd[:9, :20] = soc[-8:, -30:] = -32768
    return {
        "before": write_map(folder / "before.tif", class_codes(seed=1)),
        "after": write_map(folder / "after.tif", class_codes(seed=2)),
        "lpd": write_layer(folder / "lpd.tif", lpd),
        "soc_change": write_layer(folder / "soc.tif", soc),
    }


def areas(split=501_200):
    """Two areas side by side over the maps, with names, in longitude and latitude by their CRS."""

    def square(west, east):
        ring = [[west, 5_498_300], [east, 5_498_300], [east, 5_499_900], [west, 5_499_900], [west, 5_498_300]]
        return {"type": "Polygon", "coordinates": [ring]}

    named = {"West": square(500_050, split), "East": square(split, 502_350)}
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "features": [
            {"type": "Feature", "properties": {"name": name}, "geometry": geometry} for name, geometry in named.items()
        ],
    }


def corrections():
    """One place where experts know better, in the baseline and after it."""
    ring = [
        [500_300, 5_498_600],
        [500_900, 5_498_600],
        [500_900, 5_499_200],
        [500_300, 5_499_200],
        [500_300, 5_498_600],
    ]
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {
                    "location_name": "Hill",
                    "kind": "false_degradation",
                    "recode_deg_to": 0,
                    "periods_affected": ["baseline", "report_1"],
                },
            }
        ],
    }


def nesting():
    """Trends.Earth's nesting of ESA's legend."""
    return trends_earth_document(get_crosswalk("worldcover", "unccd7"), get_legend("worldcover"))
