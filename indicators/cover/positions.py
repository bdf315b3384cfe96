"""From the codes of a map's own legend straight to positions of the classes of the target legend.

One table does what a crosswalk and ``Legend.decode`` do one after the other. Codes that the crosswalk does not have are
never taken for no data: they are counted to the end of the map and then refused with their pixels, so that whoever
mends a crosswalk sees all of them at once (LDN facts 1.5).
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import OUTSIDE
from landcover.crosswalks import Crosswalk
from landcover.errors import DtypeMismatch
from landcover.legends import CLASS_NODATA, get_legend
from landcover.lookup import HIGHEST, LOWEST, UNMAPPED, build_table, unmapped_pixels

_BYTE: Final = 1
_WORD: Final = 2

type Codes = npt.NDArray[np.integer[Any]]
type Positions = npt.NDArray[np.uint8]


class ClassPositions:
    """Positions of classes in a target legend, from codes of a source legend.

    Attributes:
        crosswalk: the recoding.
        nodata: position of "no data": the number of classes of the target legend.
        strangers: pixels of every code met so far that the crosswalk does not have.
    """

    def __init__(self, crosswalk: Crosswalk, *, nodata: int | None = None, signed_bytes: bool = False) -> None:
        """Fuse the tables.

        Args:
            crosswalk: source legend to target legend.
            nodata: the map's own nodata value; it means no data whatever the crosswalk says of it.
            signed_bytes: whether int8 codes are bytes that a reader took for signed, so that -126 is 130 (LDN facts
                1.3); the nodata value is then such a byte, too.
        """
        legend = get_legend(crosswalk.target_legend)
        self.crosswalk, self.nodata = crosswalk, len(legend)
        self.strangers: Counter[int] = Counter()
        self._signed = signed_bytes
        if signed_bytes and nodata is not None:
            nodata %= 256
        near = nodata is not None and LOWEST <= nodata <= HIGHEST
        self._far_nodata = None if near else nodata
        own = ((nodata, CLASS_NODATA),) if nodata is not None and near else ()
        empty = ((code, CLASS_NODATA) for code in (*_zero(crosswalk), OUTSIDE, *crosswalk.nodata_codes))
        codes = build_table((*empty, *crosswalk.mapping, *own))
        places = {code: place for place, code in enumerate(legend.codes)}
        place_of = np.full(256, self.nodata, np.uint8)
        place_of[list(places)] = list(places.values())
        place_of[UNMAPPED] = self.stranger
        self._table = place_of[codes]
        self._bytes = {np.dtype(kind): self._byte_table(np.dtype(kind)) for kind in (np.uint8, np.int8)}

    @property
    def stranger(self) -> int:
        """Position that codes without a class have until the map is refused."""
        return self.nodata + 1

    def of(self, codes: Codes, *, valid: npt.NDArray[np.bool_] | None = None) -> Positions:
        """Positions of the classes of some pixels.

        Args:
            codes: source codes, any shape, an integer type.
            valid: of the same shape, True = data; None when the nodata value says it all.

        Returns:
            uint8 of the same shape: 0 to K-1, K = ``nodata``, K+1 = ``stranger`` (counted in ``strangers``).

        Raises:
            DtypeMismatch: when the codes are not of an integer type.
        """
        if not np.issubdtype(codes.dtype, np.integer):
            raise DtypeMismatch(f"codes came as {codes.dtype}; {self._owner} expects an integer type")
        places = self._look_up(np.ascontiguousarray(codes))
        if valid is not None and not valid.all():
            places[~valid] = self.nodata
        if places.size and places.max() == self.stranger:
            self._count(codes[places == self.stranger])
        return places

    def refuse_strangers(self) -> None:
        """Refuse the map when it had codes that the crosswalk does not have.

        Raises:
            UnmappedCodes: with every such code and its pixels.
        """
        if self.strangers:
            raise unmapped_pixels(self.strangers, owner=self._owner)

    @property
    def _owner(self) -> str:
        return f"crosswalk {self.crosswalk.id!r}"

    def _byte_table(self, kind: np.dtype[Any]) -> bytes:
        values = np.arange(256, dtype=np.uint8)
        return self._table[(values if self._signed else values.view(kind)).astype(np.intp)].tobytes()

    def _look_up(self, codes: Codes) -> Positions:
        if codes.itemsize == _BYTE:
            # The interpreter's own recoding of bytes is four times as fast as np.take, which widens positions first.
            found = bytearray(codes.data).translate(self._bytes[codes.dtype])
            return np.frombuffer(found, np.uint8).reshape(codes.shape)
        if codes.itemsize == _WORD:
            return np.take(self._table, codes, mode="wrap")
        inside = (codes >= LOWEST) & (codes <= HIGHEST)
        places = np.take(self._table, np.where(inside, codes, 0).astype(np.intp), mode="wrap")
        places[~inside] = self.stranger
        if self._far_nodata is not None:
            places[codes == self._far_nodata] = self.nodata
        return places

    def _count(self, codes: Codes) -> None:
        if self._signed and codes.dtype == np.int8:
            codes = codes.view(np.uint8)
        values, pixels = np.unique(codes, return_counts=True)
        self.strangers.update(dict(zip(values.tolist(), pixels.tolist(), strict=True)))


def _zero(crosswalk: Crosswalk) -> tuple[int, ...]:
    """0, which means no data in maps that are in the target legend already (LDN facts 2.2), and is no class there."""
    return (0,) if crosswalk.source_legend == crosswalk.target_legend else ()
