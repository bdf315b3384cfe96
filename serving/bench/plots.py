"""The plots of the report: rate against size, memory against height, work by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from landcover.errors import ConfigError
from landcover.staging import os_errors
from serving.bench.judge import MEMORY_GOAL, SHARE_GOAL, WIDE_MEMORY_GOAL
from serving.bench.stages import STAGES
from serving.bench.tables import SizeRow, StageRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI: Final = 120
STAGE_TITLES: Final = {
    "decode": "read and decode",
    "model": "model",
    "blend": "blend, class, confidence",
    "write": "write rows, count areas",
    "finish": "finish the map (COG, read back)",
    "other": "other",
}
# Okabe and Ito's colours, told apart by colour-blind people, too: https://jfly.uni-koeln.de/color/
_COLOURS: Final = {
    "decode": "#56B4E9",
    "model": "#0072B2",
    "blend": "#009E73",
    "write": "#F0E442",
    "finish": "#E69F00",
    "other": "#BBBBBB",
}
_GOAL: Final = "#D55E00"


class PlotsMissing(ConfigError):
    """The package that draws is not installed."""

    slug = "plots"


def draw_plots(
    folder: Path, sizes: Sequence[SizeRow], stages: Sequence[StageRow], *, tile_width: int, engine: str
) -> list[str]:
    """Draw what there is to draw.

    Args:
        folder: where the PNG files go.
        sizes: scenes of several sizes.
        stages: runs whose stages were watched.
        tile_width: width of the scenes that show the effect of height.
        engine: what ran the scenes of several sizes, for titles.

    Returns:
        Names of the files.

    Raises:
        PlotsMissing: when matplotlib is not installed.
        OutputNotWritable: when a file cannot be written.
        DiskFull: when there is no room.
    """
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - slow to import, and an extra
    except ModuleNotFoundError as error:
        raise PlotsMissing(f"plots need {error.name}; install steppe[bench]") from error
    drawn = {}
    if sizes:
        drawn["rate.png"] = _rate([row for row in sizes if row.size.width <= tile_width], engine)
        drawn["memory.png"] = _memory(sizes, tile_width, engine)
    if stages:
        drawn["stages.png"] = _stages(stages)
    for name, figure in drawn.items():
        with os_errors(folder / name):
            figure.savefig(folder / name, dpi=DPI)
    return list(drawn)


def _figure(title: str, x: str, y: str, *, height: float = 4.6) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(visible=True, color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _rate(sizes: Sequence[SizeRow], engine: str) -> Figure:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    figure, axes = _figure(
        f"Rate against scene size ({engine})", "size of the scene, megapixels", "megapixels per second"
    )
    x = [row.size.megapixels for row in sizes]
    model, whole = [row.model for row in sizes], [row.whole for row in sizes]
    goal = [SHARE_GOAL.bound * rate for rate in model]
    axes.plot(x, model, "s--", color=_COLOURS["model"], label="model alone, arrays ready")
    axes.plot(x, goal, ":", color=_GOAL, label=f"goal: {SHARE_GOAL.bound:g} of the model alone")
    axes.plot(x, whole, "o-", color=_COLOURS["blend"], label="end to end, GeoTIFF to COG")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
    return figure


def _memory(sizes: Sequence[SizeRow], tile_width: int, engine: str) -> Figure:
    figure, axes = _figure(
        f"Peak memory against scene height ({engine})", "height of the scene, pixels", "peak resident memory, MB"
    )
    of_width = dict(_by_width(sizes))
    colours = {tile_width: _COLOURS["model"], max(of_width): _COLOURS["finish"]}
    for width in sorted({tile_width, max(of_width)} & set(of_width)):
        rows = sorted(of_width[width], key=lambda row: row.size.height)
        line = "o-" if len(rows) > 1 else "D"
        axes.plot(
            [row.size.height for row in rows],
            [row.peak_mb for row in rows],
            line,
            color=colours[width],
            label=f"{width} pixels wide",
        )
    for goal, width, stage in ((MEMORY_GOAL, 10980, "model"), (WIDE_MEMORY_GOAL, 30000, "finish")):
        label = f"goal for {width} pixels: {goal.bound:g} MB"
        axes.axhline(goal.bound, color=_COLOURS[stage], linestyle=":", label=label)
    axes.set_ylim(0, 1.12 * max(WIDE_MEMORY_GOAL.bound, *(row.peak_mb for row in sizes)))
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    return figure


def _by_width(sizes: Sequence[SizeRow]) -> Iterator[tuple[int, list[SizeRow]]]:
    for width in {row.size.width for row in sizes}:
        yield width, [row for row in sizes if row.size.width == width]


def _stages(rows: Sequence[StageRow]) -> Figure:
    figure, axes = _figure(
        "Work of one scene by stage", "busy seconds, all processors", "", height=1.9 + 0.7 * len(rows)
    )
    titles = [f"{row.title}\n{row.wall_s:.0f} s on the wall" for row in rows]
    left = [0.0] * len(rows)
    for index, stage in enumerate(STAGES):
        seconds = [max(row.busy_s[index], 0.0) for row in rows]
        bars = axes.barh(titles, seconds, left=left, color=_COLOURS[stage], label=STAGE_TITLES[stage], height=0.6)
        total = [sum(row.busy_s) for row in rows]
        wide = [f"{one:.1f}" if one > 0.05 * max(total) else "" for one in seconds]
        axes.bar_label(bars, wide, label_type="center", color="white" if stage == "model" else "black", fontsize=9)
        left = [start + one for start, one in zip(left, seconds, strict=True)]
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
