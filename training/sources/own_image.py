"""The image of a scene: bands by name from its files, in digital numbers of the source's product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import BandMapping
from landcover.grid import Window
from landcover.raster.scene import ReadPolicy, open_scene
from landcover.raster.scene import Scene as RasterScene
from landcover.scaling import harmonise
from landcover.sensors import Product, Radiometry, get_product
from training.sources.own_choices import ReadingChoice

_POLICY: Final = ReadPolicy(threads=1)  # loader processes are the parallelism


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """How to open an image.

    Attributes:
        path: Multi-band file, or folder with a file for each band.
        bands: Wanted bands by the names of the image's own product, in the source's order.
        given: Names of the file's bands in file order, where the file does not name them.
        level: Processing level that config or table state.
        radiometry: Scale and offset that config or table state.
        dtype: Sample type of the file.
        target: Scale and offset of the digital numbers that come out.
    """

    path: Path
    bands: tuple[str, ...]
    given: tuple[str, ...] | None
    level: str | None
    radiometry: Radiometry | None
    dtype: str
    target: Radiometry

    def open(self) -> RasterScene:
        """The opened image; what the files state must not contradict what config or table state.

        Raises:
            DataError: One of its nouns, see `landcover.raster.scene.open_scene`.
        """
        return open_scene(
            self.path,
            bands_wanted=self.bands,
            bands=self.given,
            level=self.level,
            radiometry=self.radiometry,
            dtype_wanted=self.dtype,
            policy=_POLICY,
        )

    def read(self, scene: RasterScene, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Digital numbers of a window.

        Where neither files nor config state scale and offset, they are those of the source's product, as in the
        service.

        Args:
            scene: From `open`.
            window: Inside the image.

        Returns:
            Digital numbers in the radiometry of the source's product: uint16 where the file holds uint16, else float32
            (band, row, col); and bool (row, col), True = valid. Invalid pixels are 0 in all bands, valid ones never.
        """
        block = scene.read(window)
        dn_BHW = _convert(block.data, scene.radiometry or self.target, self.target)
        dn_BHW[:, ~block.valid] = 0
        blank_HW = block.valid & (dn_BHW == 0).all(axis=0)
        dn_BHW[:, blank_HW] = 1  # valid pixels never become nodata, see `landcover.scaling`
        return dn_BHW, block.valid


def _convert(dn: NDArray[Any], source: Radiometry, target: Radiometry) -> NDArray[Any]:
    if dn.dtype == np.uint16:
        changed = harmonise(dn, source, target)
        return changed if changed.flags.writeable else changed.copy()
    reflectance = dn.astype(np.float32) * np.float32(source.scale) + np.float32(source.offset - target.offset)
    return np.asarray(reflectance / np.float32(target.scale), dtype=np.float32)


def image_files(
    path: Path, *, bands: Sequence[str], facts: Product, stated: str | None, reading: ReadingChoice
) -> ImageFiles:
    """How to open an image of a source.

    Args:
        path: The image.
        bands: Bands of the source, by the names of its product.
        facts: Product of the source.
        stated: Product that a table or the config states for this image, if any.
        reading: The config's other statements.

    Raises:
        ConfigError: The product is not known.
        BandMapping: It has no counterpart of a band.
    """
    product = get_product(stated) if stated else None
    radiometry = product.radiometry if product else None
    if reading.scale is not None and reading.offset is not None:
        radiometry = Radiometry(reading.scale, reading.offset)
    return ImageFiles(
        path=path,
        bands=own_bands(bands, facts, product) if product else tuple(bands),
        given=tuple(reading.bands) if reading.bands else None,
        level=product.level if product else None,
        radiometry=radiometry,
        dtype=reading.dtype or (product or facts).dtype,
        target=facts.radiometry,
    )


def own_bands(bands: Sequence[str], facts: Product, product: Product) -> tuple[str, ...]:
    """The bands of another product that show the same part of the spectrum, by their common names.

    Args:
        bands: Band names of `facts`.
        facts: Product of the source.
        product: Product of an image.

    Raises:
        BandMapping: The product has no such band.
    """
    by_common_name = {band.common_name: band.name for band in product.bands}
    wanted = {band: facts.band(band).common_name for band in bands}
    missing = [f"{band} ({common})" for band, common in wanted.items() if common not in by_common_name]
    if missing:
        raise BandMapping(
            f"product {product.id!r} has no counterpart of {', '.join(missing)}; it has {', '.join(by_common_name)}"
        )
    return tuple(by_common_name[common] for common in wanted.values())
