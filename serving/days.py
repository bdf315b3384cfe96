"""Days in times that are text (ISO 8601, RFC 3339)."""

from __future__ import annotations

from typing import Final

DAY: Final = len("2020-01-31")
"""Letters of a day; a time begins with its day."""
