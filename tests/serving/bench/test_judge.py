"""Figures of the report from what was measured, and their goals."""

import pytest

from serving.bench.figures import Figure, Goal, Sense, Verdict
from serving.bench.judge import ELSEWHERE, WANT_IMAGES, Book, Judge, engine_key, size_key
from serving.bench.plan import FULL, QUICK
from tests.serving.bench.records import CPU, CPU8, VINO8, made_up_records, made_up_task, record, scene_figures


def judged(records, task=None):
    figures = Judge(task or made_up_task(), Book(records)).figures()
    assert len({(figure.group, figure.title) for figure in figures}) == len(figures)
    return {figure.title: figure for figure in figures}


@pytest.mark.parametrize(
    ("sense", "value", "verdict"),
    [
        (Sense.AT_LEAST, 0.9, Verdict.REACHED),
        (Sense.AT_LEAST, 0.8994, Verdict.MISSED),
        (Sense.AT_LEAST, 0.8996, Verdict.REACHED),  # the report shows 0.900
        (Sense.AT_MOST, 0.9, Verdict.REACHED),
        (Sense.AT_MOST, 0.91, Verdict.MISSED),
        (Sense.BELOW, 0.9, Verdict.MISSED),
        (Sense.BELOW, 0.89, Verdict.REACHED),
    ],
)
def test_a_goal_is_judged_by_the_digits_that_are_shown(sense, value, verdict):
    assert Figure(group="g", title="t", value=value, goal=Goal(sense, 0.9)).verdict is verdict


def test_what_has_no_value_or_no_goal_is_not_judged():
    goal = Goal(Sense.BELOW, 1000)
    assert Figure(group="g", title="t", value=None, goal=goal).verdict is Verdict.NOT_MEASURED
    assert Figure(group="g", title="t", value=3.0).verdict is Verdict.NO_GOAL
    figure = Figure(group="g", title="t", value=1234.5, unit="MB", goal=goal, judged=False)
    assert figure.verdict is Verdict.NOT_JUDGED
    assert (figure.value_text, figure.goal_text) == ("1,234 MB", "below 1,000 MB")


def test_every_figure_of_a_whole_report():
    found = {title: (figure.shown, figure.verdict) for title, figure in judged(made_up_records()).items()}
    reached, missed, free = Verdict.REACHED, Verdict.MISSED, Verdict.NO_GOAL
    assert found == {
        "cpu: end to end, of the rate of bare ONNX Runtime on ready arrays": (0.909, reached),
        "cpu: end to end, of the rate of the model alone, two calls at a time": (0.8, missed),
        "openvino: end to end, of the rate of the model alone, two calls at a time": (0.9, reached),
        "pixels computed per pixel of the tile, by overlap of windows": (1.1, reached),
        "cpu: end to end in int8, of the rate in fp32": (2.0, missed),
        "openvino: end to end in int8, of the rate in fp32": (2.5, reached),
        "end to end, openvino int8 of cpu fp32": (2.81, free),
        "cpu: pixels with another class in int8 than in fp32": (0.7, missed),
        "openvino: pixels with another class in int8 than in fp32": (0.4, reached),
        "pixels with another class, openvino fp32 than cpu fp32": (0.0, free),
        "pixels with another class, openvino bf16 than cpu fp32": (0.27, free),
        "pixels with another class, openvino int8 than cpu int8": (0.18, free),
        "CUDA and TensorRT, with decoding as the limit": (None, Verdict.NOT_MEASURED),
        "largest peak over heights up to 10980 at a width of 10980": (950, reached),
        "growth of the peak from the lowest to the highest of these": (48, free),
        "peak at a width of 30000": (1400, reached),
        "steppe classify on 512 x 512 pixels, the whole process": (2.4, reached),
        "pixels with another class in windows of 512/64 than in one pass": (0.19, reached),
        "seam score with windows of 512/64": (1.5, free),
        "pixels with another class in windows of 640/64 than in one pass": (0.25, free),
        "seam score with windows of 640/64": (1.5, free),
        "cpu: pixels that depend on batch sizes": (0, reached),
        "cpu: pixels that depend on numbers of threads": (2, missed),
        "openvino: pixels that depend on batch sizes": (0, reached),
        "openvino: pixels that depend on numbers of threads": (0, reached),
        "time end to end with --tta flips, of that without": (4.0, free),
    }


def test_rounds_are_compared_round_by_round():
    """The machine became twice as slow in the second round, and slower again in the third."""
    slow = [
        record(engine_key(kind), scene_figures(whole=rate / pace))
        for pace in (1, 2, 5)
        for kind, rate in ((CPU, 1.0), (CPU8, 2.6))
    ]
    figure = judged(slow)["cpu: end to end in int8, of the rate in fp32"]
    assert figure.value == pytest.approx(2.6)
    assert figure.commands == ("run engine cpu int8", "run engine cpu fp32")


def test_without_images_the_rows_say_what_is_missing():
    records = [each for each in made_up_records() if each.key[0] not in {"agreement", "windows"}]
    figures = [figure for figure in judged(records).values() if figure.note == WANT_IMAGES]
    assert len(figures) == 9
    assert {figure.verdict for figure in figures} == {Verdict.NOT_MEASURED}


def test_a_failed_measurement_is_named_where_its_figure_would_be():
    records = [each for each in made_up_records() if each.key not in {engine_key(VINO8), size_key(FULL.wide)}]
    records += [record(engine_key(VINO8), problem="no such arithmetic"), record(size_key(FULL.wide), problem="no room")]
    found = judged(records)
    assert found["peak at a width of 30000"].note == "no room"
    assert found["openvino: end to end in int8, of the rate in fp32"].note == "no such arithmetic"
    assert found["openvino: end to end in int8, of the rate in fp32"].verdict is Verdict.NOT_MEASURED
    assert found["cpu: end to end in int8, of the rate in fp32"].shown == 2.0


def test_goals_for_tiles_are_not_judged_on_small_scenes():
    records = [
        *made_up_records(),
        *(record(size_key(size), scene_figures(size, peak=700.0)) for size in (*QUICK.cuts, QUICK.wide)),
    ]
    found = judged(records, made_up_task(sizes=QUICK))
    share = found["cpu: end to end, of the rate of the model alone, two calls at a time"]
    assert (share.verdict, share.note, share.shown) == (Verdict.NOT_JUDGED, ELSEWHERE, 0.8)
    assert found["peak at a width of 4096"].verdict is Verdict.NOT_JUDGED
    assert found["steppe classify on 512 x 512 pixels, the whole process"].verdict is Verdict.REACHED


def test_a_gpu_is_held_to_the_slower_of_decoding_and_the_model():
    kind = CPU._replace(provider="cuda")
    records = [record(engine_key(kind), scene_figures(provider="cuda", whole=18.0, model=200.0))]
    found = judged(records, made_up_task(kinds=(CPU, kind)))
    assert found["cuda fp32: end to end, of the slower of decoding alone and the model alone"].shown == 0.9
