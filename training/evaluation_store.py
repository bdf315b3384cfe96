"""Keep the evaluation of a fold on disk, so that an interrupted cross-validation goes on where it stopped.

One ``.npz`` file without any pickled object: arrays, and one JSON text that says what they are.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from landcover.grid import Window
from landcover.legends import get_legend
from landcover.metrics import Reliability
from training.evaluation import Evaluation, SceneScore, Scoring
from training.report.examples import Example
from training.report.writing import write_file
from training.temperature import Pixels

FORMAT: Final = 2
"""Part of the key: a change of what is stored makes older files unknown."""

_MATRICES: Final = ("matrix", "sure_matrix", "boundary", "change")
_PIXELS: Final = ("probabilities_KP", "labels_P", "owners_P", "keys_P")
_PICTURES: Final = ("pictures_DHWC", "truth_HW", "predicted_HW")

type Arrays = dict[str, Any]
"""Arrays of a file by name."""


def save(path: Path, evaluation: Evaluation, examples: tuple[Example, ...]) -> None:
    """Write an evaluation; it appears complete or not at all.

    Args:
        path: file to write.
        evaluation: of one network, with its sample of pixels.
        examples: its worst windows.

    Raises:
        OutputNotWritable: when the file cannot be written.
        DiskFull: when there is no room.
    """
    if evaluation.pixels is None:
        raise ValueError("an evaluation without its sample of pixels cannot be pooled with others")
    arrays: Arrays = {name: np.stack([getattr(scene, name) for scene in evaluation.scenes]) for name in _MATRICES}
    arrays |= {name: getattr(evaluation.pixels, name) for name in _PIXELS}
    for number, example in enumerate(examples):
        arrays |= {f"{name}{number}": getattr(example, name) for name in _PICTURES}
    text = {
        "legend": evaluation.legend.id,
        "scenes": [[scene.site, scene.scene, scene.level] for scene in evaluation.scenes],
        "reliability": asdict(evaluation.reliability),
        "scoring": asdict(evaluation.scoring),
        "limit": evaluation.pixels.limit,
        "examples": [
            [example.site, example.scene, asdict(example.window), example.error_share] for example in examples
        ],
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, text=np.array(json.dumps(text)), **arrays)
    partial = path.with_suffix(".part")
    write_file(partial, buffer.getvalue())
    partial.replace(path)


def load(path: Path) -> tuple[Evaluation, tuple[Example, ...]] | None:
    """Read what `save` wrote.

    Args:
        path: the file.

    Returns:
        Evaluation and worst windows; None when the file is not there or not whole.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored)
        text = json.loads(str(arrays.pop("text")))
        return _evaluation(text, arrays), tuple(_examples(text, arrays))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None


def _evaluation(text: dict[str, Any], arrays: Arrays) -> Evaluation:
    table: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in text["reliability"].items()
    }
    scenes = tuple(
        SceneScore(*described, *(arrays[name][number] for name in _MATRICES))
        for number, described in enumerate(text["scenes"])
    )
    pixels = Pixels(**{name: arrays[name] for name in _PIXELS}, limit=float(text["limit"]))
    reliability = Reliability(**table)
    return Evaluation(get_legend(text["legend"]), scenes, reliability, Scoring(**text["scoring"]), pixels=pixels)


def _examples(text: dict[str, Any], arrays: Arrays) -> Iterator[Example]:
    for number, (site, scene, window, share) in enumerate(text["examples"]):
        pictures = {name: arrays[f"{name}{number}"] for name in _PICTURES}
        yield Example(site=site, scene=scene, window=Window(**window), error_share=share, **pictures)
