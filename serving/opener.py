"""Who opens foreign rasters: this process, as the command line does, or somebody who keeps them at a distance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:  # a request is described before anything is loaded that opens files
    from collections.abc import Mapping

    from landcover.grid import Grid
    from landcover.raster.categorical import CodeMap
    from landcover.raster.protocol import Mask, Scene
    from landcover.sensors import Radiometry
    from serving.fetch.sources import ByteSource


class Opener(Protocol):
    """Opens scenes, the mask bands that came with them, and maps of codes; the caller closes what it is given."""

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

    def codes(self, path: Path) -> CodeMap:
        """A map of codes, see ``landcover.raster.categorical.open_codes``.

        Raises:
            DataError: when it cannot be used.
        """


class FarOpener(Opener, Protocol):
    """Opens inputs whose bytes lie elsewhere, too."""

    def with_files(self, files: Mapping[Path, ByteSource]) -> Opener:
        """The same, for inputs of which some files have their bytes elsewhere.

        What is opened then raises ``Upstream`` as well, when a host fails.

        Args:
            files: by the absolute paths of empty files that stand for them: inputs themselves, or in a folder that is
                one. They stay open as long as what is opened.
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

    def codes(self, path: Path) -> CodeMap:
        """See ``Opener``."""
        from landcover.raster.categorical import open_codes  # noqa: PLC0415 - loads GDAL

        return open_codes(path)


IN_PROCESS: Final[Opener] = InProcess()
