"""The land-cover transition matrix of SO 1-1: which change of class is degradation, which improvement, and its name.

UNCCD calls its table an example that each country may edit, so the matrix is an object with an id, a version and a
hash: keep ``TransitionMatrix.identity`` with every result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import DEGRADED, IMPROVED, STABLE
from landcover.errors import ConfigError, GridMismatch
from landcover.identity import identity
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA, Legend, get_legend
from landcover.lookup import LOWEST, build_table, look_up

type Codes = npt.NDArray[np.integer[Any]]

UNCHANGED: Final = "Stable"
"""Process of cells that are neither degradation nor improvement."""

OTHER: Final = "Other"
"""Process of a change that the reporting manual has no name for (PRAIS 4 manual, SO1.md Table 7)."""

_CHUNK: Final = 1 << 18  # pixels widened to positions at a time


@dataclass(frozen=True, slots=True)
class TransitionMatrix:
    """What every change from one class to another means. Rows are the initial class, columns the final one.

    Attributes:
        id: short name.
        version: changes whenever a cell changes.
        legend_id: legend of both maps.
        signs: -1 degraded, 0 stable, 1 improved, in the order of the legend's classes.
        processes: name of the process in each cell, English.
        unlikely: (initial, final) codes of transitions that need verification.
        citation: where the cells come from.
    """

    id: str
    version: str
    legend_id: str
    signs: tuple[tuple[int, ...], ...]
    processes: tuple[tuple[str, ...], ...]
    unlikely: frozenset[tuple[int, int]]
    citation: str

    def __post_init__(self) -> None:
        """Refuse matrices that leave a pair of classes open.

        Raises:
            ConfigError: when a table does not fit the legend or a sign is none of -1, 0, 1.
            UnmappedCodes: when an unlikely transition names a code that the legend does not have.
        """
        size = len(self.legend)
        for what, table in (("signs", self.signs), ("processes", self.processes)):
            if len(table) != size or any(len(row) != size for row in table):
                raise ConfigError(
                    f"transition matrix {self.id!r}: {what} need {size} x {size} cells, one for each pair of classes "
                    f"of {self.legend_id!r}"
                )
        strange = sorted({sign for row in self.signs for sign in row} - {DEGRADED, STABLE, IMPROVED})
        if strange:
            raise ConfigError(f"transition matrix {self.id!r} has the sign {strange[0]}; expected -1, 0 or 1")
        for pair in self.unlikely:
            self._ranks(*pair)

    @property
    def legend(self) -> Legend:
        """Legend of both maps."""
        return get_legend(self.legend_id)

    @property
    def multiplier(self) -> int:
        """Factor of the initial class in transition codes: the power of ten above the number of classes.

        Trends.Earth takes 10 for ten classes too, and then cannot tell 1 to 10 from 2 to 0.
        """
        return int(10 ** len(str(len(self.legend))))

    def sign(self, initial: int, final: int) -> int:
        """-1, 0 or 1 for a change from one class code to another.

        Raises:
            UnmappedCodes: when the legend does not have a code.
        """
        row, col = self._ranks(initial, final)
        return self.signs[row][col]

    def process(self, initial: int, final: int) -> str:
        """English name of the process from one class code to another.

        Raises:
            UnmappedCodes: when the legend does not have a code.
        """
        row, col = self._ranks(initial, final)
        return self.processes[row][col]

    def degradation(self, before: Codes, after: Codes) -> npt.NDArray[np.int16]:
        """Degraded, stable or improved, pixel by pixel.

        Args:
            before: codes of the initial map, any shape and integer type; below 1 or 255 means no data.
            after: codes of the final map, the same shape.

        Returns:
            int16 of the same shape: -1, 0, 1, and -32768 where either map has no data.

        Raises:
            GridMismatch: when the shapes differ.
            DtypeMismatch: when an array is not of an integer type.
            UnmappedCodes: when a map holds a code above 0 that the legend does not have.
        """
        return self._each(np.array(self.signs, dtype=np.int16), before, after)

    def transitions(self, before: Codes, after: Codes) -> npt.NDArray[np.int16]:
        """Transition codes, pixel by pixel: ``multiplier * initial + final``, 11 to 77 with the seven UNCCD classes.

        Both are ranks of the class in the legend sorted by code, counted from 1, as in Trends.Earth.

        Args:
            before: see `degradation`.
            after: see `degradation`.

        Returns:
            int16 of the same shape, -32768 where either map has no data.

        Raises:
            ConfigError: when the legend is so long that codes do not fit int16.
            SteppeError: as `degradation`.
        """
        return self._each(self._transition_codes(), before, after)

    def map_codes(self, before: Codes, after: Codes) -> npt.NDArray[np.int16]:
        """Codes of a transition map, pixel by pixel: transition codes, but of pixels that kept their class the class.

        With the seven UNCCD classes 11 becomes 1 and 77 becomes 7, while 12 stays 12 (Trends.Earth, output_data.rst,
        and LDN facts 2.2), so that one picture shows both what stayed and what changed.

        Args:
            before: see `degradation`.
            after: see `degradation`.

        Returns:
            int16 of the same shape, ranks where the class stayed, else as `transitions`; -32768 where either map has
            no data.

        Raises:
            SteppeError: as `transitions`.
        """
        cells_KK = self._transition_codes()
        np.fill_diagonal(cells_KK, np.diagonal(cells_KK) % self.multiplier)
        return self._each(cells_KK, before, after)

    def edited(self, signs: Mapping[tuple[int, int], int], *, matrix_id: str, version: str) -> TransitionMatrix:
        """A copy with other signs in some cells, under a name of its own.

        Processes keep their names; one called "Stable" that is degradation or improvement now is called "Other".

        Args:
            signs: new sign by (initial, final) codes.
            matrix_id: id of the copy.
            version: version of the copy.

        Raises:
            ConfigError: when a sign is none of -1, 0, 1, or the copy would go by the original's name.
            UnmappedCodes: when the legend does not have a code.
        """
        if (matrix_id, version) == (self.id, self.version):
            raise ConfigError(f"an edited matrix needs another id or version than {self.id!r} {self.version!r}")
        rows, names = [list(row) for row in self.signs], [list(row) for row in self.processes]
        for pair, sign in signs.items():
            row, col = self._ranks(*pair)
            rows[row][col], names[row][col] = sign, process_for(names[row][col], sign)
        cells, processes = tuple(map(tuple, rows)), tuple(map(tuple, names))
        return replace(self, id=matrix_id, version=version, signs=cells, processes=processes)

    def to_document(self) -> dict[str, Any]:
        """The matrix as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "legend": self.legend_id,
            "signs": [list(row) for row in self.signs],
            "processes": [list(row) for row in self.processes],
            "unlikely": sorted(map(list, self.unlikely)),
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON (sorted keys, no spaces, UTF-8), for provenance."""
        return identity(self.to_document())

    def _ranks(self, initial: int, final: int) -> tuple[int, int]:
        return self.legend.index_of(initial), self.legend.index_of(final)

    def _transition_codes(self) -> npt.NDArray[np.int16]:
        """``multiplier * initial + final`` of the ranks of every pair of classes, in the order of the legend."""
        codes = self.legend.codes
        rank = np.array([sorted(codes).index(code) + 1 for code in codes])
        cells_KK = self.multiplier * rank[:, None] + rank[None, :]
        if cells_KK.max() > np.iinfo(np.int16).max:
            raise ConfigError(f"transition codes of {len(codes)} classes do not fit int16; aggregate the legend first")
        cells: npt.NDArray[np.int16] = cells_KK.astype(np.int16)
        return cells

    def _each(self, cells_KK: npt.NDArray[np.int16], before: Codes, after: Codes) -> npt.NDArray[np.int16]:
        if before.shape != after.shape:
            raise GridMismatch(f"maps of shape {before.shape} and {after.shape}; bring both to one grid first")
        size = len(self.legend) + 1
        # One more row and column for no data.
        table = np.full((size, size), DEGRADATION_NODATA, dtype=np.int16)
        table[:-1, :-1] = cells_KK
        rows, cols = (self._index(codes).reshape(-1) for codes in (before, after))
        found = np.empty(rows.shape, dtype=np.int16)
        for start in range(0, found.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            np.take(table, rows[part].astype(np.intp) * size + cols[part], out=found[part], mode="clip")
        return found.reshape(before.shape)

    def _index(self, codes: Codes) -> npt.NDArray[np.uint8]:
        """Class indices, and the number of classes where there is no data."""
        return look_up(_index_table(self.legend_id), codes, owner=f"transition matrix {self.id!r}")


def process_for(process: str, sign: int) -> str:
    """Name of the process in a cell whose sign was edited: degradation is never called "Stable"."""
    return OTHER if process == UNCHANGED and sign != STABLE else process


@lru_cache(maxsize=16)
def _index_table(legend_id: str) -> npt.NDArray[np.uint8]:
    legend = get_legend(legend_id)
    empty = ((code, len(legend)) for code in (*range(LOWEST, 1), CLASS_NODATA))
    classes = ((code, index) for index, code in enumerate(legend.codes))
    return build_table((*empty, *classes))


UNCCD7_TRANSITIONS: Final = TransitionMatrix(
    id="unccd7-default",
    version="1",
    legend_id="unccd7",
    signs=(
        (0, -1, -1, -1, -1, -1, 0),
        (1, 0, 1, -1, -1, -1, 0),
        (1, -1, 0, -1, -1, -1, 0),
        (-1, -1, -1, 0, -1, -1, 0),
        (1, 1, 1, 1, 0, 1, 0),
        (1, 1, 1, 1, -1, 0, 0),
        (0, 0, 0, 0, 0, 0, 0),
    ),
    processes=(
        ("Stable", "Vegetation loss", "Deforestation", "Inundation", "Deforestation", "Vegetation loss", "Stable"),
        (
            "Afforestation",
            "Stable",
            "Agricultural expansion",
            "Inundation",
            "Urban expansion",
            "Vegetation loss",
            "Stable",
        ),
        (
            "Afforestation",
            "Withdrawal of agriculture",
            "Stable",
            "Inundation",
            "Urban expansion",
            "Vegetation loss",
            "Stable",
        ),
        (
            "Woody encroachment",
            "Wetland drainage",
            "Wetland drainage",
            "Stable",
            "Wetland drainage",
            "Wetland drainage",
            "Stable",
        ),
        (
            "Afforestation",
            "Vegetation establishment",
            "Agricultural expansion",
            "Wetland establishment",
            "Stable",
            "Withdrawal of settlements",
            "Stable",
        ),
        (
            "Afforestation",
            "Vegetation establishment",
            "Agricultural expansion",
            "Wetland establishment",
            "Urban expansion",
            "Stable",
            "Stable",
        ),
        ("Stable",) * 7,
    ),
    # Printed in italics in Table 9.
    unlikely=frozenset({(1, 4), (2, 4), (3, 4), (4, 1), (5, 1)}),
    citation=(
        "UNCCD PRAIS 4 reporting manual, SO1.md Table 9, https://github.com/unccd/Prais4-reporting-manual; "
        "Trends.Earth, LDMP/data/land_cover_transition_matrix_unccd.json"
    ),
)
"""UNCCD's default: 18 cells of degradation, 12 of improvement, 19 stable (7 without change, 12 with water)."""
