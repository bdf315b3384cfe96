"""Satellite images and land-cover maps that overlap."""

from __future__ import annotations

import numpy as np
from pyproj import Transformer
from rasterio.transform import from_bounds, from_origin

from tests.training.torchgeo_layouts.chips import NINE
from tests.training.torchgeo_layouts.written import Written, draw, raster, stripes

SIDE = 96
TWENTY = {"B05", "B06", "B07", "B8A", "B11", "B12"}
NLCD_CODES = (11, 12, 21, 22, 23, 24, 31, 41, 42, 43, 52, 71, 81, 82, 90, 95, 250)
WORLDCOVER_CODES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)


def write_sentinel2(root, *, tile, date, west, north, crs, seed):
    """A product of level L2A as it is downloaded: a JPEG 2000 per band below R10m and R20m; returns the 10 m bands."""
    product = f"S2A_MSIL2A_{date}_N0214_R065_{tile}_{date}.SAFE"
    home = root / product / "GRANULE" / f"L2A_{tile}_A026000_{date}" / "IMG_DATA"
    numbers = dict(zip(NINE, draw(seed, len(NINE), high=4000, height=SIDE, width=SIDE), strict=True))
    for band, values in numbers.items():
        step = 2 if band in TWENTY else 1
        raster(
            home / f"R{10 * step}m" / f"{tile}_{date}_{band}_{10 * step}m.jp2",
            values[None, ::step, ::step],
            crs=crs,
            transform=from_origin(west, north, 10 * step, 10 * step),
            driver="JP2OpenJPEG",
            QUALITY="100",
            REVERSIBLE="YES",
        )
    return np.stack([np.zeros_like(numbers[b]) if b in TWENTY else numbers[b] for b in NINE])


def write_sentinel2_esri2020(root):
    """Two tiles of one zone and day that overlap, and a map on their grid that covers the second only in part."""
    written, crs = {}, "EPSG:32632"
    west, north = 600000, 5100000
    codes = stripes([*range(11), 0], height=2 * SIDE, width=2 * SIDE)
    grid = {"crs": crs, "transform": from_origin(west - 200, north + 100, 10, 10), "nodata": 0}
    raster(root / "Esri2020" / "32T_20200101-20210101.tif", codes[None].astype(np.uint8), **grid)
    for number, tile in enumerate(("T32TQM", "T32TQN")):
        date, right = "20200620T102031", 80 * number  # tiles overlap, and the map ends within the second
        where = {"west": west + 10 * right, "north": north, "crs": crs, "seed": number}
        image = write_sentinel2(root / "Sentinel2", tile=tile, date=date, **where)
        labels = codes[10 : 10 + SIDE, 20 + right : 20 + right + SIDE]
        written[f"{tile}_{date}_B02_10m"] = Written(image[:, :, : labels.shape[1]], labels)
    return written


def write_sentinel2_worldcover(root):
    """An image of 2021 and two tiles of the map in longitude and latitude that meet in the middle of the image."""
    west, north, crs = 399520, 4400480, "EPSG:32647"
    image = write_sentinel2(
        root / "Sentinel2", tile="T47SLA", date="20210715T040549", west=west, north=north, crs=crs, seed=3
    )
    to_lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    middle, _ = to_lonlat.transform(west + 5 * SIDE, north - 5 * SIDE)
    lat = to_lonlat.transform(west + 5 * SIDE, north)[1]
    step, side = 1 / 12000, 120
    for name, left in (("N39E096", middle - side * step), ("N39E099", middle)):
        codes = stripes(WORLDCOVER_CODES, height=side, width=side, shift=3)
        grid = from_origin(left, lat + 10 * step, step, step)
        path = root / "WorldCover" / f"ESA_WorldCover_10m_2021_v200_{name}_Map.tif"
        raster(path, codes[None].astype(np.uint8), crs="EPSG:4326", transform=grid, nodata=0)

    def code_at(x, y):
        column = np.floor((to_lonlat.transform(x, y)[0] - middle) / step).astype(int)
        return stripes(WORLDCOVER_CODES, height=1, width=side, shift=3)[0][column % side]

    return {"T47SLA_20210715T040549_B02_10m": Written(image, sampled(code_at, west, north, 10, image.shape[1:]))}


def write_landsat8_nlcd(root):
    """A scene and the map of its year and of another one, in the projection of the United States."""
    west, north, crs, side = 500025, 4000005, "EPSG:32613", 90
    names = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
    image = draw(5, len(names), high=30000, height=side, width=side)
    stem = "LC08_L2SP_034034_20200715_20200912_02_T1"
    for band, values in zip(names, image, strict=True):
        grid = {"crs": crs, "transform": from_origin(west, north, 30, 30), "nodata": 0}
        raster(root / "Landsat8" / stem / f"{stem}_{band}.TIF", values[None], **grid)
    to_albers = Transformer.from_crs(crs, "EPSG:5070", always_xy=True)
    x, y = to_albers.transform(west + 15 * side, north - 15 * side)
    left, top = 30 * round(x / 30) - 3000, 30 * round(y / 30) + 3000
    transform = from_bounds(left, top - 6000, left + 6000, top, 200, 200)
    for year, shift in ((2020, 0), (2019, 5)):
        codes = np.tile(stripes(NLCD_CODES, height=200, width=85, shift=shift), (1, 3))[:, :200]
        path = root / "NLCD" / f"Annual_NLCD_LndCov_{year}_CU_C1V1.tif"
        raster(path, codes[None].astype(np.uint8), crs="EPSG:5070", transform=transform, nodata=250)

    def code_at(x, y):
        column = np.floor((to_albers.transform(x, y)[0] - left) / 30).astype(int)
        return stripes(NLCD_CODES, height=1, width=85)[0][column % 85]

    return {f"{stem}_SR_B2": Written(image, sampled(code_at, west, north, 30, image.shape[1:]))}


def sampled(code_at, west, north, step, shape):
    """Codes at pixel centres; -1 where a pixel up to two away has another code, for TorchGeo resamples twice."""
    rows, cols = np.indices(shape)
    codes = code_at(west + step * (cols + 0.5), north - step * (rows + 0.5))
    doubtful = np.zeros(shape, bool)
    for far in (1, 2):
        for axis in (0, 1):
            edge = np.take(codes, range(far, shape[axis]), axis) != np.take(codes, range(shape[axis] - far), axis)
            pad = [(0, 0), (0, 0)]
            pad[axis] = (far, 0)
            doubtful |= np.pad(edge, pad)
            pad[axis] = (0, far)
            doubtful |= np.pad(edge, pad)
    return np.where(doubtful, -1, codes)
