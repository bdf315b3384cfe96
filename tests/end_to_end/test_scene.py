"""One scene through the whole house: command line and service, every product, each checked by other software."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from PIL import Image
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rio_cogeo.cogeo import cog_validate

import serving
from landcover.legends import get_legend
from serving.cli import main
from serving.reader.pool import ReaderPool
from serving.reader.terms import Terms
from tests.bundles import BANDS
from tests.crew import service
from tests.rasters import write_band_folder
from tests.service import left_in, make_registry, make_settings, scene_numbers, valid_of, write_scene

ROOT = Path(serving.__file__).parents[1]
LEGEND = get_legend("unccd7")
HEIGHT, WIDTH = 530, 210
"""More than 512 rows, so that the maps have overviews."""
PRODUCTS = ["areas.json", "confidence.tif", "item.json", "map.png", "map.qml", "map.tif"]


def slanted_scene():
    """A scene as satellites give it: a slanted edge beyond which there is nothing, and a hole."""
    dn_BRC = scene_numbers(HEIGHT, WIDTH)
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    dn_BRC[:, cols < 20 + rows // 8] = 0
    return dn_BRC


def environment_of(registry, zoo):
    names = {"registry": registry, "zoo": zoo, "model": "tiny", "threads": 1, "provider": "cpu"}
    return {f"STEPPE_{name.upper()}": str(value) for name, value in names.items()}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Registry, scene and the environment of the command line."""
    folder = tmp_path_factory.mktemp("house")
    registry, zoo = make_registry(folder)
    dn_BRC = slanted_scene()
    scene = write_scene(folder / "scene.tif", dn_BRC, compress="deflate")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("STEPPE_")]:
            patch.delenv(name)
        for name, value in environment_of(registry, zoo).items():
            patch.setenv(name, value)
        yield SimpleNamespace(folder=folder, registry=registry, zoo=zoo, scene=scene, dn_BRC=dn_BRC)


@pytest.fixture(scope="module")
def made(house):
    """Every product of the command line."""
    out = house.folder / "out"
    out.mkdir()
    argv = ["classify", house.scene, "-o", out / "map.tif", "--confidence", out / "confidence.tif", "--preview"]
    argv += [out / "map.png", "--areas", out / "areas.json", "--stac", out / "item.json", "--name", "Sahel, north"]
    assert main([str(part) for part in argv]) == 0
    return out


@pytest.fixture(scope="module")
def answers(house):
    """The same scene through the service: answers by media type."""
    settings = make_settings(house.folder, house.registry, house.zoo)
    with ReaderPool(Terms.of(settings)) as readers, service(settings, readers) as client:
        content = house.scene.read_bytes()
        media = ("image/tiff", "image/png", "application/json")
        yield {kind: client.post("/classify", content=content, headers={"Accept": kind}) for kind in media}
    assert left_in(settings.scratch) == []


def files_in(state):
    """Files of requests and jobs, whose folders stay."""
    return [path for folder in ("uploads", "results", "work") for path in (state / folder).rglob("*") if path.is_file()]


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def test_all_products_and_nothing_else(made):
    assert left_in(made) == PRODUCTS


@pytest.mark.parametrize("name", ["map.tif", "confidence.tif"])
def test_rasters_are_valid_cogs_on_exactly_the_input_grid(house, made, name):
    assert cog_validate(made / name, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(made / name) as result, rasterio.open(house.scene) as scene:
        assert (result.crs, result.transform, result.shape) == (scene.crs, scene.transform, scene.shape)
        assert (result.count, result.dtypes, result.nodata) == (1, ("uint8",), 255)
        assert result.overviews(1) == [2]
        assert result.block_shapes == [(512, 512)]


def test_nodata_exactly_where_the_input_has_none(house, made):
    valid = valid_of(house.dn_BRC)
    assert 0.1 < valid.mean() < 0.9
    np.testing.assert_array_equal(read(made / "map.tif") != 255, valid)
    np.testing.assert_array_equal(read(made / "confidence.tif") != 255, valid)


def test_values(made):
    codes, confidence = read(made / "map.tif"), read(made / "confidence.tif")
    assert set(np.unique(codes)) <= {*LEGEND.codes, 255}
    assert len(np.unique(codes)) > 3
    assert set(np.unique(confidence)) <= {*range(14, 101), 255}


def test_colours_names_and_provenance_are_in_the_map(house, made):
    bundle = json.loads((house.registry / "tiny" / "0.1.0" / "manifest.json").read_bytes())
    with rasterio.open(made / "map.tif") as dataset:
        tags, colours = dataset.tags(), dataset.colormap(1)
    for entry in LEGEND.classes:
        assert colours[entry.code] == (*entry.rgb, 255)
        assert tags[f"STEPPE_CLASS_{entry.code}"] == entry.name
    assert json.loads(tags["legend"])["id"] == "unccd7"
    model = (house.registry / "tiny" / "0.1.0" / "model.onnx").read_bytes()
    assert tags["steppe_model"] == f"tiny@{bundle['properties']['version']}"
    assert tags["steppe_model_sha256"] == hashlib.sha256(model).hexdigest()
    assert tags["steppe_input"] == "scene.tif"
    assert tags["steppe_input_sha256"] == hashlib.sha256(house.scene.read_bytes()).hexdigest()
    assert tags["steppe_radiometry"] == "scale=0.0001 offset=0 stated"
    assert (tags["datetime"], tags["processing_level"]) == ("2020-06-01T10:20:30Z", "L1C")
    assert str(house.folder) not in str(tags)


def test_the_style_has_the_colours_of_the_legend(made):
    style = ET.parse(made / "map.qml")  # noqa: S314 - written by the test itself
    entries = {int(entry.get("value")): entry.get("color").upper() for entry in style.iter("paletteEntry")}
    assert {code: entries[code] for code in LEGEND.codes} == {
        entry.code: entry.color.upper() for entry in LEGEND.classes
    }


def test_the_picture_shows_the_map(made):
    with Image.open(made / "map.png") as image:
        assert image.format == "PNG"
        colours = {colour[:3] for _, colour in image.convert("RGB").getcolors(1 << 24)}
    shown = {entry.rgb for entry in LEGEND.classes if entry.code in np.unique(read(made / "map.tif"))}
    assert shown <= colours


def test_the_areas_add_up(house, made):
    document = json.loads((made / "areas.json").read_bytes())
    codes = read(made / "map.tif")
    assert {entry["code"]: entry["pixels"] for entry in document["classes"]} == {
        code: int((codes == code).sum()) for code in LEGEND.codes
    }
    assert document["nodata"]["pixels"] == int((codes == 255).sum())
    assert document["total"]["pixels"] == HEIGHT * WIDTH
    assert document["total"]["area_km2"] == pytest.approx(HEIGHT * WIDTH * 1e-4, rel=2e-3)
    assert sum(entry["area_km2"] for entry in document["classes"]) == pytest.approx(document["valid"]["area_km2"])
    assert str(house.folder) not in json.dumps(document)


def test_the_stac_item_describes_the_files_beside_it(house, made):
    item = json.loads((made / "item.json").read_bytes())
    JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    assert item["properties"]["datetime"] == "2020-06-01T10:20:30Z"
    assert item["properties"]["proj:shape"] == [HEIGHT, WIDTH]
    with rasterio.open(made / "map.tif") as dataset:
        assert Affine(*item["properties"]["proj:transform"][:6]) == dataset.transform
    assert sorted(asset["href"].removeprefix("./") for asset in item["assets"].values()) == sorted(
        set(PRODUCTS) - {"item.json"}
    )
    for asset in item["assets"].values():
        content = (made / asset["href"]).read_bytes()
        assert asset["file:size"] == len(content)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    assert [link["href"] for link in item["links"] if link["rel"] == "derived_from"] == ["scene.tif"]
    assert str(house.folder) not in json.dumps(item)


def test_the_service_makes_the_identical_map(made, answers, tmp_path):
    path = tmp_path / "answer.tif"
    path.write_bytes(answers["image/tiff"].content)
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as one, rasterio.open(made / "map.tif") as other:
        np.testing.assert_array_equal(one.read(1), other.read(1))
        assert one.profile == other.profile
        assert one.colormap(1) == other.colormap(1)
        differing = {key for key, value in one.tags().items() if other.tags()[key] != value}
    assert differing <= {"steppe_input"}


def test_the_service_draws_and_counts_the_same(made, answers):
    counted, expected = answers["application/json"].json(), json.loads((made / "areas.json").read_bytes())
    (uploaded,), (named,) = (areas["drift"]["images"] for areas in (counted, expected))
    assert (uploaded.pop("image"), named.pop("image") != "") == ("upload.tif", True)
    assert counted == expected
    with Image.open(io.BytesIO(answers["image/png"].content)) as one, Image.open(made / "map.png") as other:
        assert abs(one.size[0] - other.size[0]) < 100


@pytest.mark.parametrize("suffix", [".tif", ".jp2"])
def test_a_folder_of_bands_gives_the_same_map(house, made, tmp_path, suffix):
    folder = write_band_folder(tmp_path / "IMG_DATA", dict(zip(BANDS, house.dn_BRC, strict=True)), suffix=suffix)
    argv = ["classify", folder, "-o", tmp_path / "map.tif", "--level", "L1C", "--stac", tmp_path / "item.json"]
    assert main([str(part) for part in [*argv, "--product", "sentinel-2-l1c"]]) == 0
    np.testing.assert_array_equal(read(tmp_path / "map.tif"), read(made / "map.tif"))
    item = json.loads((tmp_path / "item.json").read_bytes())
    assert item["id"] == "T33UUU_20170216T102101-tiny-0.1.0"
    assert item["properties"]["datetime"] == "2017-02-16T10:21:01Z"


def test_a_server_of_its_own_answers_over_a_socket_and_stops_cleanly(house, made, tmp_path):
    """``steppe serve`` as a user runs it, with a client that hangs up in the middle of a body."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    state = tmp_path / "state"
    server = subprocess.Popen(
        [sys.executable, "-m", "serving", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "STEPPE_STATE": str(state)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_until_ready(port)
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nII*\0")
            _wait_until(lambda: files_in(state))
        request = urllib.request.Request(f"http://127.0.0.1:{port}/classify", data=house.scene.read_bytes())
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
            (tmp_path / "answer.tif").write_bytes(answer.read())
        np.testing.assert_array_equal(read(tmp_path / "answer.tif"), read(made / "map.tif"))
        _wait_until(lambda: not files_in(state))
    finally:
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=30)
    assert "Traceback" not in log
    said = [json.loads(line)["event"] for line in log.splitlines()]  # all of it, what the server's library says, too
    assert "Application shutdown complete." in said
    assert f"listening on http://127.0.0.1:{port} with documentation at /docs" in said
    ready = said.index("Application startup complete.")
    assert [event for event in said[:ready] if "listening" in event] == []
    answering = [event for event in said if "is answered by" in event]
    assert len(answering) == len(set(answering))


def _wait_until_ready(port):
    def ready():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (URLError, ConnectionError):
            return False

    _wait_until(ready)


def _wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
