"""Rows for the tables and plots of the report, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from landcover.precision import Precision
from serving.bench.engines import Kind
from serving.bench.judge import Book, engine_key, usual_provider
from serving.bench.plan import Extent, Task
from serving.bench.stages import STAGES


@dataclass(frozen=True, slots=True)
class EngineRow:
    """A runtime on the tile; medians over the rounds, megapixels per second and 10^6 bytes."""

    title: str
    decode: float
    model: float
    whole: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class SizeRow:
    """A scene of some size with the usual engine in fp32; the units of ``EngineRow``."""

    size: Extent
    model: float
    whole: float
    redundancy: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class StageRow:
    """How the work of a scene is split.

    Attributes:
        title: runtime and precision.
        busy_s: seconds of processors by stage, in the order of ``STAGES``.
        wall_s: seconds on the wall.
        finish_wall_s: of these, after the last row.
    """

    title: str
    busy_s: tuple[float, ...]
    wall_s: float
    finish_wall_s: float


def engine_rows(task: Task, book: Book) -> Iterator[EngineRow]:
    """All runtimes that were measured."""
    for kind in task.kinds:
        key = engine_key(kind)
        if book.answers(key):
            names = ("decode_mpx_s", "model_mpx_s", "end_to_end_mpx_s", "peak_memory_mb")
            yield EngineRow(kind.title, *(book.median(key, name) or 0.0 for name in names))


def size_rows(task: Task, book: Book) -> list[SizeRow]:
    """All sizes that were measured with the usual engine, the smallest first; the tile among them."""
    tile = engine_key(Kind(usual_provider(task, book), Precision.FP32))
    keys = [key for key in book.names() if key[0] == "size" or key == tile]
    rows = []
    for figures in (record.figures for key in keys for record in book.answers(key)[:1]):
        size = Extent(figures["height"], figures["width"])
        names = ("model_mpx_s", "end_to_end_mpx_s", "redundancy", "peak_memory_mb")
        rows.append(SizeRow(size, *(figures[name] for name in names)))
    return sorted(rows, key=lambda row: row.size.megapixels)


def stage_rows(task: Task, book: Book) -> Iterator[StageRow]:
    """The runs whose stages were watched."""
    for kind in task.kinds:
        for figures in (record.figures for record in book.answers(engine_key(kind))):
            if stages := figures.get("stages"):
                busy = tuple(stages["busy_s"][name] for name in STAGES)
                yield StageRow(kind.title, busy, stages["wall_s"], stages["finish_wall_s"])
