"""``steppe classify --server`` and ``steppe degradation --server`` against a real service: as if it were done here."""

import json

import numpy as np
import pytest
import rasterio

from serving.api.app import create_app
from serving.cli import main
from tests.bundles import pair_bundle, tiny_bundle
from tests.crew import open_test_shop, working
from tests.service import left_in, make_settings, scene_numbers, write_scene
from tests.serving.api.live import live, quiet
from tests.serving.client.conftest import left_on

pytestmark = pytest.mark.usefixtures("environment")

FILES = {
    "--output": "map.tif",
    "--confidence": "confidence.tif",
    "--probabilities": "probabilities.tif",
    "--uncertainty": "uncertainty.tif",
    "--preview": "map.png",
    "--areas": "areas.json",
    "--features": "areas.geojson",
    "--stac": "item.json",
}


def run(capsys, *words):
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return printed


def all_files(folder):
    folder.mkdir(exist_ok=True)
    return [word for option, name in FILES.items() for word in (option, folder / name)]


def pixels(path):
    with rasterio.open(path) as opened:
        return opened.read(), opened.profile, opened.crs, opened.transform


def test_the_same_files_as_from_a_command_that_works_here(service, scene, tmp_path, capsys):
    here, there = tmp_path / "here", tmp_path / "there"
    told_here = json.loads(run(capsys, "classify", scene, *all_files(here), "--json").out)
    printed = run(capsys, "classify", scene, *all_files(there), "--json", "--server", service.url)
    assert printed.err == ""
    told = json.loads(printed.out)
    assert left_in(there) == left_in(here) == sorted([*FILES.values(), "map.qml"])
    for name in ("map.tif", "confidence.tif", "probabilities.tif", "uncertainty.tif"):
        for mine, theirs in zip(pixels(here / name), pixels(there / name), strict=True):
            np.testing.assert_equal(theirs, mine)
    for name in ("map.qml", "map.png", "areas.json", "areas.geojson"):
        assert (there / name).read_bytes() == (here / name).read_bytes()
    assert told.pop("server") == f"{service.url}/"
    assert told.pop("kept") is False
    assert len(told.pop("job")) == 36
    for varying in ("seconds", "megapixels_per_second", "files"):
        del told_here[varying], told[varying]
    assert told == told_here
    assert left_on(service) == []


def test_the_item_names_the_files_here_and_the_scene(service, scene, tmp_path, capsys):
    here, there = tmp_path / "here", tmp_path / "there"
    run(capsys, "classify", scene, *all_files(here))
    run(capsys, "classify", scene, *all_files(there), "--server", service.url)
    mine, theirs = (json.loads((folder / "item.json").read_text()) for folder in (here, there))
    assert theirs["id"].rpartition("-")[0] == mine["id"]  # and the job, by which no other Item has it
    assert "steppe:inputs" not in theirs["properties"]
    assert {role: asset["href"] for role, asset in theirs["assets"].items()} == {
        role: asset["href"] for role, asset in mine["assets"].items()
    }
    derived = [[link["href"] for link in item["links"] if link["rel"] == "derived_from"] for item in (mine, theirs)]
    assert derived[0] == derived[1]
    for asset in theirs["assets"].values():
        assert asset["file:size"] == (there / asset["href"]).stat().st_size


def test_other_names_than_the_service_has(service, scene, tmp_path, capsys):
    folder = tmp_path / "maps"
    (folder / "items").mkdir(parents=True)
    words = ["-o", folder / "a map.tif", "--stac", folder / "items" / "i.json"]
    run(capsys, "classify", scene, *words, "--server", service.url)
    assert left_in(folder) == ["a map.qml", "a map.tif", "items", "items/i.json"]
    assets = json.loads((folder / "items" / "i.json").read_text())["assets"]
    assert {role: asset["href"] for role, asset in assets.items()} == {
        "map": "../a%20map.tif",
        "style": "../a%20map.qml",
    }


def test_what_is_printed(service, scene, out, capsys):
    printed = run(capsys, "classify", scene, "-o", out / "map.tif", "--server", service.url, "--language", "fr")
    assert printed.err == ""
    assert "scene: 6,300 pixels in" in printed.out
    assert "tiny@0.1.0 on cpu in fp32" in printed.out
    assert str(out / "map.tif") in printed.out


def test_options_reach_the_service(service, scene, tmp_path, capsys):
    west, south, east, north = rasterio.open(scene).bounds
    middle = (west + east) / 2
    words = [
        *("--bbox", f"{west},{south},{middle},{north}", "--bbox-crs", str(rasterio.open(scene).crs)),
        *("--min-area", "6px", "--uncertainty-measure", "margin", "--name", "a name", "--model", "tiny@0.1.0"),
    ]
    told = []
    for folder, more in ((tmp_path / "here", ()), (tmp_path / "there", ("--server", service.url))):
        folder.mkdir()
        asked = ["classify", scene, "-o", folder / "map.tif", "--uncertainty", folder / "u.tif", "--json"]
        told.append(json.loads(run(capsys, *asked, *words, *more).out))
    assert told[1]["scene"] == told[0]["scene"] == "a name"
    assert told[1]["sieve"] == told[0]["sieve"]
    for name in ("map.tif", "u.tif"):
        for mine, theirs in zip(pixels(tmp_path / "here" / name), pixels(tmp_path / "there" / name), strict=True):
            np.testing.assert_equal(theirs, mine)


def test_several_scenes_and_an_area_file(service, tmp_path, out, capsys):
    numbers = scene_numbers(hole=False)
    a, b = write_scene(tmp_path / "a.tif", numbers), write_scene(tmp_path / "b.tif", numbers[..., ::-1].copy())
    with rasterio.open(a) as opened:
        west, south, east, north = opened.bounds
        crs = str(opened.crs)
    ring = [
        [west + 100, south + 100],
        [east, south + 100],
        [east, north],
        [west + 100, north],
        [west + 100, south + 100],
    ]
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    words = ["classify", a, b, "--mosaic", "first", "--aoi", area, "--aoi-crs", crs, "--json"]
    mine = json.loads(run(capsys, *words, "-o", out / "here.tif").out)
    theirs = json.loads(run(capsys, *words, "-o", out / "there.tif", "--server", service.url).out)
    assert theirs["scene"] == mine["scene"] == "a and b"
    np.testing.assert_equal(pixels(out / "there.tif")[0], pixels(out / "here.tif")[0])
    assert left_on(service) == []


def test_kept_in_the_service(service, scene, out, capsys):
    told = json.loads(
        run(capsys, "classify", scene, "-o", out / "m.tif", "--server", service.url, "--keep", "--json").out
    )
    assert told["kept"] is True
    job = service.store.get(told["job"], None)
    assert job.state == "successful"
    assert any(name.startswith("uploads/") for name in left_on(service))
    words = run(capsys, "classify", scene, "-o", out / "m.tif", "--server", service.url, "--keep").out
    assert "is kept in the service" in words


def test_dry_run(service, scene, capsys):
    told = json.loads(run(capsys, "classify", scene, "--server", service.url, "--dry-run", "--json").out)
    assert told["cost"]["pixels"] == 6300
    words = run(capsys, "classify", scene, "--server", service.url, "--dry-run").out
    assert "classify with tiny@0.1.0: 6,300 pixels of at most 130,000,000" in words
    assert "unfinished jobs: 0 of at most 20" in words
    assert "scene: 90 x 70 pixels" in words
    assert left_on(service) == []
    assert service.store.page(None, limit=5).jobs == ()


def test_two_dates(tmp_path, folders, readers, environment, capsys):
    registry = tmp_path / "registry"
    pair_bundle(registry)
    tiny_bundle(registry)
    folder = tmp_path / "service"
    folder.mkdir()
    settings = make_settings(folder, registry, folders[1], degradation_model="pair")
    environment.setenv("STEPPE_REGISTRY", str(registry))
    environment.setenv("STEPPE_DEGRADATION_MODEL", "pair")
    tags = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}
    scenes = [
        write_scene(
            tmp_path / f"{year}.tif", scene_numbers() + more, tags=tags | {"datetime": f"{year}-06-01T10:20:30Z"}
        )
        for year, more in ((2018, 0), (2020, 50))
    ]
    told = {}
    quiet()
    app = create_app(settings)
    with live(app, settings) as line, open_test_shop(settings, readers) as shop, working(shop):
        for name, more in (("here", []), ("there", ["--server", f"http://127.0.0.1:{line.port}"])):
            place = tmp_path / name
            place.mkdir()
            files = ["-o", place / "map.tif", "--features", place / "f.geojson", "--stac", place / "i.json"]
            told[name] = json.loads(run(capsys, "degradation", *scenes, *files, "--json", *more).out)
    here, there = (pixels(tmp_path / name / "map.tif") for name in ("here", "there"))
    for mine, theirs in zip(here, there, strict=True):
        np.testing.assert_equal(theirs, mine)
    assert (tmp_path / "there" / "f.geojson").read_bytes() == (tmp_path / "here" / "f.geojson").read_bytes()
    assert told["there"]["scene"] == told["here"]["scene"]
    assert told["there"]["model"] == "pair@0.1.0"
    assert left_in(tmp_path / "there") == ["f.geojson", "i.json", "map.qml", "map.tif"]
