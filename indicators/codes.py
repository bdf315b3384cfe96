"""Codes that all accounts share: three classes of land condition, no data, and what lies outside.

UNCCD PRAIS 4 reporting manual, SO1.md; Trends.Earth writes the same codes (LDN facts 2.2 and 3.5).
"""

from __future__ import annotations

from typing import Final

from landcover.legends import DEGRADATION_NODATA

DEGRADED: Final = -1
STABLE: Final = 0
IMPROVED: Final = 1

NODATA: Final = DEGRADATION_NODATA
"""-32768, int16: no data inside the area of interest."""

OUTSIDE: Final = -32767
"""int16: outside the area of interest, in rasters of Trends.Earth. Read as no data; never written."""

WATER: Final = 7
"""Water bodies in the UNCCD legend of seven classes (PRAIS 4 manual, SO1.md Table 8): country, but no land."""

CONDITIONS: Final = (DEGRADED, STABLE, IMPROVED)
"""The three classes, in the order of tables here."""
