"""What a service answers, as far as a client needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from indicators.areas import AreaTable, ClassArea
from landcover.augmentation import Augmentation
from landcover.precision import Precision
from landcover.seams import SeamScore
from serving.client.errors import AnswerNotUnderstood
from serving.jobs.record import State
from serving.outcome import Outcome
from serving.sentence import sentence

_EXTRAS: Final = ("drift", "quality", "sieve")


class _Answer(BaseModel):
    """A form that lets later versions say more."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Status(_Answer):
    """Where a job stands (statusInfo of OGC API - Processes)."""

    jobID: str
    status: State
    progress: int = 0
    message: str = ""


class File(_Answer):
    """A file of a result."""

    bytes: int
    sha256: str


class _Seams(_Answer):
    shared_pixels: int
    different_pixels: int


class Record(_Answer):
    """What a job has done."""

    scene: str
    model: str
    model_sha256: str
    precision: Precision
    tta: Augmentation
    provider: str
    pixels: int
    seconds: float
    seams: _Seams
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    outputs: dict[str, File]


class _Class(_Answer):
    code: int
    name: str
    title: str
    pixels: int
    area_km2: float
    share_percent: float


class _Legend(_Answer):
    id: str
    version: str


class _Nodata(_Answer):
    code: int
    pixels: int
    area_km2: float


class Areas(_Answer):
    """The table of areas."""

    legend: _Legend
    method: str
    classes: tuple[_Class, ...]
    nodata: _Nodata

    def table(self) -> AreaTable:
        """As it was before it was written: but for rounding to a square metre."""
        return AreaTable(
            legend_id=self.legend.id,
            legend_version=self.legend.version,
            rows=tuple(
                ClassArea(row.code, row.name, row.title, row.pixels, row.area_km2, row.share_percent)
                for row in self.classes
            ),
            nodata_code=self.nodata.code,
            nodata_pixels=self.nodata.pixels,
            nodata_area_km2=self.nodata.area_km2,
            method=self.method,
        )


def read_as[Form: BaseModel](form: type[Form], document: object) -> Form:
    """An answer as a form.

    Raises:
        AnswerNotUnderstood: when it is not of that form.
    """
    try:
        return form.model_validate(document)
    except ValidationError as error:
        raise AnswerNotUnderstood(
            "the service answers otherwise than this version of steppe understands; use one of the same version"
        ) from error


def outcome_of(record: Record, areas: Areas, files: dict[str, Path], extras: dict[str, Any]) -> Outcome:
    """What was done, as the command that works here says it.

    Args:
        record: of the job.
        areas: of the map.
        files: names of the files by role.
        extras: what a job says beside that.
    """
    told = {name: record.model_extra[name] for name in _EXTRAS if record.model_extra and name in record.model_extra}
    return Outcome(
        identifier=sentence(record.scene),
        areas=areas.table(),
        seams=SeamScore(record.seams.shared_pixels, record.seams.different_pixels),
        model=record.model,
        model_sha256=record.model_sha256,
        provider=record.provider,
        precision=record.precision,
        augmentation=record.tta,
        pixels=record.pixels,
        seconds=max(record.seconds, 0.001),
        warnings=tuple(map(sentence, record.warnings)),
        files=files,
        extras=told | extras,
        remarks=tuple(map(sentence, record.remarks)),
    )


class _Cost(_Answer):
    pixels: int | None = None
    exact: bool = False


class _Limits(_Answer):
    max_pixels: int
    pixels_per_minute: int | None = None
    max_jobs: int
    jobs_waiting: int


class Quotation(_Answer):
    """What work would cost."""

    process: str
    model: str
    cost: _Cost
    limits: _Limits
    scenes: tuple[dict[str, Any], ...] = ()
