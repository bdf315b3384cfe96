"""The parts of the check on arrays and grids, against brute force."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affine import Affine
from pyproj import CRS, Transformer

from landcover.errors import RasterTruncated
from landcover.grid import Grid, Window
from landcover.sensors import Radiometry
from tests.training.memory import MemorySource, memory_scene
from training.check.inspection import check_data
from training.check.leakage import leak_findings, shared_pixels
from training.check.scenes import scene_findings
from training.check.survey import survey, windows
from training.check.tally import BandTally
from training.datamodule import SceneData
from training.scenes import MemoryScene, PartScene, SceneInfo
from training.splits import SplitChoice

UTM33 = CRS.from_epsg(32633)


def grid(x, y, *, crs=UTM33, size=100, pixel=10.0):
    return Grid(crs, Affine(pixel, 0, x, 0, -pixel, y), size, size)


def surveyed(name, place, *, seed=0):
    image = torch.from_numpy(np.random.default_rng(seed).integers(1, 999, (4, place.height, place.width)))
    mask = torch.zeros(place.height, place.width, dtype=torch.uint8)
    scene = MemoryScene(SceneInfo(name, name, place.height, place.width, grid=place), {"image": image, "mask": mask})
    return survey(scene, MemorySource([]).facts())[0]


def data_of(scenes, **split):
    return SceneData(MemorySource(scenes), SplitChoice(**(split or {"given": True})))


def checks(report):
    return {(found.check, found.scene) for found in report.findings}


# --- geometry ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "down", "wanted"), [(99, 0, 100), (0, 98, 200), (50, 50, 2500), (100, 0, 0), (30, 300, 0)]
)
def test_shared_pixels_on_one_lattice(right, down, wanted):
    one, other = grid(500_000, 5_500_000), grid(500_000 + 10 * right, 5_500_000 - 10 * down)
    assert shared_pixels(one, other, gap=0) == shared_pixels(other, one, gap=0) == wanted


@pytest.mark.parametrize(("apart", "gap", "near"), [(0, 8, True), (7, 8, True), (8, 8, False), (9, 8, False)])
def test_a_gap_is_kept_or_not(apart, gap, near):
    one, other = grid(500_000, 5_500_000), grid(501_000 + 10 * apart, 5_500_000)
    assert bool(shared_pixels(one, other, gap=gap)) is near


def test_shared_pixels_across_crs_agree_with_counting_centres():
    lonlat = CRS.from_epsg(4326)
    one = grid(500_000, 5_500_000)
    other = Grid(lonlat, Affine(1e-4, 0, 15.003, 0, -1e-4, 49.648), 80, 80)
    cols, rows = np.meshgrid(np.arange(100) + 0.5, np.arange(100) + 0.5)
    lon, lat = Transformer.from_crs(UTM33, lonlat, always_xy=True).transform(*(one.transform @ (cols, rows)))
    col, row = ~other.transform @ (lon, lat)
    wanted = int(((col > 0) & (col < 80) & (row > 0) & (row < 80)).sum())
    assert wanted > 1000
    assert shared_pixels(one, other, gap=0) == pytest.approx(wanted, rel=0.05)  # borders count by area


@pytest.mark.parametrize("split", [("train", "val"), ("train", "test"), ("val", "test")])
def test_overlap_across_the_date_line_is_found(split):
    lonlat = CRS.from_epsg(4326)
    one = Grid(lonlat, Affine(1e-3, 0, 179.95, 0, -1e-3, 10), 100, 100)
    other = Grid(CRS.from_epsg(32601), Affine(100, 0, 160_000, 0, -100, 1_106_000), 200, 200)
    found = list(leak_findings({split[0]: [surveyed("a", one)], split[1]: [surveyed("b", other, seed=1)]}))
    assert [finding.check for finding in found] == ["overlap"]


def test_parts_of_an_image_nearer_than_the_buffer_are_found():
    whole = surveyed("a", grid(500_000, 5_500_000)).scene
    facts = MemorySource([]).facts()
    left, right = (PartScene(whole, Window(0, col, 100, 40), site=f"a/{col}") for col in (0, 46))
    parts = {"train": [survey(left, facts)[0]], "test": [survey(right, facts)[0]]}
    assert not list(leak_findings(parts, buffer=6))
    assert [found.check for found in leak_findings(parts, buffer=7)] == ["buffer"]


def pair(name, *seeds):
    image = torch.cat([torch.from_numpy(np.random.default_rng(seed).integers(1, 999, (4, 8, 8))) for seed in seeds])
    mask = torch.zeros(8, 8, dtype=torch.uint8)
    scene = MemoryScene(SceneInfo(name, name, 8, 8, dates=2), {"image": image, "mask": mask})
    return survey(scene, replace(MemorySource([]).facts(), dates=2))[0]


def test_pairs_that_share_one_of_their_dates_are_a_leak():
    apart = {"train": [pair("a", 0, 1)], "val": [pair("b", 2, 3)]}
    assert not list(leak_findings(apart))
    (found,) = leak_findings({"train": [pair("a", 0, 1)], "val": [pair("b", 2, 0)]})
    assert found.check == "duplicate"
    assert "a in 'train' and b in 'val' share an image, pixel by pixel" in found.message


def test_a_pair_of_one_image_is_a_warning():
    facts = replace(MemorySource([]).facts(), dates=2)
    assert "one-image" in [found.check for found in scene_findings([pair("a", 0, 0)], facts)]
    assert "one-image" not in [found.check for found in scene_findings([pair("a", 0, 1)], facts)]


def test_a_scene_that_splits_share_by_choice_is_a_note():
    one = surveyed("a", grid(500_000, 5_500_000))
    assert [found.check for found in leak_findings({"val": [one], "test": [one]})] == ["shared-scenes"]


# --- pixels -----------------------------------------------------------------------------------------------------------


def test_windows_cover_every_pixel_once():
    covered = np.zeros((70, 45), int)
    for window in windows(Window(0, 0, 70, 45), 32):
        covered[window.rows, window.cols] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_a_tally_is_numpy_of_all_pixels(dtype):
    draw = np.random.default_rng(0)
    numbers = [draw.integers(-50, 9000, (3, size)).astype(dtype) for size in (1000, 3, 400)]
    tally, second = BandTally(3, Radiometry(2e-4, -0.1)), BandTally(3, Radiometry(2e-4, -0.1))
    tally.add(numbers[0])
    for part in numbers[1:]:
        second.add(part)
    tally.merge(second)
    everything = np.concatenate(numbers, axis=1).astype(float)
    reflectance = np.clip(everything * 2e-4 - 0.1, 0, 2)
    parts = (everything, everything**2, np.sqrt(reflectance), reflectance)
    np.testing.assert_allclose(tally.moments(), [part.mean(axis=1) for part in parts], rtol=1e-9)
    shares = (0.01, 0.5, 0.99)
    method = "inverted_cdf" if dtype == np.int32 else "linear"
    np.testing.assert_allclose(
        tally.percentiles(shares), np.quantile(everything, shares, axis=1, method=method), rtol=1e-6
    )


def test_a_survey_counts_what_is_there():
    scene = memory_scene("a", shape=(40, 50))
    image, mask = scene._sample["image"], scene._sample["mask"]
    image[:, :2] = 0
    mask[5, :10], mask[6, :4] = 255, 9
    found, _ = survey(scene, MemorySource([scene]).facts())
    assert (found.pixels, found.valid) == (2000, 1900)
    assert found.strays == {9: 4}
    assert found.labels_K.tolist() == torch.bincount(mask[mask < 7].long(), minlength=7).tolist()
    np.testing.assert_array_equal(
        found.percentiles_2B[1], np.quantile(image[:, 2:].reshape(4, -1), 0.99, axis=1, method="inverted_cdf")
    )


# --- other sources ----------------------------------------------------------------------------------------------------


def three(**kinds):
    return [memory_scene(name, split=name, seed=seed, **kinds) for seed, name in enumerate(("train", "val", "test"))]


def test_memory_scenes_pass():
    report = check_data(data_of(three()))
    assert report.ok
    assert {found.check for found in report.findings} <= {"no-georeference", "range"}


def test_class_indices_and_bands_of_any_source_are_checked():
    scenes = three()
    scenes[0]._sample["mask"][0, :5] = 7
    scenes[1]._sample["image"] = scenes[1]._sample["image"][:3]
    report = check_data(data_of(scenes))
    assert {("class-range", "train"), ("bands", "val")} <= checks(report)
    (found,) = (found for found in report.findings if found.check == "class-range")
    assert (found.value, found.count) == ("7", 5)


def test_nan_in_any_source_is_an_error():
    scenes = three()
    scenes[2]._sample["image"] = scenes[2]._sample["image"].float()
    scenes[2]._sample["image"][1, 4, :3] = torch.nan
    report = check_data(data_of(scenes))
    (found,) = (found for found in report.findings if found.check == "nonfinite")
    assert (found.scene, found.count) == ("test", 3)
    assert not report.ok


def test_windows_that_fail_are_counted_and_the_rest_is_read():
    class Broken(MemoryScene):
        def read(self, window):
            if window.row:
                raise RasterTruncated("'x.tif' opens, but pixels are missing")
            return super().read(window)

    whole = memory_scene("train", split="train", shape=(2100, 8))
    scenes = [Broken(whole.info, whole._sample), *three()[1:]]
    report = check_data(data_of(scenes))
    (found,) = (found for found in report.findings if found.check == "unreadable")
    assert (found.scene, found.count) == ("train", 2)
    assert check_data(data_of([*scenes, memory_scene("more", split="train")]), skip_bad=1).skipped == ("train",)
