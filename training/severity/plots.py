"""Field plots: cover fractions measured on the ground beside the reflectance a satellite saw there.

Axes: P plot, B band, O other cover fraction.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import DataError
from landcover.sensors import Product

SITE_COLUMN: Final = "site"

ROUNDING: Final = 0.02
"""Fractions this far outside 0..1 were rounded or adjusted; they are held to the range. Farther ones are refused."""


class PlotsUnusable(DataError):
    """A table of field plots is missing, lacks a column, or holds a value that cannot be."""

    slug = "field-plots"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the table is what.

    Attributes:
        bands: Band name of the product to column of surface reflectance, in input order.
        bare: Column of the bare fraction, 0..1.
        others: Columns of further cover fractions, which only help training.
    """

    bands: dict[str, str]
    bare: str = "bare_fraction"
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plots:
    """Plots in the order of the file.

    Attributes:
        sites: Number of each plot, int64 (P,).
        dn_PB: Digital numbers of the product as the service would see them, uint16.
        bare: Bare fraction, float64 (P,), 0..1.
        others_PO: Further cover fractions, float64, 0..1.
        sha256: Of the file.
    """

    sites: NDArray[np.int64]
    dn_PB: NDArray[np.uint16]
    bare: NDArray[np.float64]
    others_PO: NDArray[np.float64]
    sha256: str

    def __len__(self) -> int:
        """Number of plots."""
        return len(self.sites)


def read_plots(path: Path, columns: Columns, product: Product) -> Plots:
    """Read a CSV of field plots.

    Args:
        path: CSV with a header; a column ``site`` of whole numbers and those of ``columns``.
        columns: Which column is what.
        product: Whose digital numbers are wanted.

    Raises:
        PlotsUnusable: When the file cannot be read, a column is missing, or a value is no number, not finite or
            outside its range, with the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlotsUnusable(
            f"cannot read the field plots {path.name} in {path.parent.name!r}; set `data.init_args.root` or "
            "STEPPE_DATA to the folder that holds them"
        ) from error
    rows = list(csv.DictReader(text.splitlines()))
    wanted = (SITE_COLUMN, *columns.bands.values(), columns.bare, *columns.others)
    missing = [name for name in wanted if not rows or name not in rows[0]]
    if missing:
        raise PlotsUnusable(f"{path.name} has no rows or lacks the columns {missing}; name them in `data.init_args`")
    table = {name: _numbers(path.name, rows, name) for name in wanted}
    fractions = {name: _fractions(path.name, name, table[name]) for name in (columns.bare, *columns.others)}
    reflectance_PB = np.stack([table[name] for name in columns.bands.values()], axis=1)
    return Plots(
        sites=table[SITE_COLUMN].astype(np.int64),
        dn_PB=to_digital_numbers(reflectance_PB, product),
        bare=fractions[columns.bare],
        others_PO=np.stack([fractions[name] for name in columns.others], axis=1)
        if columns.others
        else np.empty((len(rows), 0)),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def to_digital_numbers(reflectance: NDArray[np.float64], product: Product) -> NDArray[np.uint16]:
    """Reflectance as a product stores it: rounded, held to the numbers of its type that are not nodata.

    Args:
        reflectance: Unitless, any shape.
        product: Whose radiometry.
    """
    limits = np.iinfo(np.dtype(product.dtype))
    dn = np.rint((reflectance - product.radiometry.offset) / product.radiometry.scale)
    return np.clip(dn, limits.min + int(product.nodata == limits.min), limits.max).astype(np.uint16)


def _numbers(file: str, rows: Sequence[Mapping[str, str]], name: str) -> NDArray[np.float64]:
    values = np.empty(len(rows))
    for index, row in enumerate(rows):
        try:
            values[index] = float(row[name])
        except (TypeError, ValueError):
            values[index] = np.nan
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        count = int((~np.isfinite(values)).sum())
        raise PlotsUnusable(
            f"{file}, line {bad + 2}: {name} is {rows[bad][name]!r}, a number is expected ({count} such values)"
        )
    return values


def _fractions(file: str, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    outside = (values < -ROUNDING) | (values > 1 + ROUNDING)
    if outside.any():
        bad = int(np.flatnonzero(outside)[0])
        raise PlotsUnusable(
            f"{file}, line {bad + 2}: {name} is {values[bad]:g}, a fraction from 0 to 1 is expected "
            f"({int(outside.sum())} such values); divide percentages by 100"
        )
    return values.clip(0, 1)
