"""Where scenes come from: values, the folder of scenes, other hosts, catalogues; and what a dry run says of them."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil

import numpy as np
import pytest
import rasterio

from tests.bundles import BANDS
from tests.crew import service
from tests.rasters import write_tiff
from tests.scenes import smooth_numbers
from tests.service import left_in, scene_numbers, valid_of, write_scene
from tests.serving.api.check import check_problem
from tests.serving.api.ogc.answers import codes_of, parts_of
from tests.serving.api.ogc.conftest import House, furnish
from tests.stacserver import StacApi, item, polygon, static_catalogue, write_catalogue
from tests.websites import ranged, reply

MAP = {"outputs": {"map": {}}}
AREAS = {"outputs": {"areas": {}}}
VALID = valid_of(scene_numbers())
AROUND = (14.99, 49.6, 15.02, 49.7)
"""West, south, east, north around the scene."""


@pytest.fixture(scope="module")
def plain(house):
    """Codes of the map of the plain scene."""
    return codes_of(house.ask(**MAP).content)


# By value


BASE64 = {
    "no base64": "not base64!",
    "a line break": "SUkq\nAA==",
    "bad padding": "SUkqAAA",
    "of the URL kind": "_-_-",
    "not ASCII": "\u0661\u0662\u0663\u0664",
}


@pytest.mark.parametrize("name", BASE64)
def test_values_that_are_no_base64(house, name):
    before = left_in(house.settings.state / "uploads")
    for scene in (BASE64[name], {"value": BASE64[name]}):
        answer = house.ask(inputs={"scene": scene}, **MAP)
        slug = answer.json()["type"].rpartition("/")[2]
        assert slug == "scene-value"
        check_problem(answer, 422, slug, BASE64[name])
    assert left_in(house.settings.state / "uploads") == before


@pytest.mark.parametrize(("content", "status"), [(b"", 422), (b"II*\0", 422), (b"<html></html>", 415)])
def test_values_that_are_no_raster(house, content, status):
    before = left_in(house.settings.state / "uploads")
    answer = house.ask(inputs={"scene": base64.b64encode(content).decode()}, **MAP)
    assert "upload.tif" in check_problem(answer, status, answer.json()["type"].rpartition("/")[2], ".part")
    assert left_in(house.settings.state / "uploads") == before


@pytest.mark.parametrize("kind", ["text/html", "image/png", "application/zip", "x"])
def test_declared_types_that_are_not_read(house, kind):
    for scene in ({"value": "SUkq", "mediaType": kind}, {**house.scene, "type": kind}):
        if "value" in scene or "href" in scene:
            answer = house.ask(inputs={"scene": scene}, **MAP)
            check_problem(answer, 422, "scene-media-type", "zip")


def test_a_value_goes_with_its_job(house):
    before = left_in(house.settings.state / "uploads")
    job = house.begin(inputs={"scene": base64.b64encode(house.body).decode()})
    house.ended(job)
    assert len(left_in(house.settings.state / "uploads")) == len(before) + 1
    house.client.delete(job)
    assert left_in(house.settings.state / "uploads") == before


# The folder of scenes


@pytest.fixture(scope="module")
def folder(house):
    """The operator's folder with a scene, band files, and links that lead out of it."""
    folder = house.settings.data_folder
    write_scene(folder / "2020" / "scene.tif") if (folder / "2020").mkdir() is None else None
    dn_BRC = scene_numbers()
    bands = folder / "T33UVR_20200601T102030"
    bands.mkdir()
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
    for band, dn_RC in zip(BANDS, dn_BRC, strict=True):
        write_tiff(bands / f"T33UVR_20200601T102030_{band}.tif", dn_RC[None], nodata=0, tags=tags)
    outside = folder.parent / "secret.tif"
    write_scene(outside)
    (folder / "link.tif").symlink_to(outside)
    (folder / "within.tif").symlink_to(folder / "2020" / "scene.tif")
    return folder


def test_a_file_of_the_folder(house, folder, plain):
    assert folder.is_dir()
    for path in ("2020/scene.tif", "./2020/scene.tif", "within.tif"):
        answer = house.ask(inputs={"scene": {"path": path}}, **MAP)
        assert answer.status_code == 200, answer.text
        np.testing.assert_array_equal(codes_of(answer.content), plain)


def test_a_folder_of_band_files(house, folder, plain):
    assert folder.is_dir()
    answer = house.ask(inputs={"scene": {"path": "T33UVR_20200601T102030"}, "product": "sentinel-2-l1c"}, **MAP)
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(codes_of(answer.content), plain)


OUTSIDE = [
    "../secret.tif",
    "2020/../../secret.tif",
    "link.tif",
    "/etc/passwd",
    ".",
    "..",
    "./",
    "2020/other.tif",
    "x" * 900,
    "2020/scene.tif/x",
    "2020\\scene.tif",
    "file:2020/scene.tif",
    "/vsicurl/https://data.example.org/x.tif",
    "~/x.tif",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_way_out_of_the_folder(house, folder, path):
    assert folder.is_dir()
    answer = house.ask(inputs={"scene": {"path": path}}, **MAP)
    assert answer.status_code == 422
    check_problem(answer, 422, "no-such-path", "secret", "passwd", folder.parent)


def test_without_a_folder(idle):
    detail = check_problem(idle.ask(inputs={"scene": {"path": "scene.tif"}}), 422, "no-such-path")
    assert "no folder of scenes" in detail


# Area and treatment


def test_a_geojson_area(house):
    west, south, east, north = 15.002, 49.647, 15.006, 49.651
    shape = polygon(west, south, east, north)
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    collection = {"type": "FeatureCollection", "features": [feature]}
    found = [
        house.ask(inputs={"scene": house.scene, "area": area}, **AREAS).json()["total"]["pixels"]
        for area in (shape, feature, collection, {"bbox": [west, south, east, north]})
    ]
    assert 0 < found[0] < VALID.size
    assert found[0] == found[1] == found[2]
    assert abs(found[3] - found[0]) < 200


@pytest.mark.parametrize(
    "coordinates",
    [
        [],
        [[[15, 49], [16, 49]]],
        [[[15, 49, "x"], [16, 49], [16, 50], [15, 49]]],
        [[[15, 49], [16, 49], [16, 50]]],
        [[[15, 49], [16, 50], [16, 49], [15, 50], [15, 49]]],
    ],
    ids=["empty", "two points", "a text", "not closed", "crossing"],
)
def test_polygons_that_are_none(house, coordinates):
    """Case 114 of the bad inputs."""
    area = {"type": "Polygon", "coordinates": coordinates}
    answer = house.ask(inputs={"scene": house.scene, "area": area}, **AREAS)
    assert answer.status_code in {422, 200}, answer.text
    if answer.status_code == 422:
        check_problem(answer, 422, answer.json()["type"].rpartition("/")[2])


def test_an_item_leads_to_its_files(house):
    """By whatever way it is handed out; the map is there because all others are made of it."""
    job = house.begin(outputs={"item": {}, "preview": {}})
    house.ended(job)
    made = house.client.get(f"{job}/results/item").json()
    assert made["links"][0]["href"] == f"{job}/results/item"
    assert [link["href"] for link in made["links"] if link["rel"] == "derived_from"] == ["upload.tif"]
    assert set(made["assets"]) == {"map", "style", "quicklook"}
    for asset in made["assets"].values():
        answer = house.client.get(asset["href"])
        assert answer.status_code == 200, asset
        assert answer.headers["content-type"] == asset["type"]
        assert len(answer.content) == asset["file:size"]
        assert hashlib.sha256(answer.content).hexdigest() == asset["file:checksum"].removeprefix("1220")
    inline = house.ask(outputs={"item": {}}, response="document").json()["item"]["value"]
    assert house.client.get(inline["assets"]["map"]["href"]).status_code == 200
    part = parts_of(house.ask(outputs={"item": {}, "areas": {}}))["item"][1]
    assert house.client.get(json.loads(part)["assets"]["map"]["href"]).status_code == 200


def test_options_reach_the_map(house):
    named = house.ask(
        inputs={"scene": house.scene, "language": "fr", "name": "Sahel"},
        outputs={"areas": {}, "item": {}},
        response="document",
    ).json()
    assert named["areas"]["value"]["language"] == "fr"
    assert named["item"]["value"]["properties"]["title"].startswith("Sahel") or "Sahel" in json.dumps(named["item"])
    sieved = house.ask(inputs={"scene": house.scene, "min_area": "50px"}, **MAP)
    assert len(np.unique(codes_of(sieved.content))) <= 8
    finer = house.ask(inputs={"scene": house.scene, "resolution": 9}, **AREAS).json()
    assert finer["total"]["pixels"] == 101 * 79
    degrees = house.ask(inputs={"scene": house.scene, "crs": "EPSG:32632"}, **MAP)
    with rasterio.MemoryFile(degrees.content) as memory, memory.open() as dataset:
        assert dataset.crs.to_epsg() == 32632


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"model": "other"}, 404),
        ({"model": "tiny@9"}, 404),
        ({"model": "../x"}, 404),
        ({"model": "pair"}, 422),
        ({"crs": "EPSG:1"}, 422),
        ({"min_area": "0.5 acres"}, 422),
        ({"bands": ["B02"]}, 422),
        ({"level": "L9"}, 422),
        ({"product": "landsat"}, 422),
        ({"mask_clouds": True}, 422),
    ],
)
def test_options_that_cannot_be_met(house, inputs, status):
    answer = house.ask(inputs={"scene": house.scene, **inputs}, **AREAS)
    assert answer.status_code == status, answer.text
    check_problem(answer, status, answer.json()["type"].rpartition("/")[2])


# Dry run


def test_a_dry_run_says_cost_and_limits(house):
    before = left_in(house.settings.state / "uploads"), house.client.get("/jobs?limit=1000").json()["jobs"]
    text = base64.b64encode(house.body).decode()
    answer = house.ask(inputs={"scene": text}, params={"dry_run": "true"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert (told["process"], told["model"]) == ("classify", "tiny@0.1.0")
    assert told["cost"] == {"pixels": 6300, "exact": True, "megapixels": 0.006}
    assert told["limits"] == {
        "max_pixels": house.settings.max_pixels,
        "pixels_per_minute": None,
        "max_jobs": house.settings.max_jobs_per_key,
        "jobs_waiting": 0,
        "pixels_waiting": 0,
    }
    assert told["scenes"] == [{"width": 90, "height": 70, "bands": 4, "dtype": "uint16"}]
    assert told["warnings"] == []
    assert (left_in(house.settings.state / "uploads"), house.client.get("/jobs?limit=1000").json()["jobs"]) == before
    area = {"type": "Polygon", "coordinates": polygon(15.002, 49.647, 15.004, 49.649)["coordinates"]}
    told = house.ask(inputs={"scene": house.scene, "area": area}, params={"dry_run": "true"}).json()
    assert 0 < told["cost"]["pixels"] < 6300
    assert told["cost"]["exact"] is False


def test_a_dry_run_refuses_what_an_execution_refuses(house):
    for inputs in ({"scene": house.scene, "model": "other"}, {"scene": {"path": "../x"}}, {}):
        dry = house.ask(inputs=inputs, params={"dry_run": "true"})
        wet = house.ask(inputs=inputs)
        assert (dry.status_code, dry.json()) == (wet.status_code, wet.json())
    check_problem(house.ask(params={"dry_run": "perhaps"}), 422, "invalid-request")


# Other hosts


class Earth:
    """Hosts with a scene as one file, as band files of an Item, and a STAC API over Items."""

    def __init__(self, world, folder):
        self.data = world.site("data.example.org")
        self.world, self.folder = world, folder
        self.data.routes["/scene.tif"] = ranged(write_scene(folder / "whole.tif").read_bytes())
        self.api = StacApi([])
        self.stac = world.site("stac.example.org", self.api.routes())

    def add(self, identifier, day, *, cloud=5.0, shift=0, tile="33UVR"):
        """An Item with its files; the scene's columns are moved."""
        files = f"https://{self.data.authority}/s2"
        made = item(
            identifier,
            files=files,
            bands=BANDS,
            geometry=polygon(*AROUND),
            bbox=list(AROUND),
            properties={
                "datetime": f"{day}T10:06:21.024000Z",
                "eo:cloud_cover": cloud,
                "grid:code": f"MGRS-{tile}",
            },
        )
        dn_BRC = np.roll(scene_numbers(), shift, axis=2)
        keys = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}
        for band, dn_RC in zip(BANDS, dn_BRC, strict=True):
            place = write_tiff(self.folder / f"{identifier}_{band}.tif", dn_RC[None], nodata=0)
            self.data.routes[f"/s2/{identifier}/{band}.tif"] = ranged(place.read_bytes())
            made["assets"][keys[band]] |= {
                "proj:shape": [70, 90],
                "proj:transform": [10, 0, 500000, 0, -10, 5500000],
            }
        self.api.items.append(made)
        return made


@pytest.fixture
def earth(world, tmp_path):
    return Earth(world, tmp_path)


@pytest.fixture
def outside(earth, tmp_path, readers):
    """A service that may ask these hosts."""
    settings, body = furnish(
        tmp_path, stac_api=earth.stac.url("/v1"), stac_collection="sentinel-2-l2a", fetch_idle_s=2.0
    )
    with service(settings, readers, fetcher=earth.world.fetcher()) as client:
        yield House(client, settings, body)
        assert left_in(settings.scratch) == []


def test_a_scene_at_an_address(outside, earth, plain):
    href = earth.data.url("/scene.tif")
    for scene in ({"href": href}, {"href": f"{href}?sig=secret", "type": "image/tiff"}):
        answer = outside.ask(inputs={"scene": scene}, outputs={"map": {}, "item": {}})
        assert answer.status_code == 200, answer.text
        parts = parts_of(answer)
        np.testing.assert_array_equal(codes_of(parts["map"][1]), plain)
        assert f'"derived_from", "href": "{href}"' in parts["item"][1].decode()
        assert b"secret" not in answer.content


def test_an_item(outside, earth, plain):
    """By value, as a qualified value, and at an address."""
    made = earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    earth.data.routes["/item.json"] = reply(json.dumps(made).encode())
    kinds = [
        made,
        {"value": made, "mediaType": "application/geo+json"},
        {"href": earth.data.url("/item.json"), "type": "application/geo+json"},
    ]
    for scene in kinds:
        answer = outside.ask(inputs={"scene": scene}, **MAP)
        assert answer.status_code == 200, answer.text
        np.testing.assert_array_equal(codes_of(answer.content), plain)


def test_by_tile_and_dates(outside, earth):
    """The clearest scene of the time; its Item is where the map says it comes from."""
    earth.add("S2A_33UVR_20240611_0_L2A", "2024-06-11", cloud=60)
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01", cloud=2)
    earth.add("S2A_33UVR_20240901_0_L2A", "2024-09-01", cloud=0)
    inputs = {"tile": "33UVR", "datetime": "2024-06-01/2024-07-31"}
    told = outside.ask(inputs=inputs, params={"dry_run": "true"}).json()
    assert [scene["id"] for scene in told["scenes"]] == ["S2A_33UVR_20240601_0_L2A"]
    assert told["cost"] == {"pixels": 6300, "exact": True, "megapixels": 0.006}
    job = outside.begin(inputs=inputs, outputs={"map": {}, "item": {}})
    status = outside.ended(job)
    assert status["status"] == "successful", status
    made = outside.client.get(f"{job}/results/item").json()
    assert made["properties"]["title"] == "Land cover of S2A_33UVR_20240601_0_L2A"
    assert [link["href"] for link in made["links"] if link["rel"] == "derived_from"] == ["S2A_33UVR_20240601_0_L2A"]
    assert made["properties"]["datetime"].startswith("2024-06-01T10:06:21")


def test_by_area_and_dates(outside, earth):
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    west, south, east, north = 15.002, 49.647, 15.006, 49.651
    for area in ({"bbox": [west, south, east, north]}, polygon(west, south, east, north)):
        answer = outside.ask(inputs={"area": area, "datetime": "2024-06-01"}, **AREAS)
        assert answer.status_code == 200, answer.text
        assert 0 < answer.json()["total"]["pixels"] < 6300


def test_several_scenes_of_a_search_are_one_map(outside, earth):
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01", cloud=1)
    earth.add("S2A_33UVR_20240611_0_L2A", "2024-06-11", cloud=2, shift=40)
    inputs = {"tile": "33UVR", "datetime": "2024-06-01/2024-06-30", "max_scenes": 2}
    answer = outside.ask(inputs=inputs, **AREAS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["nodata"]["pixels"] == 0


@pytest.mark.parametrize(
    ("inputs", "status", "slug"),
    [
        ({"tile": "33UVR", "datetime": "2020-01-01"}, 422, "no-scenes"),
        ({"tile": "33UVR", "datetime": "2024-06-30/2024-06-01"}, 422, "datetime"),
        ({"tile": "33UVR", "datetime": "yesterday"}, 422, "datetime"),
        ({"tile": "33UVR", "datetime": "1990-01-01/2020-01-01"}, 422, "datetime"),
        ({"tile": "33UVR", "datetime": "2024-06-01/.."}, 422, "datetime"),
        ({"area": {"bbox": [-170, -80, 170, 80]}, "datetime": "2024-06-01"}, 413, "area-too-large"),
        ({"area": {"bbox": [15, 49.7, 15.1, 49.6]}, "datetime": "2024-06-01"}, 422, "area"),
    ],
)
def test_searches_that_find_nothing(outside, earth, inputs, status, slug):
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    check_problem(outside.ask(inputs=inputs), status, slug)


@pytest.mark.parametrize(
    ("href", "slug"),
    [
        ("http://data.example.org/scene.tif", "url-scheme"),
        ("https://data.example.org/scene.tif", "url-blocked"),
        ("https://127.0.0.1/scene.tif", "url-blocked"),
        ("https://169.254.169.254/", "url-blocked"),
        ("/vsicurl/https://data.example.org/scene.tif", "url-scheme"),
        ("s3://bucket/scene.tif", "url-scheme"),
        ("file:///etc/passwd", "url-scheme"),
        ("https://data.example.org/../scene.tif", "url-invalid"),
    ],
)
def test_addresses_that_are_not_fetched(outside, earth, href, slug):
    for scene in ({"href": href}, {"href": href, "type": "application/geo+json"}):
        answer = outside.ask(inputs={"scene": scene}, **MAP)
        check_problem(answer, 422, slug, "passwd", "169.254")
    assert earth.data.asked == []


def test_a_host_that_fails(outside, earth):
    """Fault F24: the job fails with what went wrong, and nothing stays."""
    job = outside.begin(inputs={"scene": {"href": earth.data.url("/absent.tif")}})
    assert outside.ended(job)["status"] == "failed"
    check_problem(outside.client.get(f"{job}/results"), 422, "source-not-found", earth.data.authority)
    earth.data.routes["/html"] = reply(b"<html></html>")
    job = outside.begin(inputs={"scene": {"href": earth.data.url("/html")}})
    assert outside.ended(job)["status"] == "failed"
    assert outside.client.get(f"{job}/results").status_code in {415, 422}


def test_a_catalogue_in_a_folder(tmp_path, readers, world, plain):
    """Its files are opened where they lie, and stay."""
    earth = Earth(world, tmp_path)
    made = earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01")
    keys = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}
    catalogue = write_catalogue(tmp_path / "catalogue", static_catalogue([made]))
    place = next(catalogue.rglob(f"{made['id']}.json"))
    for band in BANDS:
        shutil.copy(tmp_path / f"{made['id']}_{band}.tif", place.parent / f"{band}.tif")
        made["assets"][keys[band]]["href"] = f"./{band}.tif"
    place.write_text(json.dumps(made))
    settings, body = furnish(
        tmp_path / "service" if (tmp_path / "service").mkdir() is None else tmp_path, stac_catalog=str(catalogue)
    )
    with service(settings, readers) as client:
        house = House(client, settings, body)
        answer = house.ask(inputs={"tile": "33UVR", "datetime": "2024-06-01"}, **MAP)
        assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(codes_of(answer.content), plain)
    assert (place.parent / "B02.tif").is_file()


def test_without_a_catalogue(idle):
    check_problem(idle.ask(inputs={"tile": "33UVR", "datetime": "2024-06-01"}), 422, "no-catalogue")


# Degradation


@pytest.fixture(scope="module")
def pair(house, tmp_path_factory):
    """Two dates of one place, as uploads."""
    folder = tmp_path_factory.mktemp("pair")
    hrefs = {}
    for name, seed, date in (("before", 1, "2016-03-01T10:20:30Z"), ("after", 2, "2018-04-02")):
        tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": date}
        path = write_tiff(folder / f"{name}.tif", smooth_numbers(70, 90, seed=seed), names=BANDS, nodata=0, tags=tags)
        hrefs[name] = house.upload(path.read_bytes())
    return hrefs


def test_degradation(house, pair):
    answer = house.ask(process="degradation", inputs=pair, outputs={"map": {}})
    assert answer.status_code == 200, answer.text
    assert answer.headers["steppe-model"] == "pair@0.1.0"
    codes = codes_of(answer.content)
    assert set(np.unique(codes)) <= {-1, 0, 1}
    document = house.ask(process="degradation", inputs=pair, response="document").json()
    assert list(document) == ["map", "confidence", "preview", "areas", "features", "item", "style"]
    assert document["areas"]["value"]["total"]["pixels"] == 6300
    features = house.client.get(document["features"]["href"]) if "href" in document["features"] else None
    found = features.json() if features else document["features"]["value"]
    assert [feature["id"] for feature in found["features"]] == [-1, 0, 1]


def test_degradation_asks_for_two_dates(house, pair):
    for inputs in ({"before": pair["before"]}, {}, {"tile": "33UVR", "before_datetime": "2020-01-01"}):
        check_problem(house.ask(process="degradation", inputs=inputs), 422, "inputs")
    same = house.ask(process="degradation", inputs={"before": pair["before"], "after": pair["before"]})
    assert same.status_code == 422
    wrong = house.ask(process="degradation", inputs=pair | {"model": "tiny"})
    assert wrong.status_code == 422, wrong.text


def test_degradation_by_tile(outside, earth):
    earth.add("S2A_33UVR_20200601_0_L2A", "2020-06-01")
    earth.add("S2A_33UVR_20240601_0_L2A", "2024-06-01", shift=5)
    inputs = {"tile": "33UVR", "before_datetime": "2020-06-01/2020-06-30", "after_datetime": "2024-06-01/2024-06-30"}
    answer = outside.ask(process="degradation", inputs=inputs, outputs={"areas": {}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"]["pixels"] == 6300
