"""What two maps of one place say of each of its pixels: class before and after, transition, degradation.

UNCCD PRAIS 4 reporting manual, SO1.md, Tables 8 and 9 (classes and matrix); LDN facts 2.1 to 2.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA
from indicators.cover.positions import ClassPositions, Codes, Positions
from indicators.joint import FINAL, INITIAL, REGION, Axis, cover_axis
from indicators.transitions import TransitionMatrix
from landcover.crosswalks import Crosswalk
from landcover.errors import ConfigError, GridMismatch, UnmappedCodes
from landcover.legends import CLASS_NODATA

_CHUNK: Final = 1 << 18
"""Pixels looked up at once."""

type Int16s = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCodes:
    """The codes of one map in some rows.

    Attributes:
        codes: an integer type, (rows, cols), in the codes of the source legend of the map's crosswalk.
        valid: (rows, cols), True = data; None where the nodata value says it all.
    """

    codes: Codes
    valid: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class CoverRows:
    """Some rows of both maps, brought to one legend.

    Attributes:
        initial: positions of the initial classes on the axis of the legend, uint8 (rows, cols); no data is the last.
        final: the same of the final classes.
        region: position of the matrix that holds, uint8 (rows, cols), the number of matrices where none does; None
            where one holds everywhere.
        degradation: int16 (rows, cols): -1 degraded, 0 stable, 1 improved, -32768 where either map has no data or no
            matrix holds.
    """

    initial: Positions
    final: Positions
    region: Positions | None
    degradation: Int16s

    @property
    def positions(self) -> tuple[Positions, ...]:
        """Positions along the axes of `CoverAccount`, for `JointAreas.add`."""
        return (self.initial, self.final, *(() if self.region is None else (self.region,)))


class CoverAccount:
    """Recodes both maps and looks up what each change means.

    Attributes:
        matrices: the transition matrices; with several, a pixel's region says by position which one holds.
        axes: initial class, final class and, with several matrices, region: the axes of a `JointTable`.
    """

    def __init__(self, initial: ClassPositions, final: ClassPositions, matrices: Sequence[TransitionMatrix]) -> None:
        """Lay the tables.

        Args:
            initial: positions of the initial map's classes.
            final: positions of the final map's classes, in the same legend.
            matrices: one matrix, or several regional ones, of that legend.

        Raises:
            ConfigError: when crosswalks and matrices do not end in one legend, or there is no matrix.
        """
        self.matrices, self._sides = tuple(matrices), (initial, final)
        legends = {side.crosswalk.target_legend for side in self._sides} | {each.legend_id for each in self.matrices}
        if not self.matrices or len(legends) != 1:
            raise ConfigError(
                f"crosswalks and transition matrices are of the legends {', '.join(sorted(legends))} in "
                f"{len(self.matrices)} matrices; all must be of one legend, and one matrix at least is needed"
            )
        legend = self.matrices[0].legend
        regions = (Axis(REGION, (*range(len(self.matrices)), NODATA)),) if len(self.matrices) > 1 else ()
        self.axes = (cover_axis(INITIAL, legend), cover_axis(FINAL, legend), *regions)
        signs = [_cells(matrix, matrix.degradation) for matrix in self.matrices]
        self._degradation = _PairTable([*signs, np.full_like(signs[0], NODATA)])  # the last is of no region
        self._map_codes = _PairTable([_cells(matrix, matrix.map_codes) for matrix in self.matrices[:1]])

    @property
    def crosswalks(self) -> tuple[Crosswalk, Crosswalk]:
        """Those of the initial and of the final map."""
        initial, final = self._sides
        return initial.crosswalk, final.crosswalk

    @property
    def intact(self) -> bool:
        """Whether every code met so far has a class; else the rest of the maps is read only to count strange codes."""
        return not any(side.strangers for side in self._sides)

    def rows(self, initial: MapCodes, final: MapCodes, *, region: Positions | None = None) -> CoverRows | None:
        """Some rows of both maps.

        Args:
            initial: codes of the initial map.
            final: codes of the final map, of the same shape.
            region: position of the matrix that holds for each pixel, uint8 of the same shape; any number beyond the
                last, such as ``regions.NO_REGION``, where none does; None with one matrix.

        Returns:
            the rows, or None as soon as codes without a class came: see ``refuse_strangers``.

        Raises:
            GridMismatch: when the shapes differ, that of the regions too.
            ConfigError: when the region is missing or not asked for.
            DtypeMismatch: when codes are not of an integer type.
        """
        if initial.codes.shape != final.codes.shape:
            raise GridMismatch(
                f"maps of shape {initial.codes.shape} and {final.codes.shape}; bring both to one grid first"
            )
        shape = initial.codes.shape
        region = self._regions(region, shape)
        before, after, degradation = np.empty(shape, np.uint8), np.empty(shape, np.uint8), np.empty(shape, np.int16)
        for part in _parts(shape):  # what lies between stays in the cache
            for side, codes, places in zip(self._sides, (initial, final), (before, after), strict=True):
                places[part] = side.of(codes.codes[part], valid=None if codes.valid is None else codes.valid[part])
            if self.intact:
                here = None if region is None else region[part]
                degradation[part] = self._degradation.of(before[part], after[part], here)
        return CoverRows(before, after, region, degradation) if self.intact else None

    def map_codes(self, rows: CoverRows) -> Int16s:
        """Codes of a transition map, int16, see ``TransitionMatrix.map_codes``: 1 to 7 where the class stayed."""
        codes = np.empty(rows.initial.shape, np.int16)
        for part in _parts(codes.shape):
            codes[part] = self._map_codes.of(rows.initial[part], rows.final[part], None)
        return codes

    def refuse_strangers(self) -> None:
        """Refuse the maps when codes without a class came.

        Raises:
            UnmappedCodes: with every such code of each map, and its pixels over all rows.
        """
        said = []
        for name, side in zip(("initial", "final"), self._sides, strict=True):
            try:
                side.refuse_strangers()
            except UnmappedCodes as error:
                said.append(f"the {name} map holds {error}")
        if said:
            raise UnmappedCodes(f"{'; '.join(said)}; add them to the crosswalk, or name the legend that they are of")

    def _regions(self, region: Positions | None, shape: tuple[int, ...]) -> Positions | None:
        """Positions on the axis of regions, no data where no matrix holds."""
        count = len(self.matrices)
        if (region is None) != (count == 1):
            raise ConfigError(f"{count} transition matrices: regions are for several, and needed with these")
        if region is None:
            return None
        if region.shape != shape:
            raise GridMismatch(f"regions of shape {region.shape} for maps of shape {shape}; bring both to one grid")
        return np.minimum(region, np.uint8(count))


def _parts(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows in parts of about as many pixels as a cache holds."""
    rows, width = shape
    step = max(1, _CHUNK // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def _cells(matrix: TransitionMatrix, mapped: Callable[[Codes, Codes], Int16s]) -> Int16s:
    """Value of every pair of positions, no data included: (K + 1, K + 1)."""
    codes = np.array([*matrix.legend.codes, CLASS_NODATA])
    before_KK, after_KK = np.meshgrid(codes, codes, indexing="ij")
    return mapped(before_KK, after_KK)


class _PairTable:
    """Values of (region, initial, final) positions."""

    def __init__(self, cells: Sequence[Int16s]) -> None:
        self._table = np.stack(cells)
        self._flat = self._table.ravel()
        self._pairs = self._two_pixels() if self._flat.size <= 256 else None  # noqa: PLR2004 (a byte)

    def of(self, initial: Positions, final: Positions, region: Positions | None) -> Int16s:
        size = self._table.shape[1]
        kind = np.min_scalar_type(self._flat.size - 1)
        index: npt.NDArray[Any] = initial.astype(kind) * kind.type(size)
        index += final
        if region is not None:
            index += region * kind.type(size * size)
        if self._pairs is None or index.size % 2 or not index.size:
            return np.take(self._flat, index, mode="clip")
        pairs = np.take(self._pairs, index.reshape(-1).view(np.uint16), mode="clip")
        return pairs.view(np.int16).reshape(index.shape)

    def _two_pixels(self) -> npt.NDArray[np.uint32]:
        """Values of two pixels at once, by two bytes read as one number: half the look-ups."""
        bytes_PB = np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
        values_PV = np.take(self._flat, bytes_PB, mode="clip")
        return np.ascontiguousarray(values_PV).view(np.uint32).reshape(-1)
