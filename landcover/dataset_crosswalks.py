"""Rules from the legends of labelled data sets to UNCCD-7: target code, source codes. Data only; all are proposals.

A class without an honest counterpart becomes "no data", so that it is neither learned nor scored.
"""

from __future__ import annotations

from typing import Final

from landcover.legends import CLASS_NODATA

type _Rules = tuple[tuple[int, tuple[int, ...]], ...]

# Background is whatever the other six are not: grass and bushes, but also courtyards and bare plots.
_LOVEDA: Final[_Rules] = ((1, (6,)), (3, (7,)), (5, (2, 3)), (6, (5,)), (7, (4,)), (CLASS_NODATA, (1,)))
# Rangeland is "any non-forest, non-farm, green land": grass and shrubs, which UNCCD-7 calls grassland.
_DEEPGLOBE: Final[_Rules] = (
    (1, (3,)),
    (2, (2,)),
    (3, (1,)),
    (5, (0,)),
    (6, (5,)),
    (7, (4,)),
    (CLASS_NODATA, (6,)),  # clouds and others
)
# Background holds fields, meadows and bare ground alike.
_LANDCOVERAI: Final[_Rules] = ((1, (2,)), (5, (1, 4)), (7, (3,)), (CLASS_NODATA, (0,)))
# Swamps are wetland, but cannot be told from the grass and bushes they share a class with.
_GEONRW: Final[_Rules] = (
    (1, (1,)),
    (2, (5,)),
    (3, (3,)),
    (5, (4, 6, 7, 8, 9, 10)),
    (7, (2,)),
    (CLASS_NODATA, (0,)),
)
# Woody savannas have 30-60 % trees and savannas 10-30 % (MCD12Q1 user guide, table 3); the official crosswalk of ESA
# CCI calls land with more than 15 % trees tree-covered, and mosaics with more grass than trees grassland. The mosaic
# of crops and natural vegetation follows CCI's codes 30 and 40.
_IGBP: Final[_Rules] = (
    (1, (1, 2, 3, 4, 5, 8)),
    (2, (6, 7, 9, 10)),
    (3, (12, 14)),
    (4, (11,)),
    (5, (13,)),
    (6, (15, 16)),
    (7, (17,)),
)
# Savanna is here both IGBP savannas in one, 10-60 % trees, so it lies on both sides of UNCCD's border.
_DFC2020: Final[_Rules] = (
    (1, (1,)),
    (2, (2, 4)),
    (3, (6,)),
    (4, (5,)),
    (5, (7,)),
    (6, (8, 9)),
    (7, (10,)),
    (CLASS_NODATA, (3,)),
)
# Greenhouses and pools are structures. Pervious surfaces are gravel, ballast and tracks: made by people, not bare land.
# Brushwood is shrub, which UNCCD-7 counts as grassland. Clear cuts are forest land by use and bare by cover, ligneous
# is any wood, tree or bush; both are nearly empty.
_FLAIR: Final[_Rules] = (
    (1, (12, 13, 17)),
    (2, (8, 14)),
    (3, (9, 10, 11)),
    (5, (0, 1, 2, 3, 4)),
    (6, (5, 7)),
    (7, (6,)),
    (CLASS_NODATA, (15, 16, 18)),
)
_ESRI2020: Final[_Rules] = (
    (1, (2,)),
    (2, (3, 6)),
    (3, (5,)),
    (4, (4,)),
    (5, (7,)),
    (6, (8, 9)),
    (7, (1,)),
    (CLASS_NODATA, (10,)),
)
# Pasture and hay follows CORINE's pastures (231), grassland. "Developed, open space" is mostly lawn, less than 20 %
# sealed, and still artificial as CORINE's green urban areas (141) are.
_NLCD: Final[_Rules] = (
    (1, (41, 42, 43)),
    (2, (52, 71, 81)),
    (3, (82,)),
    (4, (90, 95)),
    (5, (21, 22, 23, 24)),
    (6, (12, 31)),
    (7, (11,)),
    (CLASS_NODATA, (250,)),
)

DATASET_RULES: Final[dict[str, tuple[_Rules, tuple[int, ...]]]] = {
    "loveda": (_LOVEDA, (0,)),
    "deepglobe": (_DEEPGLOBE, ()),
    "landcoverai": (_LANDCOVERAI, ()),
    "geonrw": (_GEONRW, ()),
    "igbp": (_IGBP, (0,)),
    "dfc2020": (_DFC2020, (0,)),
    "flair": (_FLAIR, ()),
    "esri2020": (_ESRI2020, (0,)),
    "nlcd": (_NLCD, ()),
}
"""Source legend to (rules, values that mean "no data" besides Steppe's own)."""
