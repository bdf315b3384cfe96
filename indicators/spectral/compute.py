"""Compute spectral indices of reflectance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from indicators.spectral.ddi import DdiModel
from indicators.spectral.formulas import FORMULAS, Bands, Floats
from indicators.spectral.fvc import FvcModel
from indicators.spectral.registry import Origin, SpectralIndex, get_index
from landcover.errors import BandMapping, ConfigError


class IndexNotFitted(ConfigError):
    """An index needs numbers that are fitted on a scene, and there are none."""

    slug = "index-not-fitted"


def bands_of(indices: Sequence[SpectralIndex]) -> tuple[str, ...]:
    """Letters of the bands that some indices need, each once."""
    return tuple(dict.fromkeys(letter for index in indices for letter in index.bands))


def compute(index: SpectralIndex, bands: Bands, *, ddi: DdiModel | None = None, fvc: FvcModel | None = None) -> Floats:
    """One index.

    Args:
        index: which one.
        bands: reflectance 0 to 1 by letter, float64, all of one shape.
        ddi: fitted numbers of DDI and DDI_class.
        fvc: fitted numbers of FVC.

    Returns:
        float64 of the same shape; NaN where the formula has no finite value.

    Raises:
        BandMapping: when a band is missing.
        IndexNotFitted: when fitted numbers are missing.
    """
    missing = [letter for letter in index.bands if letter not in bands]
    if missing:
        raise BandMapping(f"index {index.name} needs the bands {', '.join(index.bands)}; missing: {', '.join(missing)}")
    with np.errstate(all="ignore"):  # no data where a formula has no value
        values = _computed(index, bands, ddi, fvc)
        return np.where(np.isfinite(values), values, np.nan)


def _computed(index: SpectralIndex, bands: Bands, ddi: DdiModel | None, fvc: FvcModel | None) -> Floats:
    if index.origin is Origin.SPYNDEX:
        return _by_spyndex(index, bands)
    if index.origin is Origin.OWN:
        return FORMULAS[index.name](bands)
    model = fvc if index.name == "FVC" else ddi
    if model is None:
        raise IndexNotFitted(
            f"index {index.name} needs numbers that are fitted on a scene; fit them here, or give those that were kept"
        )
    vegetation = _by_spyndex(get_index(model.index), bands)
    if isinstance(model, FvcModel):
        return model.cover(vegetation)
    values = model.values(vegetation, FORMULAS["albedo_liang2001"](bands))
    return values if index.name == "DDI" else model.classes(values)


def _by_spyndex(index: SpectralIndex, bands: Bands) -> Floats:
    parameters: dict[str, Any] = {letter: bands[letter] for letter in index.bands} | dict(index.constants)
    values: Floats = np.asarray(_spyndex().computeIndex(index.name, parameters), np.float64)
    return values


@cache
def _spyndex() -> Any:
    """The package, loaded when it is first needed."""
    import spyndex  # noqa: PLC0415

    return spyndex
