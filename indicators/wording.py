"""Numbers as they stand in messages."""

from __future__ import annotations

from typing import Final

_WHOLE_FROM: Final = 1000


def said(number: float) -> str:
    """Four digits that count, and from a thousand on whole numbers with commas: ``0.001234``, ``12.3``, ``105,474``."""
    return f"{number:,.0f}" if number >= _WHOLE_FROM else f"{number:.4g}"
