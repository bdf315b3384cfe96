"""How fast tiles are, in three states of the service, one client after the other.

- Everything kept: the PNG is in memory.
- Blocks kept: the classified blocks are in memory, the tile is put together and drawn (STEPPE_TILE_PNG_BYTES=0).
- Cold: model and source are open, the blocks are read and classified (STEPPE_TILE_BLOCK_BYTES=0, too).

Beside the time that a client waits stands the processor time of the service: on a machine that is busy with other
things the former says little.

The scene is a real one where STEPPE_DATA or ../shared/data has it, repeated and mirrored to 4096 x 4096 pixels, else
noise; a tile takes the same time. Tiles are random ones within it, at the zoom of its pixels and one less. The same
for the map of a job.

    python -m benchmarks.tiles            # about 3 minutes on 2 processors
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from benchmarks.server import steppe
from serving.registry.live import LiveModels
from serving.settings import ZOO, Settings

ROOT: Final = Path(__file__).resolve().parent.parent
REAL: Final = "s2_landcover/images/dsen2_T33UUB_20170527_L1C.tif"
SIDE: Final = 4096
STATES: Final[dict[str, dict[str, str]]] = {
    "everything kept": {},
    "blocks kept": {"STEPPE_TILE_PNG_BYTES": "0"},
    "cold": {"STEPPE_TILE_PNG_BYTES": "0", "STEPPE_TILE_BLOCK_BYTES": "0"},
}
"""Settings of the service for each state."""


def main() -> None:
    """Measure all states and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="steppe-s2-landcover")
    parser.add_argument("--tiles", type=int, default=200)
    parser.add_argument("--states", nargs="*", default=list(STATES), choices=list(STATES))
    parser.add_argument("--no-job", action="store_true", help="leave the map of a job out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        write_scene(folder / "data" / "scene.tif", options.model)
        print("| tiles of | state | zoom | p50, ms | p99, ms | processor, ms | bytes |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for state in options.states:
            measure_state(folder, state, options)


def measure_state(folder: Path, state: str, options: argparse.Namespace) -> None:
    """The lines of one state."""
    settings = {"STEPPE_MODEL": options.model, "STEPPE_PROVIDER": "cpu", "STEPPE_DATA_FOLDER": str(folder / "data")}
    with steppe(folder / "state", **settings, **STATES[state]) as running:
        server = Server(running.url)
        layers = {"a source": "/sources/scene.tif"}
        if state != "cold" and not options.no_job:
            layers["a job"] = f"/jobs/{map_of(server)}"
        for what, layer in layers.items():
            document = json.loads(server.get(f"{layer}/tiles/WebMercatorQuad/tilejson.json"))
            for zoom in (document["maxzoom"], document["maxzoom"] - 1):
                paths = [f"{layer}/tiles/WebMercatorQuad/{tile}.png" for tile in tiles(document, zoom, options.tiles)]
                if state != "cold":
                    for path in paths:
                        server.get(path)
                before = processor_s(running.pid)
                seconds, sizes = server.time(paths)
                report(f"{what} | {state} | {zoom}", seconds, sizes, processor_s(running.pid) - before)


def report(what: str, seconds: Sequence[float], sizes: Sequence[int], processor: float) -> None:
    """One line of the table."""
    p50, p99 = np.percentile(np.array(seconds) * 1000, (50, 99))
    each = 1000 * processor / len(seconds)
    print(f"| {what} | {p50:.1f} | {p99:.1f} | {each:.1f} | {np.mean(sizes):,.0f} |", flush=True)


def processor_s(pid: int) -> float:
    """Seconds of processor time of a process, which others on the machine do not change much; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """One client with one connection."""

    def __init__(self, url: str) -> None:
        self._line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self.url = url

    def get(self, path: str) -> bytes:
        """An answer that must be good."""
        self._line.request("GET", path)
        answer = self._line.getresponse()
        content = answer.read()
        if answer.status != 200:  # noqa: PLR2004
            raise RuntimeError(content.decode())
        return content

    def time(self, paths: Sequence[str]) -> tuple[list[float], list[int]]:
        """Seconds and bytes of each."""
        self.get(paths[0])  # opens model and source
        seconds, sizes = [], []
        for path in paths:
            start = time.perf_counter()
            content = self.get(path)
            seconds.append(time.perf_counter() - start)
            sizes.append(len(content))
        return seconds, sizes


def map_of(server: Server) -> str:
    """The job of a map of the same scene."""
    body = json.dumps({"inputs": {"scene": {"path": "scene.tif"}}, "outputs": {"map": {}, "confidence": {}}}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{server.url}/processes/classify/execution",
        data=body,
        headers={"Content-Type": "application/json", "Prefer": "respond-async"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        job: str = json.load(answer)["jobID"]
    while (status := json.loads(server.get(f"/jobs/{job}")))["status"] in {"accepted", "running"}:
        time.sleep(0.5)
    if status["status"] != "successful":
        raise RuntimeError(status["message"])
    return job


def tiles(document: dict[str, Any], zoom: int, count: int) -> list[str]:
    """Random tiles in the middle of a layer."""
    west, south, east, north = document["bounds"]
    chance = random.Random(0)  # noqa: S311 - the same ones each time
    found = []
    for _ in range(count):
        lon = west + (east - west) * chance.uniform(0.1, 0.9)
        lat = south + (north - south) * chance.uniform(0.1, 0.9)
        x = int((lon + 180) / 360 * 2**zoom)
        y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)
        found.append(f"{zoom}/{x}/{y}")
    return found


def write_scene(path: Path, model: str) -> None:
    """A scene of the model's bands, 4096 x 4096 pixels of 10 m, 52 degrees north, like a cloud-optimized GeoTIFF."""
    bands = LiveModels(Settings(registry=None, zoo=ZOO)).bundle(model).manifest.bands
    dn_BHW = real(bands)
    if dn_BHW is None:
        dn_BHW = np.random.default_rng(0).integers(200, 3000, (len(bands), 600, 600), dtype=np.uint16)
    whole_BHW = np.pad(dn_BHW, ((0, 0), *((0, SIDE - side) for side in dn_BHW.shape[1:])), mode="symmetric")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=SIDE,
        height=SIDE,
        count=len(bands),
        dtype="uint16",
        nodata=0,
        crs="EPSG:32633",
        transform=Affine(10, 0, 400_000, 0, -10, 5_800_000),
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress="deflate",
        predictor=2,
    ) as dataset:
        dataset.descriptions = bands
        dataset.update_tags(processing_level="L1C", scale="0.0001", offset="0")
        dataset.write(whole_BHW)


def real(bands: Sequence[str]) -> NDArray[np.uint16] | None:
    """A real image, if there is one."""
    path = Path(os.environ.get("STEPPE_DATA", ROOT / ".." / "shared" / "data")) / REAL
    if not path.exists():
        return None
    with rasterio.open(path) as dataset:
        wanted = [dataset.descriptions.index(band) + 1 for band in bands]
        pixels: NDArray[np.uint16] = dataset.read(wanted)
    return pixels


if __name__ == "__main__":
    main()
