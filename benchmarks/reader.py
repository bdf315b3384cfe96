"""What it costs that rasters are read by closed-in readers: against reading in this process, in one run.

Writes a COG of random smooth numbers, reads it in pieces of whole rows in both ways by turns, and says the median of
each, the ratio, the most memory that a reader had, and how long readers take to start and to open a small scene.

    python -m benchmarks.reader --side 4096 --bands 9 --rows 512
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from landcover.grid import Window
from landcover.raster.protocol import Scene
from landcover.raster.scene import open_scene
from serving.reader.pool import ReaderPool
from serving.reader.process import Reader
from serving.reader.terms import Terms
from serving.settings import Settings

_MEGA = 1e6


def write_cog(path: Path, side: int, bands: tuple[str, ...]) -> None:
    """A deflate COG with structure and noise, as compressible as a scene."""
    random = np.random.default_rng(0)
    rows, cols = np.mgrid[:side, :side].astype(np.float32)
    profile = {"count": len(bands), "height": side, "width": side, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(
        path,
        "w",
        driver="COG",
        compress="DEFLATE",
        predictor=2,
        overviews="NONE",
        transform=Affine(10, 0, 5e5, 0, -10, 5.5e6),
        **profile,
    ) as dataset:
        dataset.descriptions = bands
        for index in range(len(bands)):
            wave = 1500 + 900 * np.sin(rows / (20 + index) + cols / (31 - index))
            dataset.write((wave + random.normal(0, 60, wave.shape)).astype(np.uint16), index + 1)


def read_through(scene: Scene, rows: int) -> int:
    """Read a scene from top to bottom; a sum of what was read keeps both ways honest."""
    total = 0
    for top in range(0, scene.grid.height, rows):
        block = scene.read(Window(top, 0, min(rows, scene.grid.height - top), scene.grid.width))
        total += int(block.data[:, ::64, ::64].sum()) + int(block.valid[::64].sum())
    return total


def peak_memory(process: int) -> dict[str, str]:
    """Peaks of address space and of resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name.startswith("Vm")}


def timed[Result](what: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds and result."""
    started = time.perf_counter()
    result = what()
    return time.perf_counter() - started, result


def compare(path: Path, bands: tuple[str, ...], pool: ReaderPool, *, rows: int, repeat: int) -> None:
    """Read in both ways by turns and print what each takes."""
    seconds: dict[str, list[float]] = {"in process": [], "by a reader": []}
    for _ in range(repeat):
        with open_scene(path, bands_wanted=bands) as here, pool.scene(path, bands_wanted=bands) as there:
            took, one = timed(lambda: read_through(here, rows))
            seconds["in process"].append(took)
            took, other = timed(lambda: read_through(there, rows))
            seconds["by a reader"].append(took)
            peaks = peak_memory(there.reader.pid)
            if one != other:
                raise SystemExit("the two ways read different pixels")
    samples = here.grid.height * here.grid.width * len(bands)
    for way, times in seconds.items():
        print(f"{rows:>4} rows, {way}: {samples / _MEGA / statistics.median(times):.0f} megasamples/s")
    ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
    print(f"     ratio {statistics.median(ratios):.2f} (each: {', '.join(f'{ratio:.2f}' for ratio in ratios)})")
    print(f"     reader: resident {peaks['VmHWM']}, address space {peaks['VmPeak']}")


def small(folder: Path, bands: tuple[str, ...], pool: ReaderPool, repeat: int) -> None:
    """Open, read and close a small scene in both ways."""
    path = folder / "small.tif"
    write_cog(path, 256, bands)

    def run(opened: Scene) -> None:
        with opened as scene:
            scene.read(scene.grid.extent)

    spared, here = [], []
    for _ in range(repeat):
        time.sleep(1)  # the next reader is made ready
        spared.append(timed(lambda: run(pool.scene(path, bands_wanted=bands)))[0])
        here.append(timed(lambda: run(open_scene(path, bands_wanted=bands)))[0])
    print(
        f"small scene: {1e3 * statistics.median(here):.0f} ms in process, "
        f"{1e3 * statistics.median(spared):.0f} ms by a reader that was ready"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--bands", type=int, default=9)
    parser.add_argument("--rows", type=int, nargs="+", default=[512, 32])
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    bands = tuple(f"B{number:02d}" for number in range(1, options.bands + 1))
    terms = Terms.of(Settings())
    starts = []
    for _ in range(options.repeat):
        took, reader = timed(lambda: Reader.start(terms))
        starts.append(took)
        reader.close()
    print(f"start of a reader: {1e3 * statistics.median(starts):.0f} ms")
    with tempfile.TemporaryDirectory() as name, ReaderPool(terms) as pool:
        path = Path(name) / "scene.tif"
        write_cog(path, options.side, bands)
        print(f"{options.side} x {options.side} x {options.bands}, deflate, {path.stat().st_size / _MEGA:.0f} MB")
        for rows in options.rows:
            compare(path, bands, pool, rows=rows, repeat=options.repeat)
        small(Path(name), bands, pool, options.repeat)


if __name__ == "__main__":
    main()
