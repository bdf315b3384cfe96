"""Whole scenes against their labels: figures against brute force, memory, and what is undefined."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import metrics as oracle

from landcover.boundaries import boundary_counts
from landcover.calibration import Calibration, tempered
from landcover.errors import ModelOutputInvalid, UnknownLegend, UnmappedCodes, WindowError
from landcover.grid import Window
from landcover.legends import get_legend
from landcover.tiling import MARGIN, TilePlan
from tests.training.memory import memory_scene
from tests.training.verdicts import PixelModel, predict_scene
from training.cross_validation import pool_folds
from training.evaluation import Scoring, evaluate_scenes, winners
from training.inference import predict_strips, scene_plan
from training.scaling import scale_by_sites
from training.scenes import IGNORE, MemoryScene, SceneInfo
from training.temperature import NothingToScore, best_temperature

LEGEND = get_legend("unccd7")
SIZES = {"tile": 64, "overlap": 32}


def whole(scene):
    return scene.read(scene.info.extent)


def labelled_by(model, name, site=None, *, right=0.7, **options):
    """A scene whose labels are mostly what the model says."""
    scene = memory_scene(name, site, **options)
    draw = np.random.default_rng(options.get("seed", 0) + 100)
    guess_HW = model.whole(scene).argmax(axis=0)
    mask_HW = np.where(draw.random(guess_HW.shape) < right, guess_HW, whole(scene)["mask"].numpy())
    whole(scene)["mask"].copy_(torch.from_numpy(mask_HW))
    return scene


@pytest.fixture
def model():
    return PixelModel(sharpness=0.6)


@pytest.fixture
def scenes(model):
    shapes = [(70, 90), (33, 130), (150, 40), (64, 64)]
    found = [
        labelled_by(model, f"scene{number}", f"site{number // 2}", shape=shape, seed=number)
        for number, shape in enumerate(shapes)
    ]
    whole(found[0])["mask"][10:30, 5:50] = IGNORE
    return found


def test_figures_are_those_of_all_pixels_at_once(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    truth = np.concatenate([whole(scene)["mask"].numpy().ravel() for scene in scenes])
    predicted = np.concatenate([model.whole(scene).argmax(axis=0).ravel() for scene in scenes])
    known = truth != IGNORE
    matrix = oracle.confusion_matrix(truth[known], predicted[known], labels=range(7))
    np.testing.assert_array_equal(found.pooled.matrix, matrix)
    assert found.pooled.overall_accuracy == oracle.accuracy_score(truth[known], predicted[known])
    assert found.pooled.macro_iou == pytest.approx(
        oracle.jaccard_score(truth[known], predicted[known], average="macro")
    )
    assert list(found.by_site()) == ["site0", "site1"]
    site0 = sum(scene.info.height * scene.info.width for scene in scenes[:2]) - 20 * 45
    assert sum(found.by_site()["site0"].support) == site0


def test_boundaries_are_counted_scene_by_scene(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES, scoring=Scoring(boundary_px=1))
    pairs = [(whole(scene)["mask"].numpy(), model.whole(scene).argmax(axis=0).astype(np.uint8)) for scene in scenes]
    counts = sum(boundary_counts(*pair, 7, 1) for pair in pairs)
    expected = counts[0] / counts[1]
    assert found.boundary_iou == pytest.approx(expected)
    assert found.macro_boundary_iou == pytest.approx(expected.mean())


def test_reliability_is_that_of_all_pixels(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    calibration = Calibration()
    for scene in scenes:
        calibration.update_probabilities(model.whole(scene), whole(scene)["mask"].numpy())
    assert found.reliability.ece == pytest.approx(calibration.result().ece, abs=1e-6)
    assert sum(found.reliability.counts) == sum(found.pooled.support)


def test_only_pixels_with_a_sure_teacher_are_in_the_side_figure(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    sure = right = 0
    for scene in scenes:
        sample = whole(scene)
        counted = (sample["teacher"].numpy().max(axis=0) >= 0.5) & (sample["mask"].numpy() != IGNORE)
        sure += counted.sum()
        right += (model.whole(scene).argmax(axis=0) == sample["mask"].numpy())[counted].sum()
    assert found.sure.overall_accuracy == right / sure


def test_without_a_teacher_its_figure_is_undefined(model):
    found = evaluate_scenes(model, [memory_scene("a", teacher=False)], LEGEND, **SIZES)
    assert found.sure.overall_accuracy is None
    assert found.to_json()["overall_accuracy_where_teacher_is_sure"] is None


def test_pixels_without_weight_or_image_do_not_count(model):
    scene = memory_scene("a")
    sample = dict(whole(scene))
    sample["weight"] = torch.zeros(70, 90)
    sample["weight"][:, :10] = 0.3
    sample["image"] = sample["image"].clone()
    sample["image"][:, :5] = 0
    found = evaluate_scenes(model, [MemoryScene(scene.info, sample)], LEGEND, **SIZES)
    assert sum(found.pooled.support) == 65 * 10


def test_a_class_without_labels_is_undefined_in_every_mean(model, scenes):
    for scene in scenes:
        mask = whole(scene)["mask"]
        mask[mask == 3] = 2
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    assert found.pooled.users_accuracy[3] == 0  # the model maps it
    assert (found.pooled.iou[3], found.pooled.f1[3], found.boundary_iou[3]) == (None, None, None)
    others = [iou for index, iou in enumerate(found.pooled.iou) if index != 3]
    assert found.pooled.macro_iou == pytest.approx(np.mean(others))
    row = found.to_json()["classes"][3]
    assert (row["iou"], row["iou_interval95"], row["frequent"]) == (None, None, False)


def test_rare_classes_are_left_out_of_one_mean(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    shares = np.array(found.pooled.support) / sum(found.pooled.support)
    limit = float(np.sort(shares)[2])
    found = replace(found, scoring=Scoring(min_share=limit))
    kept = [iou for iou, share in zip(found.pooled.iou, shares, strict=True) if share >= limit]
    assert len(kept) == 5
    assert found.frequent_macro_iou == pytest.approx(np.mean(kept))
    assert sum(row["frequent"] for row in found.to_json()["classes"]) == 5


def test_the_report_is_plain_json_with_all_figures(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    report = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert report["sites"] == 2
    assert report["scenes"] == 4
    low, high = report["overall_accuracy_interval95"]
    assert low <= report["overall_accuracy"] <= high
    assert set(report["by_site"]) == {"site0", "site1"}
    assert report["by_fold"] == {}
    assert report["ece_before_scaling"] == found.reliability.ece
    assert report["ece_after_scaling"] == found.scaling.after.ece


def test_one_site_has_no_interval_and_no_scaling(model):
    found = evaluate_scenes(model, [memory_scene("a")], LEGEND, **SIZES)
    assert found.scaling is None
    report = found.to_json()
    assert report["overall_accuracy_interval95"] is None
    assert "ece_after_scaling" not in report


def test_each_site_is_scaled_with_the_temperature_of_the_others(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    of_site = np.array([0, 0, 1, 1])[found.pixels.owners_P]
    calibration, temperatures = Calibration(), []
    for site in (0, 1):
        temperatures.append(best_temperature(found.pixels.only(of_site != site)))
        own = found.pixels.only(of_site == site)
        scaled = tempered(own.probabilities_KP, temperatures[-1])
        calibration.update(scaled.max(axis=0), own.labels_P, scaled.argmax(axis=0))
    assert list(found.scaling.temperatures.values()) == pytest.approx(temperatures)
    assert found.scaling.after == calibration.result()


def test_a_temperature_inside_the_model_is_taken_out_for_the_figure_before(model, scenes):
    def scaled(dn_NBHW):
        return np.moveaxis(tempered(np.moveaxis(model(dn_NBHW), 1, 0), 2.5), 0, 1)

    plain = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    found = evaluate_scenes(scaled, scenes, LEGEND, **SIZES, scoring=Scoring(temperature=2.5))
    assert found.scaling.after == found.reliability
    assert found.scaling.before.ece == pytest.approx(plain.reliability.ece, abs=1e-4)
    assert found.scaling.temperatures == {"model": 2.5}


def test_pooled_folds_are_the_evaluation_of_all_scenes(model, scenes):
    parts = [evaluate_scenes(model, part, LEGEND, **SIZES) for part in (scenes[:2], scenes[2:])]
    pooled, whole_run = pool_folds(parts), evaluate_scenes(model, scenes, LEGEND, **SIZES)
    assert pooled.pooled == whole_run.pooled
    assert pooled.by_site() == whole_run.by_site()
    assert pooled.boundary_iou == whole_run.boundary_iou
    assert pooled.reliability.counts == whole_run.reliability.counts
    assert pooled.reliability.ece == pytest.approx(whole_run.reliability.ece)
    assert pooled.by_fold() == {0: parts[0].pooled, 1: parts[1].pooled}
    assert pooled.sites_of_fold(1) == ("site1",)
    # Fold 0 is scaled with what fits fold 1, and the other way round.
    assert pooled.scaling.temperatures == {
        "fold 0": pytest.approx(best_temperature(parts[1].pixels)),
        "fold 1": pytest.approx(best_temperature(parts[0].pixels)),
    }


def test_folds_of_different_networks_keep_their_own_figures(scenes):
    models = PixelModel(sharpness=3.0, seed=1), PixelModel(sharpness=0.2, seed=2)
    parts = [
        evaluate_scenes(model, part, LEGEND, **SIZES)
        for model, part in zip(models, (scenes[:1], scenes[2:]), strict=True)
    ]
    assert parts[0].scaling is None  # a single site
    temperatures = pool_folds(parts).scaling.temperatures
    assert temperatures["fold 0"] == pytest.approx(best_temperature(parts[1].pixels))
    assert temperatures["fold 1"] == pytest.approx(best_temperature(parts[0].pixels))


def test_change_is_any_class_but_one(model, scenes):
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    stable = LEGEND.names.index("cropland")
    truth = np.concatenate([whole(scene)["mask"].numpy().ravel() for scene in scenes])
    predicted = np.concatenate([model.whole(scene).argmax(axis=0).ravel() for scene in scenes])
    known = truth != IGNORE
    changed = truth[known] != stable, predicted[known] != stable
    assert found.binary("cropland").f1 == pytest.approx(oracle.f1_score(*changed))
    interval = found.binary_interval("cropland")
    assert interval.low <= found.binary("cropland").f1 <= interval.high
    sites = found.binary_by_site("cropland").values()
    assert [sum(each) for each in zip(*((site.right, site.truth, site.mapped) for site in sites), strict=True)] == [
        (changed[0] & changed[1]).sum(),
        changed[0].sum(),
        changed[1].sum(),
    ]
    with pytest.raises(UnknownLegend, match="no class 'stable'"):
        found.binary("stable")


def test_changes_that_nobody_can_name_are_counted_apart(model, scenes):
    assert evaluate_scenes(model, scenes, LEGEND, **SIZES).whole_mask("cropland") is None
    draw = torch.Generator().manual_seed(3)
    for scene in scenes:
        mask = whole(scene)["mask"]
        changed = (torch.rand(mask.shape, generator=draw) < 0.3).to(torch.uint8)
        changed[:5] = IGNORE
        scene._sample["changed"] = changed
        mask[changed == 1] = IGNORE  # no label, but counted
    found = evaluate_scenes(model, scenes, LEGEND, **SIZES)
    truth = np.concatenate([whole(scene)["changed"].numpy().ravel() for scene in scenes])
    predicted = np.concatenate([model.whole(scene).argmax(axis=0).ravel() for scene in scenes])
    known = truth != IGNORE
    changed = truth[known] == 1, predicted[known] != LEGEND.names.index("cropland")
    assert found.whole_mask("cropland").f1 == pytest.approx(oracle.f1_score(*changed))
    assert found.whole_mask("cropland").total == known.sum()


def test_nothing_to_score_is_said(model):
    with pytest.raises(NothingToScore, match="no scene"):
        evaluate_scenes(model, [], LEGEND, **SIZES)
    scene = memory_scene("a")
    whole(scene)["mask"].fill_(IGNORE)
    with pytest.raises(NothingToScore, match="no pixel"):
        evaluate_scenes(model, [scene], LEGEND, **SIZES)


def test_a_model_of_other_classes_is_refused():
    with pytest.raises(ModelOutputInvalid, match=r"answers 3 classes.*the 7 of legend 'unccd7'"):
        evaluate_scenes(PixelModel(classes=3), [memory_scene("a")], LEGEND, **SIZES)


def test_a_label_that_is_no_class_is_refused(model):
    scene = memory_scene("a")
    whole(scene)["mask"][3, 4] = 9
    with pytest.raises(UnmappedCodes, match="9: 1"):
        evaluate_scenes(model, [scene], LEGEND, **SIZES)


def test_answers_that_are_no_probabilities_are_refused(model):
    with pytest.raises(ModelOutputInvalid, match="expected 0 to 1"):
        evaluate_scenes(lambda dn: model(dn) * np.nan, [memory_scene("a")], LEGEND, **SIZES)


def test_window_sizes_are_checked(model):
    with pytest.raises(WindowError, match="multiple of 32"):
        evaluate_scenes(model, [memory_scene("a")], LEGEND, tile=50, overlap=0)


def test_memory_does_not_grow_with_the_number_of_scenes(monkeypatch):
    monkeypatch.setattr("training.evaluation.SAMPLE_PIXELS", 3000)

    def cheap(dn_NBHW):
        return np.full((1, 7, *dn_NBHW.shape[2:]), 1 / 7, np.float32)

    def peak(count):
        made = (memory_scene(f"s{number}", shape=(96, 96), seed=number, teacher=False) for number in range(count))
        tracemalloc.start()
        evaluate_scenes(cheap, made, LEGEND, tile=96, overlap=32)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)  # what is loaded on first use
    assert peak(40) < peak(5) + 40 * 4000  # a scene leaves its matrices behind


@pytest.mark.parametrize("shape", [(1, 1), (31, 200), (200, 31), (97, 101)])
def test_strips_are_the_rows_of_the_scene_in_order(model, shape):
    scene = memory_scene("a", shape=shape)
    plan = scene_plan(scene, **SIZES)
    next_row = 0
    for strip in predict_strips(model, scene, plan):
        assert strip.row == next_row
        rows = strip.rows
        np.testing.assert_array_equal(strip.sample["mask"], whole(scene)["mask"][rows])
        np.testing.assert_allclose(strip.probabilities_KHW, model.whole(scene)[:, rows], atol=1e-6)
        next_row = rows.stop
    assert next_row == shape[0]


def test_no_window_of_a_scene_is_read_higher_than_a_tile():
    class Watched(MemoryScene):
        heights: list[int] = []  # noqa: RUF012

        def read(self, window: Window):
            self.heights.append(window.height)
            return super().read(window)

    scene = memory_scene("a", shape=(400, 50))
    watched = Watched(scene.info, whole(scene))
    list(predict_strips(PixelModel(), watched, scene_plan(watched, **SIZES)))
    assert max(watched.heights) <= 64


def test_a_scene_in_windows_is_predicted_like_the_whole(model):
    scene = memory_scene("a", shape=(130, 77))
    plan = TilePlan(130, 77, 64, 32, margin=MARGIN)
    found_KHW = predict_scene(model, scene, plan, classes=7)
    np.testing.assert_allclose(found_KHW, model.whole(scene), atol=1e-6)


def test_a_scene_of_two_dates_is_predicted_with_its_overview(model):
    one = memory_scene("one", shape=(90, 70))
    pair = MemoryScene(replace(one.info, dates=2), one.read(one.info.extent))
    seen = []

    def watched(dn_NBHW, overview_1BHW=None):
        seen.append(overview_1BHW)
        return model(dn_NBHW)

    for scene in (one, pair):
        list(predict_strips(watched, scene, scene_plan(scene, **SIZES)))
    single, double = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    assert all(overview is None for overview in single)
    assert all(np.array_equal(overview, pair.overview()[None]) for overview in double)


def test_winners_are_argmax_and_max():
    probabilities_KHW = np.random.default_rng(0).integers(0, 4, (5, 30, 40)).astype(np.float32) / 4  # many ties
    index_HW, confidence_HW = winners(probabilities_KHW)
    np.testing.assert_array_equal(index_HW, probabilities_KHW.argmax(axis=0))
    np.testing.assert_array_equal(confidence_HW, probabilities_KHW.max(axis=0))


def test_a_single_group_cannot_be_scaled_by_others(model):
    found = evaluate_scenes(model, [memory_scene("a", "same"), memory_scene("b", "same")], LEGEND, **SIZES)
    assert scale_by_sites(found.pixels, ["same", "same"], before=found.reliability) is None


def test_levels_are_told_apart(model):
    made = []
    for level in ("L1C", "L2A"):
        scene = memory_scene(level)
        made.append(MemoryScene(replace(scene.info, level=level), whole(scene)))
    assert list(evaluate_scenes(model, made, LEGEND, **SIZES).by_level()) == ["L1C", "L2A"]
    assert SceneInfo("a", "a", 1, 1).level == "unknown"
