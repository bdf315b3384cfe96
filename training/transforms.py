"""Augmentation of patches in memory: what may differ between two scenes of the same land cover.

Sites differ more than pixels do, and most of that is light, air and processing level. So besides turning and
stretching a patch, these transforms move reflectance the way sun, haze, atmospheric correction and calibration do.

Axes: B band, H row, W column.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Final

import torch
from torch import Tensor

from landcover.errors import ConfigError, DataError
from training.draws import below, chance, log_normal, uniform
from training.geometry import flip_and_turn, known_pixels, stretch
from training.radiometry import Air, Line, drop_band_, haze, seen_through
from training.scenes import Sample

LEAST_REFLECTANCE: Final = 1e-4
"""What a known pixel keeps in every band, one digital number of Sentinel-2, so that it never looks like nodata."""

HAZE_EXPONENT: Final = (1.0, 3.0)
"""From aerosol of large particles towards air molecules, see `haze`."""

SUN_COSINE: Final = (0.42, 0.95)
"""Sun 18 to 65 degrees from the zenith: Sentinel-2 passes at 10:30 local solar time."""

AEROSOL: Final = (0.02, 0.3)
"""Optical depth at 0.55 um from clean to turbid air (AERONET, https://aeronet.gsfc.nasa.gov)."""

ANGSTROM: Final = (0.6, 1.8)
"""From dust to smoke, Eck et al. 1999, https://doi.org/10.1029/1999JD900923."""

_SHARES: Final = ("stretch_chance", "level_shift", "level_shift_chance", "band_dropout")


@dataclass(frozen=True, slots=True)
class AugmentationStrength:
    """How strong each transform is; 0 switches it off.

    Attributes:
        stretch: Largest relative zoom of either axis (0.3: a patch may show 0.7 of its height or width), below 1.
        stretch_chance: Share of patches that are stretched.
        global_gain: Standard deviation of the logarithm of one gain for all bands (sun angle, slope, calibration).
        band_gain: Standard deviation of the logarithm of one gain per band.
        band_offset: Standard deviation of a reflectance offset per band.
        gamma: Standard deviation of the logarithm of the exponent on reflectance.
        haze: Largest reflectance that haze adds at 0.49 um.
        clearing: Largest reflectance that is taken away at 0.49 um, as too much correction does.
        level_shift: Largest share of a whole atmosphere that is added (from L2A towards L1C) or, as often, removed
            (from L1C towards L2A), 0..1.
        level_shift_chance: Share of images that are shifted so.
        noise: Largest standard deviation of noise per pixel and band, in reflectance.
        band_dropout: Share of images in which one band is replaced by its mean.
    """

    stretch: float = 0.3
    stretch_chance: float = 0.3
    global_gain: float = 0.15
    band_gain: float = 0.06
    band_offset: float = 0.004
    gamma: float = 0.08
    haze: float = 0.06
    clearing: float = 0.05
    level_shift: float = 0.7
    level_shift_chance: float = 0.3
    noise: float = 0.005
    band_dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what is no strength.

        Raises:
            ConfigError: naming the field and what it may be.
        """
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ConfigError(f"augmentation.{name} is {value}; a number of at least 0 is expected")
            if name in _SHARES and value > 1:
                raise ConfigError(f"augmentation.{name} is {value}; a share from 0 to 1 is expected")
        if self.stretch >= 1:
            raise ConfigError(f"augmentation.stretch is {self.stretch}; a number from 0 to below 1 is expected")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Geometry for everything in a sample, then radiometry for its image.

    Attributes:
        strength: How strong.
        wavelengths_um: Central wavelength of each band of one date in micrometres, in band order.
        scale: Reflectance per digital number.
        offset: Reflectance at digital number 0.
        dates: Dates stacked in an image, one after the other; light and air are drawn for each of them.
    """

    strength: AugmentationStrength
    wavelengths_um: tuple[float, ...]
    scale: float
    offset: float
    dates: int = 1

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Augment one sample; the given one is not changed.

        Args:
            sample: See `training.scenes.Sample`; square. An ``overview`` changes in light and air as its image does,
                and is not turned.
            generator: Source of all randomness: in the same state it gives the same result.

        Returns:
            A sample of the same shapes, the image in float32. Nodata pixels, 0 in all bands of a date, stay 0 in them,
            and no other pixel becomes so.

        Raises:
            DataError: The image has another number of bands.
        """
        self._check(sample["image"])
        overview = {name: raster for name, raster in sample.items() if name == "overview"}
        sample = {name: raster for name, raster in sample.items() if name not in overview}
        if chance(self.strength.stretch_chance, generator):
            sample = stretch(sample, 1 - self.strength.stretch, generator, dates=self.dates)
        sample = flip_and_turn(sample, generator)
        seen = {"image": sample["image"], **overview}
        return {**sample, **self._light(seen, generator)}

    def _light(self, rasters: Sample, generator: torch.Generator) -> Sample:
        """Several rasters of the same dates under the same light; each keeps its size."""
        sizes = [raster[0].numel() for raster in rasters.values()]
        pixels_CP = _joined([raster.flatten(1) for raster in rasters.values()], dim=1)
        dates = [self._radiometry(dn_BHW, generator) for dn_BHW in pixels_CP.unsqueeze(1).chunk(self.dates)]
        changed_CP = torch.tensor_split(_joined(dates).squeeze(1), list(accumulate(sizes))[:-1], dim=1)
        shaped = zip(rasters.items(), changed_CP, strict=True)
        return {name: pixels.reshape(raster.shape).contiguous() for (name, raster), pixels in shaped}

    def _radiometry(self, dn_BHW: Tensor, generator: torch.Generator) -> Tensor:
        """Digital numbers of one date after a change of light, air and sensor."""
        strength = self.strength
        known_HW = known_pixels(dn_BHW)
        reflectance = dn_BHW.float().mul(self.scale).add_(self.offset).clamp_min_(0)
        if strength.gamma:
            reflectance = reflectance.pow_(log_normal(strength.gamma, generator))
        reflectance = self._line(generator).apply_(reflectance)
        if strength.noise:
            noise = torch.randn(reflectance.shape, generator=generator)
            reflectance.add_(noise, alpha=uniform(0.0, strength.noise, generator))
        if chance(strength.band_dropout, generator):
            drop_band_(reflectance, below(len(reflectance), generator), known_HW)
        dn_BHW = reflectance.clamp_min_(LEAST_REFLECTANCE).sub_(self.offset).div_(self.scale)
        return dn_BHW.mul_(known_HW)

    def _line(self, generator: torch.Generator) -> Line:
        """Light on the ground, air above it, and the sensor's calibration."""
        strength, bands = self.strength, len(self.wavelengths_um)
        gain_B = torch.randn(bands, generator=generator).mul_(strength.band_gain).exp_()
        line = Line(gain_B * log_normal(strength.global_gain, generator), torch.zeros(bands))
        if chance(strength.level_shift_chance, generator):
            line = line.then(self._level_shift(generator))
        amount = uniform(-strength.clearing, strength.haze, generator)
        line = line.then(haze(amount, self.wavelengths_um, exponent=uniform(*HAZE_EXPONENT, generator)))
        offset_B = torch.randn(bands, generator=generator).mul_(strength.band_offset)
        return line.then(Line(torch.ones(bands), offset_B))

    def _level_shift(self, generator: torch.Generator) -> Line:
        air = Air(uniform(*SUN_COSINE, generator), uniform(*AEROSOL, generator), uniform(*ANGSTROM, generator))
        share = uniform(-self.strength.level_shift, self.strength.level_shift, generator)
        line = seen_through(air, self.wavelengths_um, share=abs(share))
        return line if share > 0 else line.inverse()

    def _check(self, image_BHW: Tensor) -> None:
        bands, expected = len(image_BHW), self.dates * len(self.wavelengths_um)
        if bands != expected:
            raise DataError(
                f"an image has {bands} bands, {self.dates} date(s) of {len(self.wavelengths_um)} bands are expected; "
                "make bands and dates of the data source agree with its images"
            )


def _joined(parts: list[Tensor], dim: int = 0) -> Tensor:
    """The parts one after the other; a single one as it is, without a copy."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=dim)
