"""How stored samples become numbers: what is no data among them is found first, then scale and offset are applied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.io import DatasetReader

from landcover.errors import DtypeMismatch
from landcover.raster.protocol import AnyArray, BoolArray


@dataclass(frozen=True, slots=True)
class Reading:
    """How stored samples become numbers.

    Attributes:
        stored: sample type of the file.
        missing: stored values that are no data; the file's own first.
        scale: what a sample is multiplied with.
        offset: what is added then.
    """

    stored: np.dtype[Any]
    missing: tuple[float, ...]
    scale: float
    offset: float

    @property
    def scaled(self) -> bool:
        """Whether the numbers are not the samples themselves."""
        return (self.scale, self.offset) != (1.0, 0.0)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers: of scaled integers of up to 16 bits float32, which holds all their digits."""
        if not self.scaled or self.stored.kind == "f":
            return self.stored
        return np.dtype(np.float32 if self.stored.itemsize <= 2 else np.float64)  # noqa: PLR2004 (bytes)

    @property
    def nodata(self) -> float | None:
        """Number that missing samples have: NaN in floats; None of integers among which none is missing."""
        if self.dtype.kind == "f":
            return math.nan
        return self.missing[0] if self.missing else None

    def present(self, stored_BRC: AnyArray) -> BoolArray:
        """Which samples are numbers."""
        known = self._measured(stored_BRC) if self.stored.kind == "f" else np.ones(stored_BRC.shape, np.bool_)
        for value in self.missing:
            known &= stored_BRC != value
        return known

    def _measured(self, stored_BRC: AnyArray) -> BoolArray:
        """Finite, and not the type's lowest number, which writers store where they state -1.8e308 for float32."""
        known: BoolArray = np.isfinite(stored_BRC)
        known &= stored_BRC > np.finfo(self.stored).min
        return known

    def numbers(self, stored_BRC: AnyArray, present_BRC: BoolArray) -> AnyArray:
        """The numbers; ``nodata`` where there is none. The same array where nothing is to be done."""
        if self.dtype.kind != "f":
            return self._marked(stored_BRC)
        if not self.scaled and present_BRC.all():
            return stored_BRC
        found = stored_BRC.astype(self.dtype)
        if self.scaled:
            found *= self.dtype.type(self.scale)
            found += self.dtype.type(self.offset)
        found[~present_BRC] = np.nan
        return found

    def _marked(self, stored_BRC: AnyArray) -> AnyArray:
        """Integers in which one value says that a sample is missing."""
        if len(self.missing) < 2:  # noqa: PLR2004 (the file's own and another)
            return stored_BRC
        own, other = self.missing
        return np.where(stored_BRC == other, stored_BRC.dtype.type(own), stored_BRC)


def reading_of(dataset: DatasetReader, bands: Sequence[int], name: str, *, missing: float | None) -> Reading:
    """How the samples of all bands are read.

    Args:
        dataset: the file.
        bands: their indexes, from 1.
        name: what messages call the file.
        missing: a stored value that is no data beside the file's own, or None.

    Raises:
        DtypeMismatch: when bands differ in scale, offset or nodata value, or a scale is no number but 0.
    """
    stored = np.dtype(dataset.dtypes[bands[0] - 1])
    nodata = {repr(dataset.nodatavals[band - 1]) for band in bands}  # as text, because NaN differs from itself
    scaling = {(float(dataset.scales[band - 1]), float(dataset.offsets[band - 1])) for band in bands}
    if len(nodata) > 1 or len(scaling) > 1:
        raise DtypeMismatch(f"{name!r} has bands that differ in scale, offset or nodata value; store each as one file")
    ((scale, offset),) = scaling
    if not (math.isfinite(scale) and scale != 0 and math.isfinite(offset)):
        raise DtypeMismatch(f"{name!r} states a scale of {scale:g} and an offset of {offset:g}: expected numbers")
    values = (_held(value, stored) for value in (dataset.nodatavals[bands[0] - 1], missing))
    return Reading(stored, tuple(dict.fromkeys(value for value in values if value is not None)), scale, offset)


def _held(value: float | None, stored: np.dtype[Any]) -> float | None:
    """A nodata value as the file's type holds it; None when no sample can have it."""
    if value is None or math.isnan(value):
        return None
    if stored.kind == "f":
        return value
    info = np.iinfo(stored)
    holds = math.isfinite(value) and value == int(value) and info.min <= value <= info.max
    return int(value) if holds else None
