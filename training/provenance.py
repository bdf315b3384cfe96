"""Where a published model comes from: data, configuration, checkpoint, software."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from landcover.raster.digest import file_digest
from training.datamodule import SceneData
from training.order import Order
from training.origins import origins
from training.scenes import Scene

PACKAGES: Final = ("torch", "lightning", "torchgeo", "segmentation-models-pytorch", "onnx", "onnxruntime", "numpy")


def provenance(order: Order, data: SceneData) -> dict[str, Any]:
    """The manifest's provenance, before anything was measured.

    Args:
        order: what is published.
        data: the training data.
    """
    return {
        **{key: " ".join(str(order.text[key]).split()) for key in ("training_data", "training", "labels")},
        **dict(data.facts.provenance),
        "sites": sites_of(data),
        "training_files_sha256": files_digest(data.scenes("train")),
        "config": order.config.name,
        "config_sha256": file_digest(order.config),
        "checkpoint_sha256": file_digest(order.checkpoint),
        **origins(order.checkpoint),
        "command": order.command,
        "steppe": version("steppe"),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def sites_of(data: SceneData) -> dict[str, list[str]]:
    """Split name to its sites; a site that was trained on is in ``train`` only."""
    splits = {name: sorted({scene.info.site for scene in scenes}) for name, scenes in data.all_scenes().items()}
    trained = set(splits["train"])
    return {name: [site for site in sites if name == "train" or site not in trained] for name, sites in splits.items()}


def files_digest(scenes: Iterable[Scene]) -> str:
    """SHA-256 over names and contents of all files of some scenes, in order of their names."""
    total = hashlib.sha256()
    paths = {path for scene in scenes for path in scene.info.files}
    for path in sorted(paths, key=_name):
        total.update(f"{_name(path)}\0".encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def facts_table(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Rows of a card's table of facts."""
    return {
        "training data": str(provenance["training_data"]),
        "sites": ", ".join(f"{name} {len(sites)}" for name, sites in provenance["sites"].items()),
        "software": ", ".join(f"{package} {provenance[package]}" for package in PACKAGES),
    }


def _name(path: Path) -> str:
    """Folder and file: images and labels of one scene often share a name."""
    return f"{path.parent.name}/{path.name}"
