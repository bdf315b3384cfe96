"""The process ``classify``: one land-cover map of one or several images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from serving.processes.costs import cost_of, pixel_of, place_of
from serving.processes.images import Checked, Images, Search, said
from serving.processes.inputs import BoundingBox, ClassifyInputs
from serving.processes.orders import ClassifyOrder, Image, Making
from serving.processes.outputs import CLASSIFY, Output
from serving.processes.process import Plan
from serving.settings import Settings
from serving.sources import refuse_two_dates


class Classify:
    """See ``process.Process``.

    Args:
        settings: limits.
    """

    id: Final = "classify"
    title: Final = "Classify land cover"
    description: Final = (
        "Maps land cover from satellite scenes: files, addresses, STAC Items, or the clearest scenes of a Sentinel-2 "
        "tile or an area within a time. Areas are geodesic; pixels without data stay without a class."
    )
    inputs: Final = ClassifyInputs
    outputs: Final = CLASSIFY

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def made_of(self, inputs: BaseModel) -> Sequence[Output]:
        """See ``process.Process``."""
        assert isinstance(inputs, ClassifyInputs)  # noqa: S101 - the form of this process
        several = len(inputs.scene) > 1 if inputs.scene is not None else inputs.max_scenes > 1
        return [output for output in CLASSIFY if not (several and output.of_one_scene)]

    def plan(self, inputs: BaseModel, outputs: Sequence[str], images: Images) -> Plan:
        """See ``process.Process``."""
        assert isinstance(inputs, ClassifyInputs)  # noqa: S101 - the form of this process
        model = images.models.resolve(inputs.model)
        manifest = images.models.bundle(model).manifest
        refuse_two_dates(manifest)
        place, area = place_of(inputs.area)
        if inputs.scene is not None:
            checked: Sequence[Checked] = [images.check(scene, manifest.bands) for scene in inputs.scene]
        else:
            checked = images.finder.search(_search(inputs), manifest.bands)
        pixel = pixel_of(inputs.crs, inputs.resolution)
        cost = cost_of(checked, area, gsd_m=manifest.gsd_m, limit=self._settings.max_pixels, pixel=pixel)
        order = ClassifyOrder(
            images=tuple(_image(one, inputs) for one in checked),
            mosaic=inputs.mosaic,
            place=place,
            crs=inputs.crs,
            resolution=inputs.resolution,
            making=_making(inputs, outputs, self._settings),
        )
        return Plan(order=order, model=model, cost=cost, scenes=[one.facts for one in checked], warnings=said(checked))


def _search(inputs: ClassifyInputs) -> Search:
    assert inputs.datetime is not None  # noqa: S101 - checked by the form
    box = inputs.area if isinstance(inputs.area, BoundingBox) else None
    geometry = None if inputs.area is None or box else inputs.area.model_dump(mode="json")
    return Search(
        interval=inputs.datetime,
        tile=inputs.tile,
        bbox=box.bbox if box else None,
        geometry=geometry,
        max_cloud=inputs.max_cloud,
        limit=inputs.max_scenes,
    )


def _image(checked: Checked, inputs: ClassifyInputs) -> Image:
    return Image(source=checked.source, bands=inputs.bands, level=inputs.level, product=inputs.product)


def _making(inputs: ClassifyInputs, outputs: Sequence[str], settings: Settings) -> Making:
    return Making(
        outputs=tuple(outputs),
        language=inputs.language,
        uncertainty_measure=inputs.uncertainty_measure,
        min_area=inputs.min_area,
        mask_clouds=inputs.mask_clouds,
        name=inputs.name,
        max_pixels=settings.max_pixels,
    )
