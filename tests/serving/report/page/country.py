"""A country made by code: two land-cover maps in which one class has most of the land, and everything told of them."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime
from functools import cache

import numpy as np

from indicators.codes import NODATA
from indicators.joint import FINAL, INITIAL, JointTable, cover_axis, lpd_axis
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.legends import get_legend
from serving.report.page import adapter
from serving.report.page.conditions import Estimate
from serving.report.page.data import (
    Assumption,
    Finding,
    Input,
    Notice,
    PageData,
    Pictures,
    Spot,
    Zone,
)
from serving.report.page.pictures import map_picture
from serving.report.page.sections import Carbon, Crosstab, Indicator, Productivity, Stock
from tests.serving.outputs import maps

LEGEND = get_legend("unccd7")
HEIGHT, WIDTH = 150, 260
YEARS = 2015, 2019


def smooth(rng, scale):
    """Smooth noise, the sum of a few waves."""
    row, col = np.mgrid[:HEIGHT, :WIDTH]
    waves = [
        np.sin(row / scale * rng.uniform(0.4, 1.8) + rng.uniform(0, 6))
        * np.cos(col / scale * rng.uniform(0.4, 1.8) + rng.uniform(0, 6))
        for _ in range(6)
    ]
    return np.sum(waves, axis=0)


def cover_maps():
    """Grassland nearly everywhere; -32767 outside an oval country."""
    rng = np.random.default_rng(5)
    before = np.full((HEIGHT, WIDTH), 2, np.int16)
    for code, scale, above in ((6, 22, 2.3), (3, 12, 2.5), (1, 14, 2.2), (7, 9, 3.0), (4, 7, 2.9), (5, 4, 3.4)):
        before[smooth(rng, scale) > above] = code
    after = before.copy()
    for old, new, scale, above in (
        (2, 6, 9, 2.2),
        (2, 3, 8, 2.8),
        (3, 5, 5, 1.8),
        (1, 2, 6, 2.2),
        (6, 2, 7, 2.0),
        (7, 6, 6, 1.2),
        (4, 3, 3, 1.5),
        (2, 5, 3, 3.4),
        (4, 1, 3, 2.2),
        (6, 3, 4, 2.6),
        (2, 1, 5, 3.2),
    ):
        after[(before == old) & (smooth(rng, scale) > above)] = new
    after[60:64, 30:45] = NODATA
    row, col = np.mgrid[:HEIGHT, :WIDTH]
    angle = np.arctan2((row - 75) / 66, (col - 130) / 118)
    outside = np.hypot((row - 75) / 66, (col - 130) / 118) > 1 + 0.08 * np.sin(5 * angle) + 0.04 * np.sin(11 * angle)
    before[outside] = after[outside] = -32767
    return before, after


def outline(grid):
    angle = np.linspace(-np.pi, np.pi, 400, endpoint=False)
    radius = 1 + 0.08 * np.sin(5 * angle) + 0.04 * np.sin(11 * angle)
    col, row = 130 + 118 * radius * np.cos(angle), 75 + 66 * radius * np.sin(angle)
    x, y = grid.transform @ (col, row)
    return np.column_stack([x, y])


GRID = maps.geographic(HEIGHT, WIDTH, west=88.0, north=50.0, size=0.12)


def joint_table(before, after, *, pixel_km2=97.3):
    axes = cover_axis(INITIAL, LEGEND), cover_axis(FINAL, LEGEND), lpd_axis()
    lpd = np.random.default_rng(2).choice(
        np.array([1, 2, 3, 4, 5, NODATA]), before.shape, p=[0.05, 0.1, 0.1, 0.6, 0.13, 0.02]
    )
    pixels = np.zeros(tuple(map(len, axes)), np.int64)
    inside = before != -32767
    places = [np.vectorize(axis.index)(codes[inside]) for axis, codes in zip(axes, (before, after, lpd), strict=True)]
    np.add.at(pixels, tuple(places), 1)
    return JointTable(axes, pixels, pixels * pixel_km2, "geodesic area of each row of pixels on the WGS 84 ellipsoid")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def everything():
    """Everything that a page can show."""
    before, after = cover_maps()
    table = joint_table(before, after)
    cover = adapter.cover_change(table, [UNCCD7_TRANSITIONS], years=4)
    total = cover.km2
    water = cover.before(7)
    land = total - water
    of_cover = adapter.cover_conditions(cover, total)
    headline = adapter.cover_conditions(cover, land, "land", water=7)
    signs = UNCCD7_TRANSITIONS.degradation(np.where(before < 0, 0, before), np.where(after < 0, 0, after))
    signs[before == -32767] = -32767
    ring = outline(GRID)
    return PageData(
        areas=("Altan Uls",),
        initial_year=YEARS[0],
        final_year=YEARS[1],
        products=("ESA CCI land cover 2.0.7 & C3S 2.1.1",),
        created=datetime(2026, 11, 30, 9, 30, tzinfo=UTC),
        software="0.1.0",
        method=table.method,
        total_km2=total,
        land_km2=land,
        water_km2=water,
        headline=dataclasses.replace(
            headline, estimates={-1: Estimate(headline.degraded * 1.17, headline.degraded * 0.21)}
        ),
        headline_of="indicator",
        cover=cover,
        cover_conditions=of_cover,
        pictures=Pictures(
            map_picture(before, GRID, LEGEND, outlines=[ring]),
            map_picture(after, GRID, LEGEND, outlines=[ring]),
            map_picture(signs, GRID, get_legend("degradation3"), outlines=[ring]),
        ),
        productivity=Productivity(headline, adapter.dynamics(table)),
        carbon=Carbon(
            headline,
            (*(Stock(code, 30.0 + 7 * code, 30.0 + 6.9 * code) for code in (1, 2, 3, 4, 6)), Stock(7, None, None)),
        ),
        indicator=Indicator(
            headline,
            dataclasses.replace(headline, degraded=headline.degraded * 0.8),
            Crosstab(
                (-1, 0, 1), (-1, 0, 1), ((5000.0, 3000.0, 120.5), (8000.0, 900000.0, 4000.0), (70.25, 800.0, 90.0))
            ),
            tuple((code, 1000.0 * code) for code in range(1, 8)),
        ),
        zones=(
            Zone(
                "Govi-Altay",
                land * 0.6,
                dataclasses.replace(headline, degraded=headline.degraded * 0.7, of_km2=land * 0.6),
            ),
            Zone(
                "Өмнөговь",
                land * 0.4,
                dataclasses.replace(headline, degraded=headline.degraded * 0.3, of_km2=land * 0.4),
            ),
        ),
        spots=(
            Spot("hotspot", "Hotspot 1", 1234.567, ("Vegetation loss", "Urban expansion"), 97.3311, 43.8867),
            Spot("hotspot", "Hotspot 2", 321.0, ("Wetland drainage",), 99.12, 45.01),
            Spot("brightspot", "Brightspot 1", 811.25, ("Vegetation establishment",), 93.5, 41.25),
        ),
        assumptions=(
            Assumption("legend", "unccd7", "1", digest("legend")),
            Assumption("crosswalk", "esa-cci-to-unccd7", "1", digest("crosswalk"), "official"),
            Assumption("matrix", "unccd7-default", "1", digest("matrix")),
            Assumption("lpd_table", "prais2026", "1", digest("lpd")),
            Assumption("periods", "trends_earth_2026", "1", digest("periods"), "land cover 2015 to 2019"),
            Assumption("nodata_policy", "strict", "1", digest("nodata")),
        ),
        notices=(
            Notice("two-versions", "The maps are versions 2.0.7 and 2.1.1 of esa-cci; use one version for both years."),
            Notice("accuracy-unknown", "No accuracy is known for the final map."),
        ),
        findings=(
            Finding("extents sum to the country area", "passed"),
            Finding("no area above the land area", "passed"),
            Finding("land-cover accuracy of at least 74 %", "warning", "No accuracy is known for the final map."),
        ),
        inputs=(
            Input("initial", "ESACCI-LC-L4-LCCS-Map-300m-P1Y-2015-v2.0.7.tif", digest("a"), "ESA CCI land cover 2.0.7"),
            Input("final", "C3S-LC-L4-LCCS-Map-300m-P1Y-2019-v2.1.1.tif", digest("b"), "C3S land cover 2.1.1"),
            Input("areas", "country.gpkg", digest("c")),
            Input("lpd", "https://example.org/data/lpd_2019.tif", None),
        ),
        citation="Ministry of Environment (2026): Land degradation of Altan Uls, 2015-2019.",
        licence="CC BY-NC 4.0",
    )


def page_data(**changes):
    return dataclasses.replace(everything(), **changes)


def cover_only(**changes):
    """Land cover alone, without pictures and sections: the least that a page shows."""
    empty = {"pictures": None, "productivity": None, "carbon": None, "indicator": None, "cover_conditions": None}
    bare = {"zones": (), "spots": (), "notices": (), "findings": (), "assumptions": ()}
    return page_data(**empty, **bare, headline_of="cover", **changes)
