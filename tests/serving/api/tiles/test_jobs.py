"""Tiles, TileJSON, legend and points of a job."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from rasterio.io import MemoryFile

from landcover.legends import get_legend
from tests.serving.api.check import check_problem
from tests.serving.api.tiles.conftest import TMS, map_of
from tests.serving.api.tiles.look import TILEJSON, rgba
from tests.serving.tiles.grids import tiles_over

LEGEND = get_legend("unccd7")
BY_COLOR = {entry.rgb: entry for entry in LEGEND.classes}


@pytest.fixture(scope="module")
def document(client, job):
    return client.get(f"/jobs/{job}/{TMS}/tilejson.json").json()


@pytest.fixture(scope="module")
def addresses(document):
    """Tiles over the map at its own zoom."""
    lon, lat, _ = document["center"]
    tiles = tiles_over(lon, lat, document["maxzoom"])
    template = document["tiles"][0].removeprefix("http://testserver")
    return [template.format(z=tile.zoom, x=tile.x, y=tile.y) for tile in tiles]


def test_tilejson_is_valid_and_its_addresses_answer(client, job, document, addresses):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(document, TILEJSON)
    west, south, east, north = document["bounds"]
    assert (west, north) == pytest.approx((15.0, 49.6545), abs=0.01)
    assert west < document["center"][0] < east
    assert south < document["center"][1] < north
    assert (document["minzoom"], document["maxzoom"], document["center"][2]) == (0, 14, 13)
    assert all(client.get(address).status_code == 200 for address in addresses)
    legend = client.get(document["legend"]).json()
    assert [entry["color"] for entry in legend["classes"]] == [entry.color for entry in LEGEND.classes]
    assert set(legend["classes"][0]["titles"]) == {"ar", "en", "es", "fr", "ru", "zh"}
    assert client.get(f"/jobs/{job}/legend?language=fr").json()["classes"][0]["titles"].keys() == {"fr"}


def test_tiles_have_the_colours_of_the_legend_and_nothing_outside(client, addresses):
    colours = {tuple(colour) for address in addresses for colour in rgba(client.get(address)).reshape(-1, 4)}
    assert {colour[:3] for colour in colours if colour[3]} <= set(BY_COLOR)
    assert {colour[3] for colour in colours} == {0, 255}
    template = addresses[0].rpartition("WebMercatorQuad")[0]
    elsewhere = client.get(f"{template}WebMercatorQuad/10/0/0.png")
    assert rgba(elsewhere)[..., 3].max() == 0
    assert len(elsewhere.content) < 200


def test_a_point_agrees_with_map_confidence_and_tile(client, job, document):
    with MemoryFile(client.get(f"/jobs/{job}/results/map").content) as file, file.open() as opened:
        codes_HW = opened.read(1)
    with MemoryFile(client.get(f"/jobs/{job}/results/confidence").content) as file, file.open() as opened:
        percent_HW = opened.read(1)
    lon, lat, _ = document["center"]
    said = client.get(f"/jobs/{job}/point/{lon},{lat}?language=fr").json()
    assert said["code"] in codes_HW[149:152, 209:212]
    assert said["confidence"] in percent_HW[149:152, 209:212]
    entry = LEGEND.by_code(said["code"])
    assert (said["name"], said["color"], said["model"]) == (entry.name, entry.color, "tiny@0.1.0")
    titles = client.get(f"/jobs/{job}/legend?language=fr").json()["classes"][LEGEND.index_of(entry.code)]["titles"]
    assert said["title"] == titles["fr"]
    lon, lat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(500_100, 5_499_800)
    hole = client.get(f"/jobs/{job}/point/{lon:.7f},{lat:.7f}").json()
    assert (hole["code"], hole["title"], hole["confidence"]) == (None, None, None)
    check_problem(client.get(f"/jobs/{job}/point/0,0"), 404, "point-outside")


def test_the_legend_is_drawn_on_request(client, job):
    drawn = client.get(f"/jobs/{job}/legend", headers={"Accept": "image/png", "Accept-Language": "zh"})
    colours = {colour for _, colour in Image.open(BytesIO(drawn.content)).getcolors(1 << 20)}
    assert set(BY_COLOR) <= colours
    check_problem(client.get(f"/jobs/{job}/legend", headers={"Accept": "text/csv"}), 406, "not-acceptable")


def test_what_the_client_has_is_not_sent_again(client, addresses):
    first = client.get(addresses[4])
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=3600"
    again = client.get(addresses[4], headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert again.headers["cache-control"] == "public, max-age=3600"
    assert client.get(addresses[4], headers={"If-None-Match": '"other"'}).content == first.content
    head = client.head(addresses[4])
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    assert head.headers["content-length"] == str(len(first.content))
    assert len({client.get(address).headers["etag"] for address in addresses}) == len(addresses)


@pytest.mark.parametrize("zoom", ["-1", "25", "31", "1000000000", "1_0", "%2B5", "05", "9" * 40, "1.0", "a", "٣"])
def test_zooms_have_one_spelling(client, job, zoom):
    check_problem(client.get(f"/jobs/{job}/{TMS}/{zoom}/0/0.png"), 422, "invalid-request")


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("WebMercatorQuad/2/4/0.png", 404, "tile-outside"),
        ("WebMercatorQuad/0/0/1.png", 404, "tile-outside"),
        (f"WebMercatorQuad/3/{10**25}/1.png", 404, "tile-outside"),
        ("WebMercatorQuad/3/-1/1.png", 422, "invalid-request"),
        ("WebMercatorQuad/3/1/1@2x.png", 422, "invalid-request"),
        ("WebMercatorQuad/3/1/1.jpg", 406, "not-acceptable"),
        ("WebMercatorQuad/3/1/1", 404, "not-found"),
        ("WorldCRS84Quad/3/1/1.png", 404, "no-such-tile-matrix-set"),
        ("WorldCRS84Quad/tilejson.json", 404, "no-such-tile-matrix-set"),
    ],
)
def test_what_there_is_not(client, job, path, status, slug):
    check_problem(client.get(f"/jobs/{job}/tiles/{path}"), status, slug)


@pytest.mark.parametrize("point", ["181,0", "0,91", "NaN,0", "0", "0,0,0", "1e4,0", "1_0,0", "+5,0", "0,inf"])
def test_points_have_one_spelling(client, job, point):
    assert client.get(f"/jobs/{job}/point/{point}").status_code in {404, 422}


def test_a_map_that_was_not_asked_for_can_be_seen_all_the_same(client):
    job = map_of(client, areas={})
    document = client.get(f"/jobs/{job}/{TMS}/tilejson.json").json()
    lon, lat, _ = document["center"]
    assert client.get(f"/jobs/{job}/point/{lon},{lat}").json()["confidence"] is None
    assert client.get(f"/jobs/{job}/{TMS}/0/0/0.png").status_code == 200


def test_a_job_that_is_gone_has_no_tiles(client, addresses):
    job = map_of(client)
    path = f"/jobs/{job}/{TMS}/12/{2218}/{1400}.png"
    tag = client.get(path).headers["etag"]
    client.delete(f"/jobs/{job}")
    for headers in ({}, {"If-None-Match": tag}):
        assert client.get(path, headers=headers).status_code == 410
    assert client.get("/jobs/00000000-0000-4000-8000-000000000000/legend").status_code == 404
    assert np.any(rgba(client.get(addresses[4]))[..., 3])
