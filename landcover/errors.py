"""Every error a user of Steppe can cause or meet, as a noun of the domain.

The classes carry a ``slug`` (the last part of the RFC 9457 problem type) and a process ``exit_code``; translating
them to HTTP is the business of ``serving.api`` alone. A message says what came, what was expected and what to do, in
one sentence, without paths a client did not send.
"""

from __future__ import annotations

from typing import ClassVar


class SteppeError(Exception):
    """Base of all errors that are answered with one clear sentence instead of a traceback."""

    slug: ClassVar[str] = "steppe-error"
    exit_code: int = 1  # an error of a service carries the code that its class has there


class ConfigError(SteppeError):
    """A setting or option cannot be used."""

    slug = "config"
    exit_code = 4


class WrongUse(ConfigError):
    """What is asked for cannot be understood, or its options do not go together."""

    slug = "usage"
    exit_code = 2


class DataError(SteppeError):
    """Input data cannot be used as it is."""

    slug = "data"
    exit_code = 3


class RasterUnreadable(DataError):
    """The bytes are not a raster that Steppe reads."""

    slug = "raster-unreadable"


class RasterEmpty(RasterUnreadable):
    """There are no bytes where a raster should be."""

    slug = "raster-empty"


class RasterCompression(RasterUnreadable):
    """The pixels are compressed in a way that Steppe does not read."""

    slug = "raster-compression"


class ExternalReference(RasterUnreadable):
    """The raster refers to other files or addresses, which are never followed."""

    slug = "external-reference"


class RasterTruncated(DataError):
    """The raster opens, but pixels are missing or damaged."""

    slug = "raster-truncated"


class RasterCorrupt(RasterTruncated):
    """The raster is complete, but what it says of itself or its pixels is damaged."""

    slug = "raster-corrupt"


class RasterChanged(DataError):
    """The raster was replaced or written to while it was read."""

    slug = "raster-changed"


class RasterTooLarge(DataError):
    """The raster exceeds a configured limit."""

    slug = "raster-too-large"


class BlockTooLarge(RasterTooLarge):
    """The raster is stored in blocks (tiles or strips) so large that one pixel would cost too much memory."""

    slug = "block-too-large"


class TooManyPages(RasterTooLarge):
    """The file holds more pages (images) than a scene with overviews and masks has."""

    slug = "too-many-pages"


class BandMapping(DataError):
    """The bands a model needs cannot be found by name in the input."""

    slug = "band-mapping"


class BandCount(BandMapping):
    """The raster has more bands than are read, or fewer than the model needs."""

    slug = "band-count"


class DtypeMismatch(DataError):
    """The sample type of the input is not the one the model declares."""

    slug = "dtype"


class LevelMismatch(DataError):
    """The processing level of the input is unknown or not one the model was made for."""

    slug = "processing-level"


class RadiometryMismatch(DataError):
    """Scale and offset of the input contradict each other or cannot be brought to the model's."""

    slug = "radiometry"


class NoCrs(DataError):
    """The raster has no coordinate reference system."""

    slug = "no-crs"


class CrsUnsupported(NoCrs):
    """The coordinate reference system of the raster is unknown, or does not say where on Earth a pixel is."""

    slug = "crs-unsupported"


class NoGeoreference(DataError):
    """The raster has a CRS but no usable pixel-to-map transform."""

    slug = "no-georeference"


class ExtentOffEarth(NoGeoreference):
    """By its transform the raster does not lie on Earth."""

    slug = "extent"


class ResolutionMismatch(DataError):
    """The pixel size of the input is too far from the one the model was made for."""

    slug = "resolution"


class GridMismatch(DataError):
    """Two rasters that must share a grid do not."""

    slug = "grid-mismatch"


class AreaInvalid(DataError):
    """The area of interest is no area, or does not touch the scene."""

    slug = "area"


class NoValidData(DataError):
    """Every pixel of the input is nodata."""

    slug = "no-valid-data"


class WindowError(DataError):
    """A window or tile size is impossible for the grid it is used on."""

    slug = "window"


class UnknownLegend(ConfigError):
    """A legend, crosswalk or class name is not known."""

    slug = "unknown-legend"


class UnmappedCodes(DataError):
    """The data holds class codes that the crosswalk or legend does not have."""

    slug = "unmapped-codes"


class ModelNotFound(ConfigError):
    """No model of that name or version is in the registry."""

    slug = "model-not-found"


class BundleInvalid(ConfigError):
    """A model bundle is incomplete, altered or disagrees with its manifest."""

    slug = "bundle-invalid"


class ProviderUnavailable(ConfigError):
    """The requested execution provider is not there or did not take the model."""

    slug = "provider-unavailable"


class ProviderLost(ProviderUnavailable):
    """The device that ran the model has failed; a process that is started anew may have it again."""

    slug = "provider-lost"


class ModelOutputInvalid(SteppeError):
    """The model answered something that is not a probability field."""

    slug = "model-output"


class OutputNotWritable(ConfigError):
    """A result cannot be written where it was asked for."""

    slug = "output-not-writable"


class DiskFailed(OutputNotWritable):
    """The disk reports an error: what was written may not be there after a loss of power."""

    slug = "disk-failed"


class DiskFull(SteppeError):
    """The file system ran out of space while writing."""

    slug = "disk-full"
    exit_code = 6


class ParityError(SteppeError):
    """An exported graph disagrees with the network it came from; nothing was published."""

    slug = "export-parity"
    exit_code = 7
