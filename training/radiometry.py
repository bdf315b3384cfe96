"""Augmentation in radiometry: reflectance the way sun, air, atmospheric correction and calibration change it.

Whatever works on each band alone and is linear is a `Line`; lines are joined before they touch a pixel.

Axes: B band, H row, W column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

HAZE_WAVELENGTH_UM: Final = 0.49
"""Where the amount of haze is given: the middle of Sentinel-2's blue band."""


@dataclass(frozen=True, slots=True)
class Line:
    """reflectance -> gain * reflectance + offset, band by band.

    Attributes:
        gain_B: Gain of each band.
        offset_B: Reflectance added to each band.
    """

    gain_B: Tensor
    offset_B: Tensor

    def then(self, later: Line) -> Line:
        """This line first, then the other."""
        return Line(later.gain_B * self.gain_B, later.gain_B * self.offset_B + later.offset_B)

    def inverse(self) -> Line:
        """The line that undoes this one."""
        return Line(1 / self.gain_B, -self.offset_B / self.gain_B)

    def apply_(self, reflectance_BHW: Tensor) -> Tensor:
        """Change reflectance in place and return it."""
        return reflectance_BHW.mul_(self.gain_B.view(-1, 1, 1)).add_(self.offset_B.view(-1, 1, 1))


@dataclass(frozen=True, slots=True)
class Air:
    """A cloudless atmosphere at sea level under a nadir view.

    Attributes:
        sun_cosine: Cosine of the sun's zenith angle.
        aerosol: Optical depth of the aerosol at 0.55 um.
        angstrom: Exponent of Angstrom's law: the aerosol's optical depth falls with wavelength as lambda^-angstrom.
    """

    sun_cosine: float
    aerosol: float
    angstrom: float


# Continental aerosol: single scattering albedo, and the asymmetry of a Henyey-Greenstein phase function,
# Henyey and Greenstein 1941, https://doi.org/10.1086/144246.
_ALBEDO: Final = 0.9
_ASYMMETRY: Final = 0.65
# Share of the aerosol's scattering that goes forward, Gordon et al. 1983, https://doi.org/10.1364/AO.22.000020.
_FORWARD: Final = 0.83


def haze(amount: float, wavelengths_um: Sequence[float], *, exponent: float) -> Line:
    """Scattered light, strongest in blue, added or taken away.

    Scattering falls with wavelength as lambda^-a, a from about 1 for aerosol (Angstrom's law) to 4 for air molecules;
    what is scattered in also hides a share of the ground: r (1 - s) + s. A negative amount undoes that, as atmospheric
    correction does.

    Args:
        amount: Reflectance added to black ground at 0.49 um; may be negative.
        wavelengths_um: Central wavelength of each band in micrometres.
        exponent: The a of the law.

    Returns:
        The line; it may lead below 0 where too much is taken away.
    """
    scatter_B = amount * (torch.tensor(list(wavelengths_um)) / HAZE_WAVELENGTH_UM) ** -exponent
    return Line(1 - scatter_B, scatter_B)


def seen_through(air: Air, wavelengths_um: Sequence[float], *, share: float = 1.0) -> Line:
    """From surface reflectance (L2A) to top-of-atmosphere reflectance (L1C); the inverse is atmospheric correction.

    r_toa = r_path + T r, as in the 6S model (Vermote et al. 1997, https://doi.org/10.1109/36.581987)
    without gas absorption and without light that is reflected between ground and air more than once. Path reflectance
    is single scattering, tau P / (4 mu); T is the diffuse transmittance of Gordon et al. 1983
    (https://doi.org/10.1364/AO.22.000020), downwards and upwards; the optical depth of the molecules is that of Hansen
    and Travis 1974 (https://doi.org/10.1007/BF00168069).

    Args:
        air: The atmosphere.
        wavelengths_um: Central wavelength of each band in micrometres.
        share: All optical depths are multiplied by this; 0 is no air.

    Returns:
        The line.
    """
    um_B = torch.tensor(list(wavelengths_um))
    molecules_B = share * 0.008569 * um_B**-4 * (1 + 0.0113 * um_B**-2 + 0.00013 * um_B**-4)
    aerosol_B = share * air.aerosol * (um_B / 0.55) ** -air.angstrom
    # Light comes back to a nadir view: the cosine of the scattering angle is minus that of the sun's zenith angle.
    mu = air.sun_cosine
    back = (1 - _ASYMMETRY**2) / (1 + _ASYMMETRY**2 + 2 * _ASYMMETRY * mu) ** 1.5
    path_B = (molecules_B * 0.75 * (1 + mu**2) + _ALBEDO * aerosol_B * back) / (4 * mu)
    loss_B = molecules_B / 2 + (1 - _ALBEDO * _FORWARD) * aerosol_B
    return Line(torch.exp(-loss_B * (1 / mu + 1)), path_B)


def drop_band_(reflectance_BHW: Tensor, band: int, known_HW: Tensor) -> Tensor:
    """Replace a band by its mean over the known pixels, in place.

    Args:
        reflectance_BHW: Reflectance.
        band: Index of the band.
        known_HW: True where the pixel is not nodata.

    Returns:
        The same tensor without that band's detail.
    """
    known = known_HW.sum().clamp_min(1)
    reflectance_BHW[band] = (reflectance_BHW[band] * known_HW).sum() / known
    return reflectance_BHW
