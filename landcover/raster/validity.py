"""Which pixels are data: nodata values, masks and non-finite samples. True = valid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

from landcover.raster.protocol import AnyArray, Block, BoolArray


def has_mask(dataset: DatasetReader, *, alpha: bool) -> bool:
    """Whether the file carries a mask of its own, other than nodata; ``alpha`` says whether an alpha band counts."""
    flags = dataset.mask_flag_enums[0]
    return MaskFlags.per_dataset in flags and (alpha or MaskFlags.alpha not in flags)


def _representable(value: float | None, dtype: np.dtype[Any]) -> float | None:
    """The value as the dtype holds it; None when it cannot (no pixel has it then)."""
    if value is None or not np.issubdtype(dtype, np.integer):
        return value
    info = np.iinfo(dtype)
    holds = math.isfinite(value) and value == int(value) and info.min <= value <= info.max
    return int(value) if holds else None


@dataclass(frozen=True, slots=True)
class NodataRule:
    """What means nodata in each band, and the one value that stands for it after reading.

    Attributes:
        declared: per band the file's value, or the assumed one; None where there is none.
        fill: value that replaces them all, and that invalid pixels get.
    """

    declared: tuple[float | None, ...]
    fill: float

    @classmethod
    def of(cls, declared: Sequence[float | None], dtype: np.dtype[Any], assumed: int | None) -> Self:
        """The rule for a file's declared values; ``assumed`` stands in where a value is missing or impossible."""
        values = [_representable(value, dtype) for value in declared]
        values = [assumed if value is None else value for value in values]
        known = [value for value in values if value is not None and not math.isnan(value)]
        fill = assumed if assumed is not None else known[0] if known else 0
        return cls(tuple(values), fill)

    @property
    def nodata(self) -> float | None:
        """The value that means nodata after ``unify``; None when a band has none."""
        return None if None in self.declared else self.fill

    def of_band(self, position: int) -> NodataRule:
        """The rule for one band alone, with the same fill."""
        return NodataRule((self.declared[position],), self.fill)

    def unify(self, data_BRC: AnyArray) -> AnyArray:
        """Every band with its own nodata rewritten to ``fill``; NaN stays.

        In place, or in a copy of what may not be written to.
        """
        other = [value is not None and value != self.fill and not math.isnan(value) for value in self.declared]
        if not any(other):
            return data_BRC
        data_BRC = _own(data_BRC)
        for band_RC, value, rewritten in zip(data_BRC, self.declared, other, strict=True):
            if rewritten:
                band_RC[band_RC == value] = self.fill
        return data_BRC


def _own(data_BRC: AnyArray) -> AnyArray:
    """Pixels that may be written to: the same, or a copy."""
    return data_BRC if data_BRC.flags.writeable else data_BRC.copy()


def _any_band_has_data(data_BRC: AnyArray, nodata: float) -> BoolArray:
    valid_RC: BoolArray = data_BRC[0] != nodata
    for band_RC in data_BRC[1:]:
        if valid_RC.all():
            break
        valid_RC |= band_RC != nodata
    return valid_RC


def valid_pixels(data_BRC: AnyArray, rule: NodataRule, masks: Sequence[BoolArray] = ()) -> BoolArray:
    """Where a pixel is data, (row, col).

    A pixel is invalid when all its bands are nodata (dark water in rounded surface reflectance has single bands at 0),
    when a mask says so, or when any band is not finite.

    Args:
        data_BRC: (band, row, col), the wanted bands after ``NodataRule.unify``.
        rule: what means nodata.
        masks: each (row, col), True = valid.
    """
    nodata = rule.nodata
    valid_RC = np.ones(data_BRC.shape[1:], np.bool_) if nodata is None else _any_band_has_data(data_BRC, nodata)
    for mask_RC in masks:
        valid_RC &= mask_RC
    if np.issubdtype(data_BRC.dtype, np.floating):
        valid_RC &= np.isfinite(data_BRC).all(axis=0)
    return valid_RC


def make_block(data_BRC: AnyArray, rule: NodataRule, masks: Sequence[BoolArray] = ()) -> Block:
    """Find the valid pixels as ``valid_pixels`` does, and write the rule's fill into the others.

    In place, or in a copy of what may not be written to.
    """
    valid_RC = valid_pixels(data_BRC, rule, masks)
    # Of whole numbers without a mask those are invalid that hold the fill in every band.
    filled = not masks and np.issubdtype(data_BRC.dtype, np.integer)
    if not filled and not valid_RC.all():
        data_BRC = _own(data_BRC)
        data_BRC[:, ~valid_RC] = rule.fill
    return Block(data_BRC, valid_RC)
