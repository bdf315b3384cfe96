"""What TorchGeo hands out, brought to Steppe's terms: digital numbers of a known product, class indices of a legend.

Axes: T date, B band, H row, W column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from landcover.crosswalks import get_crosswalk
from landcover.errors import BandMapping, ConfigError, DataError, DtypeMismatch, RadiometryMismatch, UnmappedCodes
from landcover.legends import get_legend
from landcover.sensors import Product, get_product
from training.scenes import IGNORE, Sample, SourceFacts
from training.sources.own_errors import LabelFormat

PLANE = 2
IMAGE = 3
SERIES = 4


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """What the image of a TorchGeo sample holds.

    Attributes:
        bands: Name of each channel, in the order in which the class hands them out.
        product: Product of `landcover.sensors` whose digital numbers the channels are.
        keep: Bands wanted, in the model's order; all where none are named.
        key: Key of the image in a sample.
        dates: Dates in an image; with 2, the image is TBHW, older date first.
        factor: Digital numbers per unit that the class hands out: 255 where it divided bytes by 255.
    """

    bands: list[str]
    product: str
    keep: list[str] | None = None
    key: str = "image"
    dates: int = 1
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse bands that the product or the class does not have.

        Raises:
            BandMapping: naming the band.
            ConfigError: when the product is not known or the number of dates is not 1 or 2.
        """
        for band in self.names:
            if band not in self.bands:
                raise BandMapping(f"band {band!r} is to be kept, but the data set hands out {', '.join(self.bands)}")
            self.product_facts.band(band)
        if self.dates not in {1, 2}:
            raise ConfigError(f"an image of {self.dates} dates; 1 or 2 is expected")

    @property
    def names(self) -> tuple[str, ...]:
        """Bands wanted, in the model's order."""
        return tuple(self.bands if self.keep is None else self.keep)

    @property
    def product_facts(self) -> Product:
        """The product."""
        return get_product(self.product)

    def digital_numbers(self, image: Tensor) -> Tensor:
        """Digital numbers of the wanted bands.

        Args:
            image: BHW, or TBHW for two dates, as the class hands it out.

        Returns:
            (T*B)HW, uint8 for a product of bytes, else int32; interpolated values are rounded.

        Raises:
            BandMapping: Dates or channels are not as many as named.
            RadiometryMismatch: A value is no digital number of the product.
        """
        series = image[None] if image.ndim == IMAGE else image
        if series.ndim != SERIES or series.shape[:2] != (self.dates, len(self.bands)):
            raise BandMapping(
                f"{self.key!r} has shape {tuple(image.shape)}; {self.dates} date(s) of the {len(self.bands)} bands "
                f"{', '.join(self.bands)} were expected"
            )
        wanted = series[:, [self.bands.index(band) for band in self.names]].flatten(0, 1)
        return self._checked((wanted * self.factor).round() if self.factor != 1 else wanted.round())

    def _checked(self, dn: Tensor) -> Tensor:
        stored = np.dtype(self.product_facts.dtype)
        limits = np.iinfo(stored)
        if not dn.isfinite().all():
            raise RadiometryMismatch(f"{self.key!r} holds values that are no numbers (NaN or infinite)")
        low, high = dn.min().item(), dn.max().item()
        if low < limits.min or high > limits.max:
            raise RadiometryMismatch(
                f"{self.key!r} holds values from {low:g} to {high:g}, product {self.product!r} has {stored} digital "
                f"numbers; check `product` and `factor`"
            )
        return dn.to(torch.uint8 if stored == np.uint8 else torch.int32)


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """What the mask of a TorchGeo sample means.

    Attributes:
        legend: Legend of the values.
        target: Legend of the model; the crosswalk between the two is that of `landcover.crosswalks`.
        key: Key of the mask in a sample.
        values: ``codes`` of the legend, or ``positions`` where the class counts the classes 0..K-1 in their order.
    """

    legend: str
    target: str = "unccd7"
    key: str = "mask"
    values: Literal["codes", "positions"] = "codes"

    def __post_init__(self) -> None:
        """Refuse legends that no crosswalk joins.

        Raises:
            UnknownLegend: naming the pair.
        """
        get_crosswalk(self.legend, self.target)

    def indices(self, mask: Tensor) -> Tensor:
        """Class indices of the target legend.

        Args:
            mask: HW or 1HW, integers of any type, or floats that are integers.

        Returns:
            uint8 HW, `IGNORE` where the source has no label or no counterpart.

        Raises:
            LabelFormat: The mask is not one plane.
            DtypeMismatch: The mask holds fractions.
            UnmappedCodes: A value is not in the legend.
        """
        plane = mask[0] if mask.ndim == IMAGE and len(mask) == 1 else mask
        if plane.ndim != PLANE:
            raise LabelFormat(f"{self.key!r} has shape {tuple(mask.shape)}; one plane of class codes is expected")
        if plane.is_floating_point() and not bool((plane == plane.round()).all()):
            raise DtypeMismatch(f"{self.key!r} holds fractions; class codes are integers")
        values_HW = plane.to(torch.int64).numpy()
        source, target = get_legend(self.legend), get_legend(self.target)
        if self.values == "positions":
            _refuse_strangers(values_HW, classes=len(source), legend=self.legend)
            values_HW = source.encode(values_HW.astype(np.uint8))
        return torch.from_numpy(target.decode(get_crosswalk(self.legend, self.target).apply(values_HW)))


def _refuse_strangers(values_HW: np.ndarray, *, classes: int, legend: str) -> None:
    if values_HW.size and not 0 <= values_HW.min() <= values_HW.max() < classes:
        raise UnmappedCodes(
            f"class positions from {values_HW.min()} to {values_HW.max()}; legend {legend!r} has 0 to {classes - 1}"
        )


def convert(raw: Mapping[str, Any], image: ImageChoice, labels: LabelChoice, *, name: str) -> Sample:
    """A TorchGeo sample as a Steppe sample.

    Args:
        raw: What the class handed out.
        image: What its image holds.
        labels: What its mask means.
        name: Name of the scene, for messages.

    Returns:
        ``image`` uint8 or int32 (T*B)HW and ``mask`` uint8 HW, `IGNORE` also where a date has 0 in all bands.

    Raises:
        DataError: Of the kind that `ImageChoice` and `LabelChoice` raise, with the name of the scene.
    """
    missing = [key for key in (image.key, labels.key) if key not in raw]
    if missing:
        raise DataError(f"{name}: the data set hands out {', '.join(sorted(raw))} and no {missing[0]!r}")
    try:
        dn, mask = image.digital_numbers(raw[image.key]), labels.indices(raw[labels.key])
    except DataError as error:
        raise type(error)(f"{name}: {error}") from error
    if dn.shape[1:] != mask.shape:
        raise LabelFormat(f"{name}: image of {tuple(dn.shape[1:])} and labels of {tuple(mask.shape)} pixels")
    empty_HW = (dn.view(image.dates, -1, *mask.shape) == 0).all(dim=1).any(dim=0)
    return {"image": dn, "mask": mask.masked_fill(empty_HW, IGNORE)}


def source_facts(image: ImageChoice, labels: LabelChoice, provenance: Mapping[str, Any]) -> SourceFacts:
    """Facts of a source with these images and labels.

    Args:
        image: What images hold.
        labels: What masks mean.
        provenance: Entries about the data set.

    Returns:
        The facts.
    """
    crosswalk = get_crosswalk(labels.legend, labels.target)
    described = {**provenance, "source_legend": labels.legend, "crosswalk": crosswalk.identity}
    return SourceFacts(image.names, image.product, labels.target, dates=image.dates, provenance=described)
