"""What a checkpoint was made from, where it is not what a fit wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from training.checkpoints import read_checkpoint
from training.soup import PARTS_KEY

SETTLED_KEY: Final = "settled_from"
"""Entry of a checkpoint with the SHA-256 of the one that it was settled from."""

RECOVERED_KEY: Final = "recovered_from"
"""Entry of a checkpoint with the SHA-256 of the manifest of the bundle that its weights come from."""


def origins(checkpoint: Path) -> dict[str, list[str]]:
    """For the provenance of a manifest: SHA-256 of what a checkpoint is the mean of, was settled or recovered from.

    Args:
        checkpoint: The file.

    Raises:
        CheckpointUnreadable: It is not there, damaged or something else.
    """
    stored = read_checkpoint(checkpoint)
    return {
        f"checkpoint_{key}_sha256": list(stored[key]) for key in (PARTS_KEY, *kept_origins(stored)) if key in stored
    }


def kept_origins(stored: Mapping[str, Any]) -> dict[str, list[str]]:
    """Entries of a checkpoint that one made from it keeps."""
    return {key: list(stored[key]) for key in (SETTLED_KEY, RECOVERED_KEY) if key in stored}
