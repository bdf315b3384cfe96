"""Rules of every crosswalk: target code, source codes. Data only.

Semantic breaks to know of: CCI's sparse vegetation (codes 150-153, cover below 15 %) is UNCCD Grassland, while
WorldCover, CGLS and Dynamic World put cover below about 10 % with bare land, so drylands move between classes 2 and 6
from one product to the next. Dynamic World is made per scene, so its snow may be seasonal and becomes "no data".
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from landcover.dataset_crosswalks import DATASET_RULES
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA

type Rules = tuple[tuple[int, tuple[int, ...]], ...]


class CrosswalkRow(NamedTuple):
    """One crosswalk before it is checked; ``rules`` are (target code, source codes)."""

    source: str
    target: str
    version: str
    rules: Rules
    nodata: tuple[int, ...]
    status: Literal["official", "proposed"]
    citation: str


NODATA: Final = (CLASS_NODATA, DEGRADATION_NODATA)
"""Nodata of Steppe's own maps, understood on every input."""

_ZERO: Final = (0, *NODATA)

# PRAIS 4 manual, SO1.md Table 8, which lacks code 150; Trends.Earth, land_cover_nesting_unccd_esa.json, maps it to 2.
_CCI_UNCCD7: Final[Rules] = (
    (1, (50, 60, 61, 62, 70, 71, 72, 80, 81, 82, 90, 100)),
    (2, (110, 120, 121, 122, 130, 140, 150, 151, 152, 153)),
    (3, (10, 11, 12, 20, 30, 40)),
    (4, (160, 170, 180)),
    (5, (190,)),
    (6, (200, 201, 202, 220)),
    (7, (210,)),
)
# The grouping of the CCI product guide as coded in https://github.com/aiddata/geo-datasets (datasets/esa_landcover):
# flooded forest is forest, shrub and sparse vegetation and water are "other". Not UNCCD's grouping; never mix the two.
_CCI_IPCC6: Final[Rules] = (
    (1, (50, 60, 61, 62, 70, 71, 72, 80, 81, 82, 90, 100, 160, 170)),
    (2, (10, 11, 12, 20, 30, 40)),
    (3, (110, 130)),
    (4, (180,)),
    (5, (190,)),
    (6, (120, 121, 122, 140, 150, 151, 152, 153, 200, 201, 202, 210, 220)),
)
_WORLDCOVER_UNCCD7: Final[Rules] = (
    (1, (10,)),
    (2, (20, 30, 100)),
    (3, (40,)),
    (4, (90, 95)),
    (5, (50,)),
    (6, (60, 70)),
    (7, (80,)),
)
_DYNAMIC_WORLD_UNCCD7: Final[Rules] = (
    (1, (1,)),
    (2, (2, 5)),
    (3, (4,)),
    (4, (3,)),
    (5, (6,)),
    (6, (7,)),
    (7, (0,)),
    (CLASS_NODATA, (8,)),
)
_CGLS_UNCCD7: Final[Rules] = (
    (1, (111, 112, 113, 114, 115, 116, 121, 122, 123, 124, 125, 126)),
    (2, (20, 30, 100)),
    (3, (40,)),
    (4, (90,)),
    (5, (50,)),
    (6, (60, 70)),
    (7, (80, 200)),
    (CLASS_NODATA, (0,)),
)
# 333 sparsely vegetated follows CCI 150; 141 and 142 (green urban, leisure) and 422 (salines) are debatable.
_CORINE_UNCCD7: Final[Rules] = (
    (1, (311, 312, 313)),
    (2, (231, 321, 322, 323, 324, 333)),
    (3, (211, 212, 213, 221, 222, 223, 241, 242, 243, 244)),
    (4, (411, 412, 421, 422, 423)),
    (5, (111, 112, 121, 122, 123, 124, 131, 132, 133, 141, 142)),
    (6, (331, 332, 334, 335)),
    (7, (511, 512, 521, 522, 523)),
)
# PRAIS 4 manual, SO1.md note 1: UNCCD-7 is the IPCC categories with water split from wetlands.
_UNCCD7_IPCC6: Final[Rules] = ((1, (1,)), (2, (3,)), (3, (2,)), (4, (4, 7)), (5, (5,)), (6, (6,)))
_SEPAL7_UNCCD7: Final[Rules] = tuple((code, (10 * code,)) for code in range(1, 8))

CROSSWALKS: Final = (
    CrosswalkRow(
        "esa-cci",
        "unccd7",
        "1",
        _CCI_UNCCD7,
        (0, 9999, *NODATA),  # 0 in the product, 9999 in Trends.Earth's copies
        "official",
        "UNCCD PRAIS 4 reporting manual, SO 1 Table 8; Trends.Earth land_cover_nesting_unccd_esa.json",
    ),
    CrosswalkRow(
        "esa-cci",
        "ipcc6",
        "1",
        _CCI_IPCC6,
        (0, 9999, *NODATA),
        "proposed",
        "ESA CCI Land Cover product user guide grouping",
    ),
    CrosswalkRow("worldcover", "unccd7", "1", _WORLDCOVER_UNCCD7, _ZERO, "proposed", "Steppe"),
    CrosswalkRow("dynamic-world", "unccd7", "1", _DYNAMIC_WORLD_UNCCD7, NODATA, "proposed", "Steppe"),
    CrosswalkRow("cgls-lc100", "unccd7", "1", _CGLS_UNCCD7, NODATA, "proposed", "Steppe"),
    CrosswalkRow("corine", "unccd7", "1", _CORINE_UNCCD7, _ZERO, "proposed", "Steppe"),
    CrosswalkRow(
        "sepal7", "unccd7", "1", _SEPAL7_UNCCD7, _ZERO, "proposed", "SEPAL SDG 15.3.1 module: ten times the code"
    ),
    CrosswalkRow(
        "unccd7", "ipcc6", "1", _UNCCD7_IPCC6, _ZERO, "official", "UNCCD PRAIS 4 reporting manual, SO 1 note 1"
    ),
    *(
        CrosswalkRow(source, "unccd7", "1", rules, (*zero, *NODATA), "proposed", "Steppe")
        for source, (rules, zero) in DATASET_RULES.items()
    ),
)
