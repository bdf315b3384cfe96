"""The limits of a ``ReadPolicy``, and the words for what is beyond them, whoever finds it out."""

from __future__ import annotations

from landcover.errors import BandCount, BlockTooLarge, RasterTooLarge
from landcover.raster.protocol import ReadPolicy


def check_size(name: str, shape: tuple[int, int], bands: int, policy: ReadPolicy) -> None:
    """Refuse too many pixels or bands.

    Raises:
        RasterTooLarge: in pixels.
        BandCount: in bands.
    """
    rows, cols = shape
    if rows * cols > policy.max_pixels:
        raise RasterTooLarge(
            f"{name!r} has {rows} x {cols} = {rows * cols:,} pixels; at most {policy.max_pixels:,} are read: send a "
            "smaller cut"
        )
    if bands > policy.max_bands:
        raise BandCount(f"{name!r} has {bands} bands; at most {policy.max_bands} are read: keep those that are needed")


def block_too_large(name: str, block: tuple[int, int], size: int, policy: ReadPolicy) -> BlockTooLarge:
    """The error of blocks that are too large."""
    rows, cols = block
    return BlockTooLarge(
        f"{name!r} is stored in blocks of {rows} x {cols} pixels, {size} bytes each; at most {policy.max_block_bytes} "
        "are read: store it with tiles of 512 x 512"
    )
