"""Refuse beforehand what a job would fail for: open its inputs as a worker does, and close them again.

There is one set of rules, that of the work itself. What it says before the first window is said here; what only pixels
show is not, nor what lies on other hosts, which would have to be fetched for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Final

from landcover.manifest import Manifest
from serving.classify import masked, open_checked
from serving.degradation import open_both
from serving.processes.orders import ClassifyOrder, DegradationOrder, Order, ReportOrder
from serving.work.asking import inputs_of, outputs_of, pair_of, treatment_of
from serving.work.gathering import Gathered, Supplies, Watch, gather

NEAR: Final = frozenset({"upload", "folder"})
"""Kinds of sources whose bytes lie here."""


class _Patience:
    """Waits for the end of what has begun: opening a file has limits of its own. See ``gathering.Watch``."""

    attempt: Final = "rehearsal"

    def say(self, percent: float, message: str) -> None:
        """Nobody listens."""

    def check(self) -> None:
        """Goes on."""

    def ending(self, end: Callable[[], None]) -> AbstractContextManager[None]:  # noqa: ARG002 - never called
        """Goes on."""
        return nullcontext()


_PATIENCE: Final[Watch] = _Patience()


def rehearse(order: Order, manifest: Manifest | None, supplies: Supplies) -> None:
    """Open the inputs of an order, where all of them lie here.

    Args:
        order: what a worker would get.
        manifest: of the model that would map it; None where none is needed.
        supplies: where inputs are, and who opens them.

    Raises:
        SteppeError: whatever a job with this order fails for before anything is mapped.
    """
    if any(image.source.kind not in NEAR for image in order.images):
        return
    with gather(order.images, supplies, _PATIENCE) as gathered:
        if isinstance(order, ReportOrder):
            from serving.work import reporting  # noqa: PLC0415 - draws, writes workbooks and cuts polygons

            reporting.rehearse(order, gathered, supplies)
        elif manifest is not None:
            _rehearse_map(order, manifest, gathered)


def _rehearse_map(order: ClassifyOrder | DegradationOrder, manifest: Manifest, gathered: Gathered) -> None:
    treatment = treatment_of(order.making)
    outputs = outputs_of(order.making, gathered.scratch / "outputs")  # only their names are looked at
    if isinstance(order, ClassifyOrder):
        opening = open_checked(inputs_of(order, gathered), outputs, manifest, treatment)
        with opening.sources as sources, masked(sources, outputs, treatment):
            pass
    else:
        with closing(open_both(pair_of(order, gathered), outputs, manifest, treatment)):
            pass
