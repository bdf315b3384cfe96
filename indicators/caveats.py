"""Caveats: what a reader of a result has to know beside its numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caveat:
    """One warning that goes with a result into every output.

    Attributes:
        slug: for machines.
        text: one English sentence.
    """

    slug: str
    text: str
