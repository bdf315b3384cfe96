"""The sample of pixels is uniform and bounded, and the temperature is the one torch would find."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from torch.nn.functional import cross_entropy

from models.graph import SceneNet
from tests.training.memory import memory_scene
from tests.training.verdicts import PixelModel
from training.scenes import IGNORE
from training.temperature import NothingToScore, Pixels, PixelSample, best_temperature, fit_temperature, labels


def drawn(temperature, *, size=60_000, classes=7, seed=0):
    """Pixels whose labels are drawn from probabilities that were then sharpened by a temperature."""
    draw = np.random.default_rng(seed)
    logits_KP = 2 * draw.normal(size=(classes, size))
    true_KP = softmax(logits_KP, axis=0)
    labels_P = (true_KP.cumsum(axis=0) < draw.random(size)).sum(axis=0).clip(max=classes - 1).astype(np.uint8)
    probabilities_KP = softmax(logits_KP * temperature, axis=0).astype(np.float32)
    return Pixels(probabilities_KP, labels_P, np.zeros(size, np.int32), np.zeros(size, np.float32), 1.0)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_temperature_undoes_wrong_confidence(temperature):
    assert best_temperature(drawn(temperature)) == pytest.approx(temperature, rel=0.03)


def test_the_fit_is_that_of_cross_entropy_on_logits():
    pixels = drawn(1.7, size=5000)
    logits_PK = torch.log(torch.from_numpy(pixels.probabilities_KP.T.astype(np.float64)))
    labels_P = torch.from_numpy(pixels.labels_P).long()
    oracle = minimize_scalar(
        lambda value: cross_entropy(logits_PK / value, labels_P).item(), bounds=(0.25, 8), method="bounded"
    )
    assert best_temperature(pixels) == pytest.approx(oracle.x, abs=1e-3)


def test_a_model_that_is_always_wrong_gets_the_largest_temperature_and_zeros_do_not_matter():
    certain_KP = np.array([[1.0] * 9, [0.0] * 8 + [1e-30]], np.float32)
    wrong = Pixels(certain_KP, np.ones(9, np.uint8), np.zeros(9, np.int32), np.zeros(9, np.float32), 1.0)
    assert best_temperature(wrong) == pytest.approx(8, abs=0.01)


def test_fitting_on_scenes_is_fitting_on_all_their_labelled_pixels():
    scenes = [memory_scene(f"s{number}", seed=number, shape=(50 + 9 * number, 70)) for number in range(3)]
    model = PixelModel(sharpness=0.3)
    probabilities = [model.whole(scene).reshape(7, -1) for scene in scenes]
    truths = [scene.read(scene.info.extent)["mask"].numpy().ravel() for scene in scenes]
    size = sum(map(len, truths))
    everything = Pixels(
        np.concatenate(probabilities, axis=1), np.concatenate(truths), np.zeros(size, int), np.zeros(size), 1.0
    )
    found = fit_temperature(model, scenes, tile=64, overlap=32)
    assert found == pytest.approx(best_temperature(everything), abs=1e-3)


def test_a_network_is_fitted_like_its_predictor():
    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(1.0))

        def forward(self, values_NBHW):
            return self.scale * values_NBHW[:, [0, 1, 2, 3, 0, 1, 2]]

    net = SceneNet(Logits(), scale=1e-4, offset=0.0, mean=[0.4] * 4, std=[0.2] * 4).eval()
    scenes = [memory_scene("a"), memory_scene("b", seed=1)]

    def predict(dn_NBHW):
        with torch.inference_mode():
            return net.probabilities(torch.from_numpy(dn_NBHW)).numpy()

    assert fit_temperature(net, scenes, tile=64) == fit_temperature(predict, scenes, tile=64)


def test_scenes_without_a_label_are_refused():
    scene = memory_scene("empty")
    scene.read(scene.info.extent)["mask"].fill_(IGNORE)
    with pytest.raises(NothingToScore, match="no pixel of the scenes has a label"):
        fit_temperature(PixelModel(), [scene], tile=64)
    with pytest.raises(NothingToScore):
        fit_temperature(PixelModel(), [], tile=64)


def stream(sample, *, scenes=20, shape=(30, 40), classes=3):
    """Scenes whose probabilities tell which pixel they are of; every third pixel has no label."""
    count = np.prod(shape)
    for owner in range(scenes):
        number_HW = np.arange(count).reshape(shape) + owner * count
        truth_HW = np.where(number_HW % 3 == 0, IGNORE, number_HW % classes).astype(np.uint8)
        sample.update(np.stack([number_HW] * classes).astype(np.float32), truth_HW, owner=owner)
    return sample.pixels()


def test_a_large_sample_holds_every_labelled_pixel_once():
    pixels = stream(PixelSample(capacity=10**6))
    numbers = pixels.probabilities_KP[0].astype(int)
    assert sorted(numbers) == [number for number in range(24_000) if number % 3]
    assert pixels.limit == 1.0
    np.testing.assert_array_equal(pixels.labels_P, numbers % 3)
    np.testing.assert_array_equal(pixels.owners_P, numbers // 1200)


def test_a_small_sample_is_bounded_and_uniform():
    sample, most = PixelSample(capacity=2000, seed=3), 0
    for owner in range(60):
        sample.update(np.zeros((2, 30, 40), np.float32), np.zeros((30, 40), np.uint8), owner=owner)
        most = max(most, sum(map(len, sample._parts)))
    pixels = sample.pixels()
    assert len(pixels) == 2000
    assert most <= 2 * 2000
    per_scene = np.bincount(pixels.owners_P, minlength=60)
    expected = 2000 / 60
    assert ((per_scene - expected) ** 2 / expected).sum() < 100  # chi-square of 59 degrees: 99.9 % are below 98.3
    assert pixels.limit == pytest.approx(2000 / (60 * 1200), rel=0.1)


def test_the_same_seed_draws_the_same_pixels():
    first, second = (stream(PixelSample(capacity=300, seed=5)) for _ in range(2))
    np.testing.assert_array_equal(first.probabilities_KP, second.probabilities_KP)


def test_joined_samples_keep_large_and_small_sources_in_proportion():
    large = stream(PixelSample(capacity=1000, seed=1), scenes=40)
    small = stream(PixelSample(capacity=1000, seed=2), scenes=4)
    joined = Pixels.joined([large, small], shifts=[0, 40])
    assert joined.limit == min(large.limit, small.limit)
    assert (joined.keys_P < joined.limit).all()
    share = (joined.owners_P >= 40).mean()
    assert share == pytest.approx(4 / 44, abs=0.03)
    assert joined.owners_P.max() == 43


def test_pixels_that_do_not_count():
    sample = dict(memory_scene("a", shape=(4, 5)).read(memory_scene("a", shape=(4, 5)).info.extent))
    sample["mask"] = torch.arange(20).reshape(4, 5) % 7
    assert labels(sample).dtype == np.uint8
    assert (labels(sample) == sample["mask"].numpy()).all()
    sample["image"][:, 0, 1] = 0
    sample["weight"] = torch.ones(4, 5)
    sample["weight"][2, 3] = 0
    sample["mask"][3, 4] = IGNORE
    found = labels(sample)
    assert {(int(row), int(col)) for row, col in np.argwhere(found == IGNORE)} == {(0, 1), (2, 3), (3, 4)}
    assert sample["mask"][0, 1] != IGNORE


def test_classes_that_are_never_answered_do_not_move_the_temperature():
    pure = drawn(0.5, classes=6)
    never = np.zeros((1, len(pure)), np.float32)
    mixed_P = pure.labels_P.copy()
    mixed_P[:600] = 6  # one in a hundred
    made_KP = np.concatenate([pure.probabilities_KP, never])
    mixed = replace(pure, probabilities_KP=made_KP, labels_P=mixed_P)
    assert best_temperature(mixed) == pytest.approx(best_temperature(pure), rel=0.01)
    with pytest.raises(NothingToScore, match="the model answers"):
        best_temperature(replace(mixed, labels_P=np.full_like(mixed_P, 6)))
