"""The report as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from serving.bench.campaign import Record
from serving.bench.figures import Figure, Verdict
from serving.bench.judge import Book
from serving.bench.plan import Task
from serving.bench.plots import STAGE_TITLES
from serving.bench.stages import STAGES
from serving.bench.tables import EngineRow, engine_rows, size_rows, stage_rows

_MARKS = {Verdict.REACHED: "reached", Verdict.MISSED: "**missed**"}
_CAPTIONS = {
    "rate.png": "Rate against scene size",
    "memory.png": "Peak memory against scene height",
    "stages.png": "Work by stage",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the report says.

    Attributes:
        task: what it is about.
        made: when it was begun, ISO 8601.
        command: what makes it.
        machine: where it was made.
        figures: beside their goals.
        records: all measurements.
        plots: names of the pictures.
        plots_note: why there are none, or empty.
    """

    task: Task
    made: str
    command: str
    machine: dict[str, Any]
    figures: tuple[Figure, ...]
    records: tuple[Record, ...]
    plots: tuple[str, ...] = ()
    plots_note: str = ""

    @property
    def missed(self) -> int:
        """Figures that do not reach their goal."""
        return sum(figure.verdict is Verdict.MISSED for figure in self.figures)

    @property
    def not_measured(self) -> int:
        """Figures without a value."""
        return sum(figure.verdict is Verdict.NOT_MEASURED for figure in self.figures)

    def to_json(self) -> dict[str, Any]:
        """For report.json: everything, and all numbers as the measurements answered them."""
        return {
            "model": self.task.manifest.identifier,
            "made": self.made,
            "command": self.command,
            "machine": self.machine,
            "figures": [figure.to_json() for figure in self.figures],
            "runs": [record.to_json() for record in self.records],
            "plots": list(self.plots),
            "plots_note": self.plots_note,
        }

    def to_markdown(self) -> str:
        """For report.md."""
        return (
            "\n".join([*self._head(), *self._figures(), *self._pictures(), *self._tables(), *self._commands()]) + "\n"
        )

    def _head(self) -> Iterator[str]:
        machine, task = self.machine, self.task
        yield f"# {task.manifest.identifier}: speed, memory and agreement"
        yield ""
        yield f"Made on {self.made} by `{self.command}`, by Steppe {machine['steppe']}."
        yield (
            "Machines differ and are shared: compare figures of one run with each other, not with those of another run."
        )
        if not task.sizes.goals_apply:
            yield "Scenes are small (`--quick`), so goals for whole tiles are not judged."
        yield ""
        names = {"memory_gb": "memory, GB", "load_average": "load before the start"}
        yield from _table(
            ("machine", ""),
            [
                (names.get(key, key), ", ".join(value) or "-" if isinstance(value, list) else str(value))
                for key, value in machine.items()
            ],
        )

    def _figures(self) -> Iterator[str]:
        numbers = _recipe_numbers(self.figures)
        yield "## Figures"
        yield ""
        for group in dict.fromkeys(figure.group for figure in self.figures):
            yield f"### {group}"
            yield ""
            rows = [
                (
                    figure.title,
                    figure.value_text,
                    figure.goal_text,
                    _MARKS.get(figure.verdict, str(figure.verdict)),
                    figure.note,
                    f"[{numbers[figure.commands]}](#commands)" if figure.commands else "",
                )
                for figure in self.figures
                if figure.group == group
            ]
            yield from _table(("figure", "value", "goal", "", "note", "command"), rows)

    def _pictures(self) -> Iterator[str]:
        yield "## Plots"
        yield ""
        for name in self.plots:
            yield f"![{_CAPTIONS[name]}]({name})"
            yield ""
        if self.plots_note:
            yield self.plots_note
            yield ""

    def _tables(self) -> Iterator[str]:
        book = Book(self.records)
        yield "## All runtimes and precisions"
        yield ""
        yield f"{self.task.sizes.tile.title} pixels, megapixels of the scene per second; medians of {self.task.rounds}."
        yield ""
        rows = list(engine_rows(self.task, book))
        heads = ("runtime", "decoding", "model", "end to end", "of the model", "of the first", "peak memory, MB")
        yield from _table(heads, [_engine_cells(row, rows[0]) for row in rows])
        yield "## Sizes"
        yield ""
        columns = ("scene", "megapixels", "model", "end to end", "computed per pixel", "peak memory, MB")
        yield from _table(
            columns,
            [
                (
                    row.size.title,
                    f"{row.size.megapixels:.1f}",
                    f"{row.model:.2f}",
                    f"{row.whole:.2f}",
                    f"{row.redundancy:.3f}",
                    f"{row.peak_mb:.0f}",
                )
                for row in size_rows(self.task, book)
            ],
        )
        yield "## Stages"
        yield ""
        yield (
            "Busy seconds of all processors; stages overlap. Reading and the model are what they take alone on the "
            "same scene, other is what is left. The run is the second one of its process, the model has warmed up."
        )
        yield ""
        yield from _table(
            ("run", *(STAGE_TITLES[name] for name in STAGES), "wall", "of it after the last row"),
            [
                (row.title, *(f"{seconds:.2f}" for seconds in (*row.busy_s, row.wall_s, row.finish_wall_s)))
                for row in stage_rows(self.task, book)
            ],
        )

    def _commands(self) -> Iterator[str]:
        yield "## Commands"
        yield ""
        for commands, number in _recipe_numbers(self.figures).items():
            yield f"{number}. {'; '.join(f'`{command}`' for command in commands)}"


def _recipe_numbers(figures: Sequence[Figure]) -> dict[tuple[str, ...], int]:
    recipes = dict.fromkeys(figure.commands for figure in figures if figure.commands)
    return {commands: number for number, commands in enumerate(recipes, start=1)}


def _engine_cells(row: EngineRow, first: EngineRow) -> tuple[str, ...]:
    rates = (
        f"{rate:.2f}" for rate in (row.decode, row.model, row.whole, row.whole / row.model, row.whole / first.whole)
    )
    return (row.title, *rates, f"{row.peak_mb:.0f}")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, or a line where there is nothing."""
    if not rows:
        yield "Not measured."
        yield ""
        return
    for cells in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    yield ""
