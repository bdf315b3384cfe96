"""Several inputs, areas and other grids through ``steppe classify``'s own job, with the tiny model."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from landcover.errors import (
    AreaInvalid,
    ConfigError,
    LevelMismatch,
    NoGeoreference,
    NoValidData,
    RadiometryMismatch,
    RasterTooLarge,
    ResolutionMismatch,
)
from landcover.postprocess import class_codes, confidence_percent
from landcover.raster.warped import WarpedScene
from landcover.tiling import TilePlan
from serving.classify import classify_scene
from serving.engine import Engine
from serving.means import has_data, mean_probabilities
from serving.predict import CONFIDENCE, Wanted, predict_rows
from serving.registry.folders import open_registry
from serving.request import Inputs, MosaicMode, Outputs
from serving.sources import open_input, open_sources
from serving.windows import read_windows
from tests.bundles import BANDS, tiny_manifest
from tests.rasters import north_up, write_band_folder
from tests.scenes import ArrayScene, smooth_numbers
from tests.service import make_settings, scene_numbers, valid_of, write_scene

TAGS = {"processing_level": "L1C", "scale": "0.0001", "offset": "0"}


@pytest.fixture(scope="module")
def engine(folders, tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("engine"), *folders)
    return Engine(open_registry(settings).get("tiny"), provider="cpu", threads=1)


@pytest.fixture
def classify(engine, settings, out):
    """Classifies files; answers codes, confidence, the map's profile and tags, and the Item."""

    def run(*sources, batch_size=2, tile=64, **keywords):
        outputs = Outputs(map=out / "map.tif", confidence=out / "confidence.tif", stac=out / "item.json")
        source, *others = sources
        inputs = Inputs(source=source, others=tuple(others), **keywords)
        changes = {"batch_size": batch_size, "tile": tile}
        outcome = classify_scene(inputs, outputs, engine, settings.model_copy(update=changes))
        with rasterio.open(outputs.map) as codes, rasterio.open(outputs.confidence) as confidence:
            return SimpleNamespace(
                codes=codes.read(1),
                confidence=confidence.read(1),
                profile=codes.profile,
                tags=codes.tags(),
                item=json.loads(outputs.stac.read_bytes()),
                outcome=outcome,
            )

    return run


def assert_same_map(one, other):
    assert one.codes.tobytes() == other.codes.tobytes()
    assert one.confidence.tobytes() == other.confidence.tobytes()
    assert (one.profile["transform"], one.profile["crs"]) == (other.profile["transform"], other.profile["crs"])


def shifted(row, col, transform=None):
    return (transform or north_up()) @ Affine.translation(col, row)


def halves(folder, dn_BRC, *, overlap=8, **profile):
    """The scene in two files, left and right, that overlap."""
    middle = dn_BRC.shape[2] // 2
    transform = profile.pop("transform", north_up())
    return (
        write_scene(folder / "left.tif", dn_BRC[:, :, : middle + overlap], transform=transform, **profile),
        write_scene(
            folder / "right.tif", dn_BRC[:, :, middle:], transform=shifted(0, middle, transform), **profile
        ),
    )  # fmt: skip


ODD = {
    "plain": (scene_numbers(70, 90), {}),
    "south-up": (scene_numbers(70, 90), {"transform": Affine(10, 0, 5e5, 0, 10, 5.5e6)}),
    "rotated": (scene_numbers(70, 90), {"transform": Affine(8, 6, 5e5, 6, -8, 5.5e6)}),
    "utm 60 over the date line": (
        scene_numbers(40, 90), {"crs": "EPSG:32660", "transform": Affine(10, 0, 820_000, 0, -10, 200_000)},
    ),
    "utm 1 over the date line": (
        scene_numbers(40, 90), {"crs": "EPSG:32701", "transform": Affine(10, 0, 178_600, 0, -10, 8_174_000)},
    ),
    "degrees over the date line": (
        scene_numbers(40, 90), {"crs": "EPSG:4326", "transform": Affine(9e-5, 0, 179.996, 0, -9e-5, -16)},
    ),
    "at the north pole": (
        scene_numbers(60, 70), {"crs": "EPSG:3413", "transform": Affine(10, 0, -350, 0, -10, 300)},
    ),
    "antarctic": (scene_numbers(60, 70), {"crs": "EPSG:3031", "transform": Affine(10, 0, -1e6, 0, -10, 5e5)}),
    "one pixel": (scene_numbers(1, 1, hole=False), {}),
    "smaller than a window": (scene_numbers(3, 5, hole=False), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_the_same_map_of_one_file_of_bands_and_of_two_halves(classify, tmp_path, name):
    dn_BRC, profile = ODD[name]
    whole = classify(write_scene(tmp_path / "scene.tif", dn_BRC, **profile))
    np.testing.assert_array_equal(whole.codes != 255, valid_of(dn_BRC))
    assert_same_map(whole, classify(write_scene(tmp_path / "again.tif", dn_BRC, **profile), batch_size=7))
    folder = tmp_path / "bands"
    folder.mkdir()
    for band, data in zip(BANDS, dn_BRC, strict=True):
        write_scene(folder / f"{band}.tif", data[None], names=(band,), tags=TAGS, **profile)
    assert_same_map(whole, classify(folder))
    if dn_BRC.shape[2] > 1:
        left, right = halves(tmp_path, dn_BRC, overlap=2, **profile)
        for mosaic in (MosaicMode.FIRST, MosaicMode.LAST):
            assert_same_map(whole, classify(left, right, mosaic=mosaic))
            assert_same_map(whole, classify(right, left, mosaic=mosaic, batch_size=5))


def test_a_very_wide_scene_and_its_halves(classify, tmp_path):
    dn_BRC = scene_numbers(40, 9000)
    whole = classify(write_scene(tmp_path / "scene.tif", dn_BRC), tile=256)
    np.testing.assert_array_equal(whole.codes != 255, valid_of(dn_BRC))
    assert_same_map(whole, classify(*halves(tmp_path, dn_BRC), tile=256, batch_size=3))


def test_jpeg_2000_bands_and_halves(classify, tmp_path):
    dn_BRC = scene_numbers()
    folder = write_band_folder(tmp_path / "IMG_DATA", dict(zip(BANDS, dn_BRC, strict=True)))
    bands = classify(folder, level="L1C", product="sentinel-2-l1c")
    assert_same_map(bands, classify(*halves(tmp_path, dn_BRC)))


@pytest.mark.parametrize(("mosaic", "seen"), [(MosaicMode.FIRST, 0), (MosaicMode.LAST, 1)])
def test_processing_baselines_side_by_side(classify, tmp_path, mosaic, seen):
    """Two dates of one place, the second of a newer baseline: the map of the one that is seen."""
    older, newer = scene_numbers(), smooth_numbers(70, 90, seed=5)
    first = write_scene(tmp_path / "older.tif", older)
    second = write_scene(tmp_path / "newer.tif", newer + 1000, tags={**TAGS, "offset": "-0.1"})
    expected = np.where(valid_of(older), older, newer) if seen == 0 else newer
    alone = classify(write_scene(tmp_path / "expected.tif", expected))
    both = classify(first, second, mosaic=mosaic)
    assert_same_map(both, alone)
    assert both.tags["steppe_radiometry"] == "scale=0.0001 offset=0 stated"


def blended(engine, scene, tile=64):
    """Class probabilities of a whole scene, window by window and blended in one go."""
    plan = TilePlan(scene.grid.height, scene.grid.width, tile, 32, 32)
    rows, cols = plan.rows, plan.cols
    sums = np.zeros((engine.classes, rows.origins[-1] + rows.tile, cols.origins[-1] + cols.tile))
    for window in read_windows(scene, plan, engine.bundle.manifest):
        if window.dn_BHW is not None:
            weights = np.outer(rows.weights()[window.row], cols.weights()[window.col])
            top, left = rows.origins[window.row], cols.origins[window.col]
            sums[:, top : top + rows.tile, left : left + cols.tile] += engine.run(window.dn_BHW[None])[0] * weights
    return sums[:, 32 : 32 + scene.grid.height, 32 : 32 + scene.grid.width]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_the_mean_over_dates_is_that_of_whole_blended_rasters(engine, batch_size):
    random = np.random.default_rng(0)
    scenes = []
    for seed in range(3):
        data, valid = smooth_numbers(90, 150, seed=seed), random.random((90, 150)) > 0.2
        valid[:, 100 - 30 * seed :] &= seed == 0  # whole windows without data
        valid[40:60, 20:50] = False
        scenes.append(ArrayScene(np.where(valid, data, 0), valid=valid))
    plan = TilePlan(90, 150, 64, 32, 32)
    wanted = Wanted({"confidence": CONFIDENCE})
    parts = list(predict_rows(scenes[0], engine, plan, batch_size=batch_size, more=scenes[1:], wanted=wanted))
    codes = np.concatenate([part.codes_HW for part in parts])
    confidence = np.concatenate([part.layers_BHW["confidence"][0] for part in parts])
    valid = np.stack([scene._valid for scene in scenes])
    each = np.stack([blended(engine, scene) for scene in scenes])
    mean = (each * valid[:, None]).sum(axis=0) / np.maximum(valid.sum(axis=0), 1)
    legend = engine.bundle.manifest.legend
    expected = class_codes(mean.astype(np.float32), valid.any(axis=0), legend)
    runner_up = np.sort(mean, axis=0)[-2:]
    clear = (runner_up[1] - runner_up[0] > 1e-5) | ~valid.any(axis=0)
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(codes[clear], expected[clear])
    percent = confidence_percent(mean.astype(np.float32), valid.any(axis=0)).astype(int)
    assert np.abs(percent - confidence).max() <= 1


def test_the_mean_of_one_scene_twice_is_its_own_map(classify, tmp_path):
    one = write_scene(tmp_path / "one.tif")
    twice = classify(one, write_scene(tmp_path / "copy.tif"), mosaic=MosaicMode.MEAN)
    assert_same_map(twice, classify(one))


def test_windows_without_any_data_have_no_mean():
    plan = TilePlan(20, 20, 32, 0, 0)
    empty = [ArrayScene(np.zeros((4, 20, 20), np.uint16), valid=np.zeros((20, 20), bool)) for _ in range(2)]
    place = tuple(next(read_windows(scene, plan, tiny_manifest())) for scene in empty)
    assert not has_data(place)
    with pytest.raises(ValueError, match="leave them out"):
        mean_probabilities([place], lambda _: pytest.fail("was run"))


def test_what_is_said_of_several_inputs(classify, tmp_path):
    scenes = [
        write_scene(tmp_path / f"{month}.tif", smooth_numbers(40, 50, seed=month), tags={**TAGS, "datetime": date})
        for month, date in ((6, "2020-06-01T10:20:30Z"), (7, "2020-07-01"), (8, "2020-08-03T10:20:30Z"))
    ]
    made = classify(*scenes, mosaic=MosaicMode.MEAN)
    JsonSchemaSTACValidator().validate_core(made.item, pystac.STACObjectType.ITEM, made.item["stac_version"])
    properties = made.item["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2020-06-01T10:20:30Z"
    assert properties["end_datetime"] == "2020-08-03T10:20:30Z"
    assert [link["href"] for link in made.item["links"] if link["rel"] == "derived_from"] == ["6.tif", "7.tif", "8.tif"]
    composition = properties["steppe:composition"]
    assert composition["mosaic"] == "mean"
    assert [part["datetime"] for part in composition["inputs"]] == [
        "2020-06-01T10:20:30Z", "2020-07-01", "2020-08-03T10:20:30Z",
    ]  # fmt: skip
    digests = [part["sha256"] for part in composition["inputs"]]
    assert len(set(digests)) == 3
    assert json.loads(made.tags["steppe_composition"]) == composition
    assert made.tags["steppe_input"] == "6.tif, 7.tif, 8.tif"
    assert made.tags["steppe_input_sha256"] == properties["steppe:input_sha256"]
    assert made.tags["steppe_input_sha256"] not in digests
    assert "datetime" not in made.tags
    assert str(tmp_path) not in json.dumps(made.item) + str(made.tags)
    assert made.outcome.identifier == "6 and 2 more"


def test_one_input_as_it_lies_says_nothing_more(classify, tmp_path):
    made = classify(write_scene(tmp_path / "one.tif"))
    assert "steppe:composition" not in made.item["properties"]
    assert "steppe_composition" not in made.tags


def geojson(path, *points, crs=None):
    named = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    ring = [list(point) for point in (*points, points[0])]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring], **named}))
    return path


def to_lonlat(transform, *pixels, crs="EPSG:32633"):
    """Longitude and latitude of places given in columns and rows."""
    transformer = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    return [transformer.transform(*(transform @ pixel)) for pixel in pixels]


def test_an_area_is_cut_from_the_scene(classify, tmp_path):
    scene = write_scene(tmp_path / "scene.tif", hole := scene_numbers())
    corners = to_lonlat(north_up(), (20.2, 12.3), (70.1, 12.2), (70.3, 52.2), (20.4, 52.1))
    made = classify(scene, aoi=geojson(tmp_path / "field.geojson", *corners))
    assert made.codes.shape == (40, 50)
    assert made.profile["transform"] == shifted(12, 20)
    np.testing.assert_array_equal(made.codes != 255, valid_of(hole)[12:52, 20:70])
    area = made.item["properties"]["steppe:composition"]["area"]
    assert area["name"] == "field.geojson"
    assert len(area["sha256"]) == 64
    boxed = classify(
        scene, bbox=(*north_up() @ (20.2, 52.1), *north_up() @ (70.1, 12.2)), area_crs="EPSG:32633"
    )  # fmt: skip
    assert_same_map(boxed, made)
    assert boxed.item["properties"]["steppe:composition"]["area"]["name"].endswith("(EPSG:32633)")


def test_a_triangle_of_two_scenes(classify, tmp_path):
    """Pixels outside the polygon have no class; along its sides the model has seen what lies beyond them."""
    dn_BRC = scene_numbers(300, 300, hole=False)
    whole = classify(write_scene(tmp_path / "scene.tif", dn_BRC))
    points = [north_up() @ place for place in ((10.0, 10.0), (290.0, 10.0), (150.0, 280.0))]
    area = geojson(tmp_path / "triangle.geojson", *points, crs="urn:ogc:def:crs:EPSG::32633")
    made = classify(*halves(tmp_path, dn_BRC), aoi=area)
    assert made.codes.shape == (269, 280)
    rows, cols = np.mgrid[10:279, 10:290] + 0.5
    inside = (cols - 10 > (rows - 10) * 140 / 270) & (cols < 290 - (rows - 10) * 140 / 270)
    np.testing.assert_array_equal(made.codes != 255, inside)
    # The tiny model sees 3 pixels around each. Along the slanted sides it sees the scene, as in the map of the whole,
    # though its windows begin elsewhere; along the cut the scene is mirrored.
    side = inside & ~(np.roll(inside, 3, axis=1) & np.roll(inside, -3, axis=1))
    side[:4], side[:, :4], side[:, -4:] = False, False, False
    assert side.sum() > 1000
    assert np.mean(made.codes[side] != whole.codes[10:279, 10:290][side]) < 0.02


@pytest.mark.parametrize("size", [0.2, 3.0])
def test_areas_smaller_than_a_window(classify, tmp_path, size):
    corners = [(40.7, 30.6), (40.7 + size, 30.6), (40.7 + size, 30.6 + size)]
    area = geojson(tmp_path / "tiny.geojson", *to_lonlat(north_up(), *corners))
    made = classify(write_scene(tmp_path / "scene.tif"), aoi=area)
    assert made.codes.size == (1 if size < 1 else 4)
    assert (made.codes != 255).any()


def test_a_box_across_the_date_line(classify, tmp_path):
    dn_BRC, profile = ODD["degrees over the date line"]
    scene = write_scene(tmp_path / "scene.tif", dn_BRC, **profile)
    made = classify(scene, bbox=(179.998, -16.0018, -179.9982, -16.0009))
    assert made.codes.shape == (10, 42)
    west, _, east, _ = made.item["bbox"]
    assert west > east


def test_another_grid(classify, tmp_path):
    """The next zone: the map's grid is asked for, its pixels are the model's on the resampled scene."""
    scene = write_scene(tmp_path / "scene.tif", scene_numbers(120, 140, hole=False))
    made = classify(scene, crs="EPSG:32634", resolution=10.0)
    assert made.profile["crs"].to_epsg() == 32634
    assert (made.profile["transform"].a, made.profile["transform"].c % 10) == (10, 0)
    assert 0.8 < (made.codes != 255).mean() < 1
    assert made.item["properties"]["steppe:composition"]["inputs"][0]["resampling"] == "bilinear"
    with open_sources(Inputs(source=scene, crs="EPSG:32634"), tiny_manifest()) as sources:
        assert isinstance(sources.scenes[0], WarpedScene)
        assert sources.grid.transform == made.profile["transform"]  # the model's pixel when none is asked for


def test_finer_scenes_are_averaged(classify, tmp_path):
    dn_BRC = smooth_numbers(40, 50)
    fine = np.repeat(np.repeat(dn_BRC, 4, axis=1), 4, axis=2)
    made = classify(write_scene(tmp_path / "fine.tif", fine, transform=north_up(2.5)), resolution=10.0)
    assert_same_map(made, classify(write_scene(tmp_path / "plain.tif", dn_BRC)))
    assert made.item["properties"]["steppe:composition"]["inputs"][0]["resampling"] == "mean"


def test_neighbouring_zones_in_one_map(classify, tmp_path):
    first = write_scene(tmp_path / "a.tif", smooth_numbers(60, 60, seed=1))
    transform = Affine(10, 0, 72_000, 0, -10, 5_513_000)
    second = write_scene(tmp_path / "b.tif", smooth_numbers(60, 60, seed=2), crs="EPSG:32634", transform=transform)
    made = classify(first, second)
    assert made.profile["crs"].to_epsg() == 32633
    assert [part.get("resampling") for part in made.item["properties"]["steppe:composition"]["inputs"]] == [
        None, "bilinear",
    ]  # fmt: skip
    assert (made.codes != 255).sum() == pytest.approx(2 * 60 * 60, rel=0.05)


def test_inputs_as_one_scene(tmp_path):
    one, other = halves(tmp_path, scene_numbers())
    with open_input(Inputs(source=one, others=(other,)), tiny_manifest()) as scene:
        assert (scene.grid.height, scene.grid.width) == (70, 90)
    with pytest.raises(ConfigError, match="no single scene"):
        open_input(Inputs(source=one, others=(other,), mosaic=MosaicMode.MEAN), tiny_manifest())


def test_digests_are_those_of_the_files(tmp_path):
    one, other = halves(tmp_path, scene_numbers())
    with open_sources(Inputs(source=one, others=(other,)), tiny_manifest()) as sources, ThreadPoolExecutor(1) as pool:
        whole, composition = sources.digests(pool)
        assert [part.digest.result() for part in composition.parts] == [part.input_digest() for part in sources.parts]
        assert whole.result() == sources.scenes[0].input_digest()


BAD = {
    "twice": (ConfigError, "given twice", ("scene", "folder/../scene"), {}),
    "levels": (
        LevelMismatch,
        "one by one",
        (
            "scene",
            "l2a",
        ),
        {},
    ),
    "silent": (
        RadiometryMismatch,
        "'silent' does not",
        (
            "scene",
            "silent",
        ),
        {},
    ),
    "levels of a mean": (LevelMismatch, "one by one", ("scene", "l2a"), {"mosaic": MosaicMode.MEAN}),
    "silent in a mean": (RadiometryMismatch, "'silent' does not", ("scene", "silent"), {"mosaic": MosaicMode.MEAN}),
    "coarse": (ResolutionMismatch, "adds no detail", ("coarse",), {"resolution": 10.0}),
    "coarse beside": (
        ResolutionMismatch,
        "adds no detail",
        (
            "scene",
            "coarse",
        ),
        {},
    ),
    "coarse grid": (ResolutionMismatch, "choose another value of --resolution", ("scene",), {"resolution": 60.0}),
    "degrees": (ConfigError, "--resolution", ("scene",), {"crs": "EPSG:4326"}),
    "no crs": (ConfigError, "EPSG:32650", ("scene",), {"crs": "EPSG:99999"}),
    "huge": (RasterTooLarge, "units of the target CRS", ("scene",), {"crs": "EPSG:32633", "resolution": 1e-6}),
    "limit": (RasterTooLarge, "the limit is 100", ("scene",), {"max_pixels": 100}),
    "both areas": (ConfigError, "--aoi or --bbox", ("scene",), {"aoi": "area.geojson", "bbox": (0, 0, 1, 1)}),
    "crs of nothing": (ConfigError, "no area", ("scene",), {"area_crs": "EPSG:4326"}),
    "no geojson": (AreaInvalid, "no GeoJSON", ("scene",), {"aoi": "area.geojson"}),
    "elsewhere": (AreaInvalid, "do not touch", ("scene",), {"bbox": (0, 0, 1, 1)}),
    "nothing there": (NoValidData, "nodata", ("empty",), {"mosaic": MosaicMode.MEAN}),
}
"""Inputs that must be refused: the error, what it says, the files and the options."""


def write_bad(folder):
    write_scene(folder / "scene.tif")
    write_scene(folder / "coarse.tif", transform=north_up(30.0))
    write_scene(folder / "l2a.tif", tags={**TAGS, "processing_level": "L2A"})
    write_scene(folder / "silent.tif", tags={"processing_level": "L1C"})
    write_scene(folder / "empty.tif", np.zeros((4, 20, 20), np.uint16))
    (folder / "area.geojson").write_text("{}")


@pytest.mark.parametrize("name", BAD)
def test_refusals(classify, tmp_path, name):
    write_bad(tmp_path)
    error, says, sources, keywords = BAD[name]
    files = [tmp_path / f"{source}.tif" for source in sources]
    if "aoi" in keywords:
        keywords = {**keywords, "aoi": tmp_path / keywords["aoi"]}
    with pytest.raises(error, match=says) as caught:
        classify(*files, **keywords)
    assert str(tmp_path) not in str(caught.value)


def test_maps_too_wide_for_the_memory(classify, tmp_path, monkeypatch):
    """The pixels would be few enough: what a run holds goes with the width."""
    monkeypatch.setattr("serving.pipeline.predict_rows", None)
    near = write_scene(tmp_path / "near.tif", scene_numbers(20, 30))
    far = write_scene(tmp_path / "far.tif", scene_numbers(20, 30), transform=shifted(0, 80_000))
    with pytest.raises(RasterTooLarge, match=r"far apart .* 20 x 80,030 pixels; at most 80,000 columns .* one by"):
        classify(near, far)
    with pytest.raises(RasterTooLarge, match="far apart"):
        classify(near, far, mosaic=MosaicMode.MEAN)
    with pytest.raises(RasterTooLarge, match=r"the map would have .* in parts"):
        classify(near, resolution=0.002)


def test_a_part_of_a_map_that_would_be_too_wide(classify, tmp_path):
    near = write_scene(tmp_path / "near.tif", scene_numbers(20, 30))
    far = write_scene(tmp_path / "far.tif", scene_numbers(20, 30), transform=shifted(0, 300_000))
    box = {"bbox": (500_000, 5_499_000, 500_300, 5_500_000), "area_crs": "EPSG:32633"}
    both, alone = classify(near, far, **box), classify(near, **box)
    assert_same_map(both, alone)


@pytest.mark.parametrize("name", ["crs", "area_crs", "level", "product", "name"])
@pytest.mark.parametrize("empty", ["", " "])
def test_values_that_are_empty(name, empty):
    """As a variable of the shell that was not set: the default must not stand in for it."""
    with pytest.raises(ConfigError, match=f"{name.replace('area_', '')} was given without a value"):
        Inputs(source=Path("scene.tif"), **{name: empty})


@pytest.mark.parametrize("names", [{"name": "Z\udcfcrich"}, {"aoi": Path("caf\udce9.geojson")}])
def test_names_that_are_not_utf_8(names):
    """As the command line gives bytes of another encoding."""
    with pytest.raises(ConfigError, match="is not UTF-8"):
        Inputs(source=Path("scene.tif"), **names)


@pytest.mark.parametrize("given", [".", "..", "../R10m", "../R10m/."])
def test_folders_named_by_dots(tmp_path, monkeypatch, given):
    bands = dict(zip(BANDS, scene_numbers(20, 30), strict=True))
    folder = write_band_folder(tmp_path / "R10m", bands, prefix="", suffix=".tif")
    (folder / "deeper").mkdir()
    monkeypatch.chdir(folder / "deeper" if given == ".." else folder)
    inputs = Inputs(source=Path(given), level="L1C")
    with open_sources(inputs, tiny_manifest()) as sources, ThreadPoolExecutor(1) as pool:
        assert sources.digests(pool)[1].hrefs == ("R10m",)
        assert sources.name == tmp_path.name  # of a folder of one resolution the product's


@pytest.mark.parametrize(("given", "day"), [("20201345", None), ("2020-02-31T25:61:99Z", None), ("99991231", "9999")])
def test_days_that_cannot_be_are_not_known(classify, tmp_path, given, day):
    found = classify(write_scene(tmp_path / "scene.tif", scene_numbers(20, 20), tags={**TAGS, "datetime": given}))
    assert found.item["properties"]["steppe:datetime_source"] == ("acquisition" if day else "created")
    assert found.tags.get("datetime", "None")[:4] == str(day)


def test_what_the_item_cannot_say_is_refused_before_the_first_row(classify, tmp_path, monkeypatch):
    """A grid whose outline has no place on the Earth, although its middle has."""
    monkeypatch.setattr("serving.pipeline.write_rasters", None)
    beyond = Affine(10, 0, 18_040_095.7 - 1200, 0, -10, 100)
    scene = write_scene(tmp_path / "scene.tif", scene_numbers(20, 200), crs="ESRI:54009", transform=beyond)
    with pytest.raises(NoGeoreference):
        classify(scene)


def test_all_inputs_are_closed_when_one_is_refused(tmp_path, engine, monkeypatch):
    closed = []
    monkeypatch.setattr("landcover.raster.base.BaseScene.close", lambda scene: closed.append(scene.identifier))
    coarse = write_scene(tmp_path / "coarse.tif", transform=north_up(30.0))
    with pytest.raises(ResolutionMismatch):
        open_sources(Inputs(source=write_scene(tmp_path / "scene.tif"), others=(coarse,)), engine.bundle.manifest)
    assert sorted(closed) == ["coarse", "scene"]
