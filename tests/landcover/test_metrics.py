import dataclasses
import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as oracle

from landcover.errors import ConfigError, DataError, UnmappedCodes
from landcover.legends import get_legend
from landcover.metrics import ConfusionMatrix, binary_score, labelled_only, macro_iou, score

UNCCD7 = get_legend("unccd7")


def drawn(seed, classes=7, size=5000, right=0.6):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, size).astype(np.uint8)
    noise = rng.integers(0, classes, size).astype(np.uint8)
    return truth, np.where(rng.random(size) < right, truth, noise)


def counted(truth, predicted, classes=7, **options):
    confusion = ConfusionMatrix(classes)
    confusion.update(np.asarray(truth), np.asarray(predicted), **options)
    return confusion.scores()


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_scikit_learn(seed):
    truth, predicted = drawn(seed)
    found = counted(truth, predicted)
    every = {"labels": range(7), "average": None}
    np.testing.assert_array_equal(found.matrix, oracle.confusion_matrix(truth, predicted, labels=range(7)))
    np.testing.assert_allclose(found.overall_accuracy, oracle.accuracy_score(truth, predicted))
    np.testing.assert_allclose(found.iou, oracle.jaccard_score(truth, predicted, **every))
    np.testing.assert_allclose(found.f1, oracle.f1_score(truth, predicted, **every))
    np.testing.assert_allclose(found.users_accuracy, oracle.precision_score(truth, predicted, **every))
    np.testing.assert_allclose(found.producers_accuracy, oracle.recall_score(truth, predicted, **every))
    np.testing.assert_allclose(found.macro_iou, oracle.jaccard_score(truth, predicted, average="macro"))
    np.testing.assert_allclose(found.macro_f1, oracle.f1_score(truth, predicted, average="macro"))
    assert found.support == tuple(np.bincount(truth, minlength=7))


def test_a_class_that_never_occurs_is_undefined_and_left_out_of_means():
    found = counted([0, 0, 1, 1], [0, 1, 1, 1], classes=4)
    assert found.iou == (0.5, 2 / 3, None, None)
    assert found.f1[2:] == found.users_accuracy[2:] == found.producers_accuracy[2:] == (None, None)
    assert found.macro_iou == pytest.approx((0.5 + 2 / 3) / 2)
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)


def test_a_class_that_is_only_mapped_or_only_true_scores_zero():
    found = counted([0, 0, 1], [0, 2, 0], classes=3)
    assert found.iou == (1 / 3, 0.0, 0.0)
    assert found.users_accuracy == (0.5, None, 0.0)
    assert found.producers_accuracy == (0.5, 0.0, None)


def test_nothing_counted_is_undefined():
    found = ConfusionMatrix(3).scores()
    assert (found.overall_accuracy, found.macro_iou, found.macro_f1) == (None, None, None)
    assert found.iou == (None, None, None)
    assert found.support == (0, 0, 0)


def test_names_come_from_the_legend():
    assert ConfusionMatrix(UNCCD7).scores().names == UNCCD7.names
    assert ConfusionMatrix(2).scores().names == ("0", "1")


def test_streaming_gives_the_same_as_one_pass():
    truth, predicted = drawn(9, size=600_000)  # more than one chunk
    pieces = ConfusionMatrix(7)
    for part in np.array_split(np.arange(truth.size), 13):
        pieces.update(truth[part], predicted[part])
    whole = counted(truth.reshape(600, 1000), predicted.reshape(600, 1000))
    assert pieces.scores() == whole
    np.testing.assert_array_equal(pieces.matrix, whole.matrix)


def test_ignored_truth_is_left_out_and_missing_predictions_are_reported():
    found = counted([0, 1, 255, 255, 1], [0, 255, 1, 255, 1])
    assert np.sum(found.matrix) == 2
    assert found.overall_accuracy == 1.0
    assert found.unpredicted == 1


@pytest.mark.parametrize("ignore", [-1, 6, 100])
def test_the_ignore_index_can_be_chosen(ignore):
    found = counted(np.array([0, ignore, 2]), np.array([0, 1, 1]), ignore=ignore)
    assert np.sum(found.matrix) == 2


def test_the_matrix_is_a_copy():
    confusion = ConfusionMatrix(2)
    confusion.matrix[0, 0] = 5
    assert confusion.matrix.sum() == 0


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 7], [0, 0], r"as truth .*7: 1"),
        ([0, 0], [9, 9], r"as prediction .*9: 2"),
        ([-1, 0], [0, 0], r"as truth .*-1: 1"),
    ],
)
def test_strangers_are_refused_and_leave_nothing_behind(truth, predicted, message):
    confusion = ConfusionMatrix(7)
    with pytest.raises(UnmappedCodes, match=message):
        confusion.update(np.array(truth), np.array(predicted))
    assert confusion.matrix.sum() == 0


def test_shapes_must_agree():
    with pytest.raises(DataError, match=r"\(4,\).*\(2, 2\)"):
        ConfusionMatrix(2).update(np.zeros(4, np.uint8), np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize("classes", [0, 255])
def test_class_counts_have_limits(classes):
    with pytest.raises(ConfigError, match=str(classes)):
        ConfusionMatrix(classes)


@pytest.mark.parametrize(("matrix", "names"), [([[1, 2]], None), ([1], None), ([[1]], ("a", "b"))])
def test_score_refuses_what_is_no_confusion_matrix(matrix, names):
    with pytest.raises(ConfigError):
        score(matrix, names)


def test_memory_does_not_grow_with_the_array():
    truth = np.zeros((8, 1024, 1024), np.uint8)
    confusion = ConfusionMatrix(7)
    tracemalloc.start()
    confusion.update(truth, truth)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < truth.nbytes


def test_scores_are_frozen_and_become_plain_data():
    found = counted([0, 1], [0, 0], classes=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.macro_iou = 1.0
    assert dataclasses.asdict(found)["matrix"] == ((1, 0), (1, 0))
    assert type(found.support[0]) is int
    assert type(found.iou[0]) is float


def test_a_class_without_labels_is_undefined_where_only_labelled_classes_count():
    found = counted([0, 0, 1], [0, 2, 1], classes=4)
    assert found.iou == (0.5, 1.0, 0.0, None)
    judged = labelled_only(found)
    assert judged.iou == (0.5, 1.0, None, None)
    assert judged.macro_iou == 0.75
    assert judged.f1[2] is None
    assert judged.users_accuracy == found.users_accuracy
    assert judged.overall_accuracy == found.overall_accuracy


def test_macro_iou_over_classes_of_some_size():
    matrix = np.diag([900, 90, 9, 1, 0])
    matrix[2, 0] = 1
    scores = score(matrix)
    labels = scores.iou
    assert macro_iou(scores, min_share=0.0) == pytest.approx(np.mean(labels[:4]))
    assert macro_iou(scores, min_share=0.005) == pytest.approx(np.mean(labels[:3]))
    assert macro_iou(scores, min_share=0.02) == pytest.approx(np.mean(labels[:2]))
    assert macro_iou(scores, min_share=1.0) is None
    assert macro_iou(score(np.zeros((2, 2))), min_share=0.0) is None


@pytest.mark.parametrize("positive", [(1,), (0, 2), (2, 1)])
def test_binary_scores_agree_with_scikit_learn(positive):
    truth, predicted = drawn(4, classes=3)
    found = binary_score(counted(truth, predicted, classes=3).matrix, positive)
    yes = np.isin(truth, positive), np.isin(predicted, positive)
    assert found.precision == pytest.approx(oracle.precision_score(*yes))
    assert found.recall == pytest.approx(oracle.recall_score(*yes))
    assert found.f1 == pytest.approx(oracle.f1_score(*yes))
    assert found.iou == pytest.approx(oracle.jaccard_score(*yes))
    assert (found.truth, found.mapped, found.total) == (yes[0].sum(), yes[1].sum(), truth.size)


def test_binary_scores_of_nothing_are_undefined():
    found = binary_score([[5, 0], [0, 0]], [1])
    assert (found.precision, found.recall, found.f1, found.iou) == (None, None, None, None)


@pytest.mark.parametrize("positive", [(), (0, 1), (2,), (0, 7)])
def test_binary_scores_need_a_group_and_a_rest(positive):
    with pytest.raises(ConfigError, match="of 2"):
        binary_score([[1, 0], [0, 1]], positive)
