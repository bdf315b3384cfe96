"""Data sets of labelled chips."""

from __future__ import annotations

import geopandas
import numpy as np
import shapely
from PIL import Image
from rasterio.transform import from_origin
from torchgeo.datasets import GeoNRW

from tests.training.torchgeo_layouts.written import Written, draw, picture, raster, stripes

ALL_13 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
NINE = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
KEPT = [ALL_13.index(band) for band in NINE]

DEEPGLOBE_COLOURS = np.array(
    [(0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)], np.uint8
)
TOWNS = ("aachen", "siegen", "krefeld", "bielefeld", "herne", "neuss", "duesseldorf")


def rgb(seed):
    return draw(seed, 3, high=255, dtype=np.uint8)


def last(array_BHW):
    """Bands last, as pictures have them."""
    return array_BHW.transpose(1, 2, 0)


def decoded(path):
    """What Pillow makes of a lossy picture."""
    with Image.open(path) as image:
        return np.array(image).transpose(2, 0, 1)


def write_loveda(root):
    """Train/Urban/images_png/1366.png and so on; 0 is no data, 1..7 are the classes."""
    chips = [("Train", "Rural", 7), ("Train", "Rural", 1310), ("Train", "Urban", 1400), ("Train", "Urban", 2399)]
    chips += [("Val", "Rural", 2600), ("Val", "Urban", 3600)]
    written = {}
    for number, (part, scene, name) in enumerate(chips):
        image, labels = rgb(number), stripes(range(8), shift=number)
        image[:, -3:, -5:] = 0  # black in all bands: no image
        picture(root / part / scene / "images_png" / f"{name}.png", last(image))
        picture(root / part / scene / "masks_png" / f"{name}.png", labels.astype(np.uint8))
        split = {"Train": "train", "Val": "test"}[part]
        written[f"{part}/{scene}/{name}"] = Written(image, labels, split)
    return written


def write_deepglobe(root):
    """data/training_data/images/10_sat.jpg with masks/10_mask.png in colours."""
    written = {}
    for number, (folder, name) in enumerate(
        [("training_data", 119), ("training_data", 230), ("training_data", 77), ("test_data", 505)]
    ):
        labels = stripes(range(7), shift=number)
        path = root / "data" / folder / "images" / f"{name}_sat.jpg"
        picture(path, last(rgb(number)), quality=95)
        picture(root / "data" / folder / "masks" / f"{name}_mask.png", DEEPGLOBE_COLOURS[labels])
        split = {"training_data": "train", "test_data": "test"}[folder]
        written[f"{split}/{name}"] = Written(decoded(path), labels, split)
    return written


def write_landcoverai(root):
    """output/SHEET_NUMBER.jpg with SHEET_NUMBER_m.png, and three lists of names."""
    lists = {
        "train": ["M-34-51-C-b-2-1_0", "N-33-60-D-c-4-2_3", "M-33-20-D-c-4-2_7"],
        "val": ["M-34-51-C-b-2-1_1", "M-33-20-D-c-4-2_8"],
        "test": ["N-33-60-D-c-4-2_12"],
    }
    written = {}
    for split, names in lists.items():
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            number = len(written)
            labels, path = stripes(range(5), shift=number), root / "output" / f"{name}.jpg"
            picture(path, last(rgb(number)), quality=95)
            picture(root / "output" / f"{name}_m.png", labels.astype(np.uint8))
            written[name] = Written(decoded(path), labels, split)
    return written


def write_geonrw(root):
    """A folder per town, all of them, with E_N_rgb.jp2, E_N_dem.tif and E_N_seg.tif."""
    for town in (*GeoNRW.train_list, *GeoNRW.test_list):
        (root / town).mkdir()
    written = {}
    for number, town in enumerate(TOWNS):
        image, labels = rgb(number), stripes(range(11), shift=number)
        name = f"{293 + number}_5620"
        picture(root / town / f"{name}_rgb.jp2", last(image), irreversible=False)
        picture(root / town / f"{name}_dem.tif", draw(number, 1, high=200)[0].astype(np.float32))
        picture(root / town / f"{name}_seg.tif", labels.astype(np.uint8))
        written[f"{town}/{name}"] = Written(image, labels, "test" if town in GeoNRW.test_list else "train")
    return written


def write_sen12ms(root):
    """ROIs1158_spring/s2_1/ROIs1158_spring_s2_1_p30.tif with s1 and lc beside it, and two lists of lc files."""
    for season in ("ROIs1158_spring", "ROIs1868_summer", "ROIs1970_fall", "ROIs2017_winter"):
        (root / season).mkdir()
    lists = {
        "train": [("ROIs1158_spring", 1, 30), ("ROIs1868_summer", 24, 31), ("ROIs2017_winter", 100, 4)],
        "test": [("ROIs1970_fall", 9, 30)],
    }
    written, grid = {}, {"crs": "EPSG:32633", "transform": from_origin(400000, 5700000, 10, 10)}
    for split, chips in lists.items():
        names = []
        for season, scene, patch in chips:
            number = len(written)
            image, labels = draw(number, 13, high=4000), stripes(range(18), shift=number)
            layers = np.stack([labels, labels * 0, labels * 0, labels * 0]).astype(np.uint16)
            radar = -draw(number, 2, high=20, dtype=np.float32)
            for kind, bands in (("s2", image), ("s1", radar), ("lc", layers)):
                raster(root / season / f"{kind}_{scene}" / f"{season}_{kind}_{scene}_p{patch}.tif", bands, **grid)
            names.append(f"{season}_lc_{scene}_p{patch}.tif\n")
            written[f"{season}_{scene}_p{patch}"] = Written(image[KEPT], labels, split)
        (root / f"{split}_list.txt").write_text("".join(names))
    return written


def write_dfc2020(root):
    """dfc2020_s1s2/s2 and dfc with three lists; 0 is background."""
    folder, written = root / "dfc2020_s1s2", {}
    for split, numbers in {"train": (0, 1), "val": (2,), "test": (3,)}.items():
        names = [f"ROIs0000_test_dfc_{number}_p{10 * number}.tif" for number in numbers]
        folder.mkdir(exist_ok=True)
        (folder / f"dfc-{split}-new.csv").write_text("\n".join(names) + "\n")
        for number, name in zip(numbers, names, strict=True):
            image, labels = draw(number, 13, high=4000), stripes(range(11), shift=number)
            grid = {"crs": "EPSG:32633", "transform": from_origin(400000 + 1000 * number, 5700000, 10, 10)}
            raster(folder / "s2" / name.replace("dfc", "s2"), image, **grid)
            raster(folder / "dfc" / name, labels[None].astype(np.uint8), **grid)
            written[name.removesuffix(".tif").replace("dfc", "")] = Written(image[KEPT], labels, split)
    return written


def write_flairhub_toy(root):
    """FLAIR-HUB_TOY/D004-2021_AERIAL_RGBI/ROI/..., the labels beside it, and a GeoPackage of splits."""
    home, written, rows = root / "FLAIR-HUB_TOY", {}, []
    for number, (split, domain, roi) in enumerate(
        [("train", "D004-2021", "UF-S1-10"), ("valid", "D005-2018", "AA-S2-3"), ("test", "D006-2020", "UU-S1-7")]
    ):
        image, labels = draw(number, 4, high=255, dtype=np.uint8), stripes(range(19), shift=number)
        grid = {"crs": "EPSG:2154", "transform": from_origin(700000 + 100 * number, 6600000, 0.2, 0.2)}
        for kind, bands in (("AERIAL_RGBI", image), ("AERIAL_LABEL-COSIA", labels[None].astype(np.uint8))):
            raster(home / f"{domain}_{kind}" / roi / f"{domain}_{kind}_{roi}_1-{number}.tif", bands, **grid)
        patch = f"{domain}_{roi}_1-{number}"
        rows.append({"patch_id": patch, "split_toy": split, "geometry": shapely.Point(number, 0)})
        written[patch] = Written(image, labels, {"valid": "val"}.get(split, split))
    (home / "GLOBAL_ALL_MTD").mkdir()
    table = geopandas.GeoDataFrame(rows, crs="EPSG:2154")
    table.to_file(home / "GLOBAL_ALL_MTD" / "GLOBAL_ALL_MTD_SPLIT.gpkg", driver="GPKG")
    return written
