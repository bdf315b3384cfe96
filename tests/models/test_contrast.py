"""The contrast of two dates against a plain version in float64, and what it must not depend on."""

import numpy as np
import pytest
import torch

from models.contrast import ROUNDS, SceneContrast, bands_with_contrast, contrast_channels, known_pixels

pytestmark = pytest.mark.train

BANDS = 4


def dates(seed=0, *, side=48, changed=0.0):
    """Two dates of one landscape under different light, some of it changed; NBHW, and which pixels changed, HW."""
    random = np.random.default_rng(seed)
    land = random.normal(0.4, 0.1, (BANDS, side, side))
    younger = 1.3 * land + 0.05 + random.normal(0, 0.02, land.shape)
    where = random.random((side, side)) < changed
    younger[:, where] += 0.6
    stacked = np.concatenate([land, younger]).astype(np.float32)
    return torch.from_numpy(stacked)[None], torch.from_numpy(where)


def contrast(inputs, overview=None, known=None):
    overview = inputs if overview is None else overview
    known = torch.ones_like(overview[:, :1], dtype=torch.bool) if known is None else known
    return SceneContrast()(inputs, overview, known)


def by_definition(inputs, overview):
    """Standardise each date, weigh differences by Tukey's biweight, band by band."""
    found = []
    for band in range(BANDS):
        rasters = [(inputs[0, band + part], overview[0, band + part]) for part in (0, BANDS)]
        older, younger = ((pixels - seen.mean()) / seen.std(unbiased=False) for pixels, seen in rasters)
        first, second = ((seen - seen.mean()) / seen.std(unbiased=False) for _, seen in rasters)
        usual, weight = second - first, torch.ones_like(first)
        for left in reversed(range(ROUNDS + 1)):
            centre = (weight * usual).sum() / weight.sum()
            spread = np.sqrt(np.pi / 2) * (weight * (usual - centre).abs()).sum() / weight.sum()
            if left:
                weight = (1 - ((usual - centre) / spread / 4.685) ** 2).clamp_min(0) ** 2
        found.append((younger - older - centre) / spread)
    bands = torch.stack(found)
    return torch.asinh(torch.cat([bands, bands.square().mean(dim=0, keepdim=True).sqrt()]))


def test_it_is_what_the_definition_says():
    inputs, _ = dates(changed=0.05)
    overview = inputs[..., ::3, ::3]
    expected = by_definition(inputs.double(), overview.double())
    assert torch.allclose(contrast(inputs, overview)[0].double(), expected, atol=2e-3)  # 1.2533 has five digits


def test_light_that_changes_a_whole_scene_changes_nothing():
    inputs, _ = dates(changed=0.05)
    gain = torch.rand(1, 2 * BANDS, 1, 1) + 0.5
    assert torch.allclose(contrast(inputs), contrast(inputs * gain + 0.2), atol=1e-3)


def test_what_changed_stands_out_and_moves_the_statistics_little():
    still, _ = dates(seed=1)
    inputs, changed = dates(seed=1, changed=0.1)
    found, size = contrast(inputs)[0], contrast(inputs)[0, -1]
    assert size[changed].min() > size[~changed].max()
    assert found[:-1, ~changed].std() == pytest.approx(contrast(still)[0, :-1].std().item(), rel=0.5)


def test_exchanging_the_dates_turns_the_sign():
    inputs, _ = dates(changed=0.05)
    one, other = contrast(inputs)[0], contrast(inputs.roll(BANDS, dims=1))[0]
    assert torch.allclose(one[:-1], -other[:-1], atol=1e-4)
    assert torch.allclose(one[-1], other[-1], atol=1e-4)


def test_pixels_without_data_say_nothing_of_the_scene():
    inputs, _ = dates(side=32)
    overview, known = inputs.clone(), torch.ones(1, 1, 32, 32, dtype=torch.bool)
    known[..., :9, :] = False
    overview[..., :9, :] = 55.0
    assert torch.allclose(contrast(inputs, overview, known), contrast(inputs, inputs[..., 9:, :]), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_an_overview_of_nothing_or_of_one_value_stays_finite(value):
    inputs, _ = dates(side=32)
    overview = torch.full_like(inputs, value)
    known = torch.full((1, 1, 32, 32), value > 0)
    assert torch.isfinite(contrast(inputs, overview, known)).all()


@pytest.mark.parametrize(("pixels", "says"), [(0, False), (31, False), (32, True)])
def test_too_little_of_a_scene_says_nothing(pixels, says):
    inputs, _ = dates(side=32)
    known = (torch.arange(32 * 32) < pixels).reshape(1, 1, 32, 32)
    assert contrast(inputs, inputs, known).any() == says


def test_each_window_has_its_scene():
    (one, _), (other, _) = dates(seed=1), dates(seed=2)
    both = torch.cat([one, other])
    assert torch.allclose(contrast(both), torch.cat([contrast(one), contrast(other)]), atol=1e-5)
    assert torch.allclose(contrast(both, one), torch.cat([contrast(one), contrast(other, one)]), atol=1e-5)


def test_data_at_both_dates_is_known():
    dn = torch.ones(1, 2 * BANDS, 2, 2)
    dn[0, :BANDS, 0, 0] = 0
    dn[0, BANDS:, 1, 1] = 0
    dn[0, 1, 0, 1] = 0
    assert known_pixels(dn)[0, 0].tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("bands", [1, 4, 9])
def test_channels_and_bands(bands):
    assert bands_with_contrast(2 * bands + contrast_channels(bands)) == bands


@pytest.mark.parametrize("channels", [1, 2, 3, 27])
def test_channels_that_are_no_two_dates_with_contrast(channels):
    with pytest.raises(ValueError, match=f"got {channels} channels"):
        bands_with_contrast(channels)
