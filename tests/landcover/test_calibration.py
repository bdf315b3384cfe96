import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score

from landcover.calibration import Calibration, pool_reliability, tempered
from landcover.errors import ConfigError, DataError, ModelOutputInvalid


def drawn(seed, size=4000):
    rng = np.random.default_rng(seed)
    confidence = rng.random(size)
    truth = rng.integers(0, 5, size).astype(np.uint8)
    predicted = np.where(rng.random(size) < confidence**2, truth, (truth + 1) % 5).astype(np.uint8)
    return confidence, truth, predicted


def by_hand(confidence, truth, predicted, bins):
    """ECE straight from the definition, one bin at a time."""
    total = 0.0
    for number in range(bins):
        inside = (confidence > number / bins) & (confidence <= (number + 1) / bins)
        inside |= (confidence == 0) & (number == 0)
        if inside.any():
            gap = accuracy_score(truth[inside], predicted[inside]) - confidence[inside].mean()
            total += inside.mean() * abs(gap)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("seed", range(3))
def test_ece_agrees_with_its_definition(seed, bins):
    confidence, truth, predicted = drawn(seed)
    calibration = Calibration(bins)
    calibration.update(confidence, truth, predicted)
    found = calibration.result()
    assert found.ece == pytest.approx(by_hand(confidence, truth, predicted, bins))
    assert found.overall_accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert found.mean_confidence == pytest.approx(confidence.mean())
    assert sum(found.counts) == truth.size


def test_a_bin_holds_its_upper_edge():
    calibration = Calibration(4)
    edges = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    calibration.update(edges, np.zeros(5, np.uint8), np.zeros(5, np.uint8))
    assert calibration.result().counts == (2, 1, 1, 1)
    assert calibration.result().edges == (0.0, 0.25, 0.5, 0.75, 1.0)


def test_the_table_has_a_line_for_each_bin():
    calibration = Calibration(2)
    calibration.update(np.array([0.9, 0.7]), np.array([0, 0]), np.array([0, 1]))
    found = calibration.result()
    assert found.counts == (0, 2)
    assert found.confidence == (None, pytest.approx(0.8))
    assert found.accuracy == (None, 0.5)
    assert found.ece == pytest.approx(0.3)


def test_perfect_calibration_is_zero():
    calibration = Calibration()
    calibration.update(np.full(10, 0.8), np.zeros(10, np.uint8), np.array([0] * 8 + [1] * 2, np.uint8))
    assert calibration.result().ece == pytest.approx(0)


def test_streaming_gives_the_same_as_one_pass():
    confidence, truth, predicted = drawn(7)
    whole, pieces = Calibration(), Calibration()
    whole.update(confidence.reshape(40, 100), truth.reshape(40, 100), predicted.reshape(40, 100))
    for part in np.array_split(np.arange(truth.size), 9):
        pieces.update(confidence[part], truth[part], predicted[part])
    assert pieces.result().counts == whole.result().counts
    assert pieces.result().ece == pytest.approx(whole.result().ece)


@pytest.mark.parametrize("shape", [(5, 8, 9), (3, 5, 8, 9)])
def test_probabilities_give_confidence_and_prediction(shape):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=shape).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-3, keepdims=True)
    truth = rng.integers(0, 5, (*shape[:-3], *shape[-2:])).astype(np.uint8)
    one, other = Calibration(), Calibration()
    one.update_probabilities(probabilities, truth)
    other.update(probabilities.max(axis=-3), truth, probabilities.argmax(axis=-3))
    assert one.result() == other.result()


def test_ignored_pixels_are_left_out_whatever_they_hold():
    calibration = Calibration()
    confidence = np.array([np.nan, 7.0, 0.5])
    calibration.update(confidence, np.array([255, 1, 1]), np.array([0, 255, 1]))
    assert sum(calibration.result().counts) == 1


def test_nothing_counted_is_undefined():
    found = Calibration().result()
    assert (found.ece, found.mean_confidence, found.overall_accuracy) == (None, None, None)
    assert found.counts == (0,) * 15


def test_rounding_beyond_one_is_accepted():
    calibration = Calibration()
    calibration.update(np.array([np.float32(1.0000001)]), np.array([0]), np.array([0]))
    assert calibration.result().mean_confidence == 1.0


@pytest.mark.parametrize("value", [np.nan, 1.1, -0.2, np.inf])
def test_values_that_are_no_probabilities_are_refused(value):
    calibration = Calibration()
    with pytest.raises(ModelOutputInvalid, match="expected 0 to 1"):
        calibration.update(np.array([0.5, value]), np.array([0, 0]), np.array([0, 0]))
    assert calibration.result().ece is None


def test_shapes_must_agree():
    with pytest.raises(DataError, match="shapes"):
        Calibration().update(np.zeros(3), np.zeros(3, np.uint8), np.zeros(2, np.uint8))


def test_a_table_needs_a_bin():
    with pytest.raises(ConfigError):
        Calibration(0)


def test_pooled_tables_are_the_table_of_all_pixels():
    whole, tables = Calibration(), []
    for seed, size in ((1, 100), (2, 3000), (3, 1)):
        part, drawing = Calibration(), drawn(seed, size)
        part.update(*drawing)
        whole.update(*drawing)
        tables.append(part.result())
    found, expected = pool_reliability([*tables, Calibration().result()]), whole.result()
    assert found.counts == expected.counts
    assert found.overall_accuracy == expected.overall_accuracy
    assert found.ece == pytest.approx(expected.ece)
    assert found.mean_confidence == pytest.approx(expected.mean_confidence)


@pytest.mark.parametrize("tables", [(), (Calibration(3).result(), Calibration(4).result())])
def test_tables_of_other_bins_are_not_pooled(tables):
    with pytest.raises(ConfigError, match="same bins"):
        pool_reliability(tables)
    with pytest.raises(ConfigError, match="4 bins"):
        Calibration(3).add(Calibration(4).result())


@pytest.mark.parametrize("temperature", [0.25, 0.7, 1.0, 1.8, 8.0])
def test_tempered_probabilities_are_the_softmax_of_divided_logits(temperature):
    logits_KP = np.random.default_rng(5).normal(scale=4, size=(6, 500))
    probabilities_KP = softmax(logits_KP, axis=0)
    found = tempered(probabilities_KP.astype(np.float32), temperature)
    np.testing.assert_allclose(found, softmax(logits_KP / temperature, axis=0), atol=2e-6)
    np.testing.assert_array_equal(found.argmax(axis=0), logits_KP.argmax(axis=0))


def test_a_temperature_can_be_undone():
    probabilities_KHW = softmax(np.random.default_rng(6).normal(size=(4, 5, 7)), axis=0).astype(np.float32)
    np.testing.assert_allclose(tempered(tempered(probabilities_KHW, 2.5), 1 / 2.5), probabilities_KHW, atol=1e-6)


def test_a_certain_answer_stays_certain():
    np.testing.assert_array_equal(tempered(np.array([[1.0], [0.0]], np.float32), 8.0), [[1.0], [0.0]])


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan])
def test_a_temperature_is_above_zero(temperature):
    with pytest.raises(ConfigError, match="above 0"):
        tempered(np.ones((2, 1), np.float32), temperature)
