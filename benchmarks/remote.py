"""What a small map out of a large scene on another host costs: read in pieces, against fetching the files whole.

Writes a scene as one COG of several bands and as one COG for each band, serves both over https on the loopback
interface, each answer late by so many milliseconds as a host elsewhere would be, and maps a part from the middle of it
with a tiny model. What is fetched whole is only fetched, not mapped.

    python -m benchmarks.remote --side 10980 --bands 10 --area 512 --late 0 50
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from serving.classify import classify_scene
from serving.engine import Engine
from serving.fetch.budget import Budget, Limits
from serving.fetch.fetcher import Fetcher
from serving.fetch.sources import ByteSource
from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.work.gathering import PIECES
from tests.bundles import tiny_bundle
from tests.websites import World, authority

_MEGA = 1e6
_BLOCK = 512
_NAMES = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


def write_cog(path: Path, side: int, bands: tuple[str, ...]) -> Path:
    """A deflate COG with structure and noise, as compressible as a scene."""
    random = np.random.default_rng(0)
    rows, cols = np.mgrid[:_BLOCK, :side].astype(np.float32)
    noise = random.normal(0, 60, rows.shape)
    profile = {"count": len(bands), "height": side, "width": side, "dtype": "uint16", "crs": "EPSG:32633"}
    shape = {"tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "DEFLATE", "zlevel": 1}
    with (
        rasterio.Env(GDAL_CACHEMAX=512),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            predictor=2,
            num_threads="ALL_CPUS",
            bigtiff="YES",
            nodata=0,
            transform=Affine(10, 0, 5e5, 0, -10, 5.5e6),
            **shape,
            **profile,
        ) as dataset,
    ):
        dataset.descriptions = bands
        dataset.update_tags(processing_level="L1C", scale="0.0001", offset="0")
        for top in range(0, side, _BLOCK):
            height = min(_BLOCK, side - top)
            data_BRC = np.empty((len(bands), height, side), np.uint16)
            for index in range(len(bands)):
                wave = 1500 + 900 * np.sin((rows + top) / (20 + index) + cols / (31 - index))
                data_BRC[index] = (wave + np.roll(noise, 977 * index + top, axis=1))[:height]
            dataset.write(data_BRC, window=rasterio.windows.Window(0, top, side, height))
    return path


def served(path: Path, late_s: float, *, ranges: bool = True) -> Callable[[Any], None]:
    """A route that answers from a file and its ranges, as object stores do."""
    size = path.stat().st_size

    def route(handler: Any) -> None:
        time.sleep(late_s)
        match = _RANGE.fullmatch(handler.headers.get("Range", "")) if ranges else None
        first, stop = (int(match[1]), min(int(match[2]) + 1, size)) if match else (0, size)
        handler.send_response(206 if match else 200)
        if match:
            handler.send_header("Content-Range", f"bytes {first}-{stop - 1}/{size}")
        handler.send_header("ETag", '"one"')
        handler.send_header("Content-Length", str(stop - first))
        handler.end_headers()
        with path.open("rb") as file:
            file.seek(first)
            while first < stop and (piece := file.read(min(1 << 20, stop - first))):
                handler.wfile.write(piece)
                first += len(piece)

    return route


@dataclass(frozen=True)
class Hosted:
    """Files on a host.

    Attributes:
        fetcher: asks it.
        urls: address of each file, by its name.
        whole: where each is answered whole, whatever range was asked for.
        asked: counts requests.
    """

    fetcher: Fetcher
    urls: dict[str, str]
    whole: dict[str, str]
    asked: list[Any]


@contextmanager
def hosting(files: list[Path], late_s: float) -> Iterator[Hosted]:
    """Serve files."""
    world = World(authority())
    try:
        pieces = {f"/{path.name}": served(path, late_s) for path in files}
        site = world.site(
            routes={**pieces, **{f"/whole/{path.name}": served(path, late_s, ranges=False) for path in files}}
        )
        urls = {path.name: site.url(f"/{path.name}") for path in files}
        whole_urls = {path.name: site.url(f"/whole/{path.name}") for path in files}
        yield Hosted(world.fetcher(), urls, whole_urls, site.asked)
    finally:
        world.close()


def budget() -> Budget:
    """More than anything here takes."""
    return Budget(Limits(max_bytes=10**11, seconds=3600))


def in_pieces(host: Hosted, folder: Path, engine: Engine, pool: ReaderPool, area: tuple[int, int]) -> str:
    """Map a part of a scene that stays where it is."""
    side, wide = area
    spent, files = budget(), dict[Path, ByteSource]()
    corner = (side - wide) // 2
    west, north = 5e5 + 10 * corner, 5.5e6 - 10 * corner
    started, before = time.perf_counter(), len(host.asked)
    with tempfile.TemporaryDirectory(dir=folder) as name, ExitStack() as stack:
        place = Path(name) / "scene"
        place.mkdir()
        for file, url in host.urls.items():
            source = stack.enter_context(host.fetcher.open(url, place / file, spent, policy=PIECES))
            (place / file).touch()
            files[place / file] = source
        opened = time.perf_counter() - started
        inputs = Inputs(
            source=place if len(files) > 1 else next(iter(files)),
            bbox=(west, north - 10 * wide, west + 10 * wide, north),
            area_crs="EPSG:32633",
            opener=pool.with_files(files),
        )
        outcome = classify_scene(inputs, Outputs(map=Path(name) / "map.tif"), engine, Settings())
    took, requests = time.perf_counter() - started, len(host.asked) - before
    return (
        f"in pieces: {requests} requests, {spent.bytes_spent / _MEGA:.1f} MB, {took:.2f} s "
        f"({opened:.2f} s of it for the first of each file), {outcome.pixels:,} pixels mapped"
    )


def whole(host: Hosted, folder: Path) -> str:
    """Fetch all files, from where nothing is answered in pieces."""
    spent = budget()
    started, before = time.perf_counter(), len(host.asked)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for file, url in host.whole.items():
            with host.fetcher.open(url, Path(name) / file, spent):
                pass
    took, requests = time.perf_counter() - started, len(host.asked) - before
    return f"whole: {requests} requests, {spent.bytes_spent / _MEGA:.0f} MB, {took:.2f} s"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10_980)
    parser.add_argument("--bands", type=int, default=10)
    parser.add_argument("--area", type=int, default=512)
    parser.add_argument("--late", type=float, nargs="+", default=[0, 50], help="milliseconds")
    options = parser.parse_args()
    bands = _NAMES[: options.bands]
    with tempfile.TemporaryDirectory() as name, ReaderPool(Terms.of(Settings())) as pool:
        folder = Path(name)
        single = [write_cog(folder / "all.tif", options.side, bands)]
        each = [write_cog(folder / f"S2_{band}.tif", options.side, (band,)) for band in bands]
        engine = Engine(_bundle(folder, bands), provider="cpu", threads=2)
        for title, files in (("one file of all bands", single), ("one file for each band", each)):
            print(f"{title}: {options.side} x {options.side} x {len(bands)}, {sum(map(_size, files)) / _MEGA:.0f} MB")
            for late in options.late:
                with hosting(files, late / 1000) as host:
                    print(f"  answers {late:g} ms late, {options.area} x {options.area} of it")
                    for _ in range(2):
                        print(f"    {in_pieces(host, folder, engine, pool, (options.side, options.area))}")
                    print(f"    {whole(host, folder)}")


def _size(path: Path) -> int:
    return path.stat().st_size


def _bundle(folder: Path, bands: tuple[str, ...]) -> Any:
    from landcover.manifest import BandStatistics  # noqa: PLC0415

    statistics = {band: BandStatistics(mean=1500, std=700, p01=100, p50=1400, p99=5000) for band in bands}
    scaling = tuple({"type": "scale", "value": 10000} for _ in bands)
    return tiny_bundle(
        folder / "models", bands=bands, statistics=statistics, value_scaling=scaling, tile_size=256, overlap=32
    )


if __name__ == "__main__":
    main()
