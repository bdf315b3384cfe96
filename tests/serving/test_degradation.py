"""Two scenes to a map of what changed: the same figures as one plain computation, and every refusal in one sentence."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rio_cogeo.cogeo import cog_validate

from landcover.errors import ConfigError, DataError, GridMismatch, LevelMismatch, NoValidData, ResolutionMismatch
from landcover.raster.multiband import MultibandScene
from landcover.tiling import MARGIN, TilePlan, mirror, round_up
from serving import cli
from serving.classify import classify_scene
from serving.degradation import DatesMismatch, DegradationModelWanted, PairInputs, SameImage, compare_scenes
from serving.engine import Engine
from serving.outputs.typeface import typeface_for
from serving.request import Inputs, Outputs
from serving.sources import TwoDatesWanted
from tests.bundles import BANDS, pair_bundle, tiny_bundle
from tests.rasters import north_up, write_tiff
from tests.scenes import as_shown, smooth_numbers
from tests.service import left_in, make_settings, valid_of

SHAPE = (70, 90)
NODATA = -32768
DATES = ("2016-03-01T10:20:30Z", "2018-04-02")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A registry with models of one date and of two."""
    folder = tmp_path_factory.mktemp("models")
    pair_bundle(folder)
    tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def engine(models):
    return Engine(pair_bundle(models, version="0.2.0"), provider="cpu", threads=1)


@pytest.fixture
def settings(tmp_path, models):
    return make_settings(tmp_path, models, tmp_path / "zoo")


def numbers(seed, shape=SHAPE, hole=None):
    dn_BRC = smooth_numbers(*shape, seed=seed)
    if hole is not None:
        dn_BRC[(slice(None), *hole)] = 0
    return dn_BRC


def write_date(path, dn_BRC, date, *, drop=(), tags=None, **profile):
    stated = {"processing_level": "L1C", "scale": "0.0001", "offset": "0", "datetime": date} | (tags or {})
    kept = {name: value for name, value in stated.items() if name not in drop}
    return write_tiff(path, dn_BRC, **({"names": BANDS, "tags": kept, "nodata": 0} | profile))


@pytest.fixture
def images(tmp_path):
    """A pair with a hole in each date."""
    before, after = numbers(1, hole=(slice(4, 12), slice(20, 40))), numbers(2, hole=(slice(30, 50), slice(0, 9)))
    older = write_date(tmp_path / "older.tif", before, DATES[0])
    return (older, write_date(tmp_path / "younger.tif", after, DATES[1])), (before, after)


@pytest.fixture
def compare(engine, settings, out):
    """Compares two files; answers the map, the confidence and the outcome."""

    def run(before, after, *, stem="map", engine=engine, changes=None, **keywords):
        options = {key: keywords.pop(key) for key in ("bands", "level", "product", "max_pixels") & keywords.keys()}
        outputs = Outputs(map=out / f"{stem}.tif", confidence=out / f"{stem}_confidence.tif")
        inputs = PairInputs(before=Inputs(source=before, **options), after=Inputs(source=after, **options), **keywords)
        outcome = compare_scenes(inputs, outputs, engine, settings.model_copy(update=changes or {}))
        with rasterio.open(outputs.map) as codes, rasterio.open(outputs.confidence) as confidence:
            return codes.read(1), confidence.read(1), outcome

    return run


def overview_of(dn_BRC):
    """The pixels in the middles of 64 x 64 equal parts, (1, band, row, col)."""
    rows, cols = ([int((part + 0.5) * side / 64) for part in range(64)] for side in dn_BRC.shape[1:])
    return dn_BRC[None][:, :, rows][:, :, :, cols]


def one_pass(engine, dn_BRC):
    """Probabilities of a whole image in one window, (class, row, col), computed as plainly as can be."""
    height, width = dn_BRC.shape[1:]
    far = [MARGIN + round_up(side + 2 * MARGIN) - side - 2 * MARGIN for side in (height, width)]
    padded = np.pad(dn_BRC, [(0, 0), (MARGIN, far[0]), (MARGIN, far[1])], mode="symmetric")
    return engine.run(as_shown(padded, dates=2)[None], overview_of(dn_BRC))[
        0, :, MARGIN : MARGIN + height, MARGIN : MARGIN + width
    ]


def test_the_map_of_one_window_is_one_pass_over_both_images(compare, engine, images):
    (before, after), arrays = images
    codes, confidence, outcome = compare(before, after, changes={"tile": 256})
    probabilities = one_pass(engine, np.concatenate(arrays))
    valid = valid_of(arrays[0]) & valid_of(arrays[1])
    np.testing.assert_array_equal(codes, np.where(valid, probabilities.argmax(axis=0) - 1, NODATA))
    np.testing.assert_array_equal(confidence, np.where(valid, np.rint(100 * probabilities.max(axis=0)), 255))
    assert codes.dtype == np.int16
    assert set(np.unique(codes)) == {-1, 0, 1, NODATA}, "a map of one class would equal many others"
    assert outcome.areas.valid_pixels == valid.sum()


def test_the_overview_is_that_of_the_scene_and_not_of_the_window(compare, engine, images):
    """Against windows of 64 pixels that are each run with the overview of the whole scene, then blended."""
    (before, after), arrays = images
    codes, _, _ = compare(before, after, changes={"tile": 64, "overlap": 32})
    dn_BRC = np.concatenate(arrays)
    plan = TilePlan(*SHAPE, 64, 32, MARGIN)
    rows, cols = (mirror(-MARGIN, side + MARGIN + 64, side) for side in SHAPE)
    padded, blended = dn_BRC[:, rows][:, :, cols], np.zeros((3, SHAPE[0] + 192, SHAPE[1] + 192))
    for row, down in zip(plan.rows.origins, plan.rows.weights(), strict=True):
        for col, along in zip(plan.cols.origins, plan.cols.weights(), strict=True):
            place = (slice(None), slice(row, row + 64), slice(col, col + 64))
            blended[place] += engine.run(as_shown(padded[place], dates=2)[None], overview_of(dn_BRC))[0] * np.outer(
                down, along
            )
    expected = blended[:, MARGIN : MARGIN + SHAPE[0], MARGIN : MARGIN + SHAPE[1]].argmax(axis=0) - 1
    np.testing.assert_array_equal(codes[codes != NODATA], expected[codes != NODATA])


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_the_map_does_not_depend_on_the_batch_size(compare, images, batch_size):
    (before, after), _ = images
    tiles = {"tile": 64, "overlap": 32}
    codes = compare(before, after, changes=tiles | {"batch_size": 2})[0]
    np.testing.assert_array_equal(codes, compare(before, after, changes=tiles | {"batch_size": batch_size})[0])


def test_each_date_has_its_own_offset(compare, images, tmp_path):
    """DN of baseline 04.00 are 1000 larger for the same reflectance."""
    (before, after), arrays = images
    shifted = np.where(valid_of(arrays[1]), arrays[1] + 1000, 0).astype(np.uint16)
    newer = write_date(tmp_path / "newer.tif", shifted, DATES[1], tags={"offset": "-0.1"})
    np.testing.assert_array_equal(compare(before, after)[0], compare(before, newer, stem="newer")[0])


def test_a_younger_image_of_another_extent_gives_the_older_ones_pixels(compare, engine, images, tmp_path):
    (before, _), arrays = images
    elsewhere = numbers(2, (60, 100))
    transform = north_up() @ Affine.translation(15, 20)
    cut = write_date(tmp_path / "cut.tif", elsewhere, DATES[1], transform=transform)
    codes, _, outcome = compare(before, cut, changes={"tile": 256})
    common = np.concatenate([arrays[0][:, 20:70, 15:90], elsewhere[:, :50, :75]])
    np.testing.assert_array_equal(codes, one_pass(engine, common).argmax(axis=0) - 1)
    with rasterio.open(outcome.files["map"]) as dataset:
        assert dataset.transform == transform


def test_a_younger_image_between_the_pixels_is_resampled_and_that_is_said(compare, images, tmp_path):
    (before, _), arrays = images
    transform = north_up() @ Affine.translation(0.4, 0.3)
    codes, _, outcome = compare(before, write_date(tmp_path / "off.tif", arrays[1], DATES[1], transform=transform))
    assert codes.shape == SHAPE, "no centre lies outside"
    with rasterio.open(outcome.files["map"]) as dataset:
        parts = json.loads(dataset.tags()["steppe_composition"])["inputs"]
    assert [part.get("resampling") for part in parts] == [None, "bilinear"]


def test_all_products(images, settings, engine, out):
    (before, after), _ = images
    files = {"confidence": "c.tif", "preview": "p.png", "areas": "a.json", "stac": "i.json"}
    outputs = Outputs(map=out / "map.tif", **{role: out / name for role, name in files.items()})
    inputs = PairInputs(before=Inputs(source=before), after=Inputs(source=after), name="Place")
    outcome = compare_scenes(inputs, outputs, engine, settings)
    assert left_in(out) == sorted(["map.tif", "map.qml", *files.values()])
    with rasterio.open(out / "map.tif") as dataset:
        codes, tags = dataset.read(1), dataset.tags()
        assert (dataset.nodata, dataset.dtypes) == (NODATA, ("int16",))
    assert cog_validate(out / "map.tif", strict=True, quiet=True)[0]
    counted = {entry["code"]: entry["pixels"] for entry in json.loads((out / "a.json").read_text())["classes"]}
    assert counted == {code: int((codes == code).sum()) for code in (-1, 0, 1)}
    assert 'value="-1" color="#9b2779"' in (out / "map.qml").read_text()
    parts = json.loads(tags["steppe_composition"])["inputs"]
    assert [(part["role"], part["href"]) for part in parts] == [("before", "older.tif"), ("after", "younger.tif")]
    assert [part["datetime"] for part in parts] == list(DATES)
    assert [part["sha256"] for part in parts] == [hashlib.sha256(p.read_bytes()).hexdigest() for p in (before, after)]
    item = json.loads((out / "i.json").read_text())
    JsonSchemaSTACValidator().validate_core(item, pystac.STACObjectType.ITEM, item["stac_version"])
    properties = item["properties"]
    assert (properties["datetime"], properties["title"]) == (None, "Land degradation of Place")
    assert (properties["start_datetime"], properties["end_datetime"]) == (DATES[0], "2018-04-02T23:59:59Z")
    links = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert links == ["older.tif", "younger.tif"]
    assert properties["steppe:composition"]["inputs"] == parts
    assert item["assets"]["map"]["title"] == "Land degradation map"
    assert item["assets"]["map"]["bands"][0]["nodata"] == NODATA
    assert outcome.warnings == ()


def test_what_the_files_do_not_say_is_said(compare, tmp_path):
    drop = ("datetime", "scale", "offset")
    older = write_date(tmp_path / "older.tif", numbers(1), DATES[0], drop=drop)
    younger = write_date(tmp_path / "younger.tif", numbers(2), DATES[1], drop=drop)
    warnings = compare(older, younger)[2].warnings
    assert [warning.split(" does not ")[0] for warning in warnings] == ["'older.tif'"] * 2 + ["'younger.tif'"] * 2
    assert "--before-date" in warnings[0]
    assert "was assumed" in warnings[3]
    stated = compare(older, younger, before_date="20160301", after_date="2018-04-02", product="sentinel-2-l1c")[2]
    assert stated.warnings == ()
    with rasterio.open(stated.files["map"]) as dataset:
        parts = json.loads(dataset.tags()["steppe_composition"])["inputs"]
    assert [part["datetime"] for part in parts] == ["2016-03-01", "2018-04-02"]


def test_a_period_needs_both_dates(settings, engine, out, tmp_path):
    """With one date unknown there is no period to give, and half of one would be read as the date of the change."""
    older = write_date(tmp_path / "older.tif", numbers(1), DATES[0])
    younger = write_date(tmp_path / "younger.tif", numbers(2), DATES[1], drop=("datetime",))
    outputs = Outputs(map=out / "map.tif", stac=out / "item.json")
    inputs = PairInputs(before=Inputs(source=older), after=Inputs(source=younger))
    compare_scenes(inputs, outputs, engine, settings)
    properties = json.loads((out / "item.json").read_text())["properties"]
    assert properties["steppe:datetime_source"] == "created"
    assert "start_datetime" not in properties
    assert [entry.get("datetime") for entry in properties["steppe:composition"]["inputs"]] == [DATES[0], None]


def test_refused_images_are_closed(refused, images, monkeypatch):
    closed = []
    close = MultibandScene.close
    monkeypatch.setattr(MultibandScene, "close", lambda scene: closed.append(scene.identifier) or close(scene))
    (before, after), _ = images
    refused(DatesMismatch, after, before)
    assert sorted(closed) == ["older", "younger"]


@pytest.fixture
def refused(compare, out):
    """Compares what must be refused; answers the sentence."""

    def run(error, *images, **keywords):
        with pytest.raises(error) as refusal:
            compare(*images, **keywords)
        assert left_in(out) == []
        return str(refusal.value)

    return run


def test_dates_in_the_wrong_order(refused, images):
    (before, after), _ = images
    said = refused(DatesMismatch, after, before)
    assert said == "BEFORE is of 2018-04-02, AFTER is of 2016-03-01; give the older image as BEFORE"


def test_two_images_of_one_day(refused, images, tmp_path):
    (before, _), arrays = images
    evening = write_date(tmp_path / "evening.tif", arrays[1], "2016-03-01T18:00:00Z")
    assert "both images were taken on 2016-03-01" in refused(DatesMismatch, before, evening)


@pytest.mark.parametrize(
    ("stated", "error"),
    [
        ("2017-01-01", DatesMismatch),
        ("last spring", ConfigError),
        ("2017-13-01", ConfigError),
        ("2016-03-01T25:00:00Z", ConfigError),
    ],
)
def test_a_date_that_cannot_be(refused, images, stated, error):
    (before, after), _ = images
    assert "--before-date" in refused(error, before, after, before_date=stated)


def test_the_same_image_twice(refused, images, tmp_path):
    (before, _), _ = images
    assert "'older.tif' was given for both dates" in refused(SameImage, before, before)
    link = tmp_path / "link.tif"
    link.symlink_to(before)
    assert "was given for both dates" in refused(SameImage, before, link)
    hard = tmp_path / "hard.tif"
    hard.hardlink_to(before)  # as a worker names an upload
    assert "was given for both dates" in refused(SameImage, before, hard)
    undated = write_date(tmp_path / "undated.tif", numbers(1), DATES[0], drop=("datetime",))
    copy = tmp_path / "copy.tif"
    copy.write_bytes(undated.read_bytes())
    assert "'undated.tif' and 'copy.tif' are copies of one image" in refused(SameImage, undated, copy)


def test_two_processing_levels(refused, images, models, tmp_path):
    (before, _), arrays = images
    l2a = write_date(tmp_path / "l2a.tif", arrays[1], DATES[1], tags={"processing_level": "L2A"})
    assert "'older' is L1C and 'l2a' is L2A" in refused(LevelMismatch, before, l2a)
    l1c = Engine(pair_bundle(models, name="l1c", levels=("L1C",)), provider="cpu", threads=1)
    said = refused(LevelMismatch, before, l2a, engine=l1c)
    assert said.startswith("AFTER: the input is L2A, model l1c@0.1.0 was made for L1C")


def test_no_place_in_common(refused, images, tmp_path):
    (before, _), arrays = images
    for name, profile in (
        ("far", {"transform": north_up() @ Affine.translation(90, 0)}),
        ("zone", {"crs": "EPSG:32733"}),
    ):
        far = write_date(tmp_path / f"{name}.tif", arrays[1], DATES[1], **profile)
        assert refused(GridMismatch, before, far).startswith(f"'older' and '{name}' have no place in common")


def test_no_pixel_with_data_at_both_dates(refused, tmp_path):
    left = write_date(tmp_path / "left.tif", numbers(1, hole=(slice(None), slice(45, 90))), DATES[0])
    right = write_date(tmp_path / "right.tif", numbers(2, hole=(slice(None), slice(0, 45))), DATES[1])
    said = refused(NoValidData, left, right)
    assert said == "all 6,300 pixels of 'left and right' are nodata at one date or the other: nothing to map"


def test_what_is_wrong_with_one_image_is_said_with_its_role(refused, images, tmp_path):
    (before, after), arrays = images
    few = write_date(tmp_path / "few.tif", arrays[1][:3], DATES[1], names=BANDS[:3])
    assert "AFTER: 'few.tif' has no band B08" in refused(DataError, before, few)
    coarse = write_date(tmp_path / "coarse.tif", arrays[0], DATES[0], transform=north_up(30))
    assert "BEFORE: pixels measure 30 x 30 m" in refused(ResolutionMismatch, coarse, after)
    assert "BEFORE: 'none.tif' does not exist" in refused(DataError, tmp_path / "none.tif", after)


def test_models_of_one_date_and_of_two_are_told_apart(refused, images, models, engine, settings, out):
    (before, after), _ = images
    single = Engine(tiny_bundle(models, version="0.3.0"), provider="cpu", threads=1)
    said = refused(DegradationModelWanted, before, after, engine=single)
    assert "model tiny@0.3.0 maps unccd7 from one image; choose one that maps degradation3" in said
    with pytest.raises(TwoDatesWanted, match="give both images to steppe degradation"):
        classify_scene(Inputs(source=before), Outputs(map=out / "map.tif"), engine, settings)


def test_an_output_that_is_an_input(compare, images, out):
    (before, after), _ = images
    content = after.read_bytes()
    with pytest.raises(ConfigError, match=r"output 'map.tif' is the input itself"):
        compare(before, after.rename(out / "map.tif"))
    assert (out / "map.tif").read_bytes() == content


@pytest.fixture
def command(environment, models):
    """The settings as the command line finds them."""
    environment.setenv("STEPPE_REGISTRY", str(models))
    environment.setenv("STEPPE_DEGRADATION_MODEL", "pair@0.1.0")


@pytest.mark.usefixtures("command")
def test_the_command(images, out, capsys):
    (before, after), _ = images
    assert cli.main(["degradation", str(before), str(after), "-o", str(out / "map.tif"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["scene"], answer["model"]) == ("older and younger", "pair@0.1.0")
    assert answer["files"]["map"] == str(out / "map.tif")
    options = ["--name", "Place", "--preview", str(out / "map.png")]
    assert cli.main(["degradation", str(before), str(after), "-o", str(out / "again.tif"), *options]) == 0
    said = capsys.readouterr().out
    assert "Degraded" in said
    assert "Place: 6,300 pixels" in said
    with rasterio.open(out / "map.tif") as one, rasterio.open(out / "again.tif") as other:
        np.testing.assert_array_equal(one.read(), other.read())
    picture = (out / "map.png").read_bytes()
    options += ["--language", "fr", "--areas", str(out / "areas.json")]
    assert cli.main(["degradation", str(before), str(after), "-o", str(out / "again.tif"), *options]) == 0
    assert "En amélioration" in capsys.readouterr().out
    assert json.loads((out / "areas.json").read_text())["classes"][0]["title"] == "Dégradée"
    if typeface_for(["é"]):
        assert (out / "map.png").read_bytes() != picture


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--model", "tiny"], 4, "model tiny@"),
        (["--level", "L2A"], 3, "BEFORE: processing level is L1C"),
        (["--after-product", "sentinel-2-l1c-0400"], 3, "AFTER: scale and offset are"),
        (["--before-bands", "B02,B03"], 3, "BEFORE: 2 band names were given"),
        (["--after-date", "2015-01-01"], 3, "--after-date says 2015-01-01"),
    ],
)
def test_refusals_of_the_command(images, out, capsys, options, code, said):
    (before, after), _ = images
    assert cli.main(["degradation", str(before), str(after), "-o", str(out / "map.tif"), *options]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("steppe: ")
    assert said in line
    assert left_in(out) == []


def test_the_shipped_model_is_the_default(environment, images, out, capsys):
    """Nine bands wanted, four given: the model of the zoo was loaded and asked."""
    for name in ("REGISTRY", "ZOO", "MODEL"):
        environment.delenv(f"STEPPE_{name}")
    (before, after), _ = images
    assert cli.main(["degradation", str(before), str(after), "-o", str(out / "map.tif")]) == 3
    assert "has no band B05, B06, B07, B11, B12" in capsys.readouterr().err
