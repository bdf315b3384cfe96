"""Streamed prediction against one pass over the whole image."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landcover.errors import LevelMismatch, RasterTruncated, ResolutionMismatch
from landcover.postprocess import probability_percent
from landcover.seams import SeamScore
from landcover.sensors import Radiometry
from landcover.tiling import TilePlan, round_up
from serving.engine import Engine
from serving.predict import CONFIDENCE, Layer, Wanted, check_scene, metres, predict_rows
from serving.windows import PIECE_ROWS
from tests.bundles import tiny_bundle, tiny_manifest
from tests.scenes import ArrayScene, smooth_numbers, utm_grid


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(tiny_bundle(tmp_path_factory.mktemp("zoo")), threads=2)


def classify(scene, engine, *, tile=96, overlap=32, batch_size=2, margin=32):
    plan = TilePlan(scene.grid.height, scene.grid.width, tile, overlap, margin)
    wanted = Wanted({"confidence": CONFIDENCE})
    rows = list(predict_rows(scene, engine, plan, batch_size=batch_size, wanted=wanted))
    starts = np.cumsum([0, *(len(part.codes_HW) for part in rows)])
    assert [part.row for part in rows] == starts[:-1].tolist()
    codes = np.concatenate([part.codes_HW for part in rows])
    confidence = np.concatenate([part.layers_BHW["confidence"][0] for part in rows])
    assert codes.shape == confidence.shape == (scene.grid.height, scene.grid.width)
    return codes, confidence


def whole_pass(scene, engine, margin):
    """Codes from one call on the whole image, mirrored on all sides."""
    height, width = scene.grid.height, scene.grid.width
    dn = scene.read(scene.grid.extent).data
    far = [margin + round_up(side + 2 * margin) - side - 2 * margin for side in (height, width)]
    padded = np.pad(dn, [(0, 0), (margin, far[0]), (margin, far[1])], mode="symmetric")
    probabilities = engine.run(padded[None])[0, :, margin : margin + height, margin : margin + width]
    return probabilities.argmax(axis=0) + 1


@pytest.mark.parametrize(("height", "width"), [(200, 330), (64, 64), (65, 63), (33, 500), (1, 1), (1, 90), (7, 3)])
@pytest.mark.parametrize("margin", [0, 32, 64])
def test_tiled_map_equals_one_pass_over_the_whole_image(engine, height, width, margin):
    scene = ArrayScene(smooth_numbers(height, width))
    codes, confidence = classify(scene, engine, margin=margin)
    different = np.count_nonzero(codes != whole_pass(scene, engine, margin))
    # The network's context is 3 pixels; only the pixels at window borders may differ, with little weight.
    assert different <= 0.005 * codes.size
    assert len(np.unique(codes)) > 1 or codes.size < 100
    assert 14 <= confidence.min() <= confidence.max() <= 100


def test_windows_as_small_as_the_margin(engine):
    scene = ArrayScene(smooth_numbers(70, 90))
    codes, _ = classify(scene, engine, tile=32, overlap=0)
    assert np.mean(codes != whole_pass(scene, engine, 32)) < 0.25  # no overlap: a third of the pixels lie near a border
    assert (codes != 255).all()


def test_the_map_is_the_same_for_every_batch_size(engine):
    scene = ArrayScene(smooth_numbers(230, 330))
    maps = [classify(scene, engine, batch_size=size) for size in (1, 3, 8)]
    for codes, confidence in maps[1:]:
        assert np.array_equal(codes, maps[0][0])
        assert np.array_equal(confidence, maps[0][1])


def test_nodata_in_is_nodata_out_and_nowhere_else(engine):
    valid = np.ones((150, 260), bool)
    valid[40:90, 100:260] = False
    valid[:, :3] = False
    codes, confidence = classify(ArrayScene(smooth_numbers(150, 260), valid=valid), engine)
    assert np.array_equal(codes != 255, valid)
    assert np.array_equal(confidence != 255, valid)


def test_windows_without_data_are_not_computed(engine, monkeypatch):
    windows = []
    run = engine.run
    monkeypatch.setattr(engine, "run", lambda dn: windows.append(len(dn)) or run(dn))
    valid = np.zeros((64, 640), bool)
    valid[10:20, 300:310] = True
    codes, _ = classify(ArrayScene(smooth_numbers(64, 640), valid=valid), engine, tile=64, margin=0)
    assert sum(windows) == 2  # both windows that hold columns 300 to 309, of 19
    assert np.array_equal(codes != 255, valid)


def test_every_pixel_is_read_once(engine):
    scene = ArrayScene(smooth_numbers(300, 100))
    classify(scene, engine)
    rows = np.concatenate([np.arange(window.row, window.row_stop) for window in scene.reads])
    assert np.array_equal(rows, np.arange(300))


def test_offset_of_baseline_0400_is_removed_exactly_once(engine):
    data = smooth_numbers(96, 96)
    plain, _ = classify(ArrayScene(data, radiometry=Radiometry(1e-4, 0.0)), engine)
    shifted, _ = classify(ArrayScene(data + 1000, radiometry=Radiometry(1e-4, -0.1)), engine)
    assert np.array_equal(plain, shifted)


def test_progress_is_told_row_by_row(engine):
    told = []
    scene = ArrayScene(smooth_numbers(200, 40))
    plan = TilePlan(200, 40, 64, 32)
    list(predict_rows(scene, engine, plan, batch_size=4, progress=lambda done, total: told.append((done, total))))
    assert told == [(index + 1, len(plan.rows.origins)) for index in range(len(plan.rows.origins))]


class TornScene(ArrayScene):
    """Fails at the third strip."""

    def read(self, window):
        if len(self.reads) == 2:
            raise RasterTruncated("row 96 is missing")
        return super().read(window)


def test_a_read_error_arrives_and_no_thread_stays(engine):
    scene = TornScene(smooth_numbers(300, 100))
    with pytest.raises(RasterTruncated, match="row 96"):
        classify(scene, engine)
    assert not [thread for thread in threading.enumerate() if thread.name == "steppe-prefetch"]


def test_stopping_early_leaves_no_thread(engine):
    scene = ArrayScene(smooth_numbers(600, 100))
    rows = predict_rows(scene, engine, TilePlan(600, 100, 64, 32), batch_size=2)
    next(rows)
    rows.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "steppe-prefetch"]


@pytest.mark.parametrize(
    ("level", "levels", "says"),
    [("L2A", ("L1C",), "is L2A, model .* for L1C"), (None, ("L1C",), "pass --level"), ("L2SP", ("L1C", "L2A"), "L2SP")],
)
def test_levels_the_model_was_not_made_for(level, levels, says):
    scene = ArrayScene(smooth_numbers(9, 9), level=level)
    with pytest.raises(LevelMismatch, match=says):
        check_scene(scene, tiny_manifest(levels=levels))


def test_a_model_of_both_levels_takes_a_scene_that_does_not_say():
    check_scene(ArrayScene(smooth_numbers(9, 9), level=None), tiny_manifest(levels=("L1C", "L2A")))


@pytest.mark.parametrize(
    ("pixel", "says"),
    [
        (30.0, "adds no detail: give a finer scene"),
        (250.0, "adds no detail: give a finer scene"),
        (3.0, "resample the input first, for example with --resolution 10"),
        (1e-6, "resample the input first, for example with --resolution 10"),
    ],
)
def test_pixels_of_another_size_are_refused(pixel, says):
    scene = ArrayScene(smooth_numbers(9, 9), grid=utm_grid(9, 9, pixel=pixel))
    with pytest.raises(ResolutionMismatch, match=f"{says}$"):
        check_scene(scene, tiny_manifest())
    with pytest.raises(ResolutionMismatch, match=r"grid that was asked for .* choose another value of --resolution"):
        check_scene(scene, tiny_manifest(), placed=True)


LAYERS = {"confidence": CONFIDENCE, "probabilities": Layer(7, probability_percent)}


def assert_same_rows(one, other):
    assert one.row == other.row
    assert np.array_equal(one.codes_HW, other.codes_HW)
    assert one.layers_BHW.keys() == other.layers_BHW.keys() == LAYERS.keys()
    for name, layer in one.layers_BHW.items():
        assert np.array_equal(layer, other.layers_BHW[name])


@settings(max_examples=20, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 330), st.integers(1, 130)),
    sizes=st.sampled_from([(32, 0), (64, 0), (64, 32), (96, 32), (96, 64), (128, 96), (160, 128)]),
    margin=st.sampled_from([0, 32, 64]),
    images=st.integers(1, 2),
    seed=st.integers(0, 9),
    place=st.floats(0, 1, exclude_max=True),
)
def test_a_prediction_that_begins_further_down_is_the_same(engine, shape, sizes, margin, images, seed, place):
    """With 64 of 96, 96 of 128 and 128 of 160 shared pixels, windows of more than two rows meet in a pixel."""
    height, width = shape
    valid = np.random.default_rng(seed).random(shape) < 0.9
    valid[height // 3 : height // 2] = False  # rows of windows without any data
    data = [smooth_numbers(height, width, seed=seed + number) for number in range(images)]
    plan = TilePlan(height, width, *sizes, margin)

    def predict(first_row):
        scene, *more = [ArrayScene(numbers, valid=valid) for numbers in data]
        return list(predict_rows(scene, engine, plan, batch_size=3, more=more, wanted=Wanted(LAYERS, first_row)))

    whole = predict(0)
    number = int(place * len(whole))
    again = predict(whole[number].row)
    above = whole[number - 1].seams if number else SeamScore()
    for one, other in zip(again, whole[number:], strict=True):
        assert_same_rows(one, other)
        assert above + one.seams == other.seams
    assert predict(height) == []


def test_a_prediction_that_begins_further_down_does_not_read_what_lies_above(engine):
    told, plan = [], TilePlan(1200, 70, 96, 32, 32)
    scene = ArrayScene(smooth_numbers(1200, 70))
    first = list(predict_rows(scene, engine, plan, batch_size=4))[9].row
    scene.reads.clear()
    begun = Wanted(first_row=first)
    list(predict_rows(scene, engine, plan, batch_size=4, wanted=begun, progress=lambda *step: told.append(step)))
    assert first - 96 - PIECE_ROWS <= min(window.row for window in scene.reads) <= first - 32
    rows = len(plan.rows.origins)
    assert told == [(done, rows) for done in range(told[0][0], rows + 1)]
    assert plan.rows.finished(told[0][0]).start == first + 32


@pytest.mark.parametrize(
    ("length", "said"), [(1000.0, "1,000"), (999.6, "1,000"), (30.0, "30"), (12.345, "12.3"), (0.00012345, "0.000123")]
)
def test_lengths_have_no_powers_of_ten(length, said):
    assert metres(length) == said
