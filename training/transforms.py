"""Augmentation of patches in memory: what may differ between two scenes of the same land cover.

Sites differ more than pixels do, and most of that is light, air and processing level. So besides turning and
stretching a patch, these transforms move reflectance the way sun, haze, atmospheric correction and calibration do.

A sample holds ``image`` float32 BHW (digital numbers), ``mask`` int64 HW and ``teacher`` float32 KHW; further keys pass
through. All randomness comes from torch's global generator.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

type Sample = dict[str, Tensor]
type Step = Callable[[Sample], Sample]


@dataclass(frozen=True, slots=True)
class AugmentationStrength:
    """How strong each transform is; 0 switches it off.

    Attributes:
        stretch: Largest relative zoom of either axis (0.3: a patch may show 0.7 of its height or width).
        stretch_chance: Share of patches that are stretched.
        global_gain: Standard deviation of the logarithm of one gain for all bands (sun angle, slope, calibration).
        band_gain: Standard deviation of the logarithm of one gain per band.
        band_offset: Standard deviation of a reflectance offset per band.
        gamma: Standard deviation of the logarithm of the exponent on reflectance.
        haze: Largest reflectance that haze adds at 0.49 um.
        clearing: Largest reflectance that is taken away at 0.49 um, as atmospheric correction does.
        noise: Largest standard deviation of noise per pixel and band, in reflectance.
        band_dropout: Share of patches in which one band is replaced by its mean.
    """

    stretch: float = 0.3
    stretch_chance: float = 0.3
    global_gain: float = 0.15
    band_gain: float = 0.06
    band_offset: float = 0.004
    gamma: float = 0.08
    haze: float = 0.06
    clearing: float = 0.05
    noise: float = 0.005
    band_dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Geometry for everything in a sample, then radiometry for its image.

    Attributes:
        strength: How strong.
        wavelengths_um: Central wavelength of each band in micrometres, in band order.
        scale: Reflectance per digital number.
        offset: Reflectance at digital number 0.
    """

    strength: AugmentationStrength
    wavelengths_um: tuple[float, ...]
    scale: float
    offset: float

    def __call__(self, sample: Sample) -> Sample:
        """Augment one sample; the given one is not changed."""
        sample = flip_and_turn(sample)
        if _chance(self.strength.stretch_chance):
            sample = stretch(sample, 1 - self.strength.stretch)
        return {**sample, "image": self._radiometry(sample["image"])}

    def _radiometry(self, dn_BHW: Tensor) -> Tensor:
        """Digital numbers after a change of light; nodata pixels stay 0, others never fall below 0."""
        strength = self.strength
        reflectance = (dn_BHW * self.scale + self.offset).clamp_min(0)
        reflectance = gains(reflectance, strength.global_gain, strength.band_gain)
        reflectance = reflectance ** _log_normal(strength.gamma)
        amount = _uniform(-strength.clearing, strength.haze)
        reflectance = haze(reflectance, amount, self.wavelengths_um, exponent=_uniform(1.0, 3.0))
        reflectance = reflectance + _per_band(reflectance) * strength.band_offset
        reflectance = reflectance + torch.randn_like(reflectance) * _uniform(0.0, strength.noise)
        if _chance(strength.band_dropout):
            reflectance = drop_band(reflectance, int(torch.randint(len(reflectance), ())))
        changed = (reflectance.clamp_min(0) - self.offset) / self.scale
        return changed * (dn_BHW != 0).any(dim=0)


def flip_and_turn(sample: Sample) -> Sample:
    """One of the eight symmetries of the square, the same for all rasters of the sample.

    Args:
        sample: Square rasters with H and W last.

    Returns:
        The turned sample.
    """
    turns, flip = int(torch.randint(4, ())), _chance(0.5)

    def turn(raster: Tensor) -> Tensor:
        turned = torch.rot90(raster, turns, dims=(-2, -1))
        return torch.flip(turned, dims=(-1,)) if flip else turned

    return {key: turn(value) for key, value in sample.items()}


def stretch(sample: Sample, least: float) -> Sample:
    """Cut a random window and enlarge it to the old size, each axis on its own.

    Images in geographic coordinates have pixels that are not square, and sensors differ in ground sample distance.

    Args:
        sample: Rasters of one height and width.
        least: Smallest share of the height and of the width that is kept.

    Returns:
        Sample of the same shapes: image and teacher bilinear, labels nearest.
    """
    height, width = sample["mask"].shape
    rows = _window(height, least)
    cols = _window(width, least)
    resized = {key: _resize(value[..., rows, cols], (height, width)) for key, value in sample.items() if key != "mask"}
    mask = sample["mask"][rows, cols][None, None].float()
    resized["mask"] = functional.interpolate(mask, (height, width), mode="nearest-exact")[0, 0].long()
    return resized


def gains(reflectance_BHW: Tensor, common: float, band: float) -> Tensor:
    """Multiply by one random gain for all bands and one per band.

    Args:
        reflectance_BHW: Reflectance.
        common: Standard deviation of the logarithm of the common gain.
        band: Standard deviation of the logarithm of each band's gain.

    Returns:
        Reflectance of the same shape.
    """
    return reflectance_BHW * _log_normal(common) * torch.exp(_per_band(reflectance_BHW) * band)


def haze(reflectance_BHW: Tensor, amount: float, wavelengths_um: Sequence[float], *, exponent: float) -> Tensor:
    """Add or take away scattered light, strongest in blue.

    Scattering falls with wavelength as lambda^-a, a from about 1 for aerosol (Angstrom's law) to 4 for air molecules;
    what is scattered in also hides a share of the ground: r (1 - s) + s. A negative amount undoes that, as atmospheric
    correction does.

    Args:
        reflectance_BHW: Reflectance.
        amount: Reflectance added to black ground at 0.49 um; may be negative.
        wavelengths_um: Central wavelength of each band in micrometres.
        exponent: The a of the law.

    Returns:
        Reflectance of the same shape, may be negative where too much was taken away.
    """
    scatter_B = amount * (torch.tensor(list(wavelengths_um)) / 0.49) ** -exponent
    scatter_B11 = scatter_B.view(-1, 1, 1)
    return reflectance_BHW * (1 - scatter_B11) + scatter_B11


def drop_band(reflectance_BHW: Tensor, band: int) -> Tensor:
    """Replace a band by its mean over the patch.

    Args:
        reflectance_BHW: Reflectance.
        band: Index of the band.

    Returns:
        A copy without that band's detail.
    """
    dropped = reflectance_BHW.clone()
    dropped[band] = dropped[band].mean()
    return dropped


def _resize(raster: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(raster[None], size, mode="bilinear", align_corners=False)[0]


def _window(extent: int, least: float) -> slice:
    length = max(1, round(extent * _uniform(least, 1.0)))
    start = int(torch.randint(extent - length + 1, ()))
    return slice(start, start + length)


def _per_band(raster_BHW: Tensor) -> Tensor:
    return torch.randn(len(raster_BHW), 1, 1)


def _log_normal(deviation: float) -> float:
    return float(torch.exp(torch.randn(()) * deviation))


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))


def _chance(share: float) -> bool:
    return bool(torch.rand(()) < share)
