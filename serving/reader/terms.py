"""Under which limits readers work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from serving.sandbox.limits import Limits
from serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Terms:
    """Limits of readers.

    Attributes:
        limits: memory and processor time of each.
        call_s: seconds that it has for one answer.
        require_landlock: whether none is used where the kernel has no Landlock.
    """

    limits: Limits
    call_s: float = 60
    require_landlock: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The terms that are set."""
        limits = Limits(settings.reader_memory_bytes, settings.reader_cpu_s)
        return cls(limits, settings.reader_timeout_s, settings.require_landlock)
