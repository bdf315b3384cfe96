"""What becomes of a request that is not answered."""

from __future__ import annotations

from landcover.errors import SteppeError


class QueueFull(SteppeError):
    """More is waiting for the model than it can answer in reasonable time.

    Args:
        message: the sentence.
        retry_after_s: whole seconds after which there is room again, by the measured rate.
    """

    slug = "queue-full"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeadlinePassed(SteppeError):
    """The answer was not ready in time."""

    slug = "inference-deadline"


class Draining(SteppeError):
    """The model is being taken away and takes no new requests."""

    slug = "draining"
