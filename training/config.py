"""Read the parts of a training configuration that evaluation and publishing need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from landcover.errors import ConfigError
from training.datamodule import LandCoverData, PatchChoice, SourceChoice


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top level is a mapping.

    Raises:
        ConfigError: when it cannot be read or is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path.name}: {error.strerror}; give the path of a YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path.name} holds {type(content).__name__}, a mapping is expected")
    return content


def data_from_config(path: Path) -> LandCoverData:
    """The data module of a ``steppe train`` configuration, without augmentation.

    Raises:
        ConfigError: when the file has no ``data`` part or it does not fit.
    """
    config = read_yaml(path)
    try:
        data = config["data"]
        return LandCoverData(
            data["split"],
            source=SourceChoice(**data.get("source", {})),
            patches=PatchChoice(**data.get("patches", {})),
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path.name} is no training configuration: {error}; see configs/train") from error
