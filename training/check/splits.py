"""Checks of splits: are there labels to learn from and to judge by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from landcover.legends import Legend
from training.check.findings import Finding, error, warning
from training.check.survey import Survey


def split_findings(splits: Mapping[str, Sequence[Survey]], legend: Legend) -> Iterator[Finding]:
    """Splits without labels, classes that are missing, splits of a single class.

    Args:
        splits: Split name to surveys of its scenes.
        legend: Legend of the labels.
    """
    pixels = {name: class_pixels(surveys, len(legend)) for name, surveys in splits.items() if surveys}
    for name, pixels_K in pixels.items():
        if not pixels_K.any():
            scenes = len(splits[name])
            yield error(
                "all-ignored", f"no pixel of the {scenes} scenes of {name!r} has a label", split=name, count=scenes
            )
        elif np.count_nonzero(pixels_K) == 1:
            only = legend.classes[int(pixels_K.argmax())].title
            message = f"all labels of {name!r} are {only!r}: a model learns nothing from a single class"
            yield warning("single-class", message, split=name, value=only, count=int(pixels_K.sum()))
    yield from _missing(pixels, legend)


def class_pixels(surveys: Sequence[Survey], classes: int) -> NDArray[np.int64]:
    """Labelled pixels of each class, shape (K,)."""
    return np.sum([survey.labels_K for survey in surveys], axis=0, dtype=np.int64).reshape(-1)[:classes]


def _missing(pixels: Mapping[str, NDArray[np.int64]], legend: Legend) -> Iterator[Finding]:
    """Classes that cannot be learned, and those that cannot be judged."""
    train_K = pixels.get("train")
    if train_K is None:
        return
    for name, pixels_K in pixels.items():
        if not pixels_K.any():
            continue
        missing = [
            row.title
            for row, here, learned in zip(legend.classes, pixels_K, train_K, strict=True)
            if not here and (name == "train" or learned)
        ]
        if missing and name == "train":
            message = f"{', '.join(missing)}: never labelled in 'train', the model cannot learn it"
            yield warning("missing-class", message, split=name, value=", ".join(missing), count=len(missing))
        elif missing:
            message = f"{', '.join(missing)}: never labelled in {name!r}, scores of it will be undefined there"
            yield warning("missing-class", message, split=name, value=", ".join(missing), count=len(missing))
