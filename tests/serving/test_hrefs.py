"""What a STAC Item refers to, read as a client reads it: by URL rules from where the Item lies."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from serving.classify import classify_scene
from serving.engine import Engine
from serving.hrefs import href
from serving.registry.folders import open_registry
from serving.request import Inputs, Outputs
from tests.service import make_settings

ODD = "a #1 50%"
"""A name that a URL reads as a blank, a fragment and an escape."""


@pytest.fixture(scope="module")
def engine(folders, tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("engine"), *folders)
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


@pytest.fixture
def item_of(engine, settings):
    """Classifies; answers the Item, after checking that every asset is where it says, with its digest."""

    def run(source, **outputs):
        classify_scene(Inputs(source=source), Outputs(**outputs), engine, settings)
        item = json.loads(outputs["stac"].read_text())
        base = outputs["stac"].resolve().as_uri()
        for asset in item["assets"].values():
            content = file_behind(base, asset["href"]).read_bytes()
            assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
        return item

    return run


def file_behind(base, reference):
    parts = urlsplit(urljoin(base, reference))
    assert (parts.scheme, parts.query, parts.fragment) == ("file", "", "")
    return Path(unquote(parts.path))


def test_a_link_that_is_replaced_is_not_followed(item_of, scene, out, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "map.tif").write_bytes(b"an older map")
    (out / "map.tif").symlink_to("../old/map.tif")
    item = item_of(scene, map=out / "map.tif", stac=out / "item.json")
    assert item["assets"]["map"]["href"] == "map.tif"
    assert (tmp_path / "old" / "map.tif").read_bytes() == b"an older map"


def test_an_item_that_replaces_a_link_refers_from_where_it_lies(item_of, scene, out, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "item.json").write_text("{}")
    (out / "item.json").symlink_to("../old/item.json")
    item_of(scene, map=out / "map.tif", stac=out / "item.json")


def test_links_among_the_folders_are_followed(item_of, scene, out, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (out / "link").symlink_to(tmp_path / "deep" / "er")
    item_of(scene, map=out / "map.tif", stac=out / "link" / "item.json")


def test_names_that_are_no_urls(item_of, scene, out, tmp_path):
    (out / "50% off").mkdir()
    source = shutil.copy(scene, tmp_path / f"{ODD}.tif")
    item = item_of(source, map=out / "50% off" / f"{ODD}.tif", stac=out / "item.json", areas=out / "a:b?.json")
    assert item["assets"]["map"]["href"] == "50%25%20off/a%20%231%2050%25.tif"
    (link,) = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert file_behind(tmp_path.as_uri() + "/", link) == source


def test_plain_names_stay_as_they_are():
    assert href("T33UUU_20170216T102101-v1.0~b.tif") == "T33UUU_20170216T102101-v1.0~b.tif"
