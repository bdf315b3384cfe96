"""A report computed once more, pixel by pixel, from the rules as UNCCD's manual states them and nothing of Steppe's.

Tables of the manual are written out below; productivity and areas of processes take the executed vectors.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import pyproj
import shapely

from tests.landcover.vectors import vector

NO = -32768
WATER = 7
KEYS = {
    1: "tree_covered",
    2: "grassland",
    3: "cropland",
    4: "wetland",
    5: "artificial",
    6: "other_land",
    7: "water",
    NO: "no_data",
}
CONDITIONS = {-1: "degraded", 0: "stable", 1: "improved", NO: "no_data"}
LPD = {
    1: "declining",
    2: "moderate_decline",
    3: "stable_but_stressed",
    4: "stable",
    5: "increasing",
    NO: "no_data",
}
MATRIX = ("0-----0", "+0+---0", "+-0---0", "---0--0", "++++0+0", "++++-00", "0000000")
"""Signs by initial (row) and final class: PRAIS 4 manual, SO1.md Table 9."""
SEVEN = {(-1, -1): 1, (-1, 0): 3, (-1, 1): 6, (0, -1): 2, (0, 0): 4, (0, 1): 6, (1, -1): 2, (1, 0): 5, (1, 1): 7}
"""Status by baseline and period: PRAIS 4 manual, SO1.md Figure 4."""
THREE = {1: -1, 2: -1, 3: -1, 4: 0, 5: 1, 6: 1, 7: 1}
FACTORS = (
    ("1", "1", "f", "1", "0.1", "0.1", "1"),
    ("1", "1", "f", "1", "0.1", "0.1", "1"),
    ("1/f", "1/f", "1", "100/71", "0.1", "0.1", "1"),
    ("1", "1", "0.71", "1", "0.1", "0.1", "1"),
    ("2", "2", "2", "2", "1", "1", "1"),
    ("2", "2", "2", "2", "1", "1", "1"),
    ("1", "1", "1", "1", "1", "1", "1"),
)
"""Land-use factors of soil carbon after 20 years; f is that of the climate."""
CLIMATES = {0: None, 9: "0.64", 10: "0.48", 11: "0.48", 12: "0.58"}
CLIMATES |= {zone: ("0.80", "0.69")[zone % 2] for zone in range(1, 9)}


def sign(matrix, before, after):
    """-1, 0, 1 or no data of a change."""
    return NO if NO in (before, after) else {"-": -1, "0": 0, "+": 1}[matrix[before - 1][after - 1]]


def edited(**cells):
    """The matrix with other signs: ``edited(c12="+")``."""
    rows = [list(row) for row in MATRIX]
    for cell, signed in cells.items():
        rows[int(cell[1]) - 1][int(cell[2]) - 1] = signed
    return tuple("".join(row) for row in rows)


def productivity(trend, state, performance, table="trends_earth"):
    """LPD 1 to 5 and three classes."""
    if NO in (trend, state, performance):
        return NO, NO
    row = _rows()[trend, state, performance]
    return row[3], row[{"trends_earth": 4, "gpg_v1": 5, "gpg_v2": 6}[table]]


@cache
def _rows():
    return {tuple(row[:3]): row for row in vector("lpd_combination_variants")["rows"]}


def three_of(lpd):
    """Three classes of LPD: PRAIS 4 manual, SO1.md Table 13."""
    return {1: -1, 2: -1, 3: 0, 4: 0, 5: 1, NO: NO}[lpd]


def carbon_of_percent(percent, before, threshold=10):
    if percent == NO or before == WATER:
        return NO
    return -1 if percent <= -threshold else 1 if percent >= threshold else 0


def carbon_of_stock(stock, before, after, f, years, threshold=10):
    """Soil carbon followed year by year, in fractions: +10 % after eight years of 1/0.8 is exactly that.

    The class changes in the middle of the period; a change that asks for the climate's f has none without a climate.
    """
    if stock <= 0 or NO in (before, after):
        return NO
    first, last = years
    now, loss, counter, previous = Fraction(stock), Fraction(0), 0, before
    for year in range(first + 1, last + 1):
        current = before if year <= first + (last - first) // 2 else after
        if current != previous:
            factor = FACTORS[previous - 1][current - 1]
            if "f" in factor and f is None:
                return NO
            factor = Fraction(f) ** (1 if factor == "f" else -1) if "f" in factor else Fraction(factor)
            loss, counter = now * (1 - factor) / 20, 1
        else:
            counter += 1
            loss = loss if counter <= 20 else Fraction(0)
        now, previous = now - loss, current
    return carbon_of_percent(100 * (now - stock) / stock, before, threshold)


def one_out_all_out(productive, cover, carbon, policy="strict"):
    """The indicator; a single piece of evidence of degradation may count."""
    three = (productive, cover, carbon)
    if NO not in three:
        return -1 if -1 in three else 1 if 1 in three else 0
    known = [each for each in three if each != NO]
    return -1 if policy == "single_evidence" and known == [-1] else NO


@cache
def _earth(crs):
    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True), pyproj.Geod(ellps="WGS84")


def pixel_km2(crs, transform, row, col):
    """Ground area of a pixel: the geodesic polygon of its corners."""
    to_degrees, geod = _earth(crs)
    corners = [(col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1)]
    lon, lat = to_degrees.transform(*zip(*(transform @ corner for corner in corners), strict=True))
    area, _ = geod.polygon_area_perimeter(lon, lat)
    return abs(area) / 1e6


def share(geometry, row, col):
    """Share of a pixel in a polygon in columns and rows."""
    return shapely.intersection(geometry, shapely.box(col, row, col + 1, row + 1)).area


@dataclass
class Pixel:
    """One pixel and all that is known of it; areas by zone."""

    km2: float
    shares: dict
    before: int
    after: int
    cover: int
    process: str = ""
    lpd: int | None = None
    productivity: int | None = None
    soc: int | None = None
    sdg: int | None = None
    plain: int | None = None
    baseline: int | None = None
    was_water: bool = False
    place: tuple = ()

    def weight(self, zone=None):
        return self.km2 * (sum(self.shares.values()) if zone is None else self.shares.get(zone, 0.0))

    @property
    def status(self):
        return NO if NO in (self.baseline, self.sdg) else SEVEN[self.baseline, self.sdg]

    @property
    def now(self):
        """The indicator of what is land in the year that is reported."""
        return NO if self.after == WATER else self.sdg

    @property
    def settled(self):
        """The status of what is land in the year that is reported."""
        return NO if self.after == WATER else self.status


@dataclass
class Account:
    """Pixels of one period."""

    role: str
    years: tuple
    pixels: list
    zone: str | None = None

    def total(self, wanted):
        return sum(pixel.weight(self.zone) for pixel in self.pixels if wanted(pixel))

    def by(self, *names, land=False):
        """Km2 by what the names say of each pixel."""
        found = defaultdict(float)
        for pixel in self.pixels:
            if not (land and pixel.before == WATER):
                key = tuple(getattr(pixel, name) for name in names)
                found[key if len(names) > 1 else key[0]] += pixel.weight(self.zone)
        return found

    @property
    def land(self):
        return self.total(lambda pixel: pixel.before != WATER)

    @property
    def land_after(self):
        return self.total(lambda pixel: pixel.after != WATER)

    @property
    def country(self):
        return self.total(lambda _pixel: True)

    @property
    def degraded(self):
        if self.role == "baseline":
            return self.by("now", land=True)[-1]
        return sum(km2 for seven, km2 in self.by("settled", land=True).items() if THREE.get(seven) == -1)

    @property
    def water_without_status(self):
        """Land of the initial year that was water in the baseline or is water now: no land without data."""
        return self.total(lambda pixel: pixel.before != WATER and (pixel.was_water or pixel.after == WATER))

    @property
    def nodata_share(self):
        """Land of which the headline says nothing, over the land of the year that is reported."""
        name = "sdg" if self.pixels[0].baseline is None else "status"
        return self.total(lambda pixel: unsaid(pixel, name)) / self.land_after


def unsaid(pixel, name):
    return WATER not in (pixel.before, pixel.after) and not pixel.was_water and getattr(pixel, name) == NO


def conditions(found, *, year=None):
    """Cells of a row by condition; shares of their sum."""
    total = sum(found.values())
    cells = {f"{key}_km2": found[code] for code, key in CONDITIONS.items()} | {"total_km2": total}
    cells |= {f"{key}_percent": 100 * found[code] / total for code, key in CONDITIONS.items()}
    return cells if year is None else cells | {"land_area_year": year}


def row_of(found, keys):
    cells = {f"{key}_km2": found[code] for code, key in keys.items()}
    return cells | {"total_km2": sum(cells.values())}


def tables_of(accounts):
    """Numbers of every table by id, row and column, from accounts in the order of periods."""
    by_role = {account.role: account for account in accounts}
    baseline, reports = by_role.get("baseline"), [each for each in accounts if each.role != "baseline"]
    ends = {}
    for account in accounts:
        for year, name in zip(account.years, ("before", "after"), strict=True):
            ends.setdefault(year, account.by(name))
    tables = {
        "CP-1.T1": {
            str(year): {
                "total_land_area_km2": sum(found.values()) - found[WATER],
                "water_bodies_km2": found[WATER],
                "total_country_area_km2": sum(found.values()),
            }
            for year, found in ends.items()
        },
        "SO1-1.T4": {str(year): row_of(found, KEYS) for year, found in ends.items()},
        "SO1-1.T5": changes(baseline) if baseline else {},
        "SO1-1.T6": changes(reports[-1]) if reports else {},
        "SO1-1.T7": {account.role: conditions(account.by("cover")) for account in accounts},
        "SO1-2.T1": dynamics(baseline) if baseline else {},
        "SO1-2.T2": dynamics(reports[-1]) if reports else {},
    }
    for table, name in (("SO1-2.T3", "productivity"), ("SO1-3.T2", "soc")):
        tables[table] = {
            account.role: conditions(account.by(name, land=True), year=account.years[0])
            for account in accounts
            if getattr(account.pixels[0], name) is not None
        }
    return tables | status_tables(accounts, baseline, reports)


def changes(account):
    found = account.by("before", "after")
    rows = {KEYS[before]: row_of({after: found[before, after] for after in KEYS}, KEYS) for before in KEYS}
    total = {after: sum(found[before, after] for before in KEYS) for after in KEYS}
    first, last = account.by("before"), account.by("after")
    net = {f"{key}_km2": last[code] - first[code] for code, key in KEYS.items()}
    return rows | {"total": row_of(total, KEYS), "net_change": net}


def dynamics(account):
    if account.pixels[0].lpd is None:
        return {}
    found = account.by("before", "lpd")
    rows = {key: row_of({lpd: found[code, lpd] for lpd in LPD}, LPD) for code, key in KEYS.items()}
    return rows | {"total": row_of({lpd: sum(found[code, lpd] for code in KEYS) for lpd in LPD}, LPD)}


def status_tables(accounts, baseline, reports):
    known = [each for each in reports if each.pixels[0].baseline is not None]
    three, seven = {}, defaultdict(dict)
    for account in known:
        found = account.by("baseline", "now", land=True)
        for before, key in CONDITIONS.items():
            cells = row_of({now: found[before, now] for now in CONDITIONS}, CONDITIONS)
            three[f"{account.role}_{key}"] = cells | {"land_area_year": account.years[0]}
        total = row_of({now: sum(found[before, now] for before in CONDITIONS) for now in CONDITIONS}, CONDITIONS)
        three[f"{account.role}_total"] = total | {"land_area_year": account.years[0]}
        classes = account.by("settled", land=True)
        for code in (*THREE, NO):
            seven["no_data" if code == NO else f"status_{code}"][f"{account.role}_km2"] = classes[code]
        seven["total"][f"{account.role}_km2"] = sum(classes.values())
    rows = {}
    for account in accounts:
        if account.pixels[0].sdg is None or (account.role != "baseline" and account not in known):
            continue
        degraded, land = account.degraded, account.land_after
        cells = {"year": account.years[1], "degraded_km2": degraded, "total_land_area_km2": land}
        cells["proportion_percent"] = 100 * degraded / land
        if baseline is not None and account is not baseline:
            cells["change_km2"] = degraded - baseline.degraded
            cells["change_points"] = 100 * degraded / land - 100 * baseline.degraded / baseline.land_after
        rows[account.role] = cells
    return {"SO1-4.T1": three, "SO1-4.T1b": dict(seven), "SO1-4.T2": rows}


def processes_of(account):
    """Km2 of each change of class that is not persistence, by (initial, final)."""
    found = account.by("before", "after")
    return {pair: km2 for pair, km2 in found.items() if NO not in pair and pair[0] != pair[1]}


def patches(values, km2, wanted):
    """Connected pixels (by their sides) of a value: (pixels, km2), largest first."""
    height, width = values.shape
    seen, found = set(), []
    for start in zip(*(values == wanted).nonzero(), strict=True):
        if start in seen:
            continue
        queue, members = [start], []
        seen.add(start)
        while queue:
            row, col = queue.pop()
            members.append((row, col))
            for place in ((row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)):
                inside = 0 <= place[0] < height and 0 <= place[1] < width
                if inside and place not in seen and values[place] == wanted:
                    seen.add(place)
                    queue.append(place)
        found.append((len(members), sum(km2[place] for place in members)))
    return sorted(found, key=lambda patch: -patch[1])
