"""Sentinel-2 sites with Dynamic World labels and probabilities, read through TorchGeo.

A *scene* is one image with its label and its teacher's probabilities, three files of one name in ``images/``,
``labels/`` and ``probabilities/``. A *site* is a place: all its scenes lie on one pixel grid and are different times in
the index. Each site keeps its own CRS and resolution, so that no pixel is ever resampled.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own
import rasterio
import torch
from pyproj import CRS
from rasterio.enums import Resampling
from torch import Tensor
from torchgeo.datasets import GeoDataset, RasterDataset
from torchgeo.datasets.utils import GeoSlice, Sample

from landcover.crosswalks import get_crosswalk
from landcover.errors import BandMapping, ConfigError
from landcover.grid import Grid, Window
from landcover.legends import CLASS_NODATA, get_legend
from training.scenes import IGNORE, Scene, SceneInfo, Source, SourceFacts
from training.scenes import Sample as SceneSample

DATA_ROOT_VARIABLE: Final = "STEPPE_DATA"
COMMON_BANDS: Final = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
"""The nine bands that all scenes have; Dynamic World uses the same nine (https://doi.org/10.1038/s41597-022-01307-4)."""

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


class SiteRasters:
    """One site: the TorchGeo intersection of its images, labels and teacher, held in memory.

    A scene is read through TorchGeo once, whole, on its native grid; windows are cut from that. Windows of compressed
    files read again and again would cost as much as the network.

    Args:
        site: The site.
        bands: Band names, in the model's order.
        source_legend: Legend of label files.
        target_legend: Legend of the model.
    """

    def __init__(self, site: Site, *, bands: tuple[str, ...], source_legend: str, target_legend: str) -> None:
        self._site = site
        self._bands = bands
        self._legends = {"source_legend": source_legend, "target_legend": target_legend}
        self._scenes: dict[str, SceneSample] = {}

    @cached_property
    def geo(self) -> GeoDataset:
        """Images, labels and teacher intersected in space and time."""
        images = SceneImages(self._site.files("images"), bands=self._bands)
        labels = SceneLabels(self._site.files("labels"), **self._legends)
        teacher = SceneTeacher(self._site.files("probabilities"), **self._legends)
        return images & labels & teacher

    def scene(self, name: str) -> SceneSample:
        """One whole scene.

        Args:
            name: Scene name.

        Returns:
            ``image`` int32 BHW (digital numbers), ``mask`` uint8 HW, ``teacher`` float16 KHW. Pixels without image
            have the label `IGNORE`.
        """
        if name not in self._scenes:
            # Scene names of a site differ in their date only, so both orders are the order of time.
            times = sorted(self.geo.index.index, key=lambda when: when.left)
            when = dict(zip(self._site.scenes, times, strict=True))[name]
            sample = self.geo[:, :, when.left : when.right]
            empty_HW = (sample["image"] == 0).all(dim=0)
            mask_HW = sample["mask"].masked_fill(empty_HW, IGNORE)
            self._scenes[name] = {"image": sample["image"], "mask": mask_HW, "teacher": sample["teacher"]}
        return self._scenes[name]


class SiteScene(Scene):
    """One date of a site.

    Args:
        rasters: The site.
        info: What the scene is.
    """

    def __init__(self, rasters: SiteRasters, info: SceneInfo) -> None:
        self.info = info
        self._rasters = rasters

    def read(self, window: Window) -> SceneSample:
        """Views of the scene in memory."""
        rasters = self._rasters.scene(self.info.name)
        return {name: raster[..., window.rows, window.cols] for name, raster in rasters.items()}

    def load(self) -> None:
        """Read the scene into memory."""
        self._rasters.scene(self.info.name)


class DynamicWorldSites(Source):
    """A collection of Sentinel-2 sites labelled by Dynamic World (https://doi.org/10.1038/s41597-022-01307-4).

    Args:
        root: Folder of data sets; the environment variable STEPPE_DATA overrides it.
        collection: Folder below the root.
        bands: Band names, in the model's order.
        product: Product id of `landcover.sensors` that gives scale, offset and wavelengths.
        source_legend: Legend of the label files.
        target_legend: Legend of the model.
    """

    def __init__(
        self,
        root: str = "../shared/data",
        *,
        collection: str = "s2_landcover",
        bands: Sequence[str] = COMMON_BANDS,
        product: str = "sentinel-2-l1c",
        source_legend: str = "dynamic-world",
        target_legend: str = "unccd7",
    ) -> None:
        self._root = root
        self._collection = collection
        self._legends = {"source_legend": source_legend, "target_legend": target_legend}
        crosswalk = get_crosswalk(source_legend, target_legend)
        self._facts = SourceFacts(
            bands=tuple(bands),
            product_id=product,
            legend_id=target_legend,
            provenance={"source_legend": source_legend, "crosswalk": crosswalk.identity},
        )

    @property
    def folder(self) -> Path:
        """Folder of the collection, below STEPPE_DATA where that is set."""
        return Path(os.environ.get(DATA_ROOT_VARIABLE) or self._root) / self._collection

    def facts(self) -> SourceFacts:
        """Bands, product and legend, as given."""
        return self._facts

    def scenes(self) -> Sequence[Scene]:
        """All dates of all sites; only headers are read."""
        return tuple(scene for site in find_sites(self.folder).values() for scene in self._site_scenes(site))

    def _site_scenes(self, site: Site) -> Iterator[Scene]:
        rasters = SiteRasters(site, bands=self._facts.bands, **self._legends)
        files = zip(*(site.files(kind) for kind in FOLDERS), strict=True)
        for name, paths in zip(site.scenes, files, strict=True):
            yield SiteScene(rasters, _info(name, site.name, paths))


def _info(name: str, site: str, paths: tuple[Path, ...]) -> SceneInfo:
    with rasterio.open(paths[0]) as image:
        grid = None if image.crs is None else Grid(CRS.from_user_input(image.crs), image.transform, *image.shape)
        level = str(image.tags().get("processing_level", "unknown"))
        height, width = image.shape
    return SceneInfo(name, site, height, width, grid, level, files=paths)
