"""Critical values of Kendall's S: how large |S| of a series must be to be a trend.

Trends.Earth, gee/stats.py, ``get_kendall_coef``: two-sided levels of 90, 95 and 99 % for series of 4 to 59 years.
"""

from __future__ import annotations

from typing import Final

from indicators.productivity.ndvi import LONGEST, SHORTEST, NdviUnfit

# fmt: off
KENDALL_CRITICAL: Final[tuple[tuple[int, int, int], ...]] = (
    (4, 4, 6), (6, 6, 8), (7, 9, 11), (9, 11, 18), (10, 14, 22), (12, 16, 25), (15, 19, 29), (17, 21, 34),
    (18, 24, 38), (22, 26, 41), (23, 31, 47), (27, 33, 50), (28, 36, 56), (32, 40, 61), (35, 43, 65), (37, 47, 70),
    (40, 50, 76), (42, 54, 81), (45, 59, 87), (49, 63, 92), (52, 66, 98), (56, 70, 105), (59, 75, 111), (61, 79, 116),
    (66, 84, 124), (68, 88, 129), (73, 93, 135), (75, 97, 142), (80, 102, 150), (84, 106, 155), (87, 111, 163),
    (91, 115, 170), (94, 120, 176), (98, 126, 183), (103, 131, 191), (107, 137, 198), (110, 142, 206),
    (114, 146, 213), (119, 151, 221), (123, 157, 228), (128, 162, 236), (132, 168, 245), (135, 173, 253),
    (141, 179, 260), (144, 186, 268), (150, 190, 277), (153, 197, 285), (159, 203, 294), (162, 208, 302),
    (168, 214, 311), (173, 221, 319), (177, 227, 328), (182, 232, 336), (186, 240, 345), (191, 245, 355),
    (197, 251, 364),
)
# fmt: on
"""|S| at 90, 95 and 99 % for 4, 5, ... 59 years."""


def critical_values(years: int) -> tuple[int, int, int]:
    """|S| that a series must reach at 90, 95 and 99 %.

    Args:
        years: length of the series.

    Raises:
        NdviUnfit: when the table does not have that length.
    """
    if not SHORTEST <= years <= LONGEST:
        raise NdviUnfit(f"annual NDVI of {years} years: a trend needs {SHORTEST} to {LONGEST}")
    return KENDALL_CRITICAL[years - SHORTEST]
