"""Label rasters that TorchGeo has no class for, as TorchGeo describes them: by the names of their files."""

from __future__ import annotations

from torchgeo.datasets import RasterDataset


class WorldCover(RasterDataset):
    """ESA WorldCover tiles of 3 x 3 degrees, 10 m, https://esa-worldcover.org (2020 as v100, 2021 as v200).

    The two years come from different algorithms, and the producer warns against reading their difference as change:
    keep only one of them in the folder.
    """

    filename_glob = "ESA_WorldCover_10m_*_Map.tif"
    filename_regex = r"ESA_WorldCover_10m_(?P<date>\d{4})_v\d{3}_(?P<tile>[NS]\d{2}[EW]\d{3})_Map\.tif$"
    date_format = "%Y"
    is_image = False
