"""What can go wrong with a reader, beside what can be wrong with a raster."""

from __future__ import annotations

from landcover.errors import DataError, RasterTooLarge, SteppeError


class ReadingLimit(RasterTooLarge):
    """Reading the raster takes more memory or time than is allowed."""

    slug = "reading-limit"


class ReaderEnded(DataError):
    """The process that read the raster ended, or answered something that is no answer."""

    slug = "reader-ended"


class ReaderUnavailable(SteppeError):
    """No process can be started that reads rasters."""

    slug = "reader-unavailable"
