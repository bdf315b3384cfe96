"""What every opened scene offers, whatever files it is made of, and how reading is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from landcover.grid import Grid, Window
from landcover.processors import available_processors
from landcover.quality import MaskKind
from landcover.sensors import Radiometry

type AnyArray = npt.NDArray[Any]
type BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Block:
    """The pixels of one window.

    Attributes:
        data: (band, row, col), the product's dtype, bands in the wanted order; invalid pixels hold the assumed nodata,
            unless they only lie outside an area of interest (``area.AreaScene``). May be a part of what the scene
            holds, and then not be written to; who keeps it keeps all of that.
        valid: (row, col) bool, True = valid.
    """

    data: AnyArray
    valid: BoolArray


class Scene(Protocol):
    """An opened raster whose wanted bands lie on one grid.

    One thread may read at a time. ``level``, ``radiometry`` and ``datetime`` are None where neither the file nor the
    caller states them: nothing is guessed from pixel values.
    """

    @property
    def grid(self) -> Grid:
        """Position of the pixels, exactly as in the file (of the finest wanted band)."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that ``read`` returns, in order."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of ``Block.data``."""

    @property
    def level(self) -> str | None:
        """Processing level, for example ``L1C``."""

    @property
    def radiometry(self) -> Radiometry | None:
        """How digital numbers become reflectance."""

    @property
    def datetime(self) -> str | None:
        """Acquisition, ISO 8601: a date, or a date and time in UTC ending in ``Z``."""

    @property
    def identifier(self) -> str:
        """Product or file name without extension; of a plain folder what its files have in common, or its name."""

    def input_digest(self) -> str:
        """SHA-256 of the input, hexadecimal, or what stands for it, see ``digest``; taken at the first call."""

    def read(self, window: Window) -> Block:
        """The pixels of a window.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """

    def pass_over(self, window: Window | None) -> None:
        """Forget decoded pixels that a window does not need, which is not read here; None = all of them.

        For those who read several scenes: one whose part of a map has passed would hold its last pixels to the end.
        """

    def close(self) -> None:
        """Give the files back."""

    def __enter__(self) -> Self:
        """The scene itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


class Mask(Protocol):
    """An opened mask band on the grid of a scene. One thread may read at a time."""

    @property
    def kind(self) -> MaskKind:
        """Which mask it is."""

    @property
    def name(self) -> str:
        """Name of the file that it was found in."""

    def input_digest(self) -> str:
        """SHA-256 of that file, hexadecimal, or what stands for it, see ``digest``.

        Raises:
            RasterUnreadable: when the file can no longer be read.
        """

    def rows(self, row_start: int, row_stop: int) -> tuple[npt.NDArray[np.uint8], BoolArray]:
        """Quality codes of some rows of the scene, uint8 (row, col), and where the mask reaches; unknown elsewhere.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
        """

    def __enter__(self) -> Self:
        """The mask itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


def _decode_threads() -> int:
    return min(8, available_processors())


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """Limits and habits of reading, the same for every scene of a process.

    Attributes:
        assumed_nodata: digital number taken as nodata where a file declares none, also written into invalid pixels;
            0 in every product of ``landcover.sensors`` (Sentinel-2 JP2 files cannot declare it). None assumes nothing.
        threads: files or file parts decoded at once; None means one per CPU, at most 8.
        max_pixels: largest grid, rows x columns.
        max_block_bytes: largest decoded block (tile or strip): one pixel costs a whole block of memory.
        max_bands: most bands in one file.
        max_pages: most images in one TIFF file, overviews and masks included; a global mosaic has about 30.
        max_columns: widest map. A row of windows is held, so memory goes with the width: up to 33 kB for each column of
            a scene of ten bands (2.6 GB at 66,000 columns in blocks of 512 rows), a third of it where nothing is.
    """

    assumed_nodata: int | None = 0
    threads: int | None = None
    max_pixels: int = 20_000_000_000
    max_block_bytes: int = 512 * 2**20
    max_bands: int = 1024
    max_pages: int = 256
    max_columns: int = 80_000

    @property
    def decode_threads(self) -> int:
        """Threads to use, at least 1."""
        return max(1, self.threads if self.threads is not None else _decode_threads())


DEFAULT_POLICY: Final = ReadPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRequest:
    """What a caller wants to read and what the caller says about the input.

    Attributes:
        bands_wanted: band names in the order ``read`` shall return them.
        bands: names the caller gives to the file's bands, in file order, or None.
        level: processing level the caller states, or None.
        radiometry: scale and offset the caller states, or None.
        dtype: sample type the bands must have.
        policy: limits and habits.
    """

    bands_wanted: tuple[str, ...]
    bands: tuple[str, ...] | None = None
    level: str | None = None
    radiometry: Radiometry | None = None
    dtype: np.dtype[Any]
    policy: ReadPolicy = DEFAULT_POLICY
