"""Spectral indices that spyndex does not have. Sources of the formulas: ``registry``.

All take reflectance as float64 of one shape and answer the same shape. Where a formula divides by zero, or takes the
root of a negative number, numpy's infinity or NaN is the answer; ``compute`` makes no data of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]
type Bands = Mapping[str, Floats]
"""Reflectance by letter, see ``registry.BANDS``; all of one shape."""


def tgsi(bands: Bands) -> Floats:
    """Topsoil grain size index, (R-B)/(R+B+G) (Xiao et al. 2006, doi:10.1080/01431160600554363)."""
    blue, green, red = bands["B"], bands["G"], bands["R"]
    return (red - blue) / (red + blue + green)


def albedo_liang2001(bands: Bands) -> Floats:
    """Broadband short-wave albedo, 0.356B+0.130R+0.373N+0.085S1+0.072S2-0.0018.

    Liang 2001, doi:10.1016/S0034-4257(00)00205-4, Landsat TM. The constant is -0.0018, and the sum is not divided.
    """
    visible = 0.356 * bands["B"] + 0.130 * bands["R"]
    return visible + 0.373 * bands["N"] + 0.085 * bands["S1"] + 0.072 * bands["S2"] - 0.0018


def ndsi_salt(bands: Bands) -> Floats:
    """Normalized difference salinity index, (R-N)/(R+N) (Khan et al. 2005, doi:10.1016/j.agwat.2004.09.038)."""
    return (bands["R"] - bands["N"]) / (bands["R"] + bands["N"])


def si_salt(bands: Bands) -> Floats:
    """Salinity index, sqrt(B*R) (Khan et al. 2005, doi:10.1016/j.agwat.2004.09.038)."""
    root: Floats = np.sqrt(bands["B"] * bands["R"])
    return root


def si1_salt(bands: Bands) -> Floats:
    """Salinity index 1, sqrt(G*R) (Douaoui et al. 2006, doi:10.1016/j.geoderma.2005.10.009)."""
    root: Floats = np.sqrt(bands["G"] * bands["R"])
    return root


def si2_salt(bands: Bands) -> Floats:
    """Salinity index 2, sqrt(G^2+R^2+N^2) (Douaoui et al. 2006, doi:10.1016/j.geoderma.2005.10.009)."""
    root: Floats = np.sqrt(bands["G"] ** 2 + bands["R"] ** 2 + bands["N"] ** 2)
    return root


def si3_salt(bands: Bands) -> Floats:
    """Salinity index 3, sqrt(G^2+R^2) (Douaoui et al. 2006, doi:10.1016/j.geoderma.2005.10.009)."""
    root: Floats = np.sqrt(bands["G"] ** 2 + bands["R"] ** 2)
    return root


def s5_salt(bands: Bands) -> Floats:
    """Salinity index S5, elsewhere SI11, B*R/G (Abbas and Khan 2007)."""
    return bands["B"] * bands["R"] / bands["G"]


def nsi_salt(bands: Bands) -> Floats:
    """Salinity index of the short-wave infrared, (S1-S2)/(S1-N) (NSI of the R package SoilSaltIndex)."""
    return (bands["S1"] - bands["S2"]) / (bands["S1"] - bands["N"])


FORMULAS: Final[Mapping[str, Callable[[Bands], Floats]]] = MappingProxyType(
    {
        "TGSI": tgsi,
        "albedo_liang2001": albedo_liang2001,
        "NDSI_salt": ndsi_salt,
        "SI_salt": si_salt,
        "SI1_salt": si1_salt,
        "SI2_salt": si2_salt,
        "SI3_salt": si3_salt,
        "S5_salt": s5_salt,
        "NSI_salt": nsi_salt,
    }
)
"""The functions by the name of their index."""
