"""Augmentation keeps labels on their pixels and reflectance within reason."""

import pytest
import torch

from training.transforms import (
    Augmentation,
    AugmentationStrength,
    drop_band,
    flip_and_turn,
    gains,
    haze,
    stretch,
)

WAVELENGTHS = (0.49, 0.56, 0.665, 0.842, 2.19)
OFF = AugmentationStrength(**dict.fromkeys(AugmentationStrength.__dataclass_fields__, 0.0))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def sample_of(size=48, bands=5, classes=7):
    """Image and teacher hold the label of each pixel, so that a shift would show."""
    mask = torch.randint(classes, (size, size)).repeat_interleave(8, 0).repeat_interleave(8, 1)[:size, :size]
    image = (1000.0 * (mask + 1)).expand(bands, size, size).clone()
    teacher = torch.nn.functional.one_hot(mask, classes).permute(2, 0, 1).float()
    return {"image": image, "mask": mask, "teacher": teacher}


def augmentation(strength, offset=0.0):
    return Augmentation(strength=strength, wavelengths_um=WAVELENGTHS, scale=1e-4, offset=offset)


def test_turning_moves_all_rasters_alike():
    seen = set()
    sample = sample_of()
    for _ in range(40):
        turned = flip_and_turn(sample)
        assert torch.equal(turned["image"][0], 1000.0 * (turned["mask"] + 1))
        assert torch.equal(turned["teacher"].argmax(0), turned["mask"])
        seen.add(tuple(turned["mask"][0, ::8].tolist()) + tuple(turned["mask"][::8, 0].tolist()))
    assert len(seen) == 8


def test_stretch_keeps_labels_on_their_pixels():
    for _ in range(10):
        sample = sample_of()
        stretched = stretch(sample, 0.6)
        assert {key: value.shape for key, value in stretched.items()} == {k: v.shape for k, v in sample.items()}
        agree = (stretched["teacher"].argmax(0) == stretched["mask"]).float().mean()
        assert agree > 0.95
        assert stretched["teacher"].sum(0).allclose(torch.ones(48, 48))
        assert set(stretched["mask"].unique().tolist()) <= set(range(7))


def test_no_stretch_changes_nothing():
    sample = sample_of()
    assert all(torch.allclose(value, sample[key]) for key, value in stretch(sample, 1.0).items())


def test_haze_is_strongest_in_blue_and_clearing_undoes_it():
    dark = torch.full((5, 4, 4), 0.02)
    hazy = haze(dark, 0.05, WAVELENGTHS, exponent=1.3)[:, 0, 0] - 0.02
    assert (hazy.diff() < 0).all()
    assert hazy[0] == pytest.approx(0.05 * 0.98)
    assert (haze(dark, -0.05, WAVELENGTHS, exponent=1.3) < dark).all()


def test_gains_are_ratios():
    bright = torch.full((5, 2, 2), 0.4)
    common = gains(bright, 0.2, 0.0)
    assert common.unique().numel() == 1
    assert common[0, 0, 0] != 0.4
    assert gains(bright, 0.0, 0.1).unique().numel() == 5
    assert torch.equal(gains(bright, 0.0, 0.0), bright)


def test_dropped_band_has_no_detail_but_its_mean():
    image = torch.rand(5, 8, 8)
    dropped = drop_band(image, 2)
    assert dropped[2].unique().numel() == 1
    assert dropped[2, 0, 0].item() == pytest.approx(image[2].mean().item())
    assert torch.equal(dropped[[0, 1, 3, 4]], image[[0, 1, 3, 4]])


@pytest.mark.parametrize("offset", [0.0, -0.1])
def test_strength_zero_leaves_digital_numbers_alone(offset):
    sample = sample_of()
    sample["image"] += 1000
    augmented = augmentation(OFF, offset)(sample)
    assert augmented["image"].sum().item() == pytest.approx(sample["image"].sum().item(), rel=1e-5)
    assert torch.equal(augmented["image"].round()[0], 1000.0 * (augmented["mask"] + 2))


def test_full_strength_stays_finite_and_keeps_nodata():
    for _ in range(30):
        sample = sample_of()
        sample["image"][:, :16] = 0
        strong = AugmentationStrength(stretch_chance=0.0, band_dropout=1.0, haze=0.2, clearing=0.2)
        augmented = augmentation(strong)(sample)["image"]
        assert augmented.isfinite().all()
        assert augmented.min() >= 0
        assert ((augmented == 0).all(dim=0)).sum() >= 16 * 48


def test_the_given_sample_is_not_changed():
    sample = sample_of()
    before = {key: value.clone() for key, value in sample.items()}
    augmentation(AugmentationStrength())(sample)
    assert all(torch.equal(value, before[key]) for key, value in sample.items())


def test_same_seed_same_augmentation():
    runs = []
    for _ in range(2):
        torch.manual_seed(7)
        runs.append(augmentation(AugmentationStrength())(sample_of())["image"])
    assert torch.equal(*runs)
