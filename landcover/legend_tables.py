"""Classes of every legend: code, machine name, English title, colour. Data only.

Titles and colours are the producers' own unless a comment says otherwise; machine names are Steppe's.
"""

from __future__ import annotations

from typing import Final

from landcover.dataset_legends import DATASET_LEGENDS

type Rows = tuple[tuple[int, str, str, str], ...]
"""Rows of (code, machine name, English title, #RRGGBB), in model output order."""

# Titles: PRAIS 4 manual, SO1.md Table 8, https://github.com/unccd/Prais4-reporting-manual
# Codes and colours: Trends.Earth, LDMP/data/land_cover_nesting_unccd_esa.json,
# https://github.com/ConservationInternational/trends.earth (its styles.json draws class 6 as #B48515 instead).
UNCCD7: Final[Rows] = (
    (1, "tree_covered", "Tree-covered areas", "#787F1B"),
    (2, "grassland", "Grassland", "#FFAC42"),
    (3, "cropland", "Cropland", "#FFFB6E"),
    (4, "wetland", "Wetland", "#00DB84"),
    (5, "artificial", "Artificial surfaces", "#E60017"),
    (6, "other_land", "Other land", "#FFF3D7"),
    (7, "water", "Water bodies", "#0053C4"),
)

# Same classes and colours; codes of SEPAL's SDG 15.3.1 module, https://github.com/sepal-contrib/sdg_15.3.1
SEPAL7: Final[Rows] = (
    (10, "tree_covered", "Tree-covered areas", "#787F1B"),
    (20, "grassland", "Grassland", "#FFAC42"),
    (30, "cropland", "Cropland", "#FFFB6E"),
    (40, "wetland", "Wetland", "#00DB84"),
    (50, "artificial", "Artificial surfaces", "#E60017"),
    (60, "other_land", "Other land", "#FFF3D7"),
    (70, "water", "Water bodies", "#0053C4"),
)

# The six categories of the IPCC 2006 Guidelines, Volume 4, Chapter 3, https://www.ipcc-nggip.iges.or.jp/public/2006gl/
# There are no official codes or colours: codes count up, colours are those of the nearest UNCCD-7 class.
IPCC6: Final[Rows] = (
    (1, "forest_land", "Forest land", "#787F1B"),
    (2, "cropland", "Cropland", "#FFFB6E"),
    (3, "grassland", "Grassland", "#FFAC42"),
    (4, "wetlands", "Wetlands", "#00DB84"),
    (5, "settlements", "Settlements", "#E60017"),
    (6, "other_land", "Other land", "#FFF3D7"),
)

# Codes and titles: ESA CCI Land Cover product user guide (the spelling 'brakish' is the product's),
# https://maps.elie.ucl.ac.be/CCI/viewer/; colours: ``flag_colors`` of the NetCDF files, first value for code 10.
ESA_CCI: Final[Rows] = (
    (10, "cropland_rainfed", "Cropland, rainfed", "#FFFF64"),
    (11, "cropland_rainfed_herbaceous", "Herbaceous cover", "#FFFF64"),
    (12, "cropland_rainfed_tree_or_shrub", "Tree or shrub cover", "#FFFF00"),
    (20, "cropland_irrigated", "Cropland, irrigated or post-flooding", "#AAF0F0"),
    (
        30,
        "mosaic_cropland",
        "Mosaic cropland (>50%) / natural vegetation (tree, shrub, herbaceous cover) (<50%)",
        "#DCF064",
    ),
    (
        40,
        "mosaic_natural_vegetation",
        "Mosaic natural vegetation (tree, shrub, herbaceous cover) (>50%) / cropland (<50%)",
        "#C8C864",
    ),
    (50, "tree_broadleaved_evergreen", "Tree cover, broadleaved, evergreen, closed to open (>15%)", "#006400"),
    (60, "tree_broadleaved_deciduous", "Tree cover, broadleaved, deciduous, closed to open (>15%)", "#00A000"),
    (61, "tree_broadleaved_deciduous_closed", "Tree cover, broadleaved, deciduous, closed (>40%)", "#00A000"),
    (62, "tree_broadleaved_deciduous_open", "Tree cover, broadleaved, deciduous, open (15-40%)", "#AAC800"),
    (70, "tree_needleleaved_evergreen", "Tree cover, needleleaved, evergreen, closed to open (>15%)", "#003C00"),
    (71, "tree_needleleaved_evergreen_closed", "Tree cover, needleleaved, evergreen, closed (>40%)", "#003C00"),
    (72, "tree_needleleaved_evergreen_open", "Tree cover, needleleaved, evergreen, open (15-40%)", "#005000"),
    (80, "tree_needleleaved_deciduous", "Tree cover, needleleaved, deciduous, closed to open (>15%)", "#285000"),
    (81, "tree_needleleaved_deciduous_closed", "Tree cover, needleleaved, deciduous, closed (>40%)", "#285000"),
    (82, "tree_needleleaved_deciduous_open", "Tree cover, needleleaved, deciduous, open (15-40%)", "#286400"),
    (90, "tree_mixed", "Tree cover, mixed leaf type (broadleaved and needleleaved)", "#788200"),
    (100, "mosaic_tree_and_shrub", "Mosaic tree and shrub (>50%) / herbaceous cover (<50%)", "#8CA000"),
    (110, "mosaic_herbaceous", "Mosaic herbaceous cover (>50%) / tree and shrub (<50%)", "#BE9600"),
    (120, "shrubland", "Shrubland", "#966400"),
    (121, "shrubland_evergreen", "Shrubland evergreen", "#966400"),
    (122, "shrubland_deciduous", "Shrubland deciduous", "#966400"),
    (130, "grassland", "Grassland", "#FFB432"),
    (140, "lichens_and_mosses", "Lichens and mosses", "#FFDCD2"),
    (150, "sparse_vegetation", "Sparse vegetation (tree, shrub, herbaceous cover) (<15%)", "#FFEBAF"),
    (151, "sparse_tree", "Sparse trees (<15%)", "#FFC864"),
    (152, "sparse_shrub", "Sparse shrub (<15%)", "#FFD278"),
    (153, "sparse_herbaceous", "Sparse herbaceous cover (<15%)", "#FFEBAF"),
    (160, "tree_flooded_fresh_or_brackish", "Tree cover, flooded, fresh or brakish water", "#00785A"),
    (170, "tree_flooded_saline", "Tree cover, flooded, saline water", "#009678"),
    (180, "shrub_or_herbaceous_flooded", "Shrub or herbaceous cover, flooded, fresh/saline/brakish water", "#00DC82"),
    (190, "urban", "Urban areas", "#C31400"),
    (200, "bare", "Bare areas", "#FFF5D7"),
    (201, "bare_consolidated", "Consolidated bare areas", "#DCDCDC"),
    (202, "bare_unconsolidated", "Unconsolidated bare areas", "#FFF5D7"),
    (210, "water", "Water bodies", "#0046C8"),
    (220, "snow_and_ice", "Permanent snow and ice", "#FFFFFF"),
)

# https://developers.google.com/earth-engine/datasets/catalog/ESA_WorldCover_v200
WORLDCOVER: Final[Rows] = (
    (10, "tree_cover", "Tree cover", "#006400"),
    (20, "shrubland", "Shrubland", "#FFBB22"),
    (30, "grassland", "Grassland", "#FFFF4C"),
    (40, "cropland", "Cropland", "#F096FF"),
    (50, "built_up", "Built-up", "#FA0000"),
    (60, "bare_or_sparse", "Bare / sparse vegetation", "#B4B4B4"),
    (70, "snow_and_ice", "Snow and ice", "#F0F0F0"),
    (80, "permanent_water", "Permanent water bodies", "#0064C8"),
    (90, "herbaceous_wetland", "Herbaceous wetland", "#0096A0"),
    (95, "mangroves", "Mangroves", "#00CF75"),
    (100, "moss_and_lichen", "Moss and lichen", "#FAE6A0"),
)

# https://developers.google.com/earth-engine/datasets/catalog/GOOGLE_DYNAMICWORLD_V1; the catalogue's names are both
# machine name and title.
DYNAMIC_WORLD: Final[Rows] = (
    (0, "water", "water", "#419BDF"),
    (1, "trees", "trees", "#397D49"),
    (2, "grass", "grass", "#88B053"),
    (3, "flooded_vegetation", "flooded_vegetation", "#7A87C6"),
    (4, "crops", "crops", "#E49635"),
    (5, "shrub_and_scrub", "shrub_and_scrub", "#DFC35A"),
    (6, "built", "built", "#C4281B"),
    (7, "bare", "bare", "#A59B8F"),
    (8, "snow_and_ice", "snow_and_ice", "#B39FE1"),
)

# https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_Landcover_100m_Proba-V-C3_Global
CGLS_LC100: Final[Rows] = (
    (0, "unknown", "Unknown", "#282828"),
    (20, "shrubs", "Shrubs", "#FFBB22"),
    (30, "herbaceous_vegetation", "Herbaceous vegetation", "#FFFF4C"),
    (40, "cultivated", "Cultivated and managed vegetation / agriculture", "#F096FF"),
    (50, "urban", "Urban / built up", "#FA0000"),
    (60, "bare_or_sparse", "Bare / sparse vegetation", "#B4B4B4"),
    (70, "snow_and_ice", "Snow and ice", "#F0F0F0"),
    (80, "permanent_water", "Permanent water bodies", "#0032C8"),
    (90, "herbaceous_wetland", "Herbaceous wetland", "#0096A0"),
    (100, "moss_and_lichen", "Moss and lichen", "#FAE6A0"),
    (111, "closed_forest_evergreen_needle_leaf", "Closed forest, evergreen needle leaf", "#58481F"),
    (112, "closed_forest_evergreen_broad_leaf", "Closed forest, evergreen broad leaf", "#009900"),
    (113, "closed_forest_deciduous_needle_leaf", "Closed forest, deciduous needle leaf", "#70663E"),
    (114, "closed_forest_deciduous_broad_leaf", "Closed forest, deciduous broad leaf", "#00CC00"),
    (115, "closed_forest_mixed", "Closed forest, mixed", "#4E751F"),
    (116, "closed_forest_other", "Closed forest, other", "#007800"),
    (121, "open_forest_evergreen_needle_leaf", "Open forest, evergreen needle leaf", "#666000"),
    (122, "open_forest_evergreen_broad_leaf", "Open forest, evergreen broad leaf", "#8DB400"),
    (123, "open_forest_deciduous_needle_leaf", "Open forest, deciduous needle leaf", "#8D7400"),
    (124, "open_forest_deciduous_broad_leaf", "Open forest, deciduous broad leaf", "#A0DC00"),
    (125, "open_forest_mixed", "Open forest, mixed", "#929900"),
    (126, "open_forest_other", "Open forest, other", "#648C00"),
    (200, "oceans", "Oceans, seas", "#000080"),
)

# https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_CORINE_V20_100m
CORINE: Final[Rows] = (
    (111, "continuous_urban_fabric", "Continuous urban fabric", "#E6004D"),
    (112, "discontinuous_urban_fabric", "Discontinuous urban fabric", "#FF0000"),
    (121, "industrial_or_commercial_units", "Industrial or commercial units", "#CC4DF2"),
    (122, "road_and_rail_networks_and_associated_land", "Road and rail networks and associated land", "#CC0000"),
    (123, "port_areas", "Port areas", "#E6CCCC"),
    (124, "airports", "Airports", "#E6CCE6"),
    (131, "mineral_extraction_sites", "Mineral extraction sites", "#A600CC"),
    (132, "dump_sites", "Dump sites", "#A64DCC"),
    (133, "construction_sites", "Construction sites", "#FF4DFF"),
    (141, "green_urban_areas", "Green urban areas", "#FFA6FF"),
    (142, "sport_and_leisure_facilities", "Sport and leisure facilities", "#FFE6FF"),
    (211, "non_irrigated_arable_land", "Non-irrigated arable land", "#FFFFA8"),
    (212, "permanently_irrigated_land", "Permanently irrigated land", "#FFFF00"),
    (213, "rice_fields", "Rice fields", "#E6E600"),
    (221, "vineyards", "Vineyards", "#E68000"),
    (222, "fruit_trees_and_berry_plantations", "Fruit trees and berry plantations", "#F2A64D"),
    (223, "olive_groves", "Olive groves", "#E6A600"),
    (231, "pastures", "Pastures", "#E6E64D"),
    (241, "annual_crops_associated_with_permanent_crops", "Annual crops associated with permanent crops", "#FFE6A6"),
    (242, "complex_cultivation_patterns", "Complex cultivation patterns", "#FFE64D"),
    (
        243,
        "agriculture_with_significant_natural_vegetation",
        "Agriculture with significant natural vegetation",
        "#E6CC4D",
    ),
    (244, "agro_forestry_areas", "Agro-forestry areas", "#F2CCA6"),
    (311, "broad_leaved_forest", "Broad-leaved forest", "#80FF00"),
    (312, "coniferous_forest", "Coniferous forest", "#00A600"),
    (313, "mixed_forest", "Mixed forest", "#4DFF00"),
    (321, "natural_grasslands", "Natural grasslands", "#CCF24D"),
    (322, "moors_and_heathland", "Moors and heathland", "#A6FF80"),
    (323, "sclerophyllous_vegetation", "Sclerophyllous vegetation", "#A6E64D"),
    (324, "transitional_woodland_shrub", "Transitional woodland-shrub", "#A6F200"),
    (331, "beaches_dunes_sands", "Beaches, dunes, sands", "#E6E6E6"),
    (332, "bare_rocks", "Bare rocks", "#CCCCCC"),
    (333, "sparsely_vegetated_areas", "Sparsely vegetated areas", "#CCFFCC"),
    (334, "burnt_areas", "Burnt areas", "#000000"),
    (335, "glaciers_and_perpetual_snow", "Glaciers and perpetual snow", "#A6E6CC"),
    (411, "inland_marshes", "Inland marshes", "#A6A6FF"),
    (412, "peat_bogs", "Peat bogs", "#4D4DFF"),
    (421, "salt_marshes", "Salt marshes", "#CCCCFF"),
    (422, "salines", "Salines", "#E6E6FF"),
    (423, "intertidal_flats", "Intertidal flats", "#A6A6E6"),
    (511, "water_courses", "Water courses", "#00CCF2"),
    (512, "water_bodies", "Water bodies", "#80F2E6"),
    (521, "coastal_lagoons", "Coastal lagoons", "#00FFA6"),
    (522, "estuaries", "Estuaries", "#A6FFE6"),
    (523, "sea_and_ocean", "Sea and ocean", "#E6F2FF"),
)

# Titles: PRAIS 4 locales; colours: PRAIS _static/css/custom.css and Trends.Earth LDMP/data/styles.json (they agree).
DEGRADATION3: Final[Rows] = (
    (-1, "degraded", "Degraded", "#9B2779"),
    (0, "stable", "Stable", "#FFFFE0"),
    (1, "improving", "Improving", "#006500"),
)

# Status of land against the baseline: GPG Addendum, status matrix of the PRAIS 4 reporting manual, SO1.md Figure 4.
# Codes and colours (ColorBrewer PRGn 7, https://colorbrewer2.org) as in Trends.Earth.
STATUS7: Final[Rows] = (
    (1, "persistent_degradation", "Persistent degradation", "#762A83"),
    (2, "recent_degradation", "Recent degradation", "#AF8DC3"),
    (3, "baseline_degradation", "Baseline degradation", "#E7D4E8"),
    (4, "stability", "Stability", "#F7F7F7"),
    (5, "baseline_improvement", "Baseline improvement", "#D9F0D3"),
    (6, "recent_improvement", "Recent improvement", "#7FBF7B"),
    (7, "persistent_improvement", "Persistent improvement", "#1B7837"),
)

# Land productivity dynamics: titles from PRAIS 4 locales, colours from Trends.Earth LDMP/data/styles.json.
LPD5: Final[Rows] = (
    (1, "declining", "Declining", "#9B2779"),
    (2, "moderate_decline", "Moderate decline", "#C0749B"),
    (3, "stable_but_stressed", "Stable but Stressed", "#E1B9BD"),
    (4, "stable", "Stable", "#FFFFE0"),
    (5, "increasing", "Increasing", "#006500"),
)

# Grades of the Chinese national desertification and sandification surveys; codes and colours (ColorBrewer YlOrBr 5,
# https://colorbrewer2.org) are Steppe's proposal.
SEVERITY5: Final[Rows] = (
    (0, "non_desertified", "Non-desertified", "#FFFFD4"),
    (1, "light", "Light", "#FED98E"),
    (2, "moderate", "Moderate", "#FE9929"),
    (3, "severe", "Severe", "#D95F0E"),
    (4, "extremely_severe", "Extremely severe", "#993404"),
)

LEGEND_TABLES: Final[dict[str, tuple[str, Rows, str]]] = {
    "unccd7": ("UNCCD land cover, 7 classes", UNCCD7, "UNCCD PRAIS 4 reporting manual, 2026 process, SO 1 Table 8"),
    "sepal7": ("UNCCD land cover, 7 classes, SEPAL codes", SEPAL7, "SEPAL SDG 15.3.1 module"),
    "ipcc6": ("IPCC land-use categories", IPCC6, "IPCC 2006 Guidelines, Volume 4, Chapter 3"),
    "esa-cci": ("ESA CCI / C3S land cover", ESA_CCI, "ESA CCI Land Cover product user guide; NetCDF flag_colors"),
    "worldcover": ("ESA WorldCover", WORLDCOVER, "ESA WorldCover 2020 v100 and 2021 v200"),
    "dynamic-world": (
        "Dynamic World",
        DYNAMIC_WORLD,
        "Google Dynamic World V1, https://doi.org/10.1038/s41597-022-01307-4",
    ),
    "cgls-lc100": ("CGLS land cover 100 m", CGLS_LC100, "Copernicus Global Land Service LC100, collection 3"),
    "corine": ("CORINE land cover, level 3", CORINE, "Copernicus CORINE Land Cover, 44 classes"),
    "degradation3": ("Land degradation status", DEGRADATION3, "UNCCD PRAIS 4 reporting manual, SO 1-4"),
    "status7": (
        "Land status against the baseline",
        STATUS7,
        "GPG Addendum for SDG 15.3.1; UNCCD PRAIS 4 reporting manual, SO1.md Figure 4; Trends.Earth",
    ),
    "lpd5": ("Land productivity dynamics", LPD5, "UNCCD PRAIS 4 reporting manual, SO 1-2 Table 13"),
    "severity5": ("Desertification severity", SEVERITY5, "Grades of the Chinese national surveys; codes proposed"),
    **DATASET_LEGENDS,
}
"""Legend id to (title, rows, citation)."""
