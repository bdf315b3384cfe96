"""The choice of a network with borders of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_borders(network: Mapping[str, Any], replicate_from: int) -> dict[str, Any]:
    """``model.init_args.network`` of a configuration or a checkpoint with another ``replicate_from``.

    Args:
        network: name and options.
        replicate_from: see `models.networks.UNet`.
    """
    return {**network, "options": {**network.get("options", {}), "replicate_from": replicate_from}}
