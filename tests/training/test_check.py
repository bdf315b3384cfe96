"""``steppe train check`` on every bad input it is for, through the command itself."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from pyproj import Transformer

from serving.cli import main
from tests.rasters import BANDS, cut
from tests.training.own_data import (
    SHAPE,
    TAGS,
    box,
    codes,
    dark_numbers,
    grid_at,
    make_data,
    write_config,
    write_geojson,
    write_image,
    write_labels,
)
from training.check.scenes import TooManyBadScenes, usable
from training.config import data_from_config

CONFIGS = Path(__file__).parents[2] / "configs/train"


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path)


@pytest.fixture
def check(capsys):
    """Runs the command; answers its exit code and all it said, in one line."""

    def run(config, *options):
        code = main(["train", "check", "-c", str(config), *options])
        said = capsys.readouterr()
        return code, " ".join((said.out + said.err).split())

    return run


@pytest.fixture
def found(capsys):
    """Runs the command for a pipeline; answers its exit code and its JSON."""

    def run(config, *options):
        code = main(["train", "check", "--json", "-c", str(config), *options])
        return code, json.loads(capsys.readouterr().out)

    return run


def of(answer, check):
    return [finding for finding in answer["findings"] if finding["check"] == check]


def test_good_data_has_nothing_to_say(data, check):
    code, said = check(write_config(data))
    assert code == 0
    assert said.endswith("data can be trained on: nothing found")


def test_the_json_counts_labels_of_every_split(data, found):
    code, answer = found(write_config(data))
    assert (code, answer["ok"], answer["findings"]) == (0, True, [])
    counts = np.bincount(codes(1).ravel(), minlength=8)[1:]
    assert list(answer["splits"]["val"]["pixels"].values()) == counts.tolist()


# --- a: nothing there -------------------------------------------------------------------------------------------------


def test_an_empty_folder_is_named(tmp_path, check):
    (tmp_path / "empty").mkdir()
    code, said = check(write_config(tmp_path, files={"root": str(tmp_path / "empty")}))
    assert code == 3
    assert "empty' holds no images that match 'images/*'" in said


def test_images_without_any_labels_are_named(data, check):
    for path in (data / "labels").iterdir():
        path.unlink()
    code, said = check(write_config(data))
    assert code == 3
    assert "holds 3 images, but no labels match 'labels/{name}'" in said


# --- b: classes that do not exist -------------------------------------------------------------------------------------


def test_codes_out_of_the_legend_are_counted_by_file_and_value(data, check, found):
    bad = codes(0)
    bad[:2, :3], bad[5, 5] = 8, 254
    write_labels(data / "labels/alpha.tif", bad)
    code, answer = found(write_config(data))
    assert code == 3
    rows = of(answer, "unmapped-codes")
    assert {(row["file"], row["value"], row["count"]) for row in rows} == {
        ("alpha.tif", "8", 6),
        ("alpha.tif", "254", 1),
    }
    _, said = check(write_config(data))
    assert "labels hold 8 in 6 pixels" in said


def test_a_label_of_255_is_no_class_and_no_error(data, check):
    none = codes(0)
    none[:3] = 255
    write_labels(data / "labels/alpha.tif", none)
    assert check(write_config(data))[0] == 0


def test_values_of_a_column_that_mean_nothing_are_counted(data, found):
    write_geojson(data / "labels.geojson", [(box(1, 1, 9, 9), {"kind": "swamp"})] * 3)
    config = write_config(data, files={"root": str(data), "labels": "labels.geojson"}, vectors={"column": "kind"})
    code, answer = found(config)
    assert code == 3
    assert {(row["value"], row["count"]) for row in of(answer, "unmapped-codes")} == {("swamp", 3)}


# --- c: nothing to learn ----------------------------------------------------------------------------------------------


def test_a_scene_without_labels_is_an_error(data, check):
    write_labels(data / "labels/alpha.tif", np.full(SHAPE, 255, np.uint8))
    code, said = check(write_config(data))
    assert code == 3
    assert "all 4,200 labels are ignored" in said


def test_a_split_without_labels_is_an_error(tmp_path, found):
    shape = (64, 64)
    write_image(tmp_path / "images/a.tif", dark_numbers(0, shape))
    half = codes(0, shape)
    half[:, 32:] = 255
    write_labels(tmp_path / "labels/a.tif", half)
    split = {"sites": {"train": ["*/?-0"], "val": ["a/0-1"], "test": ["a/1-1"]}, "blocks": {"size": 32, "buffer": 4}}
    code, answer = found(write_config(tmp_path, split=split))
    assert code == 3
    assert {row["split"] for row in of(answer, "all-ignored")} == {"val", "test"}


def test_missing_classes_and_single_classes_are_warnings(data, found):
    write_labels(data / "labels/alpha.tif", np.where(codes(0) == 7, 1, codes(0)).astype(np.uint8))
    write_labels(data / "labels/beta.tif", np.full(SHAPE, 3, np.uint8), 1)
    code, answer = found(write_config(data))
    assert (code, answer["ok"]) == (0, True)
    missing = {row["split"]: row["message"] for row in of(answer, "missing-class")}
    assert missing["train"] == "Water bodies: never labelled in 'train', the model cannot learn it"
    assert "undefined there" in missing["val"]
    assert [row["message"] for row in of(answer, "single-class")] == [
        "all labels of 'val' are 'Cropland': a model learns nothing from a single class"
    ]


# --- d, e: grids ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ({"crs": "EPSG:32632"}, "is in 'WGS 84 / UTM zone 32N', its image in 'WGS 84 / UTM zone 33N'"),
        ({"crs": None}, "has no coordinate reference system"),
        ({"transform": None}, "has no pixel-to-map transform"),
        ({"transform": grid_at(0, pixel=20.0)}, "has pixels of 20 x 20 units, its image of 10 x 10"),
        ({"transform": grid_at(0, shift=0.5)}, "is shifted against its image by 0.50 pixels across and 0.50 down"),
        ({"transform": grid_at(0, shift=0.06)}, "is shifted against its image by 0.06 pixels across"),
    ],
)
def test_labels_on_another_grid_are_refused(data, check, profile, says):
    write_labels(data / "labels/alpha.tif", codes(0), **profile)
    code, said = check(write_config(data))
    assert code == 3
    assert says in said
    assert "alpha" in said


def test_labels_of_another_size_are_refused(data, check):
    write_labels(data / "labels/alpha.tif", codes(0, (SHAPE[0], SHAPE[1] - 1)))
    code, said = check(write_config(data))
    assert code == 3
    assert "has 60 x 69 pixels, its image 60 x 70" in said


@pytest.mark.parametrize("reading", [{"max_shift": 0.6}, {"resample": True}])
def test_a_shift_is_accepted_when_the_config_says_so(data, check, reading):
    write_labels(data / "labels/alpha.tif", codes(0), transform=grid_at(0, shift=0.4))
    assert check(write_config(data, reading=reading))[0] == 0


def test_a_shift_below_the_tolerance_is_fine(data, check):
    write_labels(data / "labels/alpha.tif", codes(0), transform=grid_at(0, shift=0.04))
    assert check(write_config(data))[0] == 0


# --- f: files that cannot be read -------------------------------------------------------------------------------------


@pytest.fixture
def damaged(tmp_path):
    """Seven places, two of them damaged: one file is cut short, one is no raster."""
    make_data(tmp_path, [f"place{number}" for number in range(7)])
    write_image(
        tmp_path / "images/place2.tif", dark_numbers(2, (200, 200)), 2, tiled=True, blockxsize=64, blockysize=64
    )
    write_labels(tmp_path / "labels/place2.tif", codes(2, (200, 200)), 2)
    cut(tmp_path / "images/place2.tif", 0.6)
    (tmp_path / "images/place5.tif").write_text("<!doctype html>")
    split = {"sites": {"train": ["*"], "val": ["place0"], "test": ["place1"]}}
    return write_config(tmp_path, split=split)


def test_damaged_files_are_errors(damaged, check, found):
    code, answer = found(damaged)
    assert code == 3
    errors = {(row["scene"], row["file"]) for row in answer["findings"] if row["severity"] == "error"}
    assert errors == {("place2", "place2.tif"), ("place5", "place5.tif")}
    (row,) = of(answer, "unreadable")
    assert row["file"] == "place2.tif"
    assert "pixels are missing or damaged" in row["message"]
    assert "neither TIFF nor JPEG 2000" in check(damaged)[1]


def test_a_few_bad_scenes_can_be_skipped_and_are_listed(damaged, found):
    code, answer = found(damaged, "--skip-bad", "2")
    assert code == 0
    assert answer["skipped"] == ["place2", "place5"]
    assert answer["splits"]["train"]["scenes"] == 3
    assert found(damaged, "--skip-bad", "1")[0] == 3


def test_training_skips_by_the_same_rule(damaged, caplog):
    source = data_from_config(damaged).source
    kept = usable(source, 2)
    assert [scene.info.name for scene in kept] == [f"place{number}" for number in (0, 1, 3, 4, 6)]
    assert "2 bad scenes are left out: place5: " in caplog.text or "place2: " in caplog.text
    with pytest.raises(TooManyBadScenes, match="2 scenes are bad, at most 1 may be skipped"):
        usable(source, 1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: write_image(path, dark_numbers(0)[:3], names=BANDS[:3]), "has no band B08"),
        (lambda path: write_image(path, dark_numbers(0), names=None), "4 bands without names"),
        (lambda path: write_image(path, dark_numbers(0).astype(np.float32)), "has float32 samples"),
        (
            lambda path: write_image(path, dark_numbers(0).astype(np.uint8), photometric="minisblack"),
            "has uint8 samples",
        ),
        (lambda path: write_image(path, np.zeros((4, *SHAPE), np.uint16)), "all 4,200 pixels of the image are nodata"),
        (lambda path: write_image(path, dark_numbers(0), tags=TAGS | {"offset": "-0.1"}), "scale and offset are"),
    ],
)
def test_images_that_are_not_what_the_config_says(data, check, make, says):
    make(data / "images/alpha.tif")
    code, said = check(write_config(data, reading={"product": "sentinel-2-l2a"}))
    assert code == 3
    assert says in said


# --- g: leakage -------------------------------------------------------------------------------------------------------


def test_the_same_tile_in_two_splits_is_found_by_its_pixels(data, found):
    write_image(data / "images/beta.tif", dark_numbers(0), 1)  # elsewhere by its georeference
    code, answer = found(write_config(data))
    assert code == 3
    (row,) = of(answer, "duplicate")
    assert {row["scene"], row["value"]} == {"alpha", "beta"}
    assert "are the same image, pixel by pixel" in row["message"]


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:32632"])
def test_overlapping_ground_in_two_splits_is_found_across_crs(tmp_path, found, crs):
    make_data(tmp_path, ["alpha", "gamma"])
    x, y = Transformer.from_crs("EPSG:32633", crs, always_xy=True).transform(*(grid_at(0) @ (40, 30)))
    place = {"crs": crs, "transform": Affine(10, 0, x, 0, -10, y)}
    write_image(tmp_path / "images/beta.tif", dark_numbers(5), **place)
    write_labels(tmp_path / "labels/beta.tif", codes(5), **place)
    code, answer = found(write_config(tmp_path))
    assert code == 3
    (row,) = of(answer, "overlap")
    assert row["count"] == pytest.approx(30 * 30, rel=0.15)
    assert "show the same ground" in row["message"]


def test_neighbours_that_touch_are_no_leak(tmp_path, found):
    for number, place in enumerate(("alpha", "beta", "gamma")):
        where = grid_at(0) @ grid_at(0).translation(number * SHAPE[1], 0)
        write_image(tmp_path / f"images/{place}.tif", dark_numbers(number), transform=where)
        write_labels(tmp_path / f"labels/{place}.tif", codes(number), transform=where)
    assert found(write_config(tmp_path))[0] == 0


def test_blocks_keep_their_buffer(tmp_path, found):
    shape = (96, 128)
    write_image(tmp_path / "images/a.tif", dark_numbers(0, shape))
    write_labels(tmp_path / "labels/a.tif", codes(0, shape))
    split = {"fractions": {"train": 0.5, "val": 0.25, "test": 0.25}, "blocks": {"size": 32, "buffer": 8}}
    code, answer = found(write_config(tmp_path, split=split))
    assert code == 0
    assert sum(part["scenes"] for part in answer["splits"].values()) == 12


def test_two_dates_of_a_place_in_one_split_are_no_leak(tmp_path, found):
    for number, name in enumerate(("here_2019", "here_2020", "there_2019", "else_2019")):
        place = max(number - 1, 0)
        write_image(tmp_path / f"images/{name}.tif", dark_numbers(number), place)
        write_labels(tmp_path / f"labels/{name}.tif", codes(number), place)
    files = {"root": str(tmp_path), "site": "(?P<site>.+)_"}
    split = {"sites": {"train": ["here"], "val": ["there"], "test": ["else"]}}
    assert found(write_config(tmp_path, split=split, files=files))[0] == 0


# --- m: labels of other kinds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: codes(0).astype(np.float32) + 0.25, "4200 numbers that are no codes, such as"),
        (lambda: np.zeros((3, *SHAPE), np.uint8), "are an RGB picture: set rasters.encoding to rgb"),
        (lambda: np.zeros((7, *SHAPE), np.uint8), "have 7 bands, one for each class: set rasters.encoding to one-hot"),
        (lambda: np.zeros((5, *SHAPE), np.uint8), "have 5 bands of uint8; expected codes in 1 band(s)"),
    ],
)
def test_labels_of_other_kinds_are_refused(data, check, make, says):
    write_labels(data / "labels/alpha.tif", make(), photometric="rgb" if len(make()) == 3 else "minisblack")
    code, said = check(write_config(data))
    assert code == 3
    assert says in said


def test_whole_floats_and_palettes_are_accepted_with_a_note(data, found):
    write_labels(data / "labels/alpha.tif", codes(0).astype(np.float32))
    with rasterio.open(data / "labels/beta.tif", "r+") as labels:
        labels.write_colormap(1, {1: (0, 100, 0, 255)})
    code, answer = found(write_config(data))
    assert code == 0
    notes = {row["file"]: row["message"] for row in answer["findings"]}
    assert "labels are float32" in notes["alpha.tif"]
    assert "colour table" in notes["beta.tif"]


# --- numbers that look wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dn", "says"),
    [
        (np.random.default_rng(0).integers(1, 250, (4, *SHAPE)).astype(np.uint16), "look like 8-bit numbers"),
        (np.ones((4, *SHAPE), np.uint16), "look like reflectance 0..1"),
        (dark_numbers(0) * 10 + 20_000, "are reflectance above 2"),
        (dark_numbers(0) + 1000, "are nowhere dark (a bright desert, or processing baseline 04.00"),
    ],
)
def test_numbers_that_are_hardly_digital_numbers_are_a_warning(data, found, dn, says):
    write_image(data / "images/alpha.tif", dn)
    code, answer = found(write_config(data))
    assert code == 0
    messages = [row["message"] for row in of(answer, "range")]
    assert any(says in message and "1 to 99 % lie from" in message for message in messages)


def test_radiometry_that_nobody_states_is_a_warning(data, found):
    write_image(data / "images/alpha.tif", dark_numbers(0), tags={})
    code, answer = found(write_config(data))
    assert code == 0
    (row,) = of(answer, "file")
    assert (row["severity"], row["file"]) == ("warning", "alpha.tif")
    assert "does not state scale and offset" in row["message"]


def test_undeclared_nan_is_counted(data, found):
    for number, place in enumerate(("alpha", "beta", "gamma")):
        reflectance = (dark_numbers(number) / 10_000).astype(np.float32)
        reflectance[0, :number] = np.inf
        write_image(data / f"images/{place}.tif", reflectance, number, tags={}, nodata=None)
    code, answer = found(write_config(data, reading={"dtype": "float32", "scale": 1.0, "offset": 0.0}))
    assert code == 0
    assert {row["file"]: row["count"] for row in of(answer, "file")} == {"beta.tif": 70, "gamma.tif": 140}


# --- configurations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"split": {"sites": {"train": ["alpha"], "val": ["beta"], "test": ["delta"]}}}, "fits no site"),
        ({"vectors": {"kolumn": "x"}}, "own.yaml is no training configuration"),
    ],
)
def test_configurations_that_cannot_be_used(data, check, options, says):
    code, said = check(write_config(data, **options))
    assert code == 4
    assert says in said


def test_no_file_is_a_config_error(tmp_path, check):
    code, said = check(tmp_path / "none.yaml")
    assert code == 4
    assert "cannot read none.yaml" in said


@pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning")
@pytest.mark.parametrize(
    ("change", "told", "says"),
    [
        ({"trainr": {"max_epochs": 2}}, {}, "does not accept option 'trainr"),
        ({"trainer": {"max_epoch": 2}}, {}, "max_epoch"),
        ({"seed_everything": "abc"}, {}, "seed_everything: Expected"),
        ({}, {"bands": ["B02", "B03", "B08", "B04"]}, "but the model is told"),
        ({}, {"dates": 2}, "the data has dates 1 but the model is told 2"),
        ({}, {}, "data can be trained on"),
    ],
)
def test_what_a_fit_would_refuse_is_refused_here(data, check, change, told, says):
    settings = yaml.safe_load((CONFIGS / "own_rasters.yaml").read_text())
    settings["data"] = yaml.safe_load(write_config(data).read_text())["data"]
    inputs = {"bands": list(BANDS), "mean": [0.3] * len(BANDS), "std": [0.1] * len(BANDS)}
    settings["model"]["init_args"]["inputs"] |= inputs | told
    path = data / "whole.yaml"
    path.write_text(yaml.safe_dump(settings | change))
    code, said = check(path)
    assert says in said
    assert code == (4 if change or told else 0)


def test_field_plots_are_sent_elsewhere(check):
    code, said = check(CONFIGS / "landsat_severity.yaml")
    assert code == 4
    assert "is about field plots, not scenes" in said
