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
from serving.processes.orders import ClassifyOrder, DegradationOrder
from serving.work.asking import inputs_of, outputs_of, pair_of, treatment_of
from serving.work.gathering import Supplies, Watch, gather

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


def rehearse(order: ClassifyOrder | DegradationOrder, manifest: Manifest, supplies: Supplies) -> None:
    """Open the inputs of an order, where all of them lie here.

    Args:
        order: what a worker would get.
        manifest: of the model that would map it.
        supplies: where inputs are, and who opens them.

    Raises:
        SteppeError: whatever a job with this order fails for before anything is mapped.
    """
    if any(image.source.kind not in NEAR for image in order.images):
        return
    treatment = treatment_of(order.making)
    with gather(order.images, supplies, _PATIENCE) as gathered:
        outputs = outputs_of(order.making, gathered.scratch / "outputs")  # only their names are looked at
        if isinstance(order, ClassifyOrder):
            opening = open_checked(inputs_of(order, gathered), outputs, manifest, treatment)
            with opening.sources as sources, masked(sources, outputs, treatment):
                pass
        else:
            with closing(open_both(pair_of(order, gathered), outputs, manifest, treatment)):
                pass
