"""A country of random pixels: the joint table of it, and its pixels to count by hand."""

import numpy as np

from indicators.caveats import Caveat
from indicators.codes import NODATA
from indicators.joint import Axis, JointTable, condition_axis, cover_axis, lpd_axis
from indicators.reporting.account import PeriodAccount
from indicators.reporting.assumptions import Assumption
from indicators.reporting.entries import Correction, CountryClass, SocStock, Spot
from indicators.reporting.period import Period
from indicators.reporting.submission import Submission
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.legends import get_legend

LEGEND = get_legend("unccd7")
OTHER = UNCCD7_TRANSITIONS.edited({(2, 3): -1, (1, 7): -1}, matrix_id="regional", version="1")
COVERS = ("initial", "final")
LAYERS = ("lpd", "productivity", "soc", "sdg", "baseline")
PERIODS = {
    "baseline": Period("baseline", 2000, 2015),
    "report_1": Period("report_1", 2015, 2019, productivity=(2004, 2019)),
    "report_2": Period("report_2", 2015, 2022),
}


def axis_of(name, regions):
    if name in COVERS:
        return cover_axis(name, LEGEND)
    if name == "lpd":
        return lpd_axis()
    return Axis("region", tuple(range(regions))) if name == "region" else condition_axis(name)


def draw(rng, names, *, size=400, regions=1, initial=None):
    """Codes of each pixel by axis, and its km2."""
    pixels = {name: rng.choice(axis_of(name, regions).codes, size) for name in names}
    if initial is not None:
        pixels["initial"] = initial
    return pixels, rng.uniform(0.01, 0.09, size)


def joint_of(pixels, km2, regions=1):
    axes = tuple(axis_of(name, regions) for name in pixels)
    counts, areas = np.zeros([len(axis) for axis in axes], np.int64), np.zeros([len(axis) for axis in axes])
    for place, codes in enumerate(zip(*pixels.values(), strict=True)):
        cell = tuple(axis.index(int(code)) for axis, code in zip(axes, codes, strict=True))
        counts[cell] += 1
        areas[cell] += km2[place]
    return JointTable(axes, counts, areas, "random")


def account(role="baseline", *, seed=0, layers=LAYERS, regions=1, **more):
    """An account, and its pixels with their km2."""
    layers = [name for name in layers if name != "baseline" or role != "baseline"]
    names = (*COVERS, *(("region",) if regions > 1 else ()), *layers)
    pixels, km2 = draw(np.random.default_rng(seed), names, regions=regions)
    matrices = (UNCCD7_TRANSITIONS, OTHER)[:regions]
    made = PeriodAccount("Testland", PERIODS[role], matrices, joint_of(pixels, km2, regions), **more)
    return made, pixels, km2


def submission(size=400, **more):
    """Baseline and report of one area, whose map of 2015 is the same: every table has rows."""
    rng = np.random.default_rng(7)
    before, km2 = draw(rng, (*COVERS, "lpd", "productivity", "soc", "sdg"), size=size)
    after, _ = draw(rng, (*COVERS, *LAYERS), size=size, initial=before["final"])
    after["baseline"] = before["sdg"]
    stocks = tuple(
        SocStock(year, tuple((code, 1000.0 * code) for code in range(1, 8)), tuple((code, 2.0) for code in range(1, 7)))
        for year in (2000, 2015)
    )
    shared = {
        "matrices": (UNCCD7_TRANSITIONS,),
        "caveats": (Caveat("two-products", "The maps come from two products."),),
        "assumptions": (Assumption.of("transition matrix", UNCCD7_TRANSITIONS.to_document()),),
    }
    accounts = (
        PeriodAccount("Testland", PERIODS["baseline"], joint=joint_of(before, km2), soc_stocks=stocks, **shared),
        # The map of the initial year of both: water is where it was in 2015.
        PeriodAccount("Testland", PERIODS["report_2"], joint=joint_of(after, km2), **shared),
    )
    entries = {
        "country_legend": tuple(CountryClass(code, f"Class {code}", min(code, 7)) for code in range(1, 10)),
        "corrections": (Correction("Oasis", "missed_degradation", 0.5, "Salinisation", "Field visit", ("baseline",)),),
        "hotspots": (Spot("North", 0.25, "Deforestation", "Roads", "Planting"),),
        "brightspots": (Spot("South", 0.125, "Afforestation"),),
        "confidence": "medium",
    }
    return Submission(accounts, **(entries | more))


def count(pixels, km2, **codes):
    """Km2 of the pixels that have these codes, one by one."""
    return sum(
        km2[place] for place in range(len(km2)) if all(pixels[name][place] in wanted for name, wanted in codes.items())
    )


CONDITIONS = (-1, 0, 1, NODATA)
CLASSES = (*LEGEND.codes, NODATA)
LAND = tuple(code for code in CLASSES if code != 7)
