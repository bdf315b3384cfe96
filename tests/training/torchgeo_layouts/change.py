"""Data sets of two dates and a mask of change."""

from __future__ import annotations

import numpy as np

from tests.training.torchgeo_layouts.chips import ALL_13, KEPT, last, rgb
from tests.training.torchgeo_layouts.written import Written, draw, picture, raster, stripes

ONERA = "Onera Satellite Change Detection dataset - "
TEST_CITIES = (
    *("brasilia", "chongqing", "dubai", "lasvegas", "milano"),
    *("montpellier", "norcia", "rio", "saclay_w", "valencia"),
)


def write_oscd(root):
    """Images/REGION/imgs_1_rect/B01.tif ... with cm/cm.png in the folder of labels; sizes differ between regions."""
    written = {}
    parts = dict.fromkeys(("paris", "bercy", "nantes", "hongkong"), "Train") | dict.fromkeys(TEST_CITIES, "Test")
    for number, (region, part) in enumerate(parts.items()):
        size = {"height": 64 + number, "width": 80 - number}
        dates = [draw(10 * number + date, 13, high=4000, **size) for date in (1, 2)]
        labels = stripes([0, 1, 0], shift=number, **size)
        home = root / f"{ONERA}Images" / region
        for date, image in enumerate(dates, start=1):
            for band, values in zip(ALL_13, image, strict=True):
                raster(home / f"imgs_{date}_rect" / f"{band}.tif", values[None])
        (home / "dates.txt").write_text("date_1: 20160120\ndate_2: 20180328\n")
        picture(root / f"{ONERA}{part} Labels" / region / "cm" / "cm.png", (labels * 255).astype(np.uint8))
        written[region] = Written(np.concatenate([image[KEPT] for image in dates]), labels, part.lower())
    return written


def write_levircd(root):
    """A, B and label with train_1.png and so on."""
    written = {}
    for number, (split, name) in enumerate([("train", 1), ("train", 2), ("val", 1), ("test", 1)]):
        dates = [rgb(10 * number + date) for date in (1, 2)]
        labels = stripes([0, 1], shift=number)
        for folder, image in zip("AB", dates, strict=True):
            picture(root / folder / f"{split}_{name}.png", last(image))
        picture(root / "label" / f"{split}_{name}.png", (labels * 255).astype(np.uint8))
        written[f"{split}_{name}"] = Written(np.concatenate(dates), labels, split)
    return written
