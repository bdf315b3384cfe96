"""What a worker process tells the one that has the metrics: a line for each job, through the pipe between them.

Figures are for metrics only and may be lost with the process; what must not be lost is in the job table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, Self

from pydantic import TypeAdapter, ValidationError

from landcover.errors import DataError, SteppeError

LONGEST: Final = 64 * 1024
"""Bytes of a line; a longer one is not from a worker."""

_PERCENT: Final = 100


class ReportInvalid(DataError):
    """A line is not the report of a worker."""

    slug = "worker-report"


class Compared(Protocol):
    """An image that was compared with the training, as ``serving.drift`` does it."""

    @property
    def flagged(self) -> bool:
        """Whether it is unlike anything that the model was trained on."""

    @property
    def outside_percent(self) -> float | None:
        """Share outside the training's percentiles."""


class Made(Protocol):
    """What was made, as ``serving.classify`` says it."""

    @property
    def model(self) -> str | None:
        """``name@version``; None where no model was needed."""

    @property
    def pixels(self) -> int:
        """Pixels of the map."""

    @property
    def seconds(self) -> float:
        """From opening to the last file."""

    @property
    def drift(self) -> tuple[Compared, ...]:
        """Each image beside the training."""


@dataclass(frozen=True, slots=True)
class ImageReport:
    """One image beside the training: whether it is flagged, and its share outside, 0 to 1, or None."""

    flagged: bool
    outside: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """What a worker did for one job.

    Attributes:
        process: OGC process id, for example ``classify``.
        model: ``name@version``, or None when it did not come to that.
        pixels: of the map.
        seconds: from opening to the last file.
        images: drift of each image.
        failed: type of the problem with which the job failed, or None.
        reader_deaths: why reader processes ended early since the last report, one word each.
    """

    process: str
    model: str | None = None
    pixels: int = 0
    seconds: float = 0.0
    images: tuple[ImageReport, ...] = ()
    failed: str | None = None
    reader_deaths: tuple[str, ...] = ()

    @classmethod
    def of(cls, process: str, made: Made, *, reader_deaths: tuple[str, ...] = ()) -> Self:
        """The report of a job that succeeded."""
        return cls(
            process=process,
            model=made.model,
            pixels=made.pixels,
            seconds=made.seconds,
            images=tuple(_image(image) for image in made.drift),
            reader_deaths=reader_deaths,
        )

    @classmethod
    def of_failure(
        cls, process: str, error: SteppeError, *, model: str | None = None, reader_deaths: tuple[str, ...] = ()
    ) -> Self:
        """The report of a job that failed."""
        return cls(process=process, model=model, failed=error.slug, reader_deaths=reader_deaths)

    def to_line(self) -> bytes:
        """As one line of JSON, its end included."""
        return TypeAdapter(WorkerReport).dump_json(self) + b"\n"

    @staticmethod
    def from_line(line: bytes) -> WorkerReport:
        """Read what ``to_line`` wrote.

        Raises:
            ReportInvalid: when it is something else.
        """
        if len(line) > LONGEST:
            raise ReportInvalid(f"a line of a worker has {len(line):,} bytes, at most {LONGEST:,} were expected")
        try:
            return TypeAdapter(WorkerReport).validate_json(line, strict=True)
        except ValidationError as error:
            raise ReportInvalid(
                "a line of a worker is not the report of a job; see what it wrote to its log"
            ) from error


def _image(image: Compared) -> ImageReport:
    percent = image.outside_percent
    return ImageReport(image.flagged, None if percent is None else percent / _PERCENT)
