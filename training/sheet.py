"""The manifest of a network, as far as it is known before scores and verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from landcover.manifest import BandStatistics, Manifest
from landcover.sensors import get_product
from models.graph import MAX_REFLECTANCE
from training.order import Order
from training.task import LandCoverTask


def first_manifest(
    order: Order,
    task: LandCoverTask,
    statistics: Mapping[str, BandStatistics],
    provenance: Mapping[str, Any],
    temperature: float,
) -> Manifest:
    """Identity, input and output of a network.

    Args:
        order: what is published.
        task: the network and what it takes.
        statistics: of the training scenes, per band.
        provenance: where it comes from.
        temperature: inside the graph.
    """
    text, product = order.text, get_product(task.inputs.product)
    parameters = sum(parameter.numel() for parameter in task.scene_net.parameters())
    return Manifest(
        name=text["name"],
        version=order.version,
        title=text["title"],
        description=text["description"],
        architecture=task.hparams["network"].name,
        legend_id=task.legend.id,
        legend_version=task.legend.version,
        bands=tuple(task.inputs.bands),
        product=product.id,
        levels=tuple(text["levels"]),
        radiometry=product.radiometry,
        dtype=product.dtype,
        nodata=product.nodata,
        gsd_m=min(product.band(band).gsd_m for band in task.inputs.bands),
        tile_size=int(text["tile_size"]),
        overlap=int(text["overlap"]),
        batch_size=int(text["batch_size"]),
        temperature=round(temperature, 4),
        total_parameters=parameters,
        memory_size=4 * parameters,
        value_scaling=tuple(_value_scaling(task)),
        statistics=statistics,
        licence=text["licence"],
        attribution=" ".join(str(text["attribution"]).split()),
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        provenance=provenance,
        dates=task.inputs.dates,
        unsupported=task.unsupported,
    )


def _value_scaling(task: LandCoverTask) -> Iterable[dict[str, Any]]:
    """What the graph does to each band, in the words of MLM (a processing expression); see ``models.graph``."""
    radiometry = get_product(task.inputs.product).radiometry
    for mean, std in zip(task.inputs.mean, task.inputs.std, strict=True):
        reflectance = f"clip(DN * {radiometry.scale} + {radiometry.offset}, 0, {MAX_REFLECTANCE})"
        yield {
            "type": "processing",
            "format": "python",
            "expression": f"(sqrt({reflectance}) - {mean}) / {std}",
            "description": "applied inside the graph; give it digital numbers",
        }
