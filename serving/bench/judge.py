"""From what was measured to the figures of the report, each beside its goal."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from landcover.precision import Precision
from serving.backends.gpu import PROVIDERS as GPU_PROVIDERS
from serving.bench.campaign import Record
from serving.bench.engines import Kind
from serving.bench.figures import Figure, Goal, Sense
from serving.bench.plan import Extent, Key, Task

WANT_IMAGES: Final = "give --images"
ELSEWHERE: Final = "the goal is for whole tiles, these scenes are small"

SHARE_GOAL: Final = Goal(Sense.AT_LEAST, 0.9)
REDUNDANCY_GOAL: Final = Goal(Sense.BELOW, 1.15)
INT8_GOAL: Final = Goal(Sense.AT_LEAST, 2.5)
INT8_CHANGE_GOAL: Final = Goal(Sense.AT_MOST, 0.5)
MEMORY_GOAL: Final = Goal(Sense.BELOW, 1000)
WIDE_MEMORY_GOAL: Final = Goal(Sense.BELOW, 1500)
START_GOAL: Final = Goal(Sense.AT_MOST, 2.5)
ONE_PASS_GOAL: Final = Goal(Sense.AT_MOST, 0.2)
SAME_GOAL: Final = Goal(Sense.AT_MOST, 0)

type Value = Callable[..., float | None]
"""A figure from what the measurements answered, in one round."""


class Book:
    """The records by name.

    Args:
        records: in the order in which they were measured.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records: dict[Key, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.key, []).append(record)

    def names(self) -> list[Key]:
        """All names, the first measured one first."""
        return list(self._records)

    def answers(self, key: Key) -> list[Record]:
        """The rounds of a measurement that worked."""
        return [record for record in self._records.get(key, []) if record.problem is None]

    def problem(self, key: Key) -> str:
        """Why there are none."""
        found = self._records.get(key)
        return (found[0].problem or "") if found else WANT_IMAGES

    def commands(self, keys: Sequence[Key]) -> tuple[str, ...]:
        """What makes these measurements alone, each command once."""
        return tuple(
            dict.fromkeys(
                command for key in keys for record in self._records.get(key, []) for command in record.commands
            )
        )

    def median(self, key: Key, name: str) -> float | None:
        """Median of a number over the rounds; None where it was not measured."""
        found = [float(record.figures[name]) for record in self.answers(key)]
        return statistics.median(found) if found else None

    def figure(self, keys: Sequence[Key], value: Value, **facts: Any) -> Figure:
        """Median over the rounds of what ``value`` makes of the answers; not measured where one of them is missing."""
        rounds = [[record.figures for record in self.answers(key)] for key in keys]
        commands = self.commands(keys)
        if not all(rounds):
            missing = dict.fromkeys(self.problem(key) for key, found in zip(keys, rounds, strict=True) if not found)
            facts["note"] = "; ".join(missing)
            return Figure(value=None, commands=commands, **facts)
        found = [one for each in zip(*rounds, strict=False) if (one := value(*each)) is not None]
        return Figure(value=statistics.median(found) if found else None, commands=commands, **facts)


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes the figures.

    Attributes:
        task: what the report is about.
        book: what was measured.
    """

    task: Task
    book: Book

    def figures(self) -> list[Figure]:
        """All rows, in the order of the report; what was not measured says why."""
        return [
            *self._fp32(),
            *self._int8(),
            *self._parity(),
            *self._gpus(),
            *self._memory(),
            *self._start(),
            *self._windows(),
            *self._same(),
            *self._averaging(),
        ]

    def _of(self, *precisions: Precision) -> list[Kind]:
        return [kind for kind in self.task.kinds if kind.precision in precisions]

    def _on_tiles(self) -> dict[str, Any]:
        applies = self.task.sizes.goals_apply
        return {"judged": applies, "note": f"{self.task.sizes.tile.title}" if applies else ELSEWHERE}

    def _fp32(self) -> Iterator[Figure]:
        group = "One tile in fp32"
        for kind in self._of(Precision.FP32):
            if kind.provider == "cpu":
                yield self.book.figure(
                    [engine_key(kind)],
                    _share_of_bare,
                    group=group,
                    title=f"{kind.provider}: end to end, of the rate of bare ONNX Runtime on ready arrays",
                    goal=SHARE_GOAL,
                    **self._on_tiles(),
                )
            yield self.book.figure(
                [engine_key(kind)],
                _share,
                group=group,
                title=f"{kind.provider}: end to end, of the rate of the model alone, two calls at a time",
                goal=SHARE_GOAL,
                **self._on_tiles(),
            )
        yield self.book.figure(
            [engine_key(self.task.kinds[0])],
            lambda figures: figures["redundancy"],
            group=group,
            title="pixels computed per pixel of the tile, by overlap of windows",
            goal=REDUNDANCY_GOAL,
            **self._on_tiles(),
        )

    def _int8(self) -> Iterator[Figure]:
        group = "8 bits"
        eight = self._of(Precision.INT8)
        if not eight:
            yield Figure(
                group=group,
                title="int8 against fp32",
                value=None,
                note=f"{self.task.manifest.identifier} has no int8 variant",
            )
        for kind in eight:
            plain = Kind(kind.provider, Precision.FP32)
            yield self.book.figure(
                [engine_key(kind), engine_key(plain)],
                _gain,
                group=group,
                title=f"{kind.provider}: end to end in int8, of the rate in fp32",
                unit="times",
                goal=INT8_GOAL,
                **self._on_tiles(),
            )
        yield from self._across(eight, group)
        for kind in eight:
            plain = Kind(kind.provider, Precision.FP32)
            yield self._difference(
                kind,
                plain,
                group=group,
                title=f"{kind.provider}: pixels with another class in int8 than in fp32",
                goal=INT8_CHANGE_GOAL,
            )

    def _across(self, eight: Sequence[Kind], group: str) -> Iterator[Figure]:
        """The fastest runtime in 8 bits against the reference, where they are not the same runtime."""
        reference = self.task.kinds[0]
        rates = {kind: self.book.median(engine_key(kind), "end_to_end_mpx_s") or 0.0 for kind in eight}
        best = max(rates, key=rates.__getitem__, default=reference)
        if best.provider != reference.provider:
            yield self.book.figure(
                [engine_key(best), engine_key(reference)],
                _gain,
                group=group,
                title=f"end to end, {best.title} of {reference.title}",
                unit="times",
                note="two runtimes",
            )

    def _parity(self) -> Iterator[Figure]:
        """Each runtime against the reference's, on the same graph."""
        first = self.task.kinds[0]
        for kind in self.task.kinds:
            other = Kind(first.provider, kind.precision.graph)
            if kind != other and other in self.task.kinds:
                yield self._difference(
                    kind,
                    other,
                    group="Parity of runtimes",
                    title=f"pixels with another class, {kind.title} than {other.title}",
                )
        if len({kind.provider for kind in self.task.kinds}) == 1:
            yield Figure(
                group="Parity of runtimes",
                title="pixels with another class, another runtime than ONNX Runtime",
                value=None,
                note="one runtime is installed or chosen",
            )

    def _difference(self, one: Kind, other: Kind, **facts: Any) -> Figure:
        wanted = {one.title, other.title}

        def percent(figures: Mapping[str, Any]) -> float | None:
            return next(
                (float(pair["percent"]) for pair in figures["pairs"] if {pair["one"], pair["other"]} == wanted), None
            )

        found = self.book.answers(("agreement",))
        note = f"{found[0].figures['pixels']:,} pixels of {found[0].figures['images']} images" if found else ""
        return self.book.figure([("agreement",)], percent, unit="%", note=note, **facts)

    def _gpus(self) -> Iterator[Figure]:
        group = "NVIDIA GPUs"
        kinds = [kind for kind in self.task.kinds if kind.provider in GPU_PROVIDERS]
        for kind in kinds:
            yield self.book.figure(
                [engine_key(kind)],
                _of_the_limit,
                group=group,
                title=f"{kind.title}: end to end, of the slower of decoding alone and the model alone",
                note="no GPU makes a scene faster than its file can be read",
            )
        if not kinds:
            note = "no GPU provider is in this installation, or none was chosen (docs/gpu.md)"
            yield Figure(group=group, title="CUDA and TensorRT, with decoding as the limit", value=None, note=note)

    def _memory(self) -> Iterator[Figure]:
        group, sizes = "Memory", self.task.sizes
        keys = height_keys(self.task, self.book)
        last = keys[-1]
        yield self.book.figure(
            keys,
            lambda *each: max(figures["peak_memory_mb"] for figures in each),
            group=group,
            title=f"largest peak over heights up to {sizes.tile.height} at a width of {sizes.tile.width}",
            unit="MB",
            goal=MEMORY_GOAL,
            judged=sizes.goals_apply,
            note="" if sizes.goals_apply else ELSEWHERE,
        )
        yield self.book.figure(
            [keys[0], last],
            lambda low, high: high["peak_memory_mb"] - low["peak_memory_mb"],
            group=group,
            title="growth of the peak from the lowest to the highest of these",
            unit="MB",
        )
        yield self.book.figure(
            [size_key(sizes.wide)],
            lambda figures: figures["peak_memory_mb"],
            group=group,
            title=f"peak at a width of {sizes.wide.width}",
            unit="MB",
            goal=WIDE_MEMORY_GOAL,
            judged=sizes.goals_apply,
            note="" if sizes.goals_apply else ELSEWHERE,
        )

    def _start(self) -> Iterator[Figure]:
        key = ("start",)
        found = [record.seconds for record in self.book.answers(key)]
        note = "all: " + ", ".join(f"{seconds:.2f}" for seconds in found) if found else self.book.problem(key)
        yield Figure(
            group="Start-up",
            title=f"steppe classify on {self.task.sizes.start.title} pixels, the whole process",
            value=statistics.median(found) if found else None,
            unit="s",
            goal=START_GOAL,
            note=note,
            commands=self.book.commands([key]),
        )

    def _windows(self) -> Iterator[Figure]:
        group, found = "Windows", self.book.answers(("windows",))
        for size in self.task.window_sizes:
            tally = found[0].figures["sizes"][size] if found else {}
            note = (
                f"{tally['pixels']:,} pixels of {tally['images']} images; worst {tally['worst_percent']} %"
                if tally
                else ""
            )
            yield self.book.figure(
                [("windows",)],
                lambda figures, size=size: figures["sizes"][size]["percent"],
                group=group,
                title=f"pixels with another class in windows of {size} than in one pass",
                unit="%",
                goal=ONE_PASS_GOAL if size.startswith("512/") else None,
                note=note,
            )
            yield self.book.figure(
                [("windows",)],
                lambda figures, size=size: figures["sizes"][size]["seam_percent"],
                group=group,
                title=f"seam score with windows of {size}",
                unit="%",
            )

    def _same(self) -> Iterator[Figure]:
        for kind in self._of(Precision.FP32):
            key = ("repeat", kind.provider)
            for name, what in (("batch", "batch sizes"), ("threads", "numbers of threads")):
                yield self.book.figure(
                    [key],
                    lambda figures, name=name: figures[f"different_by_{name}"],
                    group="The same map, bit for bit",
                    title=f"{kind.provider}: pixels that depend on {what}",
                    unit="pixels",
                    goal=SAME_GOAL,
                    note=self._compared(key, name),
                )

    def _compared(self, key: Key, name: str) -> str:
        found = self.book.answers(key)
        if not found:
            return ""
        values = found[0].figures["batch_sizes" if name == "batch" else "threads"]
        return f"{', '.join(map(str, values))}; {found[0].figures['pixels']:,} pixels, class and confidence"

    def _averaging(self) -> Iterator[Figure]:
        yield self.book.figure(
            [("tta", "none"), ("tta", "flips")],
            _gain,
            group="Test-time augmentation",
            title="time end to end with --tta flips, of that without",
            unit="times",
            note=self.task.sizes.small.title,
        )


def engine_key(kind: Kind) -> Key:
    """Name of a runtime's measurement on the tile."""
    return ("engine", *kind)


def size_key(size: Extent) -> Key:
    """Name of a scene's measurement."""
    return ("size", str(size.height), str(size.width))


def height_keys(task: Task, book: Book) -> list[Key]:
    """Measurements of scenes as wide as the tile, lowest first, the tile last, by one and the same engine."""
    cuts = [size_key(size) for size in task.sizes.cuts if size.width == task.sizes.tile.width]
    return [*cuts, engine_key(Kind(usual_provider(task, book), Precision.FP32))]


def usual_provider(task: Task, book: Book) -> str:
    """The provider that ran where none was named."""
    for key in book.names():
        for record in book.answers(key) if key[0] == "size" else []:
            return str(record.figures["provider"])
    return task.usual


def _share_of_bare(figures: Mapping[str, Any]) -> float | None:
    bare = figures.get("bare_mpx_s")
    return float(figures["end_to_end_mpx_s"] / bare) if bare else None


def _share(figures: Mapping[str, Any]) -> float:
    return float(figures["end_to_end_mpx_s"] / figures["model_mpx_s"])


def _gain(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return float(one["end_to_end_mpx_s"] / other["end_to_end_mpx_s"])


def _of_the_limit(figures: Mapping[str, Any]) -> float:
    return float(figures["end_to_end_mpx_s"] / min(figures["decode_mpx_s"], figures["model_mpx_s"]))
