"""The table of severity levels: which bare fraction is which level. A hub edits it and publishes again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from landcover.errors import ConfigError
from landcover.legends import Legend, get_legend
from landcover.raster.digest import file_digest
from training.config import read_yaml

LEGEND: Final = "severity5"

type Quantity = Literal["bare_fraction", "vegetation_cover"]

QUANTITIES: Final = ("bare_fraction", "vegetation_cover")


class TableInvalid(ConfigError):
    """A table of severity levels has gaps, overlaps, or is not about the legend's levels."""

    slug = "severity-table"


@dataclass(frozen=True, slots=True)
class SeverityTable:
    """Bounds between the levels of the legend, in order of severity.

    Attributes:
        name: Name of the file, for messages and cards.
        quantity: What the file's numbers are: bare fraction, or vegetation cover = 1 - bare fraction.
        bounds: Bare fractions between neighbouring levels, rising, K-1 of them.
        note: What the table says about where its numbers come from.
        sha256: Of the file.
    """

    name: str
    quantity: Quantity
    bounds: tuple[float, ...]
    note: str
    sha256: str

    @property
    def legend(self) -> Legend:
        """The levels."""
        return get_legend(LEGEND)

    def levels(self, bare: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Level index of bare fractions; a bound belongs to the level above it.

        Args:
            bare: Bare fractions 0..1, any shape.
        """
        return np.searchsorted(np.array(self.bounds), bare, side="right").astype(np.int64)

    def spans(self) -> tuple[str, ...]:
        """Bare fraction of each level in words, such as ``30 to 60 %``."""
        edges = (0.0, *self.bounds, 1.0)
        return tuple(f"{100 * low:g} to {100 * high:g} %" for low, high in pairwise(edges))


def read_table(path: Path) -> SeverityTable:
    """Read and check a table.

    Args:
        path: YAML with ``quantity``, ``note`` and ``levels``, see configs/severity/bare_ground.yaml.

    Raises:
        TableInvalid: When it does not cover 0 to 1 once, in order, with every level of the legend.
        ConfigError: When it cannot be read.
    """
    content = read_yaml(path)
    unknown = sorted(set(content) - {"quantity", "note", "levels"})
    quantity, rows = content.get("quantity"), content.get("levels")
    if unknown or quantity not in QUANTITIES or not isinstance(rows, Mapping):
        raise TableInvalid(
            f"{path.name} needs `quantity` ({' or '.join(QUANTITIES)}), `levels` (name: [from, to]) and may have a "
            f"`note`; got {sorted(content)} with quantity {quantity!r}"
        )
    spans = _spans(path.name, rows)
    if quantity == "vegetation_cover":
        spans = [(round(1 - high, 9), round(1 - low, 9)) for low, high in spans]
    _check(path.name, spans, quantity)
    return SeverityTable(
        name=path.name,
        quantity=cast("Quantity", quantity),
        bounds=tuple(high for _, high in spans[:-1]),
        note=" ".join(str(content.get("note", "")).split()),
        sha256=file_digest(path),
    )


def _spans(name: str, rows: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The pairs of the file in the legend's order."""
    wanted = get_legend(LEGEND).names
    if set(rows) != set(wanted):
        raise TableInvalid(f"{name} has the levels {list(rows)}; expected the five of {LEGEND}: {list(wanted)}")
    spans = []
    for level in wanted:
        row = rows[level]
        if not (isinstance(row, list) and len(row) == 2 and all(_is_share(value) for value in row)):  # noqa: PLR2004
            raise TableInvalid(f"{name}: level {level} is {row!r}; expected [from, to], two numbers from 0 to 1")
        spans.append((float(row[0]), float(row[1])))
    return spans


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


def _check(name: str, spans: list[tuple[float, float]], quantity: str) -> None:
    """Spans of bare fraction must follow each other from 0 to 1."""
    order = "rising" if quantity == "bare_fraction" else "falling"
    ends = [0.0, *(high for _, high in spans)]
    for level, (low, high), before in zip(get_legend(LEGEND).names, spans, ends, strict=False):
        if low != before or high <= low:
            raise TableInvalid(
                f"{name}: level {level} does not begin where the level before ends, or is empty; the levels must cover "
                f"0 to 1 of {quantity} once, in {order} order from {get_legend(LEGEND).names[0]}"
            )
    if ends[-1] != 1:
        raise TableInvalid(
            f"{name}: the last level does not reach the end; the levels must cover 0 to 1 of {quantity} once"
        )
