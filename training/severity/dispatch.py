"""Which module runs ``steppe evaluate`` and ``steppe publish``: field plots are no scenes and have their own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

PACKAGE: Final = "training.severity"


def command_module(command: str, arguments: Sequence[str]) -> str:
    """Name of the module whose ``main`` takes the arguments.

    A configuration that cannot be read goes to the common module, which says so.

    Args:
        command: ``evaluate`` or ``publish``.
        arguments: Everything after it.
    """
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-c", "--config", type=Path)
    try:
        found, _ = parser.parse_known_args(list(arguments))
        content = yaml.safe_load(found.config.read_text(encoding="utf-8")) if found.config else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, argparse.ArgumentError):
        content = None
    return f"{PACKAGE if _class_path(content).startswith(f'{PACKAGE}.') else 'training'}.{command}"


def _class_path(content: Any) -> str:
    data = content.get("data") if isinstance(content, dict) else None
    return str(data.get("class_path", "")) if isinstance(data, dict) else ""
