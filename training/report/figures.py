"""Figures of the report as PNG: confusion matrix, reliability diagram, and the panels of an example.

Axes: C colour (red, green, blue), H row, W column.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from landcover.legends import CLASS_NODATA, Legend
from landcover.metrics import Reliability, Scores

DASH: Final = "\N{EN DASH}"
"""Stands for an undefined score."""

DPI: Final = 160
"""Dots per inch: two per pixel of the page, so that letters stay sharp on fine screens."""

NO_LABEL: Final = (150, 150, 150)
RIGHT: Final = (0, 0, 0)
WRONG: Final = (235, 30, 30)

_INK, _PALE, _BLUE, _RED = "#1f2933", "#cbd2d9", "#7fb2e5", "#c53030"
_MANY_CLASSES: Final = 16
"""More than this, and numbers in the cells of a confusion matrix could not be read."""

_DARK: Final = 0.55


def confusion_picture(scores: Scores, titles: Sequence[str]) -> bytes:
    """The confusion matrix, each row in percent of the label's pixels.

    Args:
        scores: pooled scores.
        titles: names of the classes for people.

    Returns:
        PNG.
    """
    counts = np.array(scores.matrix, dtype=np.float64)
    support = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, support, out=np.full_like(counts, np.nan), where=support > 0)
    side = min(3.2 + 0.62 * len(titles), 14.0)
    figure, axes = _figure((side + 1.0, side))
    axes.set_facecolor("#f0f0f0")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(titles)), titles, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(titles)), titles)
    axes.set_xlabel("class in the map")
    axes.set_ylabel("class of the label")
    axes.set_xticks(np.arange(len(titles) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(titles) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if len(titles) <= _MANY_CLASSES:
        _write_cells(axes, shares)
    return _png(figure)


def reliability_picture(tables: Sequence[tuple[str, Reliability]]) -> bytes:
    """Reliability diagrams side by side: accuracy over confidence, with the share of pixels below.

    Args:
        tables: title and table of each.

    Returns:
        PNG.
    """
    figure = Figure(figsize=(4.4 * len(tables), 4.9), dpi=DPI, layout="constrained")
    grid = figure.subplots(2, len(tables), squeeze=False, sharex=True, height_ratios=(4, 1))
    for column, (title, table) in enumerate(tables):
        _draw_reliability(grid[0][column], table, title)
        _draw_shares(grid[1][column], table)
        if column:
            grid[0][column].set_ylabel("")
            grid[1][column].set_ylabel("")
    return _png(figure)


def class_picture(index_HW: NDArray[np.uint8], legend: Legend) -> bytes:
    """Class indices in the colours of the legend, grey where there is none.

    Args:
        index_HW: class indices, 255 where there is none.
        legend: the classes.

    Returns:
        PNG.
    """
    table_XC = np.full((CLASS_NODATA + 1, 3), NO_LABEL, dtype=np.uint8)
    table_XC[: len(legend)] = [land_class.rgb for land_class in legend.classes]
    return picture(table_XC[index_HW])


def error_picture(truth_HW: NDArray[np.uint8], predicted_HW: NDArray[np.uint8]) -> bytes:
    """Red where the map is wrong, black where it is right, grey where there is no label.

    Args:
        truth_HW: class indices, 255 where there is no label.
        predicted_HW: class indices.

    Returns:
        PNG.
    """
    right_HW1 = (truth_HW == predicted_HW)[..., None]
    colours_HWC = np.where(right_HW1, np.array(RIGHT, np.uint8), np.array(WRONG, np.uint8))
    colours_HWC[truth_HW == CLASS_NODATA] = NO_LABEL
    return picture(colours_HWC)


def picture(colours_HWC: NDArray[np.uint8]) -> bytes:
    """A picture as PNG.

    Args:
        colours_HWC: red, green and blue.
    """
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(colours_HWC)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _write_cells(axes: Any, shares: NDArray[np.float64]) -> None:
    for (row, col), share in np.ndenumerate(shares):
        if np.isnan(share):
            text, colour = DASH, "#888888"
        else:
            text, colour = f"{100 * share:.0f}", "white" if share > _DARK else _INK
        axes.text(
            col,
            row,
            text,
            ha="center",
            va="center",
            color=colour,
            fontsize=11,
            weight="bold" if row == col else "normal",
        )


def _draw_reliability(axes: Any, table: Reliability, title: str) -> None:
    edges = np.array(table.edges)
    known = [number for number, count in enumerate(table.counts) if count]
    confidence = np.array([table.confidence[number] for number in known], dtype=np.float64)
    accuracy = np.array([table.accuracy[number] for number in known], dtype=np.float64)
    left, width = edges[known], np.diff(edges)[known]
    axes.bar(left, accuracy, width, align="edge", color=_BLUE, edgecolor="white", label="accuracy")
    axes.bar(
        *(left, np.abs(confidence - accuracy), width, np.minimum(confidence, accuracy)),
        align="edge",
        facecolor="none",
        edgecolor=_RED,
        hatch="/////",
        linewidth=0.8,
        label="gap to the confidence",
    )
    axes.plot([0, 1], [0, 1], color=_INK, linestyle=(0, (4, 3)), linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of pixels that are right")
    ece = DASH if table.ece is None else f"{table.ece:.3f}"
    axes.set_title(f"{title}\nECE {ece}", fontsize=11)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _draw_shares(axes: Any, table: Reliability) -> None:
    edges, counts = np.array(table.edges), np.array(table.counts, dtype=np.float64)
    axes.bar(
        edges[:-1], 100 * counts / max(counts.sum(), 1), np.diff(edges), align="edge", color=_PALE, edgecolor="white"
    )
    axes.set(xlabel="confidence", ylabel="% of pixels")


def _figure(size: tuple[float, float]) -> tuple[Figure, Any]:
    figure = Figure(figsize=size, dpi=DPI)
    return figure, figure.subplots()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", bbox_inches="tight", pad_inches=0.05
    )  # a figure outside pyplot is drawn by Agg
    return buffer.getvalue()
