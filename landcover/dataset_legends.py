"""Classes of labelled data sets that TorchGeo reads: code, machine name, English title, colour. Data only.

Codes are the values that the label files hold, titles and colours the producers' own unless a comment says otherwise.
A class that says "not labelled" in the producer's words is kept as a class here and becomes "no data" in the crosswalk.
"""

from __future__ import annotations

from typing import Final

type _Rows = tuple[tuple[int, str, str, str], ...]

# https://github.com/Junjue-Wang/LoveDA; value 0 is no data. "Background" is everything that is none of the other six.
_LOVEDA: Final[_Rows] = (
    (1, "background", "Background", "#FFFFFF"),
    (2, "building", "Building", "#FF0000"),
    (3, "road", "Road", "#FFFF00"),
    (4, "water", "Water", "#0000FF"),
    (5, "barren", "Barren", "#9F81B7"),
    (6, "forest", "Forest", "#00FF00"),
    (7, "agriculture", "Agriculture", "#FFC380"),
)

# Table 3 of https://arxiv.org/abs/1805.06561; the files hold the colours, codes are TorchGeo's.
_DEEPGLOBE: Final[_Rows] = (
    (0, "urban", "Urban land", "#00FFFF"),
    (1, "agriculture", "Agriculture land", "#FFFF00"),
    (2, "rangeland", "Rangeland", "#FF00FF"),
    (3, "forest", "Forest land", "#00FF00"),
    (4, "water", "Water", "#0000FF"),
    (5, "barren", "Barren land", "#FFFFFF"),
    (6, "unknown", "Unknown", "#000000"),
)

# https://landcover.ai.linuxpolska.com/ and https://arxiv.org/abs/2005.02264; colours are TorchGeo's.
_LANDCOVERAI: Final[_Rows] = (
    (0, "background", "Background", "#000000"),
    (1, "building", "Building", "#614A4A"),
    (2, "woodland", "Woodland", "#267300"),
    (3, "water", "Water", "#00C5FF"),
    (4, "road", "Road", "#CFCFCF"),
)

# https://ieee-dataport.org/open-access/geonrw and https://doi.org/10.1109/JSTARS.2021.3069013; colours are TorchGeo's.
_GEONRW: Final[_Rows] = (
    (0, "background", "Background", "#000000"),
    (1, "forest", "Forest", "#2CA02C"),
    (2, "water", "Water", "#1F77B4"),
    (3, "agricultural", "Agricultural", "#8C564B"),
    (4, "residential_commercial_industrial", "Residential, commercial, industrial", "#7F7F7F"),
    (5, "grassland_swamp_shrubbery", "Grassland, swamp, shrubbery", "#BCBD22"),
    (6, "railway_trainstation", "Railway, trainstation", "#FF7F0E"),
    (7, "highway_squares", "Highway, squares", "#9467BD"),
    (8, "airport_shipyard", "Airport, shipyard", "#17BECF"),
    (9, "roads", "Roads", "#D62728"),
    (10, "buildings", "Buildings", "#E377C2"),
)

# The legend of the International Geosphere-Biosphere Programme as in MODIS MCD12Q1, band LC_Type1:
# https://developers.google.com/earth-engine/datasets/catalog/MODIS_061_MCD12Q1
_IGBP: Final[_Rows] = (
    (1, "evergreen_needleleaf_forests", "Evergreen Needleleaf Forests", "#05450A"),
    (2, "evergreen_broadleaf_forests", "Evergreen Broadleaf Forests", "#086A10"),
    (3, "deciduous_needleleaf_forests", "Deciduous Needleleaf Forests", "#54A708"),
    (4, "deciduous_broadleaf_forests", "Deciduous Broadleaf Forests", "#78D203"),
    (5, "mixed_forests", "Mixed Forests", "#009900"),
    (6, "closed_shrublands", "Closed Shrublands", "#C6B044"),
    (7, "open_shrublands", "Open Shrublands", "#DCD159"),
    (8, "woody_savannas", "Woody Savannas", "#DADE48"),
    (9, "savannas", "Savannas", "#FBFF13"),
    (10, "grasslands", "Grasslands", "#B6FF05"),
    (11, "permanent_wetlands", "Permanent Wetlands", "#27FF87"),
    (12, "croplands", "Croplands", "#C24F44"),
    (13, "urban", "Urban and Built-up Lands", "#A5A5A5"),
    (14, "cropland_natural_mosaics", "Cropland/Natural Vegetation Mosaics", "#FF6D4C"),
    (15, "snow_and_ice", "Permanent Snow and Ice", "#69FFF8"),
    (16, "barren", "Barren", "#F9FFA4"),
    (17, "water", "Water Bodies", "#1C0DFF"),
)

# The simplified IGBP classes of the IEEE GRSS Data Fusion Contest 2020, https://arxiv.org/abs/2002.08254
_DFC2020: Final[_Rows] = (
    (1, "forest", "Forest", "#009900"),
    (2, "shrubland", "Shrubland", "#C6B044"),
    (3, "savanna", "Savanna", "#FBFF13"),
    (4, "grassland", "Grassland", "#B6FF05"),
    (5, "wetlands", "Wetlands", "#27FF87"),
    (6, "croplands", "Croplands", "#C24F44"),
    (7, "urban", "Urban/Built-up", "#A5A5A5"),
    (8, "snow_and_ice", "Snow/Ice", "#69FFF8"),
    (9, "barren", "Barren", "#F9FFA4"),
    (10, "water", "Water", "#1C0DFF"),
)

# Land cover of IGN France (CoSIA) in FLAIR-HUB: https://github.com/IGNF/FLAIR-HUB, https://arxiv.org/abs/2506.07080
_FLAIR: Final[_Rows] = (
    (0, "building", "Building", "#DB0E9A"),
    (1, "greenhouse", "Greenhouse", "#9999FF"),
    (2, "swimming_pool", "Swimming pool", "#3DE6EB"),
    (3, "impervious_surface", "Impervious surface", "#F80C00"),
    (4, "pervious_surface", "Pervious surface", "#938E7B"),
    (5, "bare_soil", "Bare soil", "#A97101"),
    (6, "water", "Water", "#1553AE"),
    (7, "snow", "Snow", "#FFFFFF"),
    (8, "herbaceous_vegetation", "Herbaceous vegetation", "#55FF00"),
    (9, "agricultural_land", "Agricultural land", "#FFF30D"),
    (10, "plowed_land", "Plowed land", "#E4DF7C"),
    (11, "vineyard", "Vineyard", "#660082"),
    (12, "deciduous", "Deciduous", "#46E483"),
    (13, "coniferous", "Coniferous", "#194A26"),
    (14, "brushwood", "Brushwood", "#F3A60D"),
    (15, "clear_cut", "Clear cut", "#8AB3A0"),
    (16, "ligneous", "Ligneous", "#C5DC42"),
    (17, "mixed", "Mixed", "#6B714F"),
    (18, "undefined", "Undefined", "#000000"),
)

# https://www.arcgis.com/home/item.html?id=fc92d38533d440078f17678ebc20e8e2; value 0 is no data.
_ESRI2020: Final[_Rows] = (
    (1, "water", "Water", "#1A5BAB"),
    (2, "trees", "Trees", "#358221"),
    (3, "grass", "Grass", "#A7D282"),
    (4, "flooded_vegetation", "Flooded Vegetation", "#87D19E"),
    (5, "crops", "Crops", "#FFDB5C"),
    (6, "scrub_shrub", "Scrub/Shrub", "#EECFA8"),
    (7, "built_area", "Built Area", "#ED022A"),
    (8, "bare_ground", "Bare Ground", "#EDE9E4"),
    (9, "snow_and_ice", "Snow/Ice", "#F2FAFF"),
    (10, "clouds", "Clouds", "#C8C8C8"),
)

# https://www.mrlc.gov/data/legends/national-land-cover-database-class-legend-and-description; 250 is the fill value of
# Annual NLCD, which TorchGeo hands out as the class "Background".
_NLCD: Final[_Rows] = (
    (11, "open_water", "Open Water", "#466B9F"),
    (12, "perennial_ice_snow", "Perennial Ice/Snow", "#D1DEF8"),
    (21, "developed_open_space", "Developed, Open Space", "#DEC5C5"),
    (22, "developed_low_intensity", "Developed, Low Intensity", "#D99282"),
    (23, "developed_medium_intensity", "Developed, Medium Intensity", "#EB0000"),
    (24, "developed_high_intensity", "Developed, High Intensity", "#AB0000"),
    (31, "barren_land", "Barren Land (Rock/Sand/Clay)", "#B3AC9F"),
    (41, "deciduous_forest", "Deciduous Forest", "#68AB5F"),
    (42, "evergreen_forest", "Evergreen Forest", "#1C5F2C"),
    (43, "mixed_forest", "Mixed Forest", "#B5C58F"),
    (52, "shrub_scrub", "Shrub/Scrub", "#CCB879"),
    (71, "grassland_herbaceous", "Grassland/Herbaceous", "#DFDFC2"),
    (81, "pasture_hay", "Pasture/Hay", "#DCD939"),
    (82, "cultivated_crops", "Cultivated Crops", "#AB6C28"),
    (90, "woody_wetlands", "Woody Wetlands", "#B8D9EB"),
    (95, "emergent_herbaceous_wetlands", "Emergent Herbaceous Wetlands", "#6C9FB8"),
    (250, "background", "Background", "#000000"),
)

# Two dates, changed or not. What changed into what is not said, so there is no crosswalk to any land-cover legend and
# no sign of degradation in it. Codes are those of the mask files as TorchGeo hands them out; colours are Steppe's.
_CHANGE2: Final[_Rows] = (
    (0, "no_change", "No change", "#F0F0F0"),
    (1, "change", "Change", "#D7191C"),
)

DATASET_LEGENDS: Final[dict[str, tuple[str, _Rows, str]]] = {
    "loveda": ("LoveDA", _LOVEDA, "LoveDA, https://arxiv.org/abs/2110.08733"),
    "deepglobe": ("DeepGlobe land cover", _DEEPGLOBE, "DeepGlobe 2018, https://arxiv.org/abs/1805.06561"),
    "landcoverai": ("LandCover.ai", _LANDCOVERAI, "LandCover.ai v1, https://arxiv.org/abs/2005.02264"),
    "geonrw": ("GeoNRW", _GEONRW, "GeoNRW, https://doi.org/10.1109/JSTARS.2021.3069013"),
    "igbp": ("IGBP land cover", _IGBP, "MODIS MCD12Q1 user guide, https://doi.org/10.5067/MODIS/MCD12Q1.061"),
    "dfc2020": ("Simplified IGBP land cover, DFC2020", _DFC2020, "DFC2020, https://arxiv.org/abs/2002.08254"),
    "flair": ("CoSIA land cover, FLAIR-HUB", _FLAIR, "FLAIR-HUB, https://arxiv.org/abs/2506.07080"),
    "esri2020": ("Esri 2020 land cover", _ESRI2020, "Esri 2020, https://doi.org/10.1109/IGARSS47720.2021.9553499"),
    "nlcd": ("Annual NLCD", _NLCD, "USGS Annual NLCD, https://www.usgs.gov/centers/eros/science/annual-nlcd"),
    "change2": ("Change between two dates", _CHANGE2, "Steppe"),
}
"""Legend id to (title, rows, citation)."""
