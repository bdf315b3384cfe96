"""The manifest of a network, as far as it is known before scores and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from torch import nn

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
    radiometry = get_product(task.inputs.product).radiometry
    reflectance = f"clip(DN * {radiometry.scale} + {radiometry.offset}, 0, {MAX_REFLECTANCE})"
    return Manifest(
        **text_facts(order.text, order.version),
        **input_facts(task.inputs.product, task.inputs.bands),
        **size_facts(task.scene_net),
        architecture=task.hparams["network"].name,
        legend_id=task.legend.id,
        legend_version=task.legend.version,
        temperature=round(temperature, 4),
        value_scaling=tuple(
            in_graph(f"(sqrt({reflectance}) - {mean}) / {std}")
            for mean, std in zip(task.inputs.mean, task.inputs.std, strict=True)
        ),
        statistics=statistics,
        provenance=provenance,
        dates=task.inputs.dates,
        overview=task.inputs.contrast,
        unsupported=task.unsupported,
    )


def text_facts(text: Mapping[str, Any], version: str) -> dict[str, Any]:
    """What a manifest takes from a publishing configuration, and when it was made.

    Args:
        text: the configuration.
        version: of the model.
    """
    return {
        **{name: text[name] for name in ("name", "title", "description", "licence")},
        **{name: int(text[name]) for name in ("tile_size", "overlap", "batch_size")},
        "version": version,
        "levels": tuple(text["levels"]),
        "attribution": " ".join(str(text["attribution"]).split()),
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def input_facts(product_id: str, bands: Sequence[str]) -> dict[str, Any]:
    """What a manifest says of the images that a graph takes.

    Args:
        product_id: product of `landcover.sensors`.
        bands: of one date, in input order.
    """
    product = get_product(product_id)
    return {
        "bands": tuple(bands),
        "product": product.id,
        "radiometry": product.radiometry,
        "dtype": product.dtype,
        "nodata": product.nodata,
        "gsd_m": min(product.band(band).gsd_m for band in bands),
    }


def size_facts(network: nn.Module) -> dict[str, Any]:
    """Number of weights, and their bytes in float32."""
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"total_parameters": parameters, "memory_size": 4 * parameters}


def in_graph(expression: str) -> dict[str, Any]:
    """What a graph does to a band, in the words of MLM (a processing expression); see ``models.graph``."""
    return {
        "type": "processing",
        "format": "python",
        "expression": expression,
        "description": "applied inside the graph; give it digital numbers",
    }
