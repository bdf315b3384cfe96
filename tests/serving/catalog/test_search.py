"""Finding scenes in a STAC API and in static catalogues; one suite for all."""

from __future__ import annotations

import json

import pytest

from landcover.errors import AreaInvalid, ConfigError
from serving.catalog.dates import parse_interval
from serving.catalog.errors import CatalogueUnusable, NoCatalogue, NoScenes
from serving.catalog.findings import found, scenes_found
from serving.catalog.mgrs import parse_tile
from serving.catalog.places import area_of_box
from serving.catalog.query import SceneQuery
from serving.catalog.settings import catalogue_folder, catalogue_of
from serving.fetch.errors import Upstream
from serving.fetch.reference import Kind
from serving.settings import Settings
from tests.stacserver import StacApi, catalogue_routes, item, link, polygon, static_catalogue, write_catalogue
from tests.websites import in_turn, quick, raw, redirect, reply

TILE = parse_tile("33UUP")
SUMMER = parse_interval("2024-06-01/2024-08-31")
BANDS = ("B02", "B04")


def scene(day, cloud=5.0, *, tile="33UUP", box=None, **changes):
    properties = {
        "datetime": f"2024-{day}T10:06:21.024Z",
        "eo:cloud_cover": cloud,
        "grid:code": f"MGRS-{tile}",
    } | changes.pop("properties", {})
    place = {} if box is None else {"geometry": polygon(*box), "bbox": list(box)}
    return item(f"S2A_{tile}_2024{day.replace('-', '')}_0_L2A", properties=properties, **place, **changes)


ITEMS = [
    scene("07-01", 40),
    scene("06-01", 7.5),
    scene("08-01", 2),
    scene("06-21", 2),
    scene("07-11", None),
    scene("05-31", 0),
    scene("09-01", 0),
    scene("06-11", 1, tile="33UVP"),
    scene("06-11", 1, tile="32UQU", box=(11.5, 47.9, 12.4, 48.6)),
]


def query(**changes):
    base = {"bands": BANDS, "dates": SUMMER, "tile": TILE}
    return SceneQuery(**(base | changes))


def days(findings):
    return [found.datetime[5:10] for found in findings.scenes]


@pytest.fixture(params=["post", "get", "web", "folder"])
def catalogue(request, world, tmp_path):
    """A function that makes a catalogue of Items, in each of the ways there are."""

    def make(items, **changes):
        settings = {"stac_collection": "sentinel-2-l2a"} | changes
        if request.param == "folder":
            folder = write_catalogue(tmp_path / "catalogue", static_catalogue(items))
            return catalogue_of(Settings(stac_catalog=str(folder), **settings), world.fetcher("data.example.org"))
        files = world.fetcher("data.example.org")
        site = world.site("stac.example.org")
        if request.param == "web":
            site.routes |= catalogue_routes(static_catalogue(items))
            return catalogue_of(Settings(stac_catalog=site.url("/cat/catalog.json"), **settings), files)
        site.routes |= StacApi(items, post=request.param == "post", page=3).routes()
        return catalogue_of(Settings(stac_api=site.url("/v1/"), **settings), files)

    return make


def test_scenes_of_a_tile_the_clearest_first(catalogue):
    findings = catalogue(ITEMS).search(query(), quick(seconds=5))
    assert days(findings) == ["06-21", "08-01", "06-01", "07-01", "07-11"]
    assert findings.complete
    assert findings.warnings == ()
    assert list(findings.scenes[0].bands) == list(BANDS)


def test_scenes_of_an_area(catalogue):
    made = catalogue(ITEMS)
    assert days(made.search(query(tile=None, area=area_of_box((12.0, 48.0, 12.1, 48.1))), quick(seconds=5))) == [
        "06-11"
    ]
    many = made.search(query(tile=None, area=area_of_box((12.3, 48.0, 12.6, 48.1))), quick(seconds=5))
    assert {found.tile for found in many.scenes} == {"33UUP", "33UVP", "32UQU"}


def test_clouds_and_numbers(catalogue):
    made = catalogue(ITEMS)
    assert days(made.search(query(max_cloud=7.5), quick(seconds=5))) == ["06-21", "08-01", "06-01"]
    assert days(made.search(query(max_scenes=2), quick(seconds=5))) == ["06-21", "08-01"]


def test_nothing_fits(catalogue):
    made = catalogue(ITEMS)
    question = query(dates=parse_interval("2024-01-01/2024-02-01"), max_cloud=10)
    with pytest.raises(NoScenes, match=r"tile 33UUP from 2024-01-01 to 2024-02-01 with at most 10 % clouds"):
        scenes_found(made.search(question, quick(seconds=5)), question)


def test_a_broken_scene_does_not_hide_the_good_ones(catalogue):
    broken = [
        scene(
            "06-02", 0, geometry={"type": "Polygon", "coordinates": [[[12.5, 48], [13, 48], [13, 48.5], [12.5, 48.5]]]}
        ),
        scene("06-03", 0, assets={"red": None}),
        scene("06-04", 0, files="s3://bucket", assets={"blue-jp2": None}),
        scene("06-05", 0, files="https://elsewhere.example.net"),
    ]
    made = catalogue([*ITEMS, *broken])
    findings = made.search(query(), quick(seconds=5))
    assert len(findings.scenes) == 5
    assert findings.unusable == 4
    assert "4 scenes were left out" in findings.warnings[0]


def test_when_only_broken_ones_fit_the_reason_is_said(catalogue):
    with pytest.raises(NoScenes, match="1 could not be used, the first because the host of the address is not among"):
        found(query(), catalogue([scene("06-05", 0, files="https://elsewhere.example.net")]), quick(seconds=5))


def test_another_collection_is_not_looked_at(catalogue):
    assert catalogue(ITEMS, stac_collection="other").search(query(), quick(seconds=5)).scenes == ()


def test_a_question_wants_one_place():
    for changes in ({"tile": None}, {"area": area_of_box((0, 0, 1, 1))}):
        with pytest.raises(AreaInvalid):
            query(**changes)


# --- STAC APIs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def api(world):
    """Make an API of routes; returns it and its site."""

    def make(routes):
        site = world.site("stac.example.org", routes)
        settings = Settings(stac_api=site.url("/v1"), stac_collection="sentinel-2-l2a")
        return catalogue_of(settings, world.fetcher("data.example.org")), site

    return make


def page(*items, links=()):
    return reply(json.dumps({"type": "FeatureCollection", "features": list(items), "links": list(links)}).encode())


def test_a_tile_is_asked_for_where_no_neighbour_is(api):
    server = StacApi(ITEMS)
    made, site = api(server.routes())
    made.search(query(), quick(seconds=5))
    (question,) = server.questions
    assert question["datetime"] == "2024-06-01T00:00:00Z/2024-08-31T23:59:59Z"
    assert question["bbox"] == pytest.approx([12.42, 47.83, 13.66, 48.66], abs=0.01)
    assert site.paths() == ["/v1/search"]


def test_pages_are_limited(api):
    many = [scene(f"{month:02d}-{day:02d}", day) for month in (6, 7, 8) for day in range(1, 31)]
    made, site = api(StacApi(many, page=2).routes())
    findings = made.search(query(), quick(seconds=5))
    assert len(site.asked) == 10
    assert findings.looked_at == 20
    assert not findings.complete
    assert "more than the 20 Items" in findings.warnings[0]


def test_a_page_that_is_added_to_the_question(api):
    onward = {"rel": "next", "href": "/v1/search", "method": "POST", "body": {"token": "2"}, "merge": True}
    bodies = []

    def first(handler):
        bodies.append(json.loads(handler.body))
        page(ITEMS[0], links=[onward])(handler)

    def second(handler):
        bodies.append(json.loads(handler.body))
        page(ITEMS[1])(handler)

    made, _ = api({"/v1/search": in_turn(first, second)})
    assert len(made.search(query(), quick(seconds=5)).scenes) == 2
    assert bodies[1] == bodies[0] | {"token": "2"}


@pytest.mark.parametrize(
    "href",
    [
        "https://127.0.0.1/v1/search",
        "https://data.example.org/v1/search",
        "https://stac.example.org/v1/search",
        "file:///etc/passwd",
        "http://stac.example.org/x",
        "a b",
    ],
)
def test_a_next_page_elsewhere(api, href):
    made, site = api({"/v1/search": page(ITEMS[0], links=[link("next", href)])})
    with pytest.raises(CatalogueUnusable):
        made.search(query(), quick(seconds=5))
    assert len(site.asked) == 1


def test_pages_in_a_circle(api):
    made, site = api({"/v1/search": page(ITEMS[0], links=[link("next", "?page=1")])})
    with pytest.raises(CatalogueUnusable, match="back to one another"):
        made.search(query(), quick(seconds=5))
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (reply(b"[]"), CatalogueUnusable),
        (reply(b'{"features": 5}'), CatalogueUnusable),
        (reply(b"<html>"), Upstream),
        (reply(status=404), CatalogueUnusable),
        (reply(status=400), Upstream),
        (reply(status=500), Upstream),
        (reply(status=401), Upstream),
        (redirect("/elsewhere"), Upstream),
        (raw(b""), Upstream),
    ],
)
def test_what_is_no_api(api, route, error):
    made, _ = api({"/v1/search": route})
    with pytest.raises(error) as caught:
        made.search(query(), quick(seconds=5))
    assert isinstance(caught.value, Upstream)  # the operator's fault, never the caller's


def test_odd_features_are_counted(api):
    made, _ = api({"/v1/search": page(5, None, [], "x", {}, ITEMS[1])})
    findings = made.search(query(), quick(seconds=5))
    assert (len(findings.scenes), findings.unusable, findings.looked_at) == (1, 5, 6)


def test_relative_files_count_from_the_items_own_address(api, world):
    links = [link("self", "/v1/collections/s2/items/a")]
    made, site = api({"/v1/search": page(scene("06-01", files=".", links=links))})
    world.addresses["data.example.org"] = []
    settings = Settings(stac_api=site.url("/v1"), stac_collection="sentinel-2-l2a")
    made = catalogue_of(settings, world.fetcher())
    (only,) = made.search(query(), quick(seconds=5)).scenes
    assert only.bands["B02"].place == site.url("/v1/collections/s2/items/S2A_33UUP_20240601_0_L2A/B02.tif")


# --- static catalogues ----------------------------------------------------------------------------------------------


def folder_catalogue(world, folder, files, **changes):
    write_catalogue(folder, files)
    settings = {"stac_collection": "sentinel-2-l2a", "stac_catalog": str(folder)} | changes
    return catalogue_of(Settings(**settings), world.fetcher("data.example.org"))


def test_files_in_the_catalogues_folder(world, tmp_path):
    files = static_catalogue([scene("06-01", files="./files")])
    made = folder_catalogue(world, tmp_path / "c", files)
    (only,) = made.search(query(), quick()).scenes
    assert only.bands["B02"].kind is Kind.FOLDER
    assert only.bands["B02"].place == "s2/2024-06/files/S2A_33UUP_20240601_0_L2A/B02.tif"
    folder = catalogue_folder(Settings(stac_catalog=str(tmp_path / "c")))
    assert only.bands["B02"].path_in(folder) == (tmp_path / "c" / only.bands["B02"].place).resolve()
    assert str(tmp_path) not in json.dumps(only.to_json())


@pytest.mark.parametrize(
    "href",
    ["../../../out", "/etc", "file:///etc", "~/x", "..\\..\\out", "a/../../../../out", "%2e%2e/%2e%2e/%2e%2e/out"],
)
def test_files_outside_the_catalogues_folder(world, tmp_path, href):
    made = folder_catalogue(world, tmp_path / "c", static_catalogue([scene("06-01", files=href)]))
    with pytest.raises(NoScenes, match=r"out of its folder"):
        found(query(), made, quick())


def test_links_of_the_file_system_stay_in_the_folder(world, tmp_path):
    files = static_catalogue([scene("06-01", files="./files")])
    made = folder_catalogue(world, tmp_path / "c", files)
    (tmp_path / "out").mkdir()
    (tmp_path / "c/s2/2024-06/files").symlink_to(tmp_path / "out")
    with pytest.raises(NoScenes, match="stays in it"):
        found(query(), made, quick())


def test_one_file_may_be_the_catalogue(world, tmp_path):
    files = static_catalogue(ITEMS)
    made = folder_catalogue(world, tmp_path / "c", files, stac_catalog=str(tmp_path / "c/s2/collection.json"))
    with pytest.raises(CatalogueUnusable):  # its parent folder is not in it, and links upwards are not followed
        folder_catalogue(
            world,
            tmp_path / "d",
            {"catalog.json": {"type": "Catalog", "id": "a", "links": [link("child", "../c/catalog.json")]}},
            stac_catalog=str(tmp_path / "d"),
        ).search(query(), quick())
    assert len(made.search(query(), quick()).scenes) == 5


def test_all_collections_when_none_is_named(world, tmp_path):
    made = folder_catalogue(world, tmp_path / "c", static_catalogue(ITEMS), stac_collection=None)
    assert len(made.search(query(), quick()).scenes) == 5


def loop():
    files = static_catalogue(ITEMS)
    for path, document in files.items():
        if path.endswith(("catalog.json", "collection.json")):
            document["links"] += [link("child", path.rpartition("/")[2]), link("child", "./x/../catalog.json")]
    return files


def test_88_loops_end(world, tmp_path):
    files = loop()
    files["s2/catalog.json"] = {"type": "Catalog", "id": "s2", "links": [link("child", "collection.json")]}
    assert len(folder_catalogue(world, tmp_path / "c", files).search(query(), quick()).scenes) == 5


@pytest.mark.parametrize(
    "root",
    [
        "no json",
        "[]",
        json.dumps(item()),
        json.dumps({"type": "Catalog", "id": "a", "links": [link("child", "missing.json")]}),
        json.dumps({"type": "Catalog", "id": "a", "links": [link("child", "../../x.json")]}),
        json.dumps({"type": "Catalog", "id": "a", "links": [link("child", "http://a.example.org/")]}),
        json.dumps({"type": "Catalog", "id": "a", "links": [link("child", ".")]}),
    ],
)
def test_what_is_no_catalogue(world, tmp_path, root):
    with pytest.raises(CatalogueUnusable):
        folder_catalogue(world, tmp_path / "c", {"catalog.json": root}).search(query(), quick())


def test_depth_is_limited(world, tmp_path):
    chain = {
        f"c{number}.json": {"type": "Catalog", "id": "c", "links": [link("child", f"c{number + 1}.json")]}
        for number in range(20)
    }
    with pytest.raises(CatalogueUnusable, match="deeper"):
        folder_catalogue(world, tmp_path / "c", {"catalog.json": chain["c0.json"]} | chain).search(query(), quick())


def test_documents_are_limited(world, tmp_path, monkeypatch):
    monkeypatch.setattr("serving.catalog.static.MAX_DOCUMENTS", 6)
    findings = folder_catalogue(world, tmp_path / "c", static_catalogue(ITEMS)).search(query(), quick())
    assert not findings.complete


def test_broken_items_of_a_static_catalogue(world, tmp_path):
    files = static_catalogue(ITEMS)
    broken = next(path for path in files if path.endswith("20240601_0_L2A.json"))
    findings = folder_catalogue(world, tmp_path / "c", files | {broken: "{"}).search(query(), quick())
    assert (len(findings.scenes), findings.unusable) == (4, 1)


# --- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        ({}, NoCatalogue),
        ({"stac_api": "https://stac.example.org/v1"}, ConfigError),
        ({"stac_api": "http://stac.example.org/v1", "stac_collection": "s"}, ConfigError),
        ({"stac_api": "https://stac.example.org/v1", "stac_catalog": "x", "stac_collection": "s"}, ConfigError),
        ({"stac_catalog": "https://127.0.0.1/c.json"}, ConfigError),
        ({"stac_catalog": "missing-folder"}, ConfigError),
        ({"stac_catalog": "missing.json"}, ConfigError),
    ],
)
def test_settings_without_a_catalogue(world, chosen, error):
    with pytest.raises(error):
        catalogue_of(Settings(**chosen), world.fetcher("data.example.org"))


def test_there_is_no_folder_when_the_catalogue_is_on_the_web():
    assert catalogue_folder(Settings(stac_catalog="https://stac.example.org/c.json")) is None
    assert catalogue_folder(Settings()) is None
