"""The process ``degradation``: where land degraded or improved between two images of one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from landcover.manifest import Manifest
from serving.degradation import check_model
from serving.processes.costs import cost_of
from serving.processes.images import Checked, Images, Search, said
from serving.processes.inputs import DegradationInputs
from serving.processes.orders import DegradationOrder, Image, Making
from serving.processes.outputs import DEGRADATION, Output
from serving.processes.process import Plan
from serving.settings import Settings


class Degradation:
    """See ``process.Process``.

    Args:
        settings: default model and limits.
    """

    id: Final = "degradation"
    title: Final = "Compare two dates for degradation"
    description: Final = (
        "Maps where land degraded (-1), stayed stable (0) or improved (1) between two satellite images of one place."
    )
    inputs: Final = DegradationInputs
    outputs: Final = DEGRADATION

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def made_of(self, inputs: BaseModel) -> Sequence[Output]:  # noqa: ARG002 - the same for all
        """See ``process.Process``."""
        return DEGRADATION

    def plan(self, inputs: BaseModel, outputs: Sequence[str], images: Images) -> Plan:
        """See ``process.Process``."""
        assert isinstance(inputs, DegradationInputs)  # noqa: S101 - the form of this process
        model = images.models.resolve(inputs.model or self._settings.degradation_model)
        manifest = images.models.bundle(model).manifest
        check_model(manifest)
        before, after = _dates(inputs, images, manifest)
        cost = cost_of([before], None, gsd_m=manifest.gsd_m, limit=self._settings.max_pixels)
        given = inputs.before is not None
        order = DegradationOrder(
            before=_image(before, inputs, inputs.before_datetime if given else None),
            after=_image(after, inputs, inputs.after_datetime if given else None),
            making=Making(
                outputs=tuple(outputs),
                language=inputs.language,
                name=inputs.name,
                max_pixels=self._settings.max_pixels,
            ),
        )
        return Plan(
            order=order, model=model, cost=cost, scenes=[before.facts, after.facts], warnings=said([before, after])
        )


def _dates(inputs: DegradationInputs, images: Images, manifest: Manifest) -> tuple[Checked, Checked]:
    """Both images: given, or the clearest of a tile at each time."""
    if inputs.before is not None and inputs.after is not None:
        return images.check(inputs.before, manifest.bands), images.check(inputs.after, manifest.bands)
    before, after = (
        images.finder.search(
            Search(interval=interval or "", tile=inputs.tile, max_cloud=inputs.max_cloud), manifest.bands
        )[0]
        for interval in (inputs.before_datetime, inputs.after_datetime)
    )
    return before, after


def _image(checked: Checked, inputs: DegradationInputs, date: str | None) -> Image:
    return Image(source=checked.source, bands=inputs.bands, level=inputs.level, product=inputs.product, date=date)
