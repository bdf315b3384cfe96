"""Countries of which reports are made as people make them, and the same accounts by the oracle."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely
from affine import Affine

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.crosswalk_files import crosswalk_document
from landcover.crosswalks import Crosswalk
from landcover.legends import LandClass, Legend, get_legend
from serving.cli import main
from tests.serving.report import oracle
from tests.serving.report.countries import (
    box,
    collection,
    conditions,
    feature,
    layer,
    polygon,
    raster,
    words,
    write_json,
)
from tests.serving.report.oracle import NO, WATER, Account, Pixel

HEIGHT, WIDTH = 60, 80
SHAPE = (HEIGHT, WIDTH)
UTM = ("EPSG:32633", Affine(30, 0, 500_000, 0, -30, 5_500_000))
SMALL = ("--min-spot", "0.002")
"""Spots of three pixels."""
SOUTH_UP = ("EPSG:4326", Affine(0.0025, 0, 12, 0, 0.0025, 40))


LAYERS = ("indicator", "productivity", "soc")
"""Rasters of an account that has productivity and soil carbon."""


@dataclass
class World:
    """A report that was made, and what it must say.

    Attributes:
        report: its folder.
        accounts: of the oracle, in the order of periods.
        zones: accounts of the zones in the last period.
        maps: pixels that rasters must have, by file name, outside of zones too.
        corrected: rows of SO1-4.T3: km2 that changed; other corrections than of degradation have none.
        rel: how close areas are: shares of pixels have 32 bits, areas of UTM pixels are interpolated.
    """

    report: Path
    accounts: list
    maps: dict
    zones: list = field(default_factory=list)
    corrected: tuple = ()
    rel: float = 1e-9

    def json(self, name="so1.json"):
        return json.loads((self.report / name).read_text(encoding="utf-8"))


@dataclass
class Scene:
    """What the oracle knows of a period: arrays (row, col), in the codes of UNCCD-7 and of conditions."""

    grid: tuple
    before: np.ndarray
    after: np.ndarray
    role: str = "baseline"
    years: tuple = (2000, 2015)
    layers: dict = field(default_factory=dict)
    matrices: tuple = (oracle.MATRIX,)
    region: object = None
    zones: dict = field(default_factory=dict)
    policy: str = "strict"
    corrections: tuple = ()
    changed: dict = field(default_factory=lambda: defaultdict(float))

    def account(self, zone=None):
        """The account, and the maps: every pixel is judged by itself."""
        height, width = self.before.shape
        maps = {name: np.full((height, width), NO, np.int16) for name in ("degradation", *LAYERS, "status")}
        pixels = []
        for row in range(height):
            for col in range(width):
                pixel = self._pixel(row, col)
                pixel.place = row, col
                if not sum(pixel.shares.values()):
                    continue
                maps["degradation"][row, col] = pixel.cover
                if pixel.sdg is not None:
                    maps["indicator"][row, col] = pixel.sdg
                    maps["productivity"][row, col] = pixel.productivity
                    maps["soc"][row, col] = pixel.soc
                if pixel.baseline is not None:
                    maps["status"][row, col] = pixel.status
                pixels.append(pixel)
        return Account(self.role, self.years, pixels, zone), maps

    def _pixel(self, row, col):
        before, after = int(self.before[row, col]), int(self.after[row, col])
        matrix = 0 if self.region is None else self.region(row, col)
        shares = {name: oracle.share(shape, row, col) for name, shape in self.zones.items()} if self.zones else {"": 1}
        cover = NO if matrix is None else oracle.sign(self.matrices[matrix], before, after)
        at = {name: None if values is None else int(values[row, col]) for name, values in self.layers.items()}
        pixel = Pixel(oracle.pixel_km2(*self.grid, row, col), shares, before, after, cover, **at)
        if "soc" in at and "productivity" in at:
            pixel.plain = pixel.sdg = oracle.one_out_all_out(pixel.productivity, cover, pixel.soc, self.policy)
            for place, (inside, recoded) in enumerate(self.corrections):
                if inside(row, col) and recoded.get(pixel.plain, pixel.plain) != pixel.plain:
                    pixel.sdg = recoded[pixel.plain]
                    self.changed[place] += pixel.weight()
        return pixel


def run(argv):
    assert main([str(word) for word in argv]) == 0


def chosen(codes, seed, shape=SHAPE, dtype=np.uint8):
    """Patches of codes: every second row and column repeats the one before."""
    small = np.random.default_rng(seed).choice(np.array(codes, dtype), (-(-shape[0] // 2), -(-shape[1] // 2)))
    return np.repeat(np.repeat(small, 2, 0), 2, 1)[: shape[0], : shape[1]]


def mapped(table, codes):
    return np.vectorize(lambda code: table[int(code)])(codes)


def degrees(folder):
    """ESA CCI against WorldCover on a geographic grid whose first row is the southern one."""
    cci = {50: 1, 61: 1, 130: 2, 150: 2, 10: 3, 180: 4, 190: 5, 200: 6, 220: 6, 210: 7, 0: NO}
    world = {10: 1, 20: 2, 30: 2, 40: 3, 50: 5, 60: 6, 70: 6, 80: 7, 90: 4, 95: 4, 100: 2, 0: NO}
    before, after = chosen(list(cci), 1), chosen(list(world), 2)
    profile = {"crs": SOUTH_UP[0], "transform": SOUTH_UP[1], "nodata": 0}
    files = [raster(folder / f"{name}.tif", codes, **profile) for name, codes in (("cci", before), ("wc", after))]
    spots = ("--min-spot", "0.5", "--most-spots", "7")
    run(words(folder, "--legend-after", "worldcover", *spots, before=files[0], after=files[1], legend="esa-cci"))
    account, maps = Scene(SOUTH_UP, mapped(cci, before), mapped(world, after)).account()
    return World(folder / "out" / "report", [account], {"degradation": maps["degradation"]})


ZONES = {
    "North": shapely.Polygon(
        [(4.5, 2.25), (70.75, 2.25), (70.75, 20), (4.5, 20)],
        [[(20, 5.5), (30.25, 5.5), (30.25, 12.75), (20, 12.75)]],
    ),
    "South": shapely.Polygon([(4.5, 20), (70.75, 20), (50.3, 51.7)]),
    "Islet": shapely.box(2.25, 50.25, 2.75, 50.75),
}
"""In columns and rows: partial pixels, a hole, a slanted side, and one smaller than a pixel."""


def metres(shape):
    """A shape in columns and rows in the coordinates of the maps."""
    return shapely.transform(shape, lambda xy: np.array(UTM[1].c, float) * [1, 0] + [0, UTM[1].f] + xy * [30, -30])


def zones_file(path, zones=ZONES):
    return write_json(
        path,
        collection(*(feature(shapely.geometry.mapping(metres(shape)), name=name) for name, shape in zones.items())),
    )


def inside(west, north, width, height):
    """Whether the centre of a pixel lies in a box of pixels."""
    return lambda row, col: west <= col + 0.5 <= west + width and north <= row + 0.5 <= north + height


CORRECTED = (
    (("baseline", "report_1"), (10, 8, 12, 30), {0: -1, 1: -1}),
    (("report_1",), (40, 4, 12, 20), {-1: 0}),
    (("report_1",), (56, 10, 6, 9), {1: NO}),
)
"""Missed degradation in two periods, false degradation, and improvement of which nothing can be said."""


def corrections_file(path):
    names = {-1: "deg", 0: "stable", 1: "imp"}
    features = [
        feature(
            polygon(box(*where)),
            periods_affected=list(periods),
            location_name=f"place {number}",
            **{f"recode_{names[code]}_to": to for code, to in recoded.items()},
        )
        for number, (periods, where, recoded) in enumerate(CORRECTED)
    ]
    return write_json(path, collection(*features))


def provinces(folder):
    """Three zones in UTM, all layers, expert corrections; a baseline and two periods that are compared with it."""
    cover = {role: chosen([1, 2, 3, 4, 5, 6, 7, 255], seed) for seed, role in enumerate(("a", "b", "c", "d"))}
    unccd = {name: np.where(codes == 255, NO, codes.astype(int)) for name, codes in cover.items()}
    maps = {name: raster(folder / f"{name}.tif", codes) for name, codes in cover.items()}
    zones, corrections = zones_file(folder / "country.geojson"), corrections_file(folder / "corrections.geojson")
    made, base = {}, None
    # what no map of the final year shows has no transition either
    was_water = (unccd["a"] == WATER) & (unccd["b"] != NO)
    periods = (
        ("baseline", "a", "b", (2000, 2015)),
        ("report_1", "b", "c", (2015, 2019)),
        ("report_2", "b", "d", (2015, 2022)),
    )
    for seed, (role, before, after, years) in enumerate(periods):
        given = {
            name: conditions(10 * seed + place, SHAPE, codes)
            for place, (name, codes) in enumerate(
                {"trend": (-1, 0, 1), "state": (-1, 0, 1), "performance": (-1, 0), "soc-condition": (-1, 0, 1)}.items()
            )
        }
        options = [
            w for name, values in given.items() for w in (f"--{name}", layer(folder / f"{role}-{name}.tif", values))
        ]
        later = [] if role == "baseline" else ["--baseline", folder / "out" / "baseline"]
        run(
            words(
                folder,
                *options,
                *later,
                *("--areas", zones, "--corrections", corrections, *SMALL, "--period", role),
                *("--preset", "trends_earth_2026", "--confidence", "high"),
                before=maps[before],
                after=maps[after],
                years=f"{years[0]}-{years[1]}",
                out=folder / "out" / role,
            )
        )
        lpd = np.array(
            [
                oracle.productivity(*map(int, each))
                for each in zip(*(given[n].ravel() for n in ("trend", "state", "performance")), strict=True)
            ]
        )
        soc = np.where(unccd[before] == WATER, NO, given["soc-condition"])
        layers = {"lpd": lpd[:, 0].reshape(SHAPE), "productivity": lpd[:, 1].reshape(SHAPE), "soc": soc}
        if base is not None:
            layers |= {"baseline": base, "was_water": was_water}
        scene = Scene(
            *(UTM, unccd[before], unccd[after], role, years, layers),
            zones=ZONES,
            corrections=tuple((inside(*where), recoded) for periods, where, recoded in CORRECTED if role in periods),
        )
        account, pictures = scene.account()
        base = np.where(was_water, NO, pictures["indicator"]) if base is None else base
        made[role] = account
        found = World(
            folder / "out" / role,
            [made["baseline"]] if role == "baseline" else [made["baseline"], account],
            pictures if role != "baseline" else {name: pictures[name] for name in ("degradation", *LAYERS)},
            [Account(role, years, account.pixels, zone) for zone in ZONES],
            tuple(scene.changed[place] for place in range(1 if role == "baseline" else 2 if role == "report_1" else 0)),
            rel=2e-7,
        )
        yield role, found


NATIONAL = {1101: 1, 1102: 1, 2001: 2, 3001: 3, 3002: 3, 4000: 4, 5000: 5, 6000: 6, 7000: 7, 9: NO}
REGIONS = {"west": (-5, -5, 36.5, 80), "east": (31.5, 20, 60, 50)}
"""In columns and rows; the north-east is left out, where there is water only."""


def national_legend():
    """A legend of a country, and its place in UNCCD-7."""
    classes = tuple(
        LandClass(code, f"class_{code}", f"Class {code}", "#808080") for code, to in NATIONAL.items() if to != NO
    )
    legend = Legend("home", "3", "Home", classes, "ours")
    rules = tuple((code, to) for code, to in NATIONAL.items() if to != NO)
    return legend, Crosswalk("home-to-unccd7", "1", "home", "unccd7", rules, (9,), "national", "ours", source=legend)


def region_of(row, col):
    """The region that has most of a pixel; None where there is none."""
    found = {}
    for place, (west, north, width, height) in enumerate(REGIONS.values()):
        wide = min(col + 1, west + width) - max(col, west)
        high = min(row + 1, north + height) - max(row, north)
        if wide > 0 and high > 0:
            found[place] = wide * high
    return max(found, key=lambda place: (found[place], -place)) if found else None


def federation(folder):
    """A national legend with its crosswalk, two regional matrices, JRC's productivity, and carbon in percent."""
    before, after = (chosen(list(NATIONAL), seed, dtype=np.uint16) for seed in (21, 22))
    before[:20, 31:] = 7000
    legend, crosswalk = national_legend()
    table = write_json(folder / "home.json", crosswalk_document(crosswalk, legend))
    files = [raster(folder / f"{n}.tif", codes, nodata=None) for n, codes in (("b", before), ("a", after))]
    regions = write_json(
        folder / "regions.geojson", collection(*(feature(polygon(box(*where)), name=n) for n, where in REGIONS.items()))
    )
    other = UNCCD7_TRANSITIONS.edited({(1, 2): 1, (2, 1): -1, (3, 3): -1}, matrix_id="drylands", version="2")
    matrices = [
        w
        for name, each in zip(REGIONS, (UNCCD7_TRANSITIONS, other), strict=True)
        for w in ("--regional-matrix", f"{name}={write_json(folder / f'{name}.json', each.to_document())}")
    ]
    lpd = chosen([0, 1, 2, 3, 4, 5, 15, 255], 23)
    percent = np.random.default_rng(24).choice([-100, -11, -10, -9, 0, 9, 10, 11, 400, NO], SHAPE).astype(np.int16)
    run(
        words(
            folder,
            *SMALL,
            *("--crosswalk", table, "--regions", regions, *matrices, "--name", "Federation / =1+1"),
            *("--lpd", raster(folder / "lpd.tif", lpd, nodata=None), "--lpd-source", "jrc"),
            *("--soc-change", layer(folder / "soc.tif", percent), "--nodata-policy", "single_evidence"),
            before=files[0],
            after=files[1],
            legend=None,
        )
    )
    unccd = [mapped(NATIONAL, codes) for codes in (before, after)]
    five = np.where((lpd == 0) | (lpd > 5), NO, lpd.astype(int))
    layers = {
        "lpd": five,
        "productivity": np.vectorize(oracle.three_of)(five),
        "soc": np.vectorize(oracle.carbon_of_percent)(percent, unccd[0]),
    }
    account, maps = Scene(
        *(UTM, *unccd),
        layers=layers,
        matrices=(oracle.MATRIX, oracle.edited(c12="+", c21="-", c33="-")),
        region=region_of,
        policy="single_evidence",
    ).account()
    return World(folder / "out" / "report", [account], {n: maps[n] for n in ("degradation", *LAYERS)}, rel=2e-7)


def nested(folder, table):
    """Trends.Earth's nesting and raw layers, a table of earlier guidance, and a stock of carbon under climate zones."""
    codes = {10: 1, 20: 2, 30: 3, 40: 4, 50: 5, 60: 6, 70: 7, 255: NO}
    before, after = chosen(list(codes), 31), chosen(list(codes), 32)
    parents = get_legend("unccd7")
    key = [{"code": c.code, "name_long": c.title, "color": c.color} for c in parents.classes]
    nodata = {"code": NO, "name_long": "No data", "color": "#000000"}
    child = [{"code": code, "name_long": f"Class {code}", "color": "#112233"} for code, to in codes.items() if to != NO]
    nesting = write_json(
        folder / "nesting.json",
        {
            "parent": {"name": "UNCCD Land Cover", "key": key, "nodata": nodata},
            "child": {"name": "Home", "key": child, "nodata": {"code": 255, "name_long": "None", "color": "#000000"}},
            "nesting": {str(to): [code for code, parent in codes.items() if parent == to] for to in [*range(1, 8), NO]},
        },
    )
    rng = np.random.default_rng(33)
    trend = rng.choice([-3, -2, -1, 0, 1, 2, 3, NO], SHAPE).astype(np.int16)
    state = rng.choice([-10, -2, -1, 0, 1, 2, 10, NO], SHAPE).astype(np.int16)
    performance = rng.choice([-1, 0, NO], SHAPE).astype(np.int16)
    stock = rng.choice([-1, 0, 1, 55, 120], SHAPE).astype(np.int16)
    climate = chosen(list(range(13)), 34)
    given = {"trend": trend, "state": state, "performance": performance, "soc-stock": stock, "climate": climate}
    run(
        words(
            folder,
            *SMALL,
            *("--crosswalk", nesting, "--raw-layers", "--lpd-table", table, "--product", "home map"),
            *(w for name, a in given.items() for w in (f"--{name}", layer(folder / f"{name}.tif", a.astype(np.int16)))),
            before=raster(folder / "b.tif", before),
            after=raster(folder / "a.tif", after),
            legend=None,
            out=folder / "out" / table,
        )
    )
    unccd = [mapped(codes, each) for each in (before, after)]
    three = [np.where(each == NO, NO, np.sign(each) * (abs(each) > 1)) for each in (trend, state)]
    found = [
        oracle.productivity(*map(int, each), table)
        for each in zip(*(each.ravel() for each in (*three, performance)), strict=True)
    ]
    soc = [
        oracle.carbon_of_stock(int(s), int(a), int(b), oracle.CLIMATES[int(zone)], (2000, 2015))
        for s, a, b, zone in zip(*(each.ravel() for each in (stock, *unccd, climate)), strict=True)
    ]
    layers = {
        name: np.array([each[i] for each in found]).reshape(SHAPE) for i, name in enumerate(("lpd", "productivity"))
    }
    layers["soc"] = np.where(unccd[0] == WATER, NO, np.array(soc).reshape(SHAPE))
    account, maps = Scene(UTM, *unccd, layers=layers).account()
    return World(folder / "out" / table, [account], {n: maps[n] for n in ("degradation", *LAYERS)}, rel=2e-7)


def grids(folder):
    """Dynamic World, whose 0 is water, in coarse pixels against fine ones; layers of other pixels still."""
    dynamic = {0: 7, 1: 1, 2: 2, 3: 4, 4: 3, 5: 2, 6: 5, 7: 6}
    coarse = np.random.default_rng(41).choice(np.array(list(dynamic), np.uint8), (30, 40))
    fine = np.random.default_rng(42).choice(np.array(list(dynamic), np.uint8), SHAPE)
    lpd = np.random.default_rng(43).choice(np.array([0, 1, 2, 3, 4, 5, 15], np.int16), (8, 10))
    soc = np.random.default_rng(44).choice(np.array([-1, 0, 1], np.int16), (200, 300))
    at = {
        "b": (coarse, Affine(60, 0, 500_000 + 300, 0, -60, 5_500_000 - 180)),
        "a": (fine, UTM[1]),
        "lpd": (lpd, Affine(250, 0, 500_000 + 400, 0, -250, 5_500_000 - 100)),
        "soc": (soc, Affine(7, 0, 500_000 - 100, 0, -7, 5_500_000 + 50)),
    }
    files = {name: raster(folder / f"{name}.tif", a, nodata=None, transform=t) for name, (a, t) in at.items()}
    run(
        words(
            folder,
            *SMALL,
            *("--lpd", files["lpd"], "--lpd-source", "fao_wocat", "--soc-condition", files["soc"]),
            before=files["b"],
            after=files["a"],
            legend="dynamic-world",
        )
    )
    height, width = 54, 70  # what both maps hold: 10 columns and 6 rows of the fine one are left of and above the other
    transform = UTM[1] @ Affine.translation(10, 6)

    def nearest(name, missing=NO):
        values, place = at[name]
        found = np.full((height, width), missing, int)
        for row in range(height):
            for col in range(width):
                x, y = ~place @ (transform @ (col + 0.5, row + 0.5))
                if 0 <= x < values.shape[1] and 0 <= y < values.shape[0]:
                    found[row, col] = values[int(y), int(x)]
        return found

    before, after = (mapped(dynamic, nearest(name)) for name in ("b", "a"))
    found = nearest("lpd")
    five = np.where((found == 0) | (found == 15), NO, found)
    layers = {
        "lpd": five,
        "productivity": np.vectorize(oracle.three_of)(five),
        "soc": np.where(before == WATER, NO, nearest("soc")),
    }
    account, maps = Scene((UTM[0], transform), before, after, layers=layers).account()
    return World(folder / "out" / "report", [account], {n: maps[n] for n in ("degradation", *LAYERS)}, rel=2e-7)
