"""Sentinel-2 sites with Dynamic World labels, as TorchGeo datasets.

A *scene* is one image with its label and its teacher's probabilities, three files of one name in ``images/``,
``labels/`` and ``probabilities/``. A *site* is a place: all its scenes lie on one pixel grid and are different times in
the index. Each site keeps its own CRS and resolution, so that no pixel is ever resampled.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own
import rasterio
import torch
from rasterio.enums import Resampling
from torch import Tensor
from torchgeo.datasets import RasterDataset
from torchgeo.datasets.utils import GeoSlice, Sample

from landcover.crosswalks import get_crosswalk
from landcover.errors import BandMapping, ConfigError
from landcover.legends import CLASS_NODATA, get_legend

IGNORE: Final = CLASS_NODATA
"""Label value that no loss and no metric counts."""

SCENE_NAME: Final = r"(?P<site>[A-Za-z0-9_]+?)_(?P<date>\d{4}_?\d{2}_?\d{2})(?P<rest>[A-Za-z0-9_]*)"
"""Dates are written 20180328 or 2020_01_28; without the date, an image of one date would meet the label of another."""

FOLDERS: Final = ("images", "labels", "probabilities")
TEACHER_SCALE: Final = 252.0
"""A probability of 1 in ``probabilities/``; 252 leaves room for codes above it."""


class SiteFilesMissing(ConfigError):
    """The data folder holds no scenes, or a scene without its label or probabilities."""

    slug = "site-files"


@dataclass(frozen=True, slots=True)
class Site:
    """Files of one place.

    Attributes:
        name: Scene name without its date, or the whole name where there is none.
        scenes: Scene names, in order.
        folder: Folder that holds ``images``, ``labels`` and ``probabilities``.
    """

    name: str
    scenes: tuple[str, ...]
    folder: Path

    def files(self, kind: str) -> list[Path]:
        """Files of one kind, in the order of the scenes.

        Args:
            kind: One of `FOLDERS`.

        Returns:
            Paths.

        Raises:
            SiteFilesMissing: One of them is not there.
        """
        paths = [self.folder / kind / f"{scene}.tif" for scene in self.scenes]
        missing = [path.name for path in paths if not path.exists()]
        if missing:
            raise SiteFilesMissing(f"Scene file {kind}/{missing[0]} is missing; every image needs its {kind}.")
        return paths


def site_name(scene: str) -> str:
    """Name of the place of a scene: its name without the date.

    Args:
        scene: File name without suffix.

    Returns:
        ``beirut`` for ``beirut_20150820``; an undated name stays as it is.
    """
    match = re.fullmatch(SCENE_NAME, scene)
    return match["site"] + match["rest"] if match else scene


def find_sites(root: Path) -> dict[str, Site]:
    """All sites below a folder, those of its ``chips`` folder included.

    Args:
        root: Folder with ``images``, ``labels``, ``probabilities`` and perhaps ``chips`` holding the same three.

    Returns:
        Site name to site, in order of names.

    Raises:
        SiteFilesMissing: There is not one image.
    """
    scenes: dict[tuple[str, Path], list[str]] = defaultdict(list)
    for folder in (root, root / "chips"):
        for image in sorted((folder / "images").glob("*.tif")):
            scenes[site_name(image.stem), folder].append(image.stem)
    if not scenes:
        raise SiteFilesMissing("No images/*.tif in the data folder; set `data.root` or STEPPE_DATA to the data.")
    sites = [Site(name=name, scenes=tuple(found), folder=folder) for (name, folder), found in scenes.items()]
    return {site.name: site for site in sorted(sites, key=lambda site: site.name)}


class _SceneRaster(RasterDataset):
    """A folder of rasters whose names say site and date; pixels are copied, never interpolated."""

    filename_regex = r"(?P<scene>[A-Za-z0-9_]+)\.tif$"
    filename_glob = "*.tif"

    @property
    def resampling(self) -> Resampling:
        """Nearest: windows lie on the pixel grid, and nothing else may be asked for."""
        return Resampling.nearest

    @property
    def dtype(self) -> torch.dtype:
        """Integers, as in the file."""
        return torch.int32

    def _filepath_to_timestamp(self, filepath: Any) -> tuple[pd.Timestamp, pd.Timestamp]:
        match = re.fullmatch(SCENE_NAME, Path(filepath).stem)
        if match is None:
            return pd.Timestamp.min, pd.Timestamp.max
        day = pd.to_datetime(match["date"].replace("_", ""), format="%Y%m%d")
        return day, day + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)


class SceneImages(_SceneRaster):
    """Digital numbers of the wanted bands, found by the band names that the files carry.

    Args:
        paths: Image files of one site.
        bands: Band names, in the order wanted.

    Raises:
        BandMapping: The files do not name every wanted band.
    """

    def __init__(self, paths: list[Path], *, bands: tuple[str, ...]) -> None:
        with rasterio.open(paths[0]) as image:
            names = tuple(str(name) for name in image.descriptions)
        missing = [band for band in bands if band not in names]
        if missing:
            raise BandMapping(f"{paths[0].name} has the bands {names}, but {missing} are needed.")
        self.all_bands = names
        super().__init__([str(path) for path in paths], bands=bands)


class SceneLabels(_SceneRaster):
    """Class indices 0..K-1 of the target legend, `IGNORE` where the source has no label or no counterpart.

    Args:
        paths: Label files of one site.
        source_legend: Legend of the codes in the files.
        target_legend: Legend of the result.
    """

    is_image = False

    def __init__(self, paths: list[Path], *, source_legend: str, target_legend: str) -> None:
        self._crosswalk = get_crosswalk(source_legend, target_legend)
        self._codes = get_legend(target_legend).codes
        super().__init__([str(path) for path in paths])

    def __getitem__(self, index: GeoSlice) -> Sample:
        """Sample with ``mask``: uint8 HW."""
        sample = super().__getitem__(index)
        codes_HW = self._crosswalk.apply(sample["mask"].numpy().astype(np.uint8))
        sample["mask"] = torch.from_numpy(index_of_codes(codes_HW, self._codes))
        return sample


class SceneTeacher(_SceneRaster):
    """Probabilities of a teacher model, summed to the target legend and made to add up to 1.

    Classes without a counterpart (snow) are left out; where they hold everything, all probabilities are 0.

    Args:
        paths: Probability files of one site, one band per class of the source legend in code order.
        source_legend: Legend of the bands.
        target_legend: Legend of the result.
    """

    is_image = False

    def __init__(self, paths: list[Path], *, source_legend: str, target_legend: str) -> None:
        self._sum_KS = class_sums(source_legend, target_legend)
        super().__init__([str(path) for path in paths])

    def __getitem__(self, index: GeoSlice) -> Sample:
        """Sample with ``teacher``: float16 KHW."""
        sample = super().__getitem__(index)
        stored_SHW = sample.pop("mask").float() / TEACHER_SCALE
        summed_KHW = torch.einsum("ks,shw->khw", self._sum_KS, stored_SHW)
        sample["teacher"] = (summed_KHW / summed_KHW.sum(dim=0, keepdim=True).clamp_min(1e-6)).half()
        return sample


def index_of_codes(codes_HW: np.ndarray, codes: tuple[int, ...]) -> np.ndarray:
    """Legend codes to class indices.

    Args:
        codes_HW: uint8 codes, `CLASS_NODATA` where there is none.
        codes: Codes of the legend in index order.

    Returns:
        uint8 indices, `IGNORE` where the code is not in the legend.
    """
    table = np.full(256, IGNORE, dtype=np.uint8)
    table[list(codes)] = np.arange(len(codes), dtype=np.uint8)
    return np.asarray(table[codes_HW])


def class_sums(source_legend: str, target_legend: str) -> Tensor:
    """Matrix that sums probabilities of one legend to those of another.

    Args:
        source_legend: Legend of the columns.
        target_legend: Legend of the rows.

    Returns:
        float32 (K, S) of zeros and ones; the column of a class without a counterpart is zero.
    """
    source, target = get_legend(source_legend), get_legend(target_legend)
    sums_KS = torch.zeros(len(target.codes), len(source.codes))
    for source_code, target_code in get_crosswalk(source_legend, target_legend).mapping:
        if target_code != CLASS_NODATA:
            sums_KS[target.index_of(target_code), source.index_of(source_code)] = 1.0
    return sums_KS


class PatchIndex(NamedTuple):
    """A patch of one scene: which site, and its west-east, south-north and time ranges."""

    site: int
    x: slice
    y: slice
    t: slice


class SiteDataset:
    """One site: the TorchGeo intersection of its images, labels and teacher, held in memory.

    A scene is read through TorchGeo once, whole, on its native grid; patches are cut from that. Windows of compressed
    files read again and again would cost as much as the network.

    Args:
        site: The site.
        bands: Band names, in the model's order.
        source_legend: Legend of label files.
        target_legend: Legend of the model.
    """

    def __init__(self, site: Site, *, bands: tuple[str, ...], source_legend: str, target_legend: str) -> None:
        self.site = site
        legends = {"source_legend": source_legend, "target_legend": target_legend}
        images = SceneImages(site.files("images"), bands=bands)
        labels = SceneLabels(site.files("labels"), **legends)
        teacher = SceneTeacher(site.files("probabilities"), **legends)
        self.geo = images & labels & teacher
        self._scenes: dict[pd.Interval, Sample] = {}

    @property
    def area(self) -> float:
        """Pixels of the grid of the site."""
        x, y, _ = self.geo.bounds
        return float((x.stop - x.start) / x.step * (y.stop - y.start) / y.step)

    def load(self) -> None:
        """Read every scene now, so that loader processes started later share the memory."""
        for when in self.geo.index.index:
            self.scene(when)

    def scene(self, when: pd.Interval) -> Mapping[str, Tensor]:
        """One whole scene.

        Args:
            when: Time of the scene, as in the index.

        Returns:
            ``image`` int32 BHW (digital numbers), ``mask`` uint8 HW, ``teacher`` float16 KHW. Pixels without image
            have the label `IGNORE`.
        """
        if when not in self._scenes:
            sample = self.geo[:, :, when.left : when.right]
            empty_HW = (sample["image"] == 0).all(dim=0)
            mask_HW = sample["mask"].masked_fill(empty_HW, IGNORE)
            self._scenes[when] = {"image": sample["image"], "mask": mask_HW, "teacher": sample["teacher"]}
        return self._scenes[when]

    def patch(self, x: slice, y: slice, t: slice, *, mirror: bool) -> dict[str, Tensor]:
        """A patch on the pixel grid; it may reach over the edge of the scene.

        Args:
            x: West and east edge, in CRS units.
            y: South and north edge, in CRS units.
            t: Begin and end of the scene's time.
            mirror: Fill what lies outside with the mirrored scene; else with digital number 0 and label `IGNORE`.

        Returns:
            ``image`` float32 BHW, ``mask`` int64 HW, ``teacher`` float32 KHW.
        """
        scene = self.scene(pd.Interval(t.start, t.stop, closed="both"))
        bounds_x, bounds_y, _ = self.geo.bounds
        height, width = scene["mask"].shape
        rows = _pixels(bounds_y.stop - y.stop, bounds_y.stop - y.start, bounds_y.step)
        cols = _pixels(x.start - bounds_x.start, x.stop - bounds_x.start, bounds_x.step)
        take_rows, take_cols = _reflect(rows, height), _reflect(cols, width)
        image, mask, teacher = (
            scene[key][..., take_rows[:, None], take_cols[None, :]] for key in ("image", "mask", "teacher")
        )
        if not mirror:
            outside_HW = (take_rows != rows)[:, None] | (take_cols != cols)[None, :]
            image, mask = image.masked_fill(outside_HW, 0), mask.masked_fill(outside_HW, IGNORE)
        return {"image": image.float(), "mask": mask.long(), "teacher": teacher.float()}


def _pixels(start: float, stop: float, step: float) -> Tensor:
    return torch.arange(round(start / step), round(stop / step))


def _reflect(index: Tensor, size: int) -> Tensor:
    """Indices outside 0..size-1 mirrored back, edge pixels repeated, as often as it takes."""
    folded = torch.remainder(index, 2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)
