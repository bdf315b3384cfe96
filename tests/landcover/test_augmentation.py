"""Test-time augmentation against plain loops over mirror images and rotations."""

import numpy as np
import pytest

from landcover.augmentation import SYMMETRIES, Augmentation, average_turns

TURNING = [Augmentation.FLIPS, Augmentation.D4]


def lopsided(dn_NBHW, overview_1BHW=None):
    """A model that knows up from down and left from right: a pixel's neighbours above and to the left count."""
    dn = dn_NBHW.astype(np.float64)
    above, left = np.roll(dn, 1, axis=2), np.roll(dn, 1, axis=3)
    logits = np.stack([dn.sum(axis=1), above.sum(axis=1), 2 * left.sum(axis=1)], axis=1)
    if overview_1BHW is not None:
        logits = logits * (1 + overview_1BHW[0, 0, 0, 0])  # its upper left corner
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / 10)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def brute_force(dn_NBHW, overview_1BHW=None, *, rotations):
    """NumPy's own rotations and mirror images of every window, averaged in double precision."""
    answers = []
    for quarters in rotations:
        for mirrored in (False, True):

            def forth(image, quarters=quarters, mirrored=mirrored):
                turned = np.rot90(image, quarters, axes=(2, 3))
                return np.flip(turned, axis=3) if mirrored else turned

            def back(image, quarters=quarters, mirrored=mirrored):
                image = np.flip(image, axis=3) if mirrored else image
                return np.rot90(image, -quarters, axes=(2, 3))

            overview = None if overview_1BHW is None else forth(overview_1BHW)
            answers.append(back(lopsided(forth(dn_NBHW), overview)).astype(np.float64))
    return np.mean(answers, axis=0)


def windows(seed=0, shape=(2, 3, 8, 12)):
    return np.random.default_rng(seed).integers(0, 50, shape).astype(np.uint16)


@pytest.mark.parametrize(
    ("augmentation", "rotations"), [("none", ()), ("flips", (0, 2)), ("d4", (0, 1, 2, 3))], ids=str
)
@pytest.mark.parametrize("overview", [None, windows(1, (1, 3, 4, 4))], ids=["one input", "overview"])
def test_the_mean_is_that_of_all_turns(augmentation, rotations, overview):
    answer = average_turns(lopsided, windows(), overview, augmentation=Augmentation(augmentation))
    wanted = brute_force(windows(), overview, rotations=rotations) if rotations else lopsided(windows(), overview)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, wanted, atol=1e-6)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("augmentation", "turn"), [(kind, turn) for kind in TURNING for turn in SYMMETRIES[kind][1:]], ids=str
)
def test_a_turned_scene_gives_the_turned_answer(augmentation, turn):
    answer = average_turns(lopsided, windows(), None, augmentation=augmentation)
    turned = average_turns(lopsided, turn.turn(windows()), None, augmentation=augmentation)
    np.testing.assert_allclose(turned, turn.turn(answer), atol=1e-6)
    assert not np.allclose(lopsided(turn.turn(windows())), turn.turn(lopsided(windows())), atol=1e-3)


@pytest.mark.parametrize("augmentation", Augmentation)
def test_turns_differ_come_back_and_begin_with_the_image_itself(augmentation):
    image = windows()
    turned = [turn.turn(image) for turn in SYMMETRIES[augmentation]]
    assert len({part.tobytes() for part in turned}) == len(turned) == {"none": 1, "flips": 4, "d4": 8}[augmentation]
    assert np.array_equal(turned[0], image)
    for turn, part in zip(SYMMETRIES[augmentation], turned, strict=True):
        assert np.array_equal(turn.turn_back(part), image)


@pytest.mark.parametrize("augmentation", TURNING)
def test_the_model_gets_arrays_in_one_piece_one_call_at_a_time(augmentation):
    calls = []

    def model(dn_NBHW, overview_1BHW):
        calls.append((dn_NBHW, overview_1BHW))
        assert dn_NBHW.flags.c_contiguous
        assert overview_1BHW.flags.c_contiguous
        return lopsided(dn_NBHW)

    average_turns(model, windows(), windows(1, (1, 3, 4, 4)), augmentation=augmentation)
    assert len(calls) == len(SYMMETRIES[augmentation])
    assert {dn.dtype for dn, _ in calls} == {np.dtype(np.uint16)}
