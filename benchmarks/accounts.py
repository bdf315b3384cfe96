"""How fast the land-cover account is, and how much memory it takes: the arrays alone, and from two COGs to tables.

    python -m benchmarks.accounts kernel --side 8192
    python -m benchmarks.accounts end-to-end --side 10000
    python -m benchmarks.accounts memory --side 40000
    python -m benchmarks.accounts report --side 10000 --zones 16

``kernel`` and ``end-to-end`` run a loop in plain NumPy beside Steppe, in turn, and print the ratio, which means
something on another machine. Maps are patchy, in codes of ESA CCI: fields of several sizes, single pixels, and about a
sixteenth of the land changed. ``memory`` makes the pass in a process of its own. ``report`` is the whole command with
all its files, which also writes the transitions, looks for hotspots, and draws. Figures are JSON, one line for each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.windows import Window

from indicators.areas import PixelAreas
from indicators.cover.account import CoverAccount, MapCodes
from indicators.cover.joint_areas import JointAreas
from indicators.cover.positions import ClassPositions
from indicators.reporting.account import PeriodAccount
from indicators.reporting.period import Period
from indicators.reporting.rules import check
from indicators.reporting.submission import Submission
from indicators.reporting.tables import report_tables
from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.crosswalks import get_crosswalk
from landcover.grid import Grid
from serving.report.pairing import open_pairing
from serving.report.rasters import Years, degradation_raster
from serving.report.streaming import AccountPlan, run_account

ROWS = 512
CELL = 2048
CODES = np.array([50, 130, 10, 160, 190, 200, 210], np.uint8)
NODATA = 0
FIELDS = ((512, 1.0), (128, 0.7), (32, 0.5), (8, 0.3), (2, 0.15))
CHANGES = ((256, 1.0), (32, 0.7), (6, 0.4), (2, 0.2))

type Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kernel", "end-to-end", "memory", "pass", "report"])
    parser.add_argument("--side", type=int, default=8192, help="rows and columns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--projected", action="store_true", help="kernel on a UTM grid, whose pixels all differ")
    parser.add_argument("--zones", type=int, default=0, help="areas of the report, a square number; 0 = the whole map")
    parser.add_argument("--folder", type=Path, help="keeps the maps for the next run")
    options = parser.parse_args()
    runs: dict[str, Callable[[argparse.Namespace], None]] = {
        "kernel": kernel,
        "end-to-end": end_to_end,
        "memory": memory,
        "pass": child,
        "report": report,
    }
    runs[options.what](options)


def child(options: argparse.Namespace) -> None:
    """One pass over maps that are there."""
    clock = Clock()
    one_pass(options.folder)
    say("steppe", 0, options.side, clock)


def kernel(options: argparse.Namespace) -> None:
    """Arrays in memory to degradation and areas of classes and transitions."""
    before, after = next(blocks(options.side, options.side, rows=options.side))
    grid = grid_of(options.side, projected=options.projected)
    tables = {}
    for number in range(options.rounds):
        for name, run in {"steppe": steppe_arrays, "plain numpy": plain_arrays}.items():
            clock = Clock()
            tables[name] = run(before, after, grid)
            say(name, number, options.side, clock)
    np.testing.assert_allclose(tables["steppe"], tables["plain numpy"], rtol=1e-9)


def steppe_arrays(before: NDArray[np.uint8], after: NDArray[np.uint8], grid: Grid) -> NDArray[np.float64]:
    """Areas of transitions (7, 7) in km2, by Steppe."""
    account = account_of(NODATA)
    joint = JointAreas(account.axes, PixelAreas(grid))
    for row in range(0, grid.height, ROWS):
        here = slice(row, row + ROWS)
        rows = account.rows(MapCodes(codes=before[here]), MapCodes(codes=after[here]))
        if rows is not None:
            joint.add(row, rows.positions)
    account.refuse_strangers()
    return joint.tables()[0].km2[:-1, :-1]


def plain_arrays(before: NDArray[np.uint8], after: NDArray[np.uint8], grid: Grid) -> NDArray[np.float64]:
    """The same as most people write it."""
    areas, km2 = PixelAreas(grid), np.zeros(100)
    for row in range(0, grid.height, ROWS):
        here = slice(row, row + ROWS)
        _, found = plain_rows(before[here], after[here], areas.rows(row, min(row + ROWS, grid.height)))
        km2 += found
    return km2[:88].reshape(-1, 1)[[10 * i + k for i in range(1, 8) for k in range(1, 8)]].reshape(7, 7)


def plain_rows(
    before: NDArray[np.uint8], after: NDArray[np.uint8], areas: NDArray[np.float64]
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Degradation of some rows, and areas by transition code."""
    classes = np.zeros(256, np.int64)
    for code, to in get_crosswalk("esa-cci").mapping:
        classes[code] = to
    signs = np.full((8, 8), -32768, np.int16)
    signs[1:, 1:] = UNCCD7_TRANSITIONS.signs
    initial, final = classes[before], classes[after]
    km2 = areas if areas.ndim > 1 else np.broadcast_to(areas[:, None], before.shape)
    return signs[initial, final], np.bincount((10 * initial + final).ravel(), weights=km2.ravel(), minlength=100)


def end_to_end(options: argparse.Namespace) -> None:
    """Two COGs on disk to tables and the COG of degradation."""
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        make_maps(folder, options.side)
        for number in range(options.rounds):
            for name, run in {"steppe": one_pass, "plain numpy, no overviews, no check": plain_pass}.items():
                clock = Clock()
                run(folder)
                say(name, number, options.side, clock)


def memory(options: argparse.Namespace) -> None:
    """The same pass in a process of its own, for its peak memory."""
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        make_maps(folder, options.side)
        command = [sys.executable, "-m", "benchmarks.accounts", "pass", "--side", str(options.side)]
        subprocess.run([*command, "--folder", str(folder)], check=True)


def report(options: argparse.Namespace) -> None:
    """The command with all its files, in a process of its own."""
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        make_maps(folder, options.side)
        maps = [str(folder / f"{name}.tif") for name in ("before", "after")]
        words = ["report", *maps, "--years", "2000-2015", "--legend", "esa-cci", "--json", "--replace"]
        if options.zones:
            write_zones(folder / "zones.geojson", options.side, options.zones)
            words += ["--areas", str(folder / "zones.geojson")]
        for number in range(options.rounds):
            clock, before = Clock(), resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "serving", *words, "-o", str(folder / "report")]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            told = figures(options.side, clock) | {"peak_memory_mb": round(after.ru_maxrss * 1024 / 1e6)}
            told["processor_ns_per_pixel"] = round(busy * 1e9 / options.side**2, 1)
            print(json.dumps({"run": "steppe report", "zones": options.zones, "round": number + 1, **told}))


def write_zones(path: Path, side: int, count: int) -> None:
    """Rhombi side by side, so that many pixels lie on their borders."""
    rows = round(count**0.5)
    step, transform = side / (rows + 1), grid_of(side, projected=False).transform
    features = []
    for row, col in itertools.product(range(rows), repeat=2):
        x, y = (col + 1) * step, (row + 1) * step
        corners = [(x - step / 2, y), (x, y + step / 2), (x + step / 2, y), (x, y - step / 2), (x - step / 2, y)]
        ring = [list(transform @ corner) for corner in corners]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"name": f"{row}-{col}"}, "geometry": geometry})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def one_pass(folder: Path) -> None:
    """Steppe's pass, and the tables SO1-1 to SO1-4 of what it counted, checked by PRAIS's rules."""
    with open_pairing([folder / "before.tif", folder / "after.tif"]) as pairing:
        account = account_of(*(each.nodata for each in pairing.maps))
        raster = degradation_raster(folder / "degradation.tif", account, Years(2000, 2015))
        (table,) = run_account(pairing, AccountPlan(account=account, rasters={"degradation": raster}))
    made = PeriodAccount("country", Period("baseline", 2000, 2015), (UNCCD7_TRANSITIONS,), table)
    assert not check(report_tables(Submission((made,))))  # noqa: S101 - a benchmark of wrong tables is none


def plain_pass(folder: Path) -> None:
    """The loop that most people write: read a window, compute, write, one after the other."""
    with rasterio.open(folder / "before.tif") as before, rasterio.open(folder / "after.tif") as after:
        profile = before.profile | {"dtype": "int16", "nodata": -32768, "compress": "deflate"}
        areas = PixelAreas(grid_of(before.height, projected=False))
        with rasterio.open(folder / "plain.tif", "w", **profile) as out:
            for row in range(0, before.height, ROWS):
                window = Window(0, row, before.width, min(ROWS, before.height - row))
                codes = before.read(1, window=window), after.read(1, window=window)
                degradation, _ = plain_rows(*codes, areas.rows(row, row + len(codes[0])))
                out.write(degradation, 1, window=window)


def account_of(*nodata: int | None) -> CoverAccount:
    """The default account of two maps of ESA CCI with these nodata values."""
    crosswalk = get_crosswalk("esa-cci")
    initial, final = (ClassPositions(crosswalk, nodata=value) for value in (nodata[0], nodata[-1]))
    return CoverAccount(initial, final, [UNCCD7_TRANSITIONS])


def grid_of(side: int, *, projected: bool) -> Grid:
    """10 m pixels in degrees or in UTM."""
    if projected:
        return Grid(CRS.from_epsg(32633), Affine(10, 0, 5e5, 0, -10, 2.2e6), side, side)
    return Grid(CRS.from_epsg(4326), Affine(1 / 12000, 0, 10, 0, -1 / 12000, 20), side, side)


def make_maps(folder: Path, side: int) -> None:
    """Write before.tif and after.tif, COGs of uint8, where they are not there yet."""
    if (folder / "after.tif").exists():
        return
    folder.mkdir(exist_ok=True)
    grid = grid_of(side, projected=False)
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": NODATA, "height": side, "width": side}
    profile |= {"crs": "EPSG:4326", "transform": grid.transform, "tiled": True, "blockxsize": ROWS, "blockysize": ROWS}
    paths = [folder / f"{name}.tif" for name in ("before", "after")]
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=64):
        outs = [rasterio.open(folder / f"raw{number}.tif", "w", **profile) for number in range(2)]
        for index, pair in enumerate(blocks(side, side, rows=ROWS)):
            for out, codes in zip(outs, pair, strict=True):
                out.write(codes, 1, window=Window(0, index * ROWS, side, len(codes)))
        for out, path in zip(outs, paths, strict=True):
            out.close()
            options = {"COMPRESS": "DEFLATE", "OVERVIEWS": "NONE", "BLOCKSIZE": str(ROWS), "BIGTIFF": "IF_SAFER"}
            rasterio.shutil.copy(out.name, path, driver="COG", **options)
            Path(out.name).unlink()
    for path in paths:
        print(json.dumps({"map": path.name, "bytes_per_pixel": round(path.stat().st_size / side**2, 3)}))


def blocks(height: int, width: int, *, rows: int) -> Iterator[Pair]:
    """Rows of both maps from top to bottom: one patchy pair, turned over at random so that it does not repeat."""
    random = np.random.default_rng(7)
    pair = patchy_pair(CELL, random)
    turns = random.integers(0, 4, (height // CELL + 1, width // CELL + 1))
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        cuts = sorted({start, stop, *range(-(-start // CELL) * CELL, stop, CELL)})
        parts = [_band(pair, turns, range(*cut)) for cut in itertools.pairwise(cuts)]
        before, after = (np.concatenate(each)[:, :width] for each in zip(*parts, strict=True))
        yield np.ascontiguousarray(before), np.ascontiguousarray(after)


def _band(pair: Pair, turns: NDArray[np.int64], lines: range) -> Pair:
    here = slice(lines.start % CELL, lines.start % CELL + len(lines))
    before, after = (
        np.concatenate(
            [codes[:: (-1, 1)[turn // 2], :: (-1, 1)[turn % 2]][here] for turn in turns[lines.start // CELL]], 1
        )
        for codes in pair
    )
    return before, after


def patchy_pair(side: int, random: np.random.Generator) -> Pair:
    """Two class maps: fields of several sizes, a sixteenth of them changed, a lake without data."""
    field, change = smooth(side, FIELDS, random), smooth(side, CHANGES, random)
    steps = np.quantile(field[::8, ::8], np.linspace(0, 1, len(CODES) + 1)[1:-1])
    order = random.permutation(CODES)
    before = order[np.searchsorted(steps, field)]
    after = np.where(change > np.quantile(change[::8, ::8], 15 / 16), np.roll(before, side // 3, axis=0), before)
    for codes in (before, after):
        codes[side // 2 : side // 2 + side // 8, side // 4 : side // 2] = NODATA
    return before, after


def smooth(side: int, scales: tuple[tuple[int, float], ...], random: np.random.Generator) -> NDArray[np.float32]:
    """A random field with structure of several sizes in pixels."""
    field = np.zeros((side, side), np.float32)
    for size, strength in scales:
        nodes = random.standard_normal((side // size + 2, side // size + 2)).astype(np.float32)
        place = np.arange(side) / size
        low = place.astype(np.intp)
        share = (place - low).astype(np.float32)
        across = nodes[:, low] * (1 - share) + nodes[:, low + 1] * share
        field += strength * (across[low] * (1 - share[:, None]) + across[low + 1] * share[:, None])
    return field


@dataclass(frozen=True)
class Clock:
    """When a run began, by the clock and by the processor time of this process."""

    wall: float = field(default_factory=time.perf_counter)
    processor: float = field(default_factory=time.process_time)


def figures(side: int, clock: Clock) -> dict[str, float | str]:
    """What a run says of itself; processor time hardly depends on what else the machine does."""
    seconds, busy, pixels = time.perf_counter() - clock.wall, time.process_time() - clock.processor, side * side
    return {
        "seconds": round(seconds, 2),
        "mpx_s": round(pixels / 1e6 / seconds, 1),
        "processor_ns_per_pixel": round(busy * 1e9 / pixels, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
        "load": round(os.getloadavg()[0], 1),
    }


def say(name: str, number: int, side: int, clock: Clock) -> None:
    """Print the figures of a run."""
    print(json.dumps({"run": name, "round": number + 1, **figures(side, clock)}))


if __name__ == "__main__":
    main()
