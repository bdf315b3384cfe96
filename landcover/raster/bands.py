"""The bands of an opened file: which hold data, of what type, and how their pixels are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import rasterio.windows
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from landcover.errors import DtypeMismatch
from landcover.raster.protocol import AnyArray
from landcover.raster.strips import Load

_WHOLE: Final = frozenset({"uint16", "int16", "uint32", "int32", "uint64", "int64"})
"""Sample types that may hold a product's own numbers; GDAL also has such as numpy does not know."""


def data_bands(dataset: DatasetReader) -> tuple[list[int], int | None]:
    """Indexes (from 1) of the bands that hold data, and of the alpha band when there is one."""
    roles = dict(zip(dataset.indexes, dataset.colorinterp, strict=True))
    alpha = [index for index, role in roles.items() if role == ColorInterp.alpha]
    return [index for index in roles if index not in alpha], alpha[0] if alpha else None


def check_dtype(dataset: DatasetReader, indexes: Sequence[int], wanted: np.dtype[Any], name: str) -> None:
    """Refuse bands whose samples are not of the wanted type.

    Raises:
        DtypeMismatch: naming both; also when numbers are positions in a colour table.
    """
    if any(dataset.colorinterp[index - 1] == ColorInterp.palette for index in indexes):
        raise DtypeMismatch(
            f"{name!r} is a picture with a colour table, whose numbers measure nothing; give the product as it was "
            "delivered, not rendered"
        )
    found = sorted({dataset.dtypes[index - 1] for index in indexes} - {wanted.name})
    if found:
        raise DtypeMismatch(
            f"{name!r} has {' and '.join(found)} samples; the model wants {wanted.name}: give the product as it was "
            f"delivered, not rescaled or rendered{_conversion(found, wanted)}"
        )


def _conversion(found: Sequence[str], wanted: np.dtype[Any]) -> str:
    """How to bring whole numbers that may be the product's own into the wanted type; empty where they cannot be."""
    if wanted.kind != "u" or not _WHOLE.issuperset(found):
        return ""
    gdal = f"UInt{8 * wanted.itemsize}"
    return f"; numbers that were only stored in another type are converted by: gdal_translate -ot {gdal} IN.tif OUT.tif"


def load_bands(indexes: list[int]) -> Load:
    """Load these bands (counted from 1) in one call."""

    def load(dataset: DatasetReader, window: rasterio.windows.Window, out_BRC: AnyArray) -> None:
        dataset.read(indexes, window=window, out=out_BRC)

    return load


def load_mask(dataset: DatasetReader, window: rasterio.windows.Window, out_BRC: AnyArray) -> None:
    """Load the file's own mask, 0 = invalid."""
    out_BRC[0] = dataset.read_masks(1, window=window)
