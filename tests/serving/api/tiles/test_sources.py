"""Sources, and tiles that are classified on the fly."""

import time
from urllib.parse import quote

import numpy as np
import pytest
from starlette.testclient import TestClient

from serving.access.keys import mint
from serving.access.keystore import KeyStore, new_key
from serving.access.principal import Scope
from serving.api.app import create_app
from serving.batching.errors import QueueFull
from serving.database.opening import open_database
from serving.tiles.blocks import BLOCK
from tests.bundles import BANDS, pair_bundle, tiny_bundle
from tests.crew import crewed
from tests.service import make_settings, scene_numbers, write_scene
from tests.serving.api.check import check_problem
from tests.serving.api.tiles.conftest import TMS, map_of
from tests.serving.api.tiles.look import TILEJSON, rgba
from tests.serving.tiles.grids import tiles_over

SCENE = f"/sources/{quote('my scene.tif')}"


@pytest.fixture(scope="module")
def document(client):
    return client.get(f"{SCENE}/{TMS}/tilejson.json").json()


def addresses_of(document, zoom=None, reach=1):
    """Tiles over a source."""
    lon, lat, _ = document["center"]
    tiles = tiles_over(lon, lat, document["maxzoom"] if zoom is None else zoom, reach)
    template = document["tiles"][0].removeprefix("http://testserver")
    return [template.format(z=tile.zoom, x=tile.x, y=tile.y) for tile in tiles]


def test_sources_are_listed_with_what_is_wrong_with_them(client, document):
    listed = client.get("/sources").json()
    broken, scene, unnamed = listed["sources"]
    assert [entry["name"] for entry in listed["sources"]] == ["broken.tif", "my scene.tif", "unnamed.tif"]
    assert (scene["problem"], scene["bands"], scene["level"]) == (None, list(BANDS), "L1C")
    assert scene["datetime"] == "2020-06-01T10:20:30Z"
    assert scene["crs"] == "EPSG:32633"
    assert scene["bbox"] == pytest.approx(document["bounds"])
    assert client.get(scene["links"][0]["href"]).json()["tiles"] == document["tiles"]
    assert "neither TIFF" in broken["problem"]
    assert "band" in unnamed["problem"]
    assert str(client.app.state.settings.data_folder) not in str(listed)


def test_a_list_has_pages(client):
    first = client.get("/sources?limit=2").json()
    (following,) = [link["href"] for link in first["links"] if link["rel"] == "next"]
    names = [entry["name"] for entry in first["sources"] + client.get(following).json()["sources"]]
    assert names == ["broken.tif", "my scene.tif", "unnamed.tif"]


def test_a_link_out_of_the_folder_is_said_to_be_one(client, data, tmp_path):
    (tmp_path / "secret.tif").write_text("elsewhere")
    (data / "a link.tif").symlink_to(tmp_path / "secret.tif")
    try:
        entry = client.get("/sources?limit=1").json()["sources"][0]
    finally:
        (data / "a link.tif").unlink()
    assert entry["name"] == "a link.tif"
    assert "a link out of the folder of scenes" in entry["problem"]


def test_tilejson_pins_the_model(client, document):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(document, TILEJSON)
    assert document["tiles"][0].endswith("/{z}/{x}/{y}.png?model=tiny%400.1.0")
    assert "tiny@0.1.0" in document["description"]
    assert (document["minzoom"], document["center"][2]) == (0, 13)  # few blocks: viewers show it from afar
    assert client.get(document["legend"]).json()["id"] == "unccd7"


def test_tiles_on_the_fly_are_those_of_the_map(client, job, document):
    """Windows of a map are blended where they meet, blocks are not: single pixels may differ."""
    for zoom in (13, 14, 15):
        for address in addresses_of(document, zoom):
            live = rgba(client.get(address))
            tile = address.partition("?")[0].rpartition("WebMercatorQuad/")[2]
            made = rgba(client.get(f"/jobs/{job}/{TMS}/{tile}"))
            assert (live == made).all(axis=-1).mean() > 0.985
            assert (live[..., 3] == made[..., 3]).all()
    lon, lat, _ = document["center"]
    one, other = (client.get(f"{layer}/point/{lon},{lat}").json() for layer in (SCENE, f"/jobs/{job}"))
    assert abs(one.pop("confidence") - other.pop("confidence")) <= 5
    assert one == other


def test_a_tile_is_computed_once_and_then_only_compared(client, document):
    address = addresses_of(document)[4]
    first = client.get(address)
    spent = client.app.state.tiles.sources.blocks.bytes
    assert spent > 0
    assert client.get(address).content == first.content
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(address).headers["etag"] == first.headers["etag"]
    plain = client.get(address.partition("?")[0])
    assert plain.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=3600"
    assert client.app.state.tiles.sources.blocks.bytes == spent


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        (f"/sources/nothing.tif/{TMS}/0/0/0.png", 404, "no-such-source"),
        ("/sources/..%2Fsecret/legend", 404, "not-found"),
        (f"/sources/.hidden/{TMS}/0/0/0.png", 404, "no-such-source"),
        (f"/sources/broken.tif/{TMS}/0/0/0.png", 415, "raster-unreadable"),
        (f"/sources/unnamed.tif/{TMS}/0/0/0.png", 422, "band-mapping"),
        (f"{SCENE}/{TMS}/0/0/0.png?model=nobody", 404, "model-not-found"),
        (f"{SCENE}/{TMS}/0/0/0.tif", 406, "not-acceptable"),
        (f"{SCENE}/tiles/Other/0/0/0.png", 404, "no-such-tile-matrix-set"),
        (f"{SCENE}/{TMS}/25/0/0.png", 422, "invalid-request"),
        (f"{SCENE}/{TMS}/1/2/0.png", 404, "tile-outside"),
        (f"{SCENE}/point/0,0", 404, "point-outside"),
    ],
)
def test_what_there_is_not(client, served, path, status, slug):
    check_problem(client.get(path), status, slug, served.data_folder)


def test_a_service_without_a_folder_has_no_sources(tmp_path, folders):
    with TestClient(create_app(make_settings(tmp_path, *folders))) as client:
        assert client.get("/sources").json()["sources"] == []
        check_problem(client.get(f"/sources/a.tif/{TMS}/0/0/0.png"), 404, "no-such-source")


@pytest.fixture(scope="module")
def closed(tmp_path_factory, folders, readers):
    """A service with keys, small limits and a model for two dates: a client, and keys by name."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "data").mkdir()
    write_scene(folder / "data" / "my scene.tif", scene_numbers(300, 420))
    write_scene(folder / "data" / "large.tif", np.ones((4, 1200, 1300), np.uint16))
    tiny_bundle(folder / "own")
    pair_bundle(folder / "own")
    limits = {"data_folder": folder / "data", "tile_blocks": 6, "pixels_per_minute": 300_000}
    settings = make_settings(folder, folder / "own", folders[1], **limits)
    made = {name: mint() for name in ("both", "other", "tiles", "run")}
    scopes = {"tiles": [Scope.TILES], "run": [Scope.RUN]}
    database = open_database(settings)
    store = KeyStore(lambda: database)
    for name, minted in made.items():
        store.add(new_key(minted, name, scopes.get(name, [Scope.RUN, Scope.TILES])))
    database.close()
    with crewed(settings, readers), TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client, {name: {"X-API-Key": minted.text} for name, minted in made.items()}


def test_keys_are_asked_for_and_answers_are_private(closed):
    client, keys = closed
    path = f"{SCENE}/point/15.02,49.645"
    tile = f"{SCENE}/{TMS}/0/0/0.png"
    assert client.get(tile).status_code == 401
    assert client.get(tile, headers=keys["run"]).status_code == 403
    assert client.get("/sources").status_code == 401
    token = keys["tiles"]["X-API-Key"]
    answer = client.get(f"{tile}?access_token={token}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert client.get(f"{tile}?access_token={token}", headers=keys["both"]).status_code == 400
    assert client.get(tile, headers={"If-None-Match": answer.headers["etag"]}).status_code == 401
    assert client.get(path, headers=keys["tiles"]).status_code == 200
    document = client.get(f"{SCENE}/{TMS}/tilejson.json?access_token={token}").json()
    assert document["tiles"][0].endswith(f"&access_token={token}")
    document = client.get(f"{SCENE}/{TMS}/tilejson.json", headers=keys["tiles"]).json()
    assert token not in str(document)


def test_jobs_of_others_have_no_tiles(closed):
    client, keys = closed
    job = map_of(client, keys["both"])
    for path in (f"{TMS}/0/0/0.png", f"{TMS}/tilejson.json", "legend", "point/15.02,49.645"):
        assert client.get(f"/jobs/{job}/{path}", headers=keys["both"]).status_code == 200
        check_problem(client.get(f"/jobs/{job}/{path}", headers=keys["run"]), 403, "scope-missing")
        for other in ("other", "tiles"):
            assert client.get(f"/jobs/{job}/{path}", headers=keys[other]).status_code == 404


def test_pixels_of_a_key_are_counted_where_they_are_computed(closed):
    client, keys = closed
    document = client.get(f"/sources/large.tif/{TMS}/tilejson.json", headers=keys["other"]).json()
    seen = [client.get(address, headers=keys["other"]).status_code for address in addresses_of(document)]
    assert set(seen) == {200, 429}
    good = addresses_of(document)[seen.index(200)]
    assert client.get(good, headers=keys["other"]).status_code == 200


def test_small_zooms_of_large_sources_are_refused(closed):
    client, keys = closed
    document = client.get(f"/sources/large.tif/{TMS}/tilejson.json", headers=keys["tiles"]).json()
    assert document["minzoom"] == 14
    address = addresses_of(document, zoom=12)[4]
    said = check_problem(client.get(address, headers=keys["tiles"]), 422, "zoom-too-small")
    assert "zoom 14" in said


def test_a_model_of_two_dates_is_refused(closed):
    client, keys = closed
    check_problem(client.get(f"{SCENE}/legend?model=pair", headers=keys["tiles"]), 422, "two-dates")


def test_a_source_that_changes_is_classified_anew(tmp_path, folders):
    data = tmp_path / "data"
    data.mkdir()
    write_scene(data / "a.tif", scene_numbers(100, 100))
    with TestClient(create_app(make_settings(tmp_path, *folders, data_folder=data))) as client:
        address = addresses_of(client.get(f"/sources/a.tif/{TMS}/tilejson.json").json())[4]
        first = client.get(address)
        write_scene(data / "new.tif", scene_numbers(100, 100, hole=False)[:, ::-1])
        (data / "new.tif").replace(data / "a.tif")
        second = client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert second.status_code == 200
        assert second.content != first.content


def test_an_answer_comes_in_time_or_not_at_all(tmp_path, folders, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    write_scene(data / "a.tif")
    settings = make_settings(tmp_path, *folders, data_folder=data, tile_timeout_s=0.2)
    with TestClient(create_app(settings)) as client:
        monkeypatch.setattr(client.app.state.tiles.sources, "view", lambda _: time.sleep(0.4))
        check_problem(client.get(f"/sources/a.tif/{TMS}/0/0/0.png"), 504, "tile-late")


def test_what_the_queue_refuses_costs_nothing(tmp_path, folders, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    write_scene(data / "a.tif")
    settings = make_settings(tmp_path, *folders, data_folder=data, pixels_per_minute=BLOCK * BLOCK)
    with TestClient(create_app(settings)) as client:
        with monkeypatch.context() as full:

            def refuse(_batcher, _owner="", _pixels=1):
                raise QueueFull("too much waits", 1)

            full.setattr("serving.batching.batcher.Batcher.check_room", refuse)
            for _ in range(2):
                check_problem(client.get("/sources/a.tif/point/15.005,49.647"), 503, "queue-full")
        assert client.get("/sources/a.tif/point/15.005,49.647").status_code == 200
