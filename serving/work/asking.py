"""What an order asks of a map, in the words of those who make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from serving.degradation import PairInputs
from serving.processes.orders import ClassifyOrder, DegradationOrder, Making
from serving.processes.outputs import FILES
from serving.request import Inputs, Outputs
from serving.treatment import MinimumPatch, Treatment
from serving.work.gathering import Gathered, Local

type Measured = Callable[[int], None]
"""Is told how many pixels are to be mapped."""


def outputs_of(making: Making, folder: Path) -> Outputs:
    """Files of the outputs that are wanted; the map is always made, because the others come from it."""

    def wanted(name: str) -> Path | None:
        return folder / FILES[name] if name in making.outputs else None

    return Outputs(
        map=folder / FILES["map"],
        confidence=wanted("confidence"),
        probabilities=wanted("probabilities"),
        uncertainty=wanted("uncertainty"),
        quality=wanted("quality"),
        preview=wanted("preview"),
        areas=wanted("areas"),
        features=wanted("features"),
        stac=wanted("item"),
    )


def treatment_of(making: Making) -> Treatment:
    """How they are made.

    Raises:
        ConfigError: when the smallest patch is no area.
    """
    return Treatment(
        uncertainty=making.uncertainty_measure,
        min_patch=None if making.min_area is None else MinimumPatch.parse(making.min_area),
        mask_clouds=making.mask_clouds,
        language=making.language,
    )


def inputs_of(order: ClassifyOrder, gathered: Gathered, *, measured: Measured | None = None) -> Inputs:
    """The scenes of one map.

    Args:
        order: what is wanted.
        gathered: the scenes.
        measured: see ``serving.request.Inputs``.

    Raises:
        ConfigError: when a name or an option cannot be used.
    """
    first, *others = gathered.images
    return replace(
        _image(first, order.making, gathered, measured),
        others=tuple(other.path for other in others),
        mosaic=order.mosaic,
        aoi=gathered.write_geojson(order.place.geometry),
        bbox=order.place.bbox,
        area_crs=order.place.crs,
        crs=order.crs,
        resolution=order.resolution,
        name=order.making.name or gathered.name,
    )


def pair_of(order: DegradationOrder, gathered: Gathered, *, measured: Measured | None = None) -> PairInputs:
    """The two images of one place.

    Args:
        order: what is wanted.
        gathered: both images.
        measured: see ``serving.request.Inputs``.

    Raises:
        ConfigError: when a name or an option cannot be used.
    """
    before, after = (_image(image, order.making, gathered, measured) for image in gathered.images)
    return PairInputs(
        before=before,
        after=after,
        before_date=order.before.date,
        after_date=order.after.date,
        name=order.making.name,
    )


def _image(image: Local, making: Making, gathered: Gathered, measured: Measured | None) -> Inputs:
    """One image by itself."""
    return Inputs(
        source=image.path,
        bands=image.bands,
        level=image.level,
        product=image.product,
        stated=gathered.stated,
        max_pixels=making.max_pixels,
        measured=measured,
        opener=gathered.opener,
    )
