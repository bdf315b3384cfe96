"""Build the data of a training configuration without Lightning's command line: for checks, evaluation, publishing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonargparse
import yaml

from landcover.errors import ConfigError
from training.config_errors import refused, sentence_of
from training.datamodule import SceneData


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file whose top level is a mapping.

    Raises:
        ConfigError: when it cannot be read or is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path.name}: {error.strerror}; give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path.name} holds {type(content).__name__}, a mapping is expected")
    return content


def data_from_config(path: Path, *, fold: int | None = None) -> SceneData:
    """The data module of a ``steppe train`` configuration, without augmentation.

    Args:
        path: the configuration.
        fold: held-out fold instead of the configuration's own.

    Raises:
        ConfigError: when the file has no ``data`` part or it does not fit.
    """
    data = read_yaml(path).get("data")
    if not isinstance(data, dict):
        raise ConfigError(f"{path.name} has no `data`; give a training configuration, see configs/train")
    options = dict(data.get("init_args") or {})
    options.pop("augmentation", None)
    if fold is not None:
        options["split"] = _other_fold(path, options.get("split"), fold)
    class_path = data.get("class_path", "training.datamodule.SceneData")
    if str(class_path).startswith("training.severity."):
        raise ConfigError(
            f"{path.name} is about field plots, not scenes; `steppe evaluate -c {path.name}` looks at them"
        )
    return _built(path, {"class_path": class_path, "init_args": options})


def _other_fold(path: Path, split: Any, fold: int) -> dict[str, Any]:
    if not isinstance(split, dict) or not split.get("folds"):
        raise ConfigError(f"{path.name} is not split by folds; give `split: {{folds: FILE, fold: 0}}`")
    return {**split, "fold": fold}


def _built(path: Path, data: dict[str, Any]) -> SceneData:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(SceneData, "data", required=True)
    try:
        built = parser.instantiate(parser.parse_object({"data": data})).data
    except (jsonargparse.ArgumentError, ValueError, TypeError) as error:
        found = refused(error)
        if type(found) is ConfigError:
            found = ConfigError(f"{path.name} is no training configuration: {sentence_of(error)}")
        raise found from error
    if not isinstance(built, SceneData):
        raise ConfigError(f"{path.name} describes {type(built).__name__}, scenes are expected")
    return built
