"""What a reader may answer; nothing that it says is believed before it was checked here.

It decodes foreign bytes, and may say by then what they want.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final, Literal

import numpy as np
from affine import Affine
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pyproj import CRS
from pyproj.exceptions import CRSError

from landcover import errors
from landcover.errors import DataError, SteppeError
from landcover.grid import Grid
from landcover.quality import MASKS, MaskKind
from landcover.raster.base import SceneHeader
from landcover.raster.categorical import CODES
from landcover.raster.metadata import normalise_datetime
from landcover.raster.protocol import ReadPolicy, SceneRequest
from landcover.sensors import Radiometry
from serving.reader.errors import ReadingLimit
from serving.reader.wire import MAX_LEGEND, MAX_MESSAGE, Malformed

_MAX_NAME: Final = 255  # bytes of a file name

KNOWN_ERRORS: Final = MappingProxyType(
    {
        found.slug: found
        for found in (*vars(errors).values(), ReadingLimit)
        if isinstance(found, type) and issubclass(found, DataError)
    }
)
"""The errors that a reader may speak of, by slug: what can be wrong with data, and its own limits."""


def _file_name(text: str) -> str:
    if "/" in text or "\0" in text:
        raise ValueError("no file name")
    return text


def _date(text: str) -> str:
    if normalise_datetime(text) != text:
        raise ValueError("no date")
    return text


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


type _Name = Annotated[str, Field(max_length=_MAX_NAME), AfterValidator(_file_name)]
type _Number = Annotated[float, Field(allow_inf_nan=False)]
type _Side = Annotated[int, Field(ge=1, lt=1 << 31)]


class Answer(BaseModel):
    """Anything that a reader answers; one without content says that it is done."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Fault(Answer):
    """An error.

    Attributes:
        slug: of its class.
        message: what it says.
    """

    slug: str = Field(max_length=64)
    message: Annotated[str, Field(max_length=MAX_MESSAGE), AfterValidator(_one_line)]

    def error(self) -> SteppeError | None:
        """The error itself; None when it is none that a reader may speak of."""
        found = KNOWN_ERRORS.get(self.slug)
        return found(self.message) if found else None


class Ready(Answer):
    """A reader waits for its input.

    Attributes:
        landlock: the ABI of the kernel's Landlock, 0 without.
        filtered: whether its system calls are filtered.
    """

    landlock: Annotated[int, Field(ge=0)]
    filtered: bool


class _Placed(Answer):
    """Where a raster lies, and what it is called."""

    crs: Annotated[str, Field(max_length=MAX_MESSAGE)]
    transform: tuple[_Number, _Number, _Number, _Number, _Number, _Number]
    height: _Side
    width: _Side
    datetime: Annotated[str, AfterValidator(_date)] | None
    identifier: _Name

    def grid(self, policy: ReadPolicy) -> Grid:
        """Its grid.

        Raises:
            Malformed: when it is not on Earth, is degenerate or larger than was allowed.
        """
        try:
            crs = CRS.from_wkt(self.crs)
            grid = Grid(crs, Affine(*self.transform), self.height, self.width)
        except (CRSError, SteppeError) as error:
            raise Malformed from error
        if not (crs.is_geographic or crs.is_projected) or self.height * self.width > policy.max_pixels:
            raise Malformed
        return grid


class SceneOpened(_Placed):
    """The header of a scene; the fields are those of ``landcover.raster.protocol.Scene``."""

    level: Annotated[str, Field(max_length=64), AfterValidator(_one_line)] | None
    radiometry: tuple[_Number, _Number] | None

    def header(self, request: SceneRequest) -> SceneHeader:
        """The same as what is known of a scene in this process.

        Raises:
            Malformed: when it is not on Earth, is degenerate or larger than was allowed.
        """
        try:
            radiometry = None if self.radiometry is None else Radiometry(*self.radiometry)
        except SteppeError as error:
            raise Malformed from error
        return SceneHeader(
            grid=self.grid(request.policy),
            bands=request.bands_wanted,
            dtype=request.dtype,
            level=self.level,
            radiometry=radiometry,
            datetime=self.datetime,
            identifier=self.identifier,
        )


class CodesOpened(_Placed):
    """The header of a map of codes; the fields are those of ``landcover.raster.categorical.CodeMap``.

    Attributes:
        dtype: sample type; whole numbers only.
        nodata: what the file calls no data, or None.
        legend: what it says of its codes, as JSON; empty when it says nothing.
        scaled: whether it states a scale or an offset.
    """

    dtype: Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
    nodata: int | None
    legend: Annotated[str, Field(max_length=MAX_LEGEND)]
    scaled: bool

    def header(self, policy: ReadPolicy) -> SceneHeader:
        """The same as what is known of a scene in this process.

        Raises:
            Malformed: when it is not on Earth, is degenerate, larger than was allowed, or has a no data of no pixel.
        """
        dtype = np.dtype(self.dtype)
        if self.nodata is not None and not np.iinfo(dtype).min <= self.nodata <= np.iinfo(dtype).max:
            raise Malformed
        return SceneHeader(
            grid=self.grid(policy),
            bands=(CODES,),
            dtype=dtype,
            level=None,
            radiometry=None,
            datetime=self.datetime,
            identifier=self.identifier,
        )


class MaskOpened(Answer):
    """The mask that came with a scene.

    Attributes:
        mask: name of its kind; None where there is no mask.
        name: name of its file.
    """

    mask: str | None
    name: _Name

    def kind(self) -> MaskKind | None:
        """Which mask it is.

        Raises:
            Malformed: when there is no such kind.
        """
        if self.mask is None:
            return None
        for kind in MASKS:
            if kind.name == self.mask:
                return kind
        raise Malformed


class Digest(Answer):
    """SHA-256 of the input, or of what names it; see ``landcover.raster.digest``."""

    digest: str = Field(pattern=r"^(identity:)?[0-9a-f]{64}$")


class Probed(Answer):
    """What a reader could do that it should not.

    Attributes:
        allowed: names of what was not refused.
        refused: names of what was.
    """

    allowed: tuple[str, ...]
    refused: tuple[str, ...]


def parse[Wanted: Answer](wanted: type[Wanted], content: bytes) -> Wanted:
    """An answer of a kind.

    Raises:
        Malformed: when it is none.
    """
    try:
        return wanted.model_validate_json(content)
    except ValidationError as error:
        raise Malformed from error
