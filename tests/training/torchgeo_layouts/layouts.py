"""Which function writes the data of which configuration."""

from tests.training.torchgeo_layouts.change import write_levircd, write_oscd
from tests.training.torchgeo_layouts.chips import (
    write_deepglobe,
    write_dfc2020,
    write_flairhub_toy,
    write_geonrw,
    write_landcoverai,
    write_loveda,
    write_sen12ms,
)
from tests.training.torchgeo_layouts.maps import (
    write_landsat8_nlcd,
    write_sentinel2_esri2020,
    write_sentinel2_worldcover,
)

LAYOUTS = {
    "deepglobe": write_deepglobe,
    "dfc2020_s2": write_dfc2020,
    "flairhub_toy": write_flairhub_toy,
    "geonrw": write_geonrw,
    "landcoverai": write_landcoverai,
    "landsat8_nlcd": write_landsat8_nlcd,
    "levircd": write_levircd,
    "loveda": write_loveda,
    "oscd": write_oscd,
    "sen12ms": write_sen12ms,
    "sentinel2_esri2020": write_sentinel2_esri2020,
    "sentinel2_worldcover": write_sentinel2_worldcover,
}
"""Name of a configuration to the function that writes its data below a folder."""
