"""Legends: the closed lists of land-cover classes that maps, models and crosswalks speak.

A model counts its outputs 0..K-1; a product stores legend codes. ``Legend.encode`` and ``Legend.decode`` are the only
way from one to the other. Match classes by code, never by title: titles differ between editions and languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover import legend_tables as tables
from landcover.errors import ConfigError, DtypeMismatch, UnknownLegend, UnmappedCodes
from landcover.lookup import build_table, look_up, unmapped_codes

CLASS_NODATA: Final = 255
"""Nodata of uint8 class maps, and the ignore index of class-index arrays."""

DEGRADATION_NODATA: Final = -32768
"""Nodata of int16 rasters: degradation classes and legends whose codes do not fit uint8."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")  # what the STAC classification extension allows for a class name
_COLOR: Final = re.compile(r"#[0-9A-F]{6}")


@dataclass(frozen=True, slots=True)
class LandClass:
    """One class of a legend.

    Attributes:
        code: value in products.
        name: machine name, letters, digits, ``_`` and ``-`` only.
        title: English name for people.
        color: ``#RRGGBB`` in upper case.
    """

    code: int
    name: str
    title: str
    color: str

    def __post_init__(self) -> None:
        """Refuse names and colours that other tools would not read.

        Raises:
            ConfigError: when the machine name or the colour is not of the required form.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"class name {self.name!r}: use letters, digits, '_' and '-' only")
        if not _COLOR.fullmatch(self.color):
            raise ConfigError(f"colour {self.color!r} of class {self.name!r}: expected #RRGGBB in upper case")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue, 0-255."""
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


@dataclass(frozen=True, slots=True)
class Legend:
    """A closed, ordered list of classes; position in ``classes`` is the model output index.

    Attributes:
        id: short name, the key of ``get_legend``.
        version: changes whenever a code, a name, a colour or the order changes.
        title: English name for people.
        classes: the classes in model output order.
        citation: where codes and colours come from.
    """

    id: str
    version: str
    title: str
    classes: tuple[LandClass, ...]
    citation: str

    def __post_init__(self) -> None:
        """Refuse legends that cannot be stored or told apart.

        Raises:
            ConfigError: when classes are missing, too many or repeated, or when a code is a nodata value.
        """
        if not 1 <= len(self.classes) < CLASS_NODATA:
            raise ConfigError(f"legend {self.id!r} has {len(self.classes)} classes; expected 1 to {CLASS_NODATA - 1}")
        for what, values in (("code", self.codes), ("name", self.names)):
            repeated = sorted({str(value) for value in values if values.count(value) > 1})
            if repeated:
                raise ConfigError(f"legend {self.id!r} repeats the {what} {', '.join(repeated)}")
        outside = [code for code in self.codes if not DEGRADATION_NODATA < code <= np.iinfo(np.int16).max]
        if CLASS_NODATA in self.codes or outside:
            raise ConfigError(
                f"legend {self.id!r} uses a nodata value or a code beyond int16: {outside or CLASS_NODATA}"
            )

    def __contains__(self, code: object) -> bool:
        """Whether ``code`` is a class of this legend."""
        return code in self.codes

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes in model output order."""
        return tuple(land_class.code for land_class in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Machine names in model output order."""
        return tuple(land_class.name for land_class in self.classes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of products: uint8 where every code fits, else int16."""
        fits = all(0 <= code < CLASS_NODATA for code in self.codes)
        return np.dtype(np.uint8 if fits else np.int16)

    @property
    def nodata(self) -> int:
        """Nodata of products: 255 for uint8, -32768 for int16."""
        return CLASS_NODATA if self.dtype == np.uint8 else DEGRADATION_NODATA

    def by_code(self, code: int) -> LandClass:
        """The class with this code.

        Raises:
            UnmappedCodes: when the legend has no such code.
        """
        return self.classes[self.index_of(code)]

    def index_of(self, code: int) -> int:
        """Model output index of a code.

        Raises:
            UnmappedCodes: when the legend has no such code.
        """
        if code not in self.codes:
            known = ", ".join(map(str, self.codes))
            raise UnmappedCodes(f"code {code} is not in legend {self.id!r}; its codes are {known}")
        return self.codes.index(code)

    def encode(self, index_HW: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """Class indices to product codes.

        Args:
            index_HW: uint8 array of any shape with values 0..K-1, or 255 where there is no class.

        Returns:
            Array of the same shape in ``dtype``; 255 becomes ``nodata``.

        Raises:
            DtypeMismatch: when the array is not uint8.
            UnmappedCodes: when an index is neither 255 nor below K.
        """
        if index_HW.dtype != np.uint8:
            raise DtypeMismatch(f"class indices came as {index_HW.dtype}; expected uint8")
        table = np.full(256, self.nodata, dtype=self.dtype)
        table[: len(self)] = self.codes
        stray = (index_HW >= len(self)) & (index_HW != CLASS_NODATA)
        if stray.any():
            raise unmapped_codes(index_HW[stray], owner=f"legend {self.id!r} as class indices 0..{len(self) - 1}")
        if self.dtype != np.uint8:
            return table.take(index_HW)
        # A byte for a byte: an index would first become one of 64 bits.
        codes = bytearray(np.ascontiguousarray(index_HW)).translate(table.tobytes())
        return np.frombuffer(codes, np.uint8).reshape(index_HW.shape)

    def decode(self, codes_HW: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """Product codes to class indices, the inverse of ``encode``.

        Args:
            codes_HW: integer array of any shape in this legend's codes; 255 or -32768 where there is no class.

        Returns:
            uint8 array of the same shape with 0..K-1, and 255 where there is no class.

        Raises:
            DtypeMismatch: when the array is not of an integer type.
            UnmappedCodes: when a value is neither a code nor nodata, with its pixel count.
        """
        pairs = [(code, index) for index, code in enumerate(self.codes)]
        nodata = [(code, CLASS_NODATA) for code in (CLASS_NODATA, DEGRADATION_NODATA)]
        return look_up(build_table(pairs + nodata), codes_HW, owner=f"legend {self.id!r}")


def _legend(legend_id: str, title: str, rows: tables.Rows, citation: str) -> Legend:
    return Legend(legend_id, "1", title, tuple(LandClass(*row) for row in rows), citation)


LEGENDS: Final[Mapping[str, Legend]] = MappingProxyType(
    {
        legend_id: _legend(legend_id, title, rows, citation)
        for legend_id, (title, rows, citation) in tables.LEGEND_TABLES.items()
    }
)
"""Every legend Steppe knows, by id."""


def get_legend(legend_id: str) -> Legend:
    """The legend with this id.

    Raises:
        UnknownLegend: listing the known ids.
    """
    try:
        return LEGENDS[legend_id]
    except KeyError:
        raise UnknownLegend(f"legend {legend_id!r} is not known; choose one of {', '.join(LEGENDS)}") from None
