"""STAC Items that callers give: case 88 of the bad inputs, bands by name, radiometry by statement."""

from __future__ import annotations

import json

import pytest

from landcover.sensors import Radiometry
from serving.catalog.errors import StacInvalid
from serving.catalog.items import scene_at, scene_of_document
from serving.catalog.scene import SceneAssets
from serving.fetch.errors import SourceNotFound, SourceTooLarge, Upstream, UrlBlocked, UrlInvalid, UrlScheme
from serving.fetch.reference import Kind
from tests.stacserver import KEYS, asset, item, planetary_item, polygon
from tests.websites import quick, redirect, reply

BANDS = ("B02", "B03", "B04", "B08")
PLAIN, SHIFTED = Radiometry(1e-4, 0.0), Radiometry(1e-4, -0.1)


@pytest.fixture
def fetcher(world):
    return world.fetcher("data.example.org", "*.example.com")


def files(scene):
    return {band: place.place for band, place in scene.bands.items()}


def test_a_scene_of_earth_search(fetcher, world):
    scene = scene_of_document(item(), BANDS, fetcher)
    folder = "https://data.example.org/s2/S2A_33UUP_20240601_0_L2A"
    assert files(scene) == {band: f"{folder}/{band}.tif" for band in BANDS}
    assert (scene.level, scene.radiometry, scene.warnings) == ("L2A", PLAIN, ())
    assert scene.pixels == 10980**2
    assert (scene.tile, scene.cloud_cover, scene.datetime) == ("33UUP", 7.5, "2024-06-01T10:06:21Z")
    assert SceneAssets.of_json(json.loads(json.dumps(scene.to_json()))) == scene
    assert "files" not in scene.summary()
    assert world.looked_up == []  # nothing is asked of any host


def test_a_scene_of_the_planetary_computer(fetcher):
    scene = scene_of_document(planetary_item(), ("B8A", "B04"), fetcher)
    assert [place.rpartition("/")[2] for place in files(scene).values()] == ["B8A.tif", "B04.tif"]
    assert (scene.tile, scene.level, scene.radiometry) == ("33UUP", "L2A", SHIFTED)
    assert "from its processing baseline" in scene.warnings[0]


def test_a_scene_of_stac_1_1(fetcher):
    """Bands in the common member, scale and offset with a prefix, a resolution in the key; the finest is taken."""
    made = item(stac_version="1.1.0", assets=dict.fromkeys([*KEYS.values(), "blue-jp2", "visual"]))
    for band, metres in (("B02", 20), ("B02", 10), ("B03", 10)):
        made["assets"][f"{band}_{metres}m"] = {
            "href": f"https://data.example.org/{band}_{metres}m.tif",
            "type": "image/tiff",
            "bands": [{"name": band, "eo:common_name": KEYS[band], "raster:scale": 0.0001, "raster:offset": -0.1}],
        }
    made["properties"].pop("earthsearch:boa_offset_applied")
    scene = scene_of_document(made, ("B03", "B02"), fetcher)
    assert [place.rpartition("/")[2] for place in files(scene).values()] == ["B03_10m.tif", "B02_10m.tif"]
    assert (scene.radiometry, scene.warnings) == (SHIFTED, ())


def test_a_scene_of_landsat(fetcher):
    made = item(collection="landsat-c2-l2", assets=dict.fromkeys([*KEYS.values(), "blue-jp2", "visual"]))
    made["properties"] = {
        "datetime": "2024-06-01T10:00:00Z",
        "platform": "landsat-8",
        "landsat:correction": "L2SP",
        "processing:level": "L2",
    }
    for name in ("red", "nir08"):
        made["assets"][name] = {
            "href": f"https://data.example.org/{name}.tif",
            "eo:bands": [{"name": "OLI", "common_name": name}],
            "raster:bands": [{"scale": 0.0000275, "offset": -0.2}],
        }
    scene = scene_of_document(made, ("SR_B4", "SR_B5"), fetcher)
    assert files(scene) == {
        "SR_B4": "https://data.example.org/red.tif",
        "SR_B5": "https://data.example.org/nir08.tif",
    }
    assert (scene.level, scene.radiometry) == ("L2SP", Radiometry(0.0000275, -0.2))


def with_offset(offset, **properties):
    assets = {KEYS[band]: asset(band, "https://data.example.org", offset=offset) for band in KEYS}
    return item(assets=assets, properties=properties)


def silent(**properties):
    made = with_offset(0, **properties)
    for one in made["assets"].values():
        one.pop("raster:bands", None)
    return made


FLAG = "earthsearch:boa_offset_applied"
LINE = "s2:processing_baseline"


@pytest.mark.parametrize(
    ("made", "radiometry", "words"),
    [
        (with_offset(0, **{FLAG: True, LINE: "05.10"}), PLAIN, ()),
        (with_offset(-0.1, **{FLAG: True, LINE: "05.10"}), PLAIN, ("subtracted already",)),
        (silent(**{FLAG: True, LINE: "05.10"}), PLAIN, ()),
        (with_offset(-0.1, **{FLAG: False, LINE: "05.10"}), SHIFTED, ("was not subtracted",)),
        (with_offset(0, **{FLAG: False, LINE: "05.10"}), PLAIN, ("are not those", "was not subtracted")),
        (with_offset(0, **{FLAG: False, LINE: "02.14"}), PLAIN, ()),
        (with_offset(-0.1, **{FLAG: None, LINE: "04.00"}), SHIFTED, ()),
        (with_offset(-0.1, **{FLAG: None, LINE: "03.01"}), SHIFTED, ("are not those",)),
        (with_offset(-0.1, **{FLAG: None, LINE: None}), SHIFTED, ()),
        (silent(**{FLAG: None, LINE: "04.00"}), SHIFTED, ("from its processing baseline",)),
        (silent(**{FLAG: None, LINE: "03.01"}), PLAIN, ("from its processing baseline",)),
        (silent(**{FLAG: False, LINE: "05.00"}), SHIFTED, ("from its processing baseline", "was not subtracted")),
        (silent(**{FLAG: None, LINE: None}), None, ("states neither",)),
        (silent(**{FLAG: "true", LINE: 5.1}), None, ("states neither",)),
    ],
)
def test_radiometry_is_never_guessed_and_doubts_are_said(fetcher, made, radiometry, words):
    scene = scene_of_document(made, BANDS, fetcher)
    assert scene.radiometry == radiometry
    assert len(scene.warnings) == len(words)
    for warning, word in zip(scene.warnings, words, strict=True):
        assert word in warning
        assert radiometry is None or f"offset {radiometry.offset:g} were used" in warning


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"collection": "sentinel-2-l1c", "properties": {"s2:product_type": "S2MSI1C"}}, "L1C"),
        ({"collection": "s2", "properties": {"s2:product_type": None, "processing:level": "Level-2A"}}, "L2A"),
        ({"collection": "s2", "properties": {"s2:product_type": None, "s2:product_uri": "S2A_MSIL1C_2.SAFE"}}, "L1C"),
        ({"collection": None, "properties": {"s2:product_type": None}}, None),
    ],
)
def test_levels(fetcher, changes, level):
    assert scene_of_document(item(**changes), BANDS, fetcher).level == level


def changed(**members):
    return item(**members)


def bent(**changes):
    """The Item with other things in the blue asset."""
    made = item()
    made["assets"]["blue"] |= changes
    return made


def deep(levels=100):
    value = []
    for _ in range(levels):
        value = [value]
    return item(properties={"x": value})


UNCLOSED = {"type": "Polygon", "coordinates": [polygon(0, 0, 1, 1)["coordinates"][0][:-1]]}

INVALID = {
    "no object": [],
    "text": "item",
    "collection": {"type": "FeatureCollection", "features": [item()]},
    "no type": {key: value for key, value in item().items() if key != "type"},
    "version": changed(stac_version="0.9.0"),
    "no version": changed(stac_version=None),
    "no id": changed(id=None),
    "long id": changed(id="x" * 300),
    "odd id": changed(id="a\nb"),
    "path id": changed(id="../a"),
    "no geometry": changed(geometry=None),
    "point": changed(geometry={"type": "Point", "coordinates": [0, 0]}),
    "unclosed": changed(geometry=UNCLOSED),
    "no ring": changed(geometry={"type": "Polygon", "coordinates": []}),
    "no polygon": changed(geometry={"type": "MultiPolygon", "coordinates": []}),
    "odd ring": changed(geometry={"type": "Polygon", "coordinates": [5]}),
    "text position": changed(geometry={"type": "Polygon", "coordinates": [[["a", "b"]] * 4]}),
    "off earth": changed(geometry=polygon(0, 0, 200, 1)),
    "not a number": changed(geometry=polygon(0, 0, float("nan"), 1)),
    "many points": changed(geometry={"type": "Polygon", "coordinates": [[[0, 0]] * 5000]}),
    "no properties": changed() | {"properties": None},
    "no datetime": changed(properties={"datetime": None}),
    "odd datetime": changed(properties={"datetime": "yesterday"}),
    "number datetime": changed(properties={"datetime": 5}),
    "no assets": changed() | {"assets": {}},
    "list of assets": changed() | {"assets": []},
    "no href": bent(href=None),
    "number href": bent(href=5),
    "many assets": changed(assets={f"a{number}": {"href": "https://data.example.org/a"} for number in range(301)}),
    "shape": bent(**{"proj:shape": [1]}),
    "transform": bent(**{"proj:transform": ["a"] * 6}),
    "bbox": changed(properties={"proj:bbox": [1, 2, 3, None]}),
    "code": bent(**{"proj:code": 5}),
    "epsg": changed(properties={"proj:epsg": "32633"}),
    "deep": deep(),
    "scale": bent(**{"raster:bands": [{"scale": 0}]}),
    "text scale": bent(**{"raster:bands": [{"scale": "0.1"}]}),
    "two scales": bent(**{"raster:bands": [{"scale": 0.5}]}),
    "missing band": changed(assets={"red": None}),
    "two names": bent(**{"eo:bands": [{"name": "B03"}]}),
    "two files": changed(assets={"B02": asset("B02", "https://data.example.org/other")}),
    "two levels": changed(properties={"processing:level": "L1C"}),
}


@pytest.mark.parametrize("name", INVALID)
def test_88_items_that_cannot_be_used(fetcher, name):
    with pytest.raises(StacInvalid) as caught:
        scene_of_document(INVALID[name], BANDS, fetcher)
    assert "\n" not in str(caught.value)


def test_88_a_million_assets_are_counted_and_not_looked_at(fetcher):
    made = item() | {"assets": {str(key): {} for key in range(10**6)}}
    with pytest.raises(StacInvalid, match="1,000,000 assets"):
        scene_of_document(made, BANDS, fetcher)


@pytest.mark.parametrize(
    ("href", "error"),
    [
        ("file:///etc/passwd", UrlScheme),
        ("/vsicurl/https://data.example.org/a.tif", UrlScheme),
        ("s3://bucket/a.tif", UrlScheme),
        ("http://data.example.org/a.tif", UrlScheme),
        ("https://127.0.0.1/a.tif", UrlBlocked),
        ("https://elsewhere.example.net/a.tif", UrlBlocked),
        ("https://user@data.example.org/a.tif", UrlInvalid),
        ("./B02.tif", UrlInvalid),
        ("../B02.tif", UrlInvalid),
        ("B02.tif", UrlInvalid),
    ],
)
def test_88_addresses_of_bands(fetcher, href, error):
    with pytest.raises(error):
        scene_of_document(bent(href=href), BANDS, fetcher)


def test_addresses_that_are_not_needed_are_not_looked_at(fetcher):
    assert scene_of_document(bent(href="file:///etc/passwd"), ("B03",), fetcher).bands["B03"].kind is Kind.URL


def test_names_that_say_too_little(fetcher):
    """``rededge`` stands for three bands, and position for none."""
    made = item(assets=dict.fromkeys([*KEYS.values(), "blue-jp2"]))
    made["assets"]["a"] = asset("B02", "https://data.example.org") | {"eo:bands": [{"common_name": "rededge"}]}
    made["assets"]["b"] = asset("B02", "https://data.example.org") | {"eo:bands": []}
    with pytest.raises(StacInvalid, match="none that are known"):
        scene_of_document(made, ("B05",), fetcher)


def test_an_item_at_an_address(world):
    site = world.site()
    made = item(files="../files")
    site.routes |= {"/a": redirect("/items/x/item.json"), "/items/x/item.json": reply(json.dumps(made).encode())}
    scene = scene_at(site.url("/a"), ("B02",), world.fetcher(), quick())
    assert files(scene) == {"B02": site.url("/items/files/S2A_33UUP_20240601_0_L2A/B02.tif")}
    assert site.paths() == ["/a", "/items/x/item.json"]


def test_88_an_item_that_links_to_itself_is_read_once(world):
    site = world.site()
    links = [{"rel": rel, "href": site.url("/item")} for rel in ("self", "root", "parent", "collection", "next")]
    site.routes["/item"] = reply(json.dumps(item(links=links, files=site.url("/f"))).encode())
    scene_at(site.url("/item"), BANDS, world.fetcher(), quick())
    assert site.paths() == ["/item"]


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (reply(b"<html>"), StacInvalid),
        (reply(b"[" * 5000 + b"]" * 5000), StacInvalid),
        (reply(b'{"type": "Feature", "type": "Feature"}'), StacInvalid),
        (reply(b'{"x": "' + b"y" * (3 * 1024**2) + b'"}'), SourceTooLarge),
        (reply(b"", length=50 * 1024**2), SourceTooLarge),
        (reply(status=404), SourceNotFound),
        (reply(status=500), Upstream),
        (redirect("file:///etc/passwd"), UrlScheme),
    ],
)
def test_88_addresses_without_an_item(world, route, error):
    site = world.site(routes={"/item": route})
    with pytest.raises(error):
        scene_at(site.url("/item"), BANDS, world.fetcher(), quick())
