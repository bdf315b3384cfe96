"""What the report measures: a list of commands, each of which can be run alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landcover.errors import ConfigError
from landcover.manifest import Manifest
from landcover.precision import Precision
from serving.bench.engines import Kind, engine_kinds
from serving.bench.runs import Word, shown
from serving.bench.scenes import BANDS, scene_bytes
from serving.engine import AUTO, EXTRAS, PROVIDERS

type Key = tuple[str, ...]
"""Name of a measurement."""

STARTS: Final = 3
"""Start-ups that are timed; the first one also reads the programs from the disk."""

MAP_COPIES: Final = 3
"""Room for a map: as rows, as finished file with overviews, and to spare; of one byte a pixel."""

# Seconds for a megapixel on two cores, only to say how long the report will take.
_PACE: Final = {Precision.FP32: 1.0, Precision.BF16: 0.7, Precision.FP16: 0.3, Precision.INT8: 0.5}
_MAKING: Final = 0.5
_OVERHEAD: Final = 4.0
_ALONE: Final = 10.0
_FLIPS: Final = 4
_IMAGE_BYTES: Final = 14e6
"""Bytes of an image per megapixel, about."""


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """Size of a synthetic scene."""

    height: int
    width: int

    @property
    def megapixels(self) -> float:
        """Pixels in millions."""
        return self.height * self.width / 1e6

    @property
    def title(self) -> str:
        """Columns x rows."""
        return f"{self.width} x {self.height}"

    @property
    def file_name(self) -> str:
        """Of its file."""
        return f"scene_{self.width}x{self.height}.tif"

    @property
    def needed_bytes(self) -> int:
        """Room for the scene and for its map in the making."""
        return scene_bytes(self.height, self.width) + MAP_COPIES * self.height * self.width

    def making(self, folder: Path) -> tuple[Word, ...]:
        """The command that makes it."""
        size = ("--side", str(self.height), *(("--width", str(self.width)) if self.width != self.height else ()))
        return ("bench", "make-scene", folder / self.file_name, *size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Scenes of one kind of report.

    Attributes:
        tile: the scene of the main figures, a whole Sentinel-2 tile.
        cuts: further scenes, for rate and memory against size; those as wide as the tile show the effect of height.
        wide: a wider scene.
        start: scene whose classification is timed from the start of the process.
        small: scene on which averaging over flips and none are compared.
        repeat: scene that is mapped again and again.
        goals_apply: whether the goals for rate and memory are for such scenes.
    """

    tile: Extent
    cuts: tuple[Extent, ...]
    wide: Extent
    start: Extent
    small: Extent
    repeat: Extent
    goals_apply: bool


FULL: Final = Sizes(
    tile=Extent(10980, 10980),
    cuts=(
        Extent(512, 512),
        Extent(2048, 2048),
        Extent(1024, 10980),
        Extent(2048, 10980),
        Extent(4096, 10980),
        Extent(7168, 10980),
    ),
    wide=Extent(2048, 30_000),
    start=Extent(512, 512),
    small=Extent(2048, 2048),
    repeat=Extent(512, 2048),
    goals_apply=True,
)
QUICK: Final = Sizes(
    tile=Extent(2048, 2048),
    cuts=(Extent(512, 512), Extent(512, 2048), Extent(1024, 2048)),
    wide=Extent(512, 4096),
    start=Extent(512, 512),
    small=Extent(1024, 1024),
    repeat=Extent(320, 1280),
    goals_apply=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the report is about.

    Attributes:
        model: the model as it was asked for.
        manifest: its manifest.
        sizes: of the synthetic scenes.
        kinds: runtimes and precisions to measure, the reference first.
        providers: the caller's choice; empty = all.
        images: folder with real images, or None.
        rounds: how often all runtimes are measured on the tile, in turn.
    """

    model: str
    manifest: Manifest
    sizes: Sizes
    kinds: tuple[Kind, ...]
    providers: tuple[str, ...] = ()
    images: Path | None = None
    rounds: int = 1

    @property
    def default(self) -> tuple[str, ...]:
        """Option for the provider of the figures that are measured once: what a user gets who names none."""
        return ("--provider", self.usual) if self.providers else ()

    @property
    def usual(self) -> str:
        """The provider of these figures, where all that is installed works."""
        present = {kind.provider for kind in self.kinds}
        return next((name for name in AUTO if name in present), self.kinds[0].provider)

    @property
    def window_sizes(self) -> tuple[str, ...]:
        """Windows to compare with one pass: those of the goal, and the model's own."""
        own = f"{self.manifest.tile_size}/{self.manifest.overlap}"
        return tuple(dict.fromkeys((f"512/{min(self.manifest.overlap, 480)}", own)))


def make_task(
    model: str,
    manifest: Manifest,
    sizes: Sizes,
    *,
    providers: Sequence[str] = (),
    images: Path | None = None,
    rounds: int = 1,
) -> Task:
    """Check what was asked for.

    Raises:
        ConfigError: when the model takes other scenes than the synthetic ones, or a provider is not there.
    """
    missing = [band for band in manifest.bands if band not in BANDS]
    if missing or manifest.dates != 1:
        reason = f"it wants {', '.join(missing)}" if missing else f"it compares images of {manifest.dates} dates"
        raise ConfigError(
            f"model {manifest.identifier} cannot be measured on synthetic Sentinel-2 scenes with {', '.join(BANDS)}: "
            f"{reason}; choose a model for one Sentinel-2 image with --model"
        )
    kinds = tuple(engine_kinds(manifest, providers))
    for name in providers:
        if name not in PROVIDERS:
            raise ConfigError(f"provider {name!r} is not known; use {' or '.join(PROVIDERS)}")
        if name not in {kind.provider for kind in kinds}:
            raise ConfigError(f"provider {name!r} is not in this installation; install {EXTRAS[name]} or leave it out")
    return Task(
        model=model,
        manifest=manifest,
        sizes=sizes,
        kinds=kinds,
        providers=tuple(providers),
        images=images,
        rounds=rounds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One measurement.

    Attributes:
        key: its name.
        label: what is shown while it runs.
        words: the command.
        seconds: how long it may take on two cores.
        scene: the synthetic scene it wants, or None.
    """

    key: Key
    label: str
    words: tuple[Word, ...]
    seconds: float
    scene: Extent | None = None

    def recipe(self, folder: Path) -> tuple[str, ...]:
        """All that makes the figure, as people type it."""
        return (*((shown(self.scene.making(folder)),) if self.scene else ()), shown(self.words))


def plan_steps(task: Task, folder: Path) -> list[Step]:
    """All measurements, small ones first; those of one scene follow each other where they can.

    Args:
        task: what the report is about.
        folder: where the scenes will be.
    """
    steps = [
        *_start_steps(task, folder),
        *_augmentation_steps(task, folder),
        *_repeat_steps(task, folder),
        *_image_steps(task),
    ]
    steps += [
        _scene_step(("size", *map(str, (size.height, size.width))), size, folder, (*_model(task), *task.default))
        for size in (*task.sizes.cuts, task.sizes.wide)
    ]
    for number in range(task.rounds):
        steps += _engine_steps(task, folder, split=number == 0)
    return steps


def room_needed(steps: Sequence[Step]) -> int:
    """Bytes of disk for the largest scenes that are there at the same time."""
    uses: dict[Extent, list[int]] = {}
    for index, step in enumerate(steps):
        if step.scene:
            uses.setdefault(step.scene, []).append(index)
    return max(
        (
            sum(scene.needed_bytes for scene, at in uses.items() if at[0] <= index <= at[-1])
            for index in range(len(steps))
        ),
        default=0,
    )


def _start_steps(task: Task, folder: Path) -> list[Step]:
    scene = task.sizes.start
    words = ("classify", folder / scene.file_name, "-o", folder / "map.tif", *_model(task), *task.default, "--json")
    step = Step(key=("start",), label=f"start-up on {scene.title}", words=words, seconds=_OVERHEAD, scene=scene)
    return [step] * STARTS


def _augmentation_steps(task: Task, folder: Path) -> list[Step]:
    scene, options = task.sizes.small, (*_model(task), *task.default)
    return [
        _scene_step(("tta", name), scene, folder, (*options, "--tta", name), work=work, label=f"--tta {name}")
        for name, work in (("none", 1), ("flips", _FLIPS))
    ]


def _repeat_steps(task: Task, folder: Path) -> list[Step]:
    scene = task.sizes.repeat
    return [
        Step(
            key=("repeat", kind.provider),
            label=f"batch sizes and threads, {kind.title}",
            words=("bench", "repeat", folder / scene.file_name, *_model(task), *_options(kind), "--json"),
            seconds=_OVERHEAD * 3 + scene.megapixels * 8,
            scene=scene,
        )
        for kind in task.kinds
        if kind.precision is Precision.FP32
    ]


def _image_steps(task: Task) -> list[Step]:
    if task.images is None:
        return []
    megapixels = sum(path.stat().st_size for path in task.images.rglob("*") if path.is_file()) / _IMAGE_BYTES
    chosen = [part for name in task.providers for part in ("--provider", name)]
    return [
        Step(
            key=("agreement",),
            label="agreement of runtimes and precisions on the images",
            words=("bench", "agreement", task.images, *_model(task), *chosen, "--json"),
            seconds=sum(_OVERHEAD + megapixels * _PACE[kind.precision] * 1.4 for kind in task.kinds),
        ),
        Step(
            key=("windows",),
            label="windows against one pass on the images",
            words=("bench", "windows", task.images, *task.window_sizes, *_model(task), *task.default, "--json"),
            seconds=_OVERHEAD + megapixels * (1 + 1.4 * len(task.window_sizes)),
        ),
    ]


def _engine_steps(task: Task, folder: Path, *, split: bool) -> Iterator[Step]:
    """Every runtime on the tile; of the usual one also how the work is split."""
    scene = task.sizes.tile
    for kind in task.kinds:
        stages = split and kind.provider == task.usual and kind.precision in {Precision.FP32, Precision.INT8}
        options = (*_model(task), *_options(kind), *(("--stages",) if stages else ()))
        work = _PACE[kind.precision] * (2 if stages else 1)
        yield _scene_step(("engine", *kind), scene, folder, options, work=work, label=kind.title)


def _scene_step(
    key: Key, scene: Extent, folder: Path, options: tuple[Word, ...], *, work: float = 1, label: str = "scene"
) -> Step:
    return Step(
        key=key,
        label=f"{label}, {scene.title}",
        words=("bench", "scene", folder / scene.file_name, *options, "--json"),
        seconds=_OVERHEAD + scene.megapixels * (work + _MAKING) + min(_ALONE, scene.megapixels * work),
        scene=scene,
    )


def _model(task: Task) -> tuple[Word, ...]:
    return ("--model", task.model)


def _options(kind: Kind) -> tuple[Word, ...]:
    return ("--provider", kind.provider, "--precision", str(kind.precision))
