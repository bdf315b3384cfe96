"""Readers for who seldom needs one, started when somebody first does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from landcover.grid import Grid
from landcover.raster.categorical import CodeMap
from landcover.raster.protocol import Mask, Scene
from landcover.sensors import Radiometry
from serving.opener import Opener
from serving.reader.errors import ReaderUnavailable
from serving.reader.pool import ReaderPool
from serving.reader.process import FarFiles
from serving.reader.terms import Terms


class LateReaders:
    """See ``serving.opener.FarOpener``. Close it.

    Args:
        terms: limits of the readers.
        died: see ``ReaderPool``.
    """

    def __init__(self, terms: Terms, died: Callable[[str], None] | None = None) -> None:
        self._terms, self._died = terms, died
        self._pool: ReaderPool | None = None
        self._lock, self._closed = Lock(), False

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
        """See ``ReaderPool.scene``."""
        return self._readers().scene(
            path, bands_wanted=bands_wanted, bands=bands, level=level, radiometry=radiometry, dtype_wanted=dtype_wanted
        )

    def mask(self, source: Path, grid: Grid, *, bands: Sequence[str] | None) -> Mask | None:
        """See ``ReaderPool.mask``."""
        return self._readers().mask(source, grid, bands=bands)

    def codes(self, path: Path) -> CodeMap:
        """See ``ReaderPool.codes``."""
        return self._readers().codes(path)

    def with_files(self, files: FarFiles) -> Opener:
        """See ``ReaderPool.with_files``."""
        return self._readers().with_files(files)

    def close(self) -> None:
        """End all readers."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.close()

    def _readers(self) -> ReaderPool:
        with self._lock:
            if self._closed:
                raise ReaderUnavailable("the readers of rasters are closed; start the service again")
            if self._pool is None:
                self._pool = ReaderPool(self._terms, died=self._died)
            return self._pool
