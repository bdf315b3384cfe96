"""Make the report that a job asks for, from rasters that readers have open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landcover.errors import RasterTooLarge
from landcover.staging import flush, os_errors
from serving.processes.orders import Baseline, ReportOrder
from serving.processes.reporting import Places, report_request
from serving.report import files
from serving.report.covering import Openers
from serving.report.making import LOOKING, OPENING, WRITING, ReportMade, make_report
from serving.report.passing import prepared
from serving.report.request import ReportRequest
from serving.work.gathering import GATHERED, Gathered, Supplies, keep_named
from serving.work.heart import Heart

_STEPS: Final = {OPENING: GATHERED, LOOKING: 85.0, WRITING: 95.0}
"""Percent of a job at which its steps begin; between the first and the second the maps are gone over."""


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """What was done; see ``serving.outcome.Outcome``, whose words this has as far as they mean something here.

    Attributes:
        made: the report.
        warnings: what the caller should know.
    """

    made: ReportMade
    warnings: tuple[str, ...]

    @property
    def model(self) -> None:
        """A report takes no model."""
        return

    @property
    def drift(self) -> tuple[()]:
        """And is compared with no training."""
        return ()

    @property
    def remarks(self) -> tuple[()]:
        """All that is to be said stands in its page."""
        return ()

    @property
    def pixels(self) -> int:
        """Pixels of the report's grid."""
        return self.made.pixels

    @property
    def seconds(self) -> float:
        """From opening the maps to the last file."""
        return self.made.seconds

    def to_json(self) -> dict[str, Any]:
        """For the record of a job."""
        return {**self.made.to_json(), "warnings": list(self.warnings)}


def make(order: ReportOrder, gathered: Gathered, supplies: Supplies, heart: Heart, folder: Path) -> ReportOutcome:
    """Make a report.

    Args:
        order: what is wanted.
        gathered: its rasters.
        supplies: where the files of the baseline are.
        heart: is told how far the work is, and stops it.
        folder: where the files go, all of them flushed to the disk.

    Raises:
        SteppeError: whatever keeps it from being made.
        LeaseLost: when it is not to be made any more.
    """
    request = request_of(order, gathered, supplies)

    def measured(pixels: int) -> None:
        check_size(pixels, order.making.max_pixels)
        heart.measure(pixels)

    made = make_report(
        request,
        folder,
        openers=Openers(codes=gathered.opener.codes),
        progress=_progress(heart),
        measured=measured,
        step=lambda step: heart.say(_STEPS[step], step),
    )
    for path in sorted(folder.iterdir()):
        with os_errors(path):
            flush(path)
    return ReportOutcome(made, (*gathered.warnings, *made.warnings))


def rehearse(order: ReportOrder, gathered: Gathered, supplies: Supplies) -> None:
    """Open everything that a report is made of, and close it again.

    Args:
        order: what a worker would get.
        gathered: its rasters.
        supplies: where the files of the baseline are.

    Raises:
        SteppeError: whatever a job with this order fails for before a pixel is read.
    """

    def measured(pixels: int) -> None:
        check_size(pixels, order.making.max_pixels)

    request = request_of(order, gathered, supplies)
    with prepared(request, openers=Openers(codes=gathered.opener.codes), measured=measured):
        pass


def request_of(order: ReportOrder, gathered: Gathered, supplies: Supplies) -> ReportRequest:
    """What an order asks for, with its files in their places.

    Raises:
        SteppeError: when something in it is not as it has to be, or does not go with the rest.
    """
    roles = {image.role or "": local for image, local in zip(order.images, gathered.images, strict=True)}
    return report_request(
        order,
        Places(
            rasters={role: local.path for role, local in roles.items()},
            baseline=None if order.baseline is None else _baseline(order.baseline, gathered.scratch, supplies),
            origins={
                local.path: str(local.stated.origin)
                for local in roles.values()
                if local.stated is not None and local.stated.origin not in {None, local.path.name}
            },
        ),
    )


def check_size(pixels: int, most: int) -> None:
    """Refuse a report of too many pixels.

    Raises:
        RasterTooLarge: with both numbers.
    """
    if pixels > most:
        raise RasterTooLarge(
            f"the report is of {pixels:,} pixels, the limit is {most:,}; ask for smaller areas, or in parts"
        )


def _baseline(baseline: Baseline, scratch: Path, supplies: Supplies) -> Path:
    """A folder as a report has it, as far as a later one looks into it; messages call it by the job."""
    folder = scratch / baseline.job
    with os_errors(folder):
        folder.mkdir(exist_ok=True)
    names = files.ACCOUNT, files.INDICATOR, files.TRANSITIONS
    for kept, name in zip(baseline.kept, names, strict=True):
        keep_named(supplies.uploads.root / kept.file, folder / name)
    return folder


def _progress(heart: Heart) -> Callable[[int, int], None]:
    share = _STEPS[LOOKING] - GATHERED

    def tell(done: int, total: int) -> None:
        heart.say(GATHERED + share * done / max(total, 1), f"{done} of {total} blocks of rows are counted")

    return tell
