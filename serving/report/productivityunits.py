"""Land cover as it tells units of performance apart: numbers of 1 and above, 0 where there is no class.

With a legend its codes are checked, and numbered from 1, so that a class with the code 0 (water in Dynamic World) is a
class; without one the codes of the map are taken as they are. Which numbers stand for which codes is in the metadata.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA, OUTSIDE
from landcover.errors import DtypeMismatch
from landcover.legends import CLASS_NODATA, Legend
from landcover.lookup import HIGHEST, LOWEST, build_table, look_up
from landcover.raster.protocol import Block

COVERS: Final = 1000
"""A unit is soil x 1000 + the number of land cover, see ``indicators.productivity.units``."""

type Numbers = npt.NDArray[np.integer[Any]]


class UnitCovers:
    """Numbers of land cover for units.

    Args:
        legend: of the map; None takes its codes as they are.
        nodata: the map's own nodata value.
    """

    def __init__(self, legend: Legend | None, *, nodata: int | None = None) -> None:
        self.legend = legend
        self._table: npt.NDArray[np.uint8] | None = None
        if legend is not None:
            known = {code: number for number, code in enumerate(legend.codes, start=1)}
            empty = {0, CLASS_NODATA, NODATA, OUTSIDE, *(() if nodata is None else (nodata,))}
            near = (code for code in empty if LOWEST <= code <= HIGHEST)
            self._table = build_table((dict.fromkeys(near, 0) | known).items())

    def of(self, block: Block) -> Numbers:
        """Numbers of a block of the map.

        Raises:
            UnmappedCodes: with codes that the legend does not have, and their pixels.
            DtypeMismatch: when the map is not of whole numbers.
        """
        codes: Numbers = block.data[0]
        if not np.issubdtype(codes.dtype, np.integer):
            raise DtypeMismatch(f"land cover came as {codes.dtype}: expected codes of classes, whole numbers")
        codes = np.where(block.valid, codes, codes.dtype.type(0))
        if self._table is None or self.legend is None:
            return codes
        found = look_up(self._table, codes, owner=f"legend {self.legend.id!r}")
        found[~block.valid] = 0
        return found

    def code_of(self, unit: int) -> int:
        """The map's code of a unit's land cover."""
        number = unit % COVERS
        return number if self.legend is None else self.legend.codes[number - 1]


def soil_of(unit: int) -> int:
    """The soil code of a unit."""
    return unit // COVERS
