"""Several handles on one file, one for each thread that decodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rasterio.io import DatasetReader

from landcover.errors import DataError
from landcover.raster.opening import RasterFile, open_handle


class HandlePool:
    """Handles on an accepted file; GDAL allows one thread per handle.

    Args:
        file: the file.
        first: the handle it was accepted with; the pool owns it from now on.
    """

    def __init__(self, file: RasterFile, first: DatasetReader) -> None:
        self.file = file
        self._lock = Lock()
        self._idle = [first]

    @contextmanager
    def borrow(self) -> Iterator[DatasetReader]:
        """A handle for one thread, opened when none is idle.

        Raises:
            RasterCorrupt: when the file can no longer be opened.
            RasterChanged: when it is not the file that was accepted.
        """
        with self._lock:
            dataset = self._idle.pop() if self._idle else None
        if dataset is None:
            dataset = self._open()
        try:
            yield dataset
        finally:
            with self._lock:
                self._idle.append(dataset)

    def _open(self) -> DatasetReader:
        dataset = open_handle(self.file)
        try:
            self.file.check_unchanged()
        except DataError:
            dataset.close()
            raise
        return dataset

    def close(self) -> None:
        """Close every idle handle; nothing may be borrowed any more."""
        with self._lock:
            idle, self._idle = self._idle, []
        for dataset in idle:
            dataset.close()
