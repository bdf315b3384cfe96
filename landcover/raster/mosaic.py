"""Several scenes as one: where they overlap, the first or the last one that has data is seen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import numpy as np

from landcover.errors import BandMapping, DtypeMismatch, GridMismatch, LevelMismatch, RadiometryMismatch
from landcover.grid import Grid, Window
from landcover.raster.digest import digest_of
from landcover.raster.protocol import Block, Scene
from landcover.raster.target import union_grid
from landcover.raster.warped import on_grid
from landcover.scaling import harmonise
from landcover.sensors import Radiometry


class MosaicRule(StrEnum):
    """Which scene is seen where several have data."""

    LAST = "last"
    FIRST = "first"


def common_grid(scenes: Sequence[Scene], grid: Grid | None = None) -> list[Scene]:
    """All scenes on one grid: the one asked for, or else the first scene's pixels, as far as all scenes reach.

    Raises:
        GridMismatch: when a scene does not lie where the grid's CRS maps to.
        RasterTooLarge: when the scenes lie too far apart for one grid.
    """
    grid = grid or union_grid([scene.grid for scene in scenes])
    return [on_grid(scene, grid) for scene in scenes]


class Mosaic:
    """Scenes of one grid as a scene; see ``protocol.Scene``. Closing it closes them.

    Scenes of another radiometry are brought to one before they meet: Sentinel-2 of processing baseline 04.00 beside an
    earlier one.

    Args:
        scenes: at least one, on one grid (``common_grid``), with the same bands and sample type.
        rule: which one is seen where several have data.
        radiometry: scale and offset of the mosaic where those of the scenes differ.
        nodata: number that stands for no data.

    Raises:
        BandMapping: when the scenes have different bands.
        DtypeMismatch: when they have different sample types.
        GridMismatch: when they lie on different grids.
        LevelMismatch: when they state different processing levels.
        RadiometryMismatch: when some state scale and offset and others do not.
    """

    def __init__(self, scenes: Sequence[Scene], rule: MosaicRule, *, radiometry: Radiometry, nodata: int = 0) -> None:
        check_alike(scenes)
        self._scenes = tuple(scenes)
        self._seen = self._scenes[::-1] if rule is MosaicRule.LAST else self._scenes
        stated = {scene.radiometry for scene in scenes}
        self._radiometry = next(iter(stated)) if len(stated) == 1 else radiometry
        self._nodata = nodata

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self._scenes[0].grid

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that ``read`` returns, in order."""
        return self._scenes[0].bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of a block."""
        return self._scenes[0].dtype

    @property
    def level(self) -> str | None:
        """The processing level that all scenes state; None when one does not."""
        levels = {scene.level for scene in self._scenes}
        return None if None in levels else levels.pop()

    @property
    def radiometry(self) -> Radiometry | None:
        """Scale and offset of the mosaic's numbers; None when no scene states its own."""
        return self._radiometry

    @property
    def datetime(self) -> str | None:
        """The acquisition when it is the same for all, else None."""
        dates = {scene.datetime for scene in self._scenes}
        return dates.pop() if len(dates) == 1 else None

    @property
    def identifier(self) -> str:
        """The first scene's name and how many there are beside it."""
        return joint_name([scene.identifier for scene in self._scenes])

    def input_digest(self) -> str:
        """SHA-256 over the digests of the scenes, in their order, which counts."""
        return joint_digest([scene.input_digest() for scene in self._scenes])

    def read(self, window: Window) -> Block:
        """The pixels of a window; a scene is read only where those seen before it leave a gap.

        Raises:
            WindowError: when the window reaches beyond the grid.
            RasterTruncated: when pixels are missing or damaged.
        """
        whole = self._read(self._seen[0], window)
        for scene in self._seen[1:]:
            gaps = np.flatnonzero(~whole.valid.all(axis=1))
            if not len(gaps):
                scene.pass_over(window)
                continue
            first, stop = int(gaps[0]), int(gaps[-1]) + 1
            rows = slice(first, stop)
            block = self._read(scene, Window(window.row + first, window.col, stop - first, window.width))
            new_HW = block.valid & ~whole.valid[rows]
            if not whole.data.flags.writeable:
                whole = Block(whole.data.copy(), whole.valid)
            np.copyto(whole.data[:, rows], block.data, where=new_HW)
            whole.valid[rows] |= new_HW
        return whole

    def _read(self, scene: Scene, window: Window) -> Block:
        block = scene.read(window)
        if scene.radiometry is None or self._radiometry is None:
            return block
        return Block(harmonise(block.data, scene.radiometry, self._radiometry, nodata=self._nodata), block.valid)

    def pass_over(self, window: Window | None) -> None:
        """Forget decoded pixels of all scenes that a window does not need; None = all of them."""
        for scene in self._scenes:
            scene.pass_over(window)

    def close(self) -> None:
        """Close all scenes."""
        with ExitStack() as stack:
            for scene in self._scenes:
                stack.callback(scene.close)

    def __enter__(self) -> Self:
        """The mosaic itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def check_alike(scenes: Sequence[Scene]) -> None:
    """Refuse scenes that cannot stand side by side on one map.

    Raises:
        BandMapping: when the scenes have different bands.
        DtypeMismatch: when they have different sample types.
        GridMismatch: when they lie on different grids.
        LevelMismatch: when they state different processing levels.
        RadiometryMismatch: when some state scale and offset and others do not.
    """
    first = scenes[0]
    for scene in scenes[1:]:
        names = f"{first.identifier!r} and {scene.identifier!r}"
        if scene.bands != first.bands:
            raise BandMapping(f"{names} have different bands: {', '.join(first.bands)} and {', '.join(scene.bands)}")
        if scene.dtype != first.dtype:
            raise DtypeMismatch(f"{names} have different sample types: {first.dtype} and {scene.dtype}")
        if scene.grid != first.grid:
            raise GridMismatch(f"{names} lie on different grids; bring them onto one")
        if None not in {scene.level, first.level} and scene.level != first.level:
            raise LevelMismatch(
                f"{first.identifier!r} is {first.level} and {scene.identifier!r} is {scene.level}; map scenes of "
                "different processing levels one by one"
            )
    _refuse_half_stated(scenes)


def _refuse_half_stated(scenes: Sequence[Scene]) -> None:
    silent = [scene for scene in scenes if scene.radiometry is None]
    if silent and len(silent) < len(scenes):
        other = next(scene for scene in scenes if scene.radiometry is not None)
        raise RadiometryMismatch(
            f"{other.identifier!r} states scale and offset, {silent[0].identifier!r} does not; write its scale and "
            "offset into its tags, or pass --product when all scenes are of one product"
        )


def joint_name(names: Sequence[str]) -> str:
    """One name for several scenes."""
    if len(names) == 1:
        return names[0]
    return " and ".join(names) if len(names) == 2 else f"{names[0]} and {len(names) - 1} more"  # noqa: PLR2004


def joint_digest(digests: Sequence[str]) -> str:
    """One digest for several: SHA-256 of the digests, a line each, in their order; see ``digest_of``."""
    if len(digests) == 1:
        return digests[0]
    return digest_of(digests, digests)
