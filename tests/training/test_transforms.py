"""Augmentation keeps labels on their pixels, nodata nodata, and reflectance within reason."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from landcover.errors import ConfigError, DataError
from training.geometry import flip_and_turn, known_pixels, stretch
from training.radiometry import Air, Line, drop_band_, haze, seen_through
from training.scenes import IGNORE
from training.transforms import Augmentation, AugmentationStrength

WAVELENGTHS = (0.49, 0.56, 0.665, 0.842, 2.19)
BANDS = len(WAVELENGTHS)
OFF = AugmentationStrength(**dict.fromkeys(AugmentationStrength.__dataclass_fields__, 0.0))
EVERYTHING = AugmentationStrength(
    stretch=0.5, stretch_chance=1.0, haze=0.2, clearing=0.2, level_shift=1.0, level_shift_chance=1.0, band_dropout=1.0
)
AIR = Air(sun_cosine=0.7, aerosol=0.1, angstrom=1.3)

seeds = st.integers(0, 2**40)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def sample_of(seed=0, *, size=48, dates=1, gaps=False):
    """A sample with everything; some labels are unknown and, if wanted, some pixels of each date are nodata."""
    generator = seeded(seed)
    mask = torch.randint(7, (size // 8, size // 8), generator=generator).repeat_interleave(8, 0).repeat_interleave(8, 1)
    mask[:, 5:9] = IGNORE
    image = torch.randint(0, 4000, (dates * BANDS, size, size), generator=generator).float()
    teacher = torch.rand(7, size, size, generator=generator).softmax(0)
    if gaps:
        teacher[:, 20:30, :11] = 0
        for date, bands in enumerate(image.chunk(dates)):
            bands[:, 3 * date : 9 + 3 * date, 7:] = 0
    return {"image": image, "mask": mask, "teacher": teacher, "weight": torch.rand(size, size, generator=generator)}


def coordinates(size=64):
    """Every raster holds the row and column that its pixel had: in two bands, and in one number."""
    rows, cols = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    place = torch.stack((rows, cols)).float() + 1
    mask = rows * size + cols
    return {"image": place, "teacher": place.clone(), "mask": mask, "weight": mask.float()}


def augmentation(strength, *, offset=0.0, dates=1):
    return Augmentation(strength=strength, wavelengths_um=WAVELENGTHS, scale=1e-4, offset=offset, dates=dates)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


# Geometry


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_turning_and_stretching_move_all_rasters_alike(seed):
    size, generator = 64, seeded(seed)
    moved = flip_and_turn(stretch(coordinates(size), 0.5, generator), generator)
    rows, cols = moved["mask"] // size, moved["mask"] % size
    assert torch.equal(moved["weight"].long(), moved["mask"])
    # Bilinear coordinates are at most half a pixel from the nearest one.
    assert (moved["image"] - 1 - torch.stack((rows, cols))).abs().max() <= 0.5
    assert torch.equal(moved["teacher"], moved["image"])


def test_turning_gives_the_eight_symmetries_and_no_other():
    sample = coordinates(4)
    turns = {tuple(flip_and_turn(sample, seeded(seed))["mask"].flatten().tolist()) for seed in range(100)}
    corners = np.arange(16).reshape(4, 4)
    wanted = [np.rot90(side, k) for side in (corners, corners.T) for k in range(4)]
    assert turns == {tuple(int(value) for value in turn.flatten()) for turn in wanted}


def test_stretch_is_scipys_linear_interpolation():
    generator = seeded(3)
    image = torch.rand(2, 40, 40, generator=generator) + 0.1
    moved = stretch({**coordinates(40), "image": image}, 0.5, seeded(8))
    place = stretch(coordinates(40), 0.5, seeded(8))["image"].numpy() - 1
    for band, wanted_of in zip(moved["image"].numpy(), image.numpy(), strict=True):
        # Inside the window the edge is not repeated, so that coordinates say where each new pixel looked.
        wanted = ndimage.map_coordinates(wanted_of, place, order=1)
        assert np.abs(band - wanted).max() < 1e-4


def test_no_stretch_changes_nothing():
    sample = sample_of(gaps=True)
    assert all(torch.allclose(value, sample[name]) for name, value in stretch(sample, 1.0, seeded(0)).items())


@given(seeds, st.sampled_from([1, 2]))
@settings(max_examples=30, deadline=None)
def test_stretch_mixes_nothing_into_gaps_and_gaps_into_nothing(seed, dates):
    size = 48
    image = torch.full((dates * BANDS, size, size), 2000.0)
    teacher = torch.full((7, size, size), 1 / 7)
    generator = seeded(seed)
    holes = torch.rand(dates + 1, size, size, generator=generator) < 0.3
    for bands, hole in zip((*image.chunk(dates), teacher), holes, strict=True):
        bands[:, hole] = 0
    labels = torch.arange(size * size).view(size, size)
    moved = stretch({"image": image, "teacher": teacher, "mask": labels}, 0.4, generator, dates=dates)
    levels = (*[2000.0] * dates, 1 / 7)
    for bands, hole, level in zip((*moved["image"].chunk(dates), moved["teacher"]), holes, levels, strict=True):
        wanted = level * ~hole.flatten()[moved["mask"]]
        assert torch.allclose(bands, wanted.expand_as(bands), rtol=1e-5)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_labels_and_weights_are_never_interpolated(seed):
    sample = sample_of(seed)
    sample["weight"] = sample["mask"].float() / 2
    augmented = augmentation(EVERYTHING)(sample, seeded(seed))
    assert augmented["mask"].dtype == torch.int64
    assert torch.equal(augmented["weight"], augmented["mask"].float() / 2)
    assert set(augmented["mask"].unique().tolist()) <= set(sample["mask"].unique().tolist())
    assert torch.allclose(augmented["teacher"].sum(0), torch.ones(48, 48), atol=1e-5)


def test_all_ignored_stays_all_ignored():
    sample = sample_of()
    sample["mask"] = torch.full_like(sample["mask"], IGNORE)
    assert (augmentation(EVERYTHING)(sample, seeded(1))["mask"] == IGNORE).all()


# Radiometry


def test_haze_is_strongest_in_blue_and_clearing_darkens():
    dark = torch.full((BANDS, 4, 4), 0.02)
    hazy = haze(0.05, WAVELENGTHS, exponent=1.3).apply_(dark.clone())[:, 0, 0] - 0.02
    assert (hazy.diff() < 0).all()
    assert hazy[0] == pytest.approx(0.05 * 0.98)
    assert (haze(-0.05, WAVELENGTHS, exponent=1.3).apply_(dark.clone()) < dark).all()


def test_lines_join_and_invert():
    generator = seeded(2)
    first, second = (Line(gain + 0.5, offset) for gain, offset in torch.rand(2, 2, BANDS, generator=generator))
    ground = torch.rand(BANDS, 3, 3, generator=generator)
    one_by_one = second.apply_(first.apply_(ground.clone()))
    assert torch.allclose(first.then(second).apply_(ground.clone()), one_by_one)
    assert torch.allclose(first.then(second).inverse().apply_(one_by_one), ground, atol=1e-5)


def molecular_depth(um):
    """Bodhaine et al. 1999, https://doi.org/10.1175/1520-0426(1999)016<1854:ORODC>2.0.CO;2, equation 30, sea level."""
    above = 1.0455996 - 341.29061 * um**-2 - 0.90230850 * um**2
    return 0.0021520 * above / (1 + 0.0027059889 * um**-2 - 85.968563 * um**2)


@pytest.mark.parametrize("um", [0.443, 0.49, 0.56, 0.665, 0.842])
def test_molecules_scatter_as_others_have_it(um):
    line = seen_through(Air(sun_cosine=1.0, aerosol=0.0, angstrom=1.0), (um,))
    assert line.offset_B.item() == pytest.approx(molecular_depth(um) * 1.5 / 4, rel=0.01)
    assert line.gain_B.item() == pytest.approx(np.exp(-molecular_depth(um)), rel=0.001)


def test_air_brightens_dark_ground_and_dims_bright_ground_most_in_blue():
    line = seen_through(AIR, WAVELENGTHS)
    assert (line.offset_B.diff() < 0).all()
    assert (line.gain_B.diff() > 0).all()
    assert (line.gain_B < 1).all()
    # Blue path reflectance of a fairly clean atmosphere is known to be some hundredths.
    assert 0.05 < line.offset_B[0] < 0.1
    none = seen_through(AIR, WAVELENGTHS, share=0.0)
    assert torch.equal(none.gain_B, torch.ones(BANDS))
    assert torch.equal(none.offset_B, torch.zeros(BANDS))


def test_level_shift_goes_both_ways():
    shift = dataclasses.replace(OFF, level_shift=1.0, level_shift_chance=1.0)
    ground = {"image": torch.full((BANDS, 8, 8), 800.0), "mask": torch.zeros(8, 8, dtype=torch.int64)}
    blue = [augmentation(shift)(ground, seeded(seed))["image"][0, 0, 0].item() for seed in range(60)]
    up, down = sum(value > 800 for value in blue), sum(value < 800 for value in blue)
    assert min(up, down) > 15


def test_dropped_band_has_no_detail_but_the_mean_of_what_is_known():
    image = torch.rand(BANDS, 8, 8, generator=seeded(1))
    known = torch.ones(8, 8, dtype=torch.bool)
    known[0] = False
    dropped = drop_band_(image.clone(), 2, known)
    assert dropped[2].unique().numel() == 1
    assert dropped[2, 0, 0].item() == pytest.approx(image[2][known].mean().item())
    assert torch.equal(dropped[[0, 1, 3, 4]], image[[0, 1, 3, 4]])


@pytest.mark.parametrize("offset", [0.0, -0.1])
def test_strength_zero_leaves_digital_numbers_alone(offset):
    sample = coordinates(48)
    sample["image"] = sample["mask"].expand(BANDS, 48, 48) + 1500.0
    augmented = augmentation(OFF, offset=offset)(sample, seeded(0))
    assert torch.equal(augmented["image"].round()[0], augmented["mask"] + 1500.0)


@pytest.mark.parametrize("name", ["global_gain", "band_gain", "band_offset", "gamma", "haze", "clearing", "noise"])
def test_each_strength_changes_the_image_and_nothing_else(name):
    sample = sample_of()
    sample["image"] += 1000
    plain = augmentation(OFF)(sample, seeded(4))
    changed = augmentation(dataclasses.replace(OFF, **{name: 0.05}))(sample, seeded(4))
    difference = (changed.pop("image") - plain.pop("image")).abs()
    assert 1 < difference.mean() < 1000
    assert same(changed, plain)


def test_one_gain_for_all_bands_and_one_for_each():
    flat = {"image": torch.full((BANDS, 8, 8), 2000.0), "mask": torch.zeros(8, 8, dtype=torch.int64)}
    common = augmentation(dataclasses.replace(OFF, global_gain=0.2))(flat, seeded(0))["image"]
    assert common.unique().numel() == 1
    assert common[0, 0, 0] != 2000
    each = augmentation(dataclasses.replace(OFF, band_gain=0.1))(flat, seeded(0))["image"]
    assert each.unique().numel() == BANDS


@given(seeds, st.sampled_from([1, 2]), st.sampled_from([0.0, -0.1]))
@settings(max_examples=40, deadline=None)
def test_full_strength_keeps_nodata_and_makes_none(seed, dates, offset):
    sample = sample_of(seed, dates=dates, gaps=True)
    sample["image"] *= torch.rand((), generator=seeded(seed)) ** 4  # dark scenes come close to 0
    sample["mask"] = torch.arange(48 * 48).view(48, 48)
    augmented = augmentation(EVERYTHING, offset=offset, dates=dates)(sample, seeded(seed))
    assert augmented["image"].isfinite().all()
    assert augmented["image"].min() >= 0
    for before, after in zip(sample["image"].chunk(dates), augmented["image"].chunk(dates), strict=True):
        known = known_pixels(before).flatten()[augmented["mask"]]
        assert torch.equal((after != 0).all(0), known)
        assert torch.equal((after != 0).any(0), known)


# Dates


def test_geometry_is_common_and_radiometry_is_not():
    sample = coordinates(32)
    date = torch.randint(1000, 3000, (BANDS, 32, 32), generator=seeded(5)).float()
    sample["image"] = torch.cat((date, date))
    spatial = dataclasses.replace(OFF, stretch=0.4, stretch_chance=1.0)
    older, younger = augmentation(spatial, dates=2)(sample, seeded(6))["image"].chunk(2)
    assert torch.equal(older, younger)
    bright = dataclasses.replace(OFF, global_gain=0.2)
    older, younger = augmentation(bright, dates=2)(sample, seeded(6))["image"].chunk(2)
    ratio = older / younger
    assert ratio.max() - ratio.min() < 1e-4
    assert abs(ratio.mean() - 1) > 1e-3


def test_a_gap_of_one_date_is_none_of_the_other():
    sample = sample_of(dates=2)
    sample["image"] += 1
    sample["image"][BANDS:, :10] = 0
    augmented = augmentation(dataclasses.replace(EVERYTHING, stretch_chance=0.0), dates=2)(sample, seeded(1))["image"]
    assert known_pixels(augmented[:BANDS]).all()
    assert (~known_pixels(augmented[BANDS:])).sum() == 10 * 48


# The generator


@given(seeds, st.sampled_from([1, 2]))
@settings(max_examples=20, deadline=None)
def test_the_generator_is_the_only_chance(seed, dates):
    sample, augment = sample_of(seed, dates=dates), augmentation(EVERYTHING, dates=dates)
    torch.manual_seed(1)
    one = augment(sample, seeded(seed))
    untouched = torch.get_rng_state()
    torch.manual_seed(2)
    assert same(one, augment(sample, seeded(seed)))
    torch.manual_seed(1)
    assert torch.equal(untouched, torch.get_rng_state())
    assert not same(one, augment(sample, seeded(seed + 1)))


@pytest.mark.parametrize("absent", [("teacher",), ("weight",), ("teacher", "weight")])
def test_rasters_may_be_absent(absent):
    whole = sample_of()
    part = {name: raster for name, raster in whole.items() if name not in absent}
    augment = augmentation(EVERYTHING)
    augmented = augment(whole, seeded(2))
    assert same(augment(part, seeded(2)), {name: augmented[name] for name in part})


def test_the_given_sample_is_not_changed():
    sample = sample_of(gaps=True)
    before = {name: raster.clone() for name, raster in sample.items()}
    for seed in range(20):
        augmentation(AugmentationStrength())(sample, seeded(seed))
    assert same(sample, before)


def test_integer_images_and_bytes_of_labels_are_taken():
    """As a scene hands them out, before they become a batch."""
    sample = {"image": torch.randint(1, 4000, (BANDS, 32, 32), dtype=torch.int32), "mask": torch.zeros(32, 32).byte()}
    sample["teacher"] = torch.full((7, 32, 32), 1 / 7, dtype=torch.float16)
    augmented = augmentation(EVERYTHING)(sample, seeded(0))
    assert augmented["image"].dtype == augmented["teacher"].dtype == torch.float32
    assert augmented["mask"].dtype == torch.uint8


# Refusals


def test_an_image_with_other_bands_is_refused():
    with pytest.raises(DataError, match=r"has 5 bands, 2 date\(s\) of 5 bands"):
        augmentation(OFF, dates=2)(sample_of(), seeded(0))


@pytest.mark.parametrize(
    ("name", "value"),
    [("haze", -0.1), ("noise", float("nan")), ("stretch", 1.0), ("stretch_chance", 1.5), ("band_dropout", 2.0)],
)
def test_what_is_no_strength_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"augmentation.{name}"):
        AugmentationStrength(**{name: value})


def test_an_overview_lies_under_the_same_light_as_its_image():
    light = dataclasses.replace(EVERYTHING, noise=0.0, band_dropout=0.0)
    colours = torch.linspace(300, 3000, 2 * BANDS).view(-1, 1, 1)  # one value per band and date, whatever is turned
    sample = {**sample_of(dates=2), "image": colours.expand(-1, 48, 48), "overview": colours.expand(-1, 16, 16)}
    changed = augmentation(light, dates=2)(sample, seeded(5))
    assert not torch.allclose(changed["image"], sample["image"], rtol=0.05)
    assert torch.allclose(changed["overview"], changed["image"][:, :1, :1].expand(-1, 16, 16))


def test_an_overview_is_not_turned():
    sample = {**sample_of(dates=2), "overview": sample_of(seed=1, size=16, dates=2)["image"]}
    changed = augmentation(dataclasses.replace(OFF, stretch=0.5, stretch_chance=1.0), dates=2)(sample, seeded(2))
    assert torch.allclose(changed["overview"], sample["overview"].clamp_min(1), atol=1e-2)
