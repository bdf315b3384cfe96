"""FAO-WOCAT's table of land productivity dynamics: steadiness, initial biomass and emerging state, 36 combinations.

It is what the classes of an imported layer of FAO-WOCAT mean, and so a part of that source's identity
(``indicators.productivity.imported.FAO_WOCAT``). Steppe does not compute such layers from NDVI.

Trends.Earth, gee/productivity.py, ``productivity_faowocat``; its inputs are defined there on annual NDVI:

- steadiness 1 to 4: class of the trend (1 significantly negative at 95 %, 2 not significant, 3 significantly positive),
  and one more where the multi-temporal image difference, the sum over the years of (mean NDVI of the last years - NDVI
  of the year), is above 0;
- initial biomass 1 to 3: mean NDVI of the first years up to 0.4, up to 0.7, above;
- emerging state 1 to 3: change of percentile class from the first to the last years, -2 and less, less than two
  either way, 2 and more.

Land whose NDVI never exceeds 0.25 is set to stable (4) afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from indicators.productivity.positions import Codes, check_alike
from landcover.errors import ConfigError
from landcover.identity import identity
from landcover.legends import CLASS_NODATA
from landcover.lookup import build_table, look_up

_SIZES: Final = (4, 3, 3)
_NAMES: Final = ("steadiness", "initial biomass", "emerging state")


@dataclass(frozen=True, slots=True)
class FaoWocatTable:
    """LPD of the 36 combinations.

    Attributes:
        id: short name.
        version: changes whenever a cell changes.
        cells: LPD 1 to 5 by steadiness, initial biomass and emerging state, each counted from 1.
        citation: where the cells come from.
    """

    id: str
    version: str
    cells: tuple[tuple[tuple[int, ...], ...], ...]
    citation: str

    def __post_init__(self) -> None:
        """Refuse tables of another shape.

        Raises:
            ConfigError: when it is not 4 x 3 x 3 classes from 1 to 5.
        """
        flat = [lpd for plane in self.cells for row in plane for lpd in row]
        shapes = {(len(plane), len(row)) for plane in self.cells for row in plane}
        if len(self.cells) != _SIZES[0] or shapes != {_SIZES[1:]} or not set(flat) <= {1, 2, 3, 4, 5}:
            raise ConfigError(f"FAO-WOCAT table {self.id!r}: expected 4 x 3 x 3 LPD classes from 1 to 5")

    def lpd(self, steadiness: Codes, biomass: Codes, emerging: Codes) -> npt.NDArray[np.int16]:
        """LPD of three layers.

        Args:
            steadiness: 1 to 4; 0, 255 and -32768 mean no data. Any shape and integer type.
            biomass: 1 to 3, the same shape.
            emerging: 1 to 3, the same shape.

        Returns:
            int16 of the same shape: 1 to 5, and -32768 where one of the three has no data.

        Raises:
            GridMismatch: when the shapes differ.
            DtypeMismatch: when a layer is not of an integer type.
            UnmappedCodes: with other codes and their pixel counts.
        """
        check_alike(steadiness=steadiness, biomass=biomass, emerging=emerging)
        layers = zip((steadiness, biomass, emerging), _SIZES, _NAMES, strict=True)
        places = [look_up(_positions(size), codes, owner=f"the {name} layer") for codes, size, name in layers]
        full = np.full([size + 1 for size in _SIZES], NODATA, np.int16)
        full[:-1, :-1, :-1] = self.cells
        return full[places[0], places[1], places[2]]

    def to_document(self) -> dict[str, Any]:
        """The table as JSON-ready data."""
        cells = [[list(row) for row in plane] for plane in self.cells]
        return {"id": self.id, "version": self.version, "cells": cells, "citation": self.citation}

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


def _positions(size: int) -> npt.NDArray[np.uint8]:
    classes = ((code, code - 1) for code in range(1, size + 1))
    return build_table([*classes, *((code, size) for code in (0, CLASS_NODATA, NODATA))])


FAO_WOCAT_TABLE: Final = FaoWocatTable(
    id="fao-wocat",
    version="1",
    cells=(
        ((1, 1, 1), (1, 1, 1), (1, 1, 2)),
        ((2, 2, 3), (2, 2, 3), (2, 3, 3)),
        ((3, 4, 4), (3, 4, 4), (3, 4, 4)),
        ((4, 5, 5), (4, 5, 5), (4, 5, 5)),
    ),
    citation="FAO-WOCAT land productivity dynamics, as coded in Trends.Earth, gee/productivity.py, 35b2b7d",
)
