"""Who opens foreign rasters: this process, as the command line does, or somebody who keeps them at a distance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:  # a request is described before anything is loaded that opens files
    from landcover.grid import Grid
    from landcover.raster.protocol import Mask, Scene
    from landcover.sensors import Radiometry


class Opener(Protocol):
    """Opens scenes and the mask bands that came with them; the caller closes what it is given."""

    def scene(
        self,
        path: Path,
        *,
        bands_wanted: Sequence[str],
        bands: Sequence[str] | None,
        level: str | None,
        radiometry: Radiometry | None,
        dtype_wanted: str,
    ) -> Scene:
        """A scene, see ``landcover.raster.scene.open_scene``.

        Raises:
            DataError: when it cannot be used.
        """

    def mask(self, source: Path, grid: Grid, *, bands: Sequence[str] | None) -> Mask | None:
        """The mask band that came with a scene or None, see ``landcover.raster.quality.open_mask``.

        Raises:
            DataError: when there is one that cannot be used.
        """


class InProcess:
    """Opens rasters in this process."""

    def scene(
        self,
        path: Path,
        *,
        bands_wanted: Sequence[str],
        bands: Sequence[str] | None,
        level: str | None,
        radiometry: Radiometry | None,
        dtype_wanted: str,
    ) -> Scene:
        """See ``Opener``."""
        from landcover.raster.scene import open_scene  # noqa: PLC0415 - loads GDAL

        return open_scene(
            path,
            bands_wanted=bands_wanted,
            bands=bands,
            level=level,
            radiometry=radiometry,
            dtype_wanted=dtype_wanted,
        )

    def mask(self, source: Path, grid: Grid, *, bands: Sequence[str] | None) -> Mask | None:
        """See ``Opener``."""
        from landcover.raster.quality import open_mask  # noqa: PLC0415 - loads GDAL

        return open_mask(source, grid, bands=bands)


IN_PROCESS: Final[Opener] = InProcess()
