"""``steppe train settle``: a network whose windows agree with its answers for whole scenes."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from lightning.pytorch.cli import instantiate_module
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from landcover.errors import ConfigError, OutputNotWritable, WindowError, WrongUse
from landcover.raster.digest import file_digest
from landcover.tiling import MARGIN, TilePlan
from models.networks import NetworkOptions
from training.candidates import check_fits, checkpoint_candidate, device_of
from training.checkpoints import read_checkpoint, write_checkpoint
from training.config import data_from_config
from training.inference import SITES_KEY, Predictor, load_task, torch_predictor
from training.origins import SETTLED_KEY, kept_origins
from training.scenes import Scene
from training.settle.borders import with_borders
from training.settle.crops import POOL_PIXELS, SIDES, Answered, answered
from training.settle.figures import tally
from training.settle.tuning import TuningChoice, settle
from training.task import LandCoverTask

REPLICATE_FROM: Final = 16
"""Coarseness from which borders are repeated, see `models.networks.UNet`; finer layers gained nothing."""


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe train settle``.

    Returns:
        Exit code.

    Raises:
        SteppeError: The checkpoint or the data do not fit, the result cannot be written, or the tuning diverges.
    """
    options = _parser().parse_args(arguments)
    if options.output.exists():
        raise OutputNotWritable(f"{options.output.name!r} exists; give the result a name of its own")
    choice = _choice(options)
    stored, task = read_checkpoint(options.checkpoint), load_task(options.checkpoint)
    device, (kept, held_out) = device_of(options.device), _scenes(options, task)
    tuned = _with_borders(stored, task, options.replicate_from)
    for each in (task, tuned):
        each.to(device)
    predict = torch_predictor(task.scene_net, temperature=choice.temperature)
    pool = _pool(kept, predict)
    with _bar("steps", choice.steps) as advance:
        tuned.scene_net = settle(tuned.scene_net, pool, choice, lambda _, loss: advance(f"loss {loss:.5f}"))
    write_checkpoint(_settled(stored, tuned.cpu(), options.checkpoint, kept), options.output)
    _say(f"wrote {options.output}: {choice.steps} steps on {len(pool)} scenes")
    if held_out:
        after = torch_predictor(tuned.to(device).scene_net, temperature=choice.temperature)
        for line in tally(held_out, predict, after, tile=options.tile, overlap=options.overlap).lines():
            _say(line)
    return 0


def _choice(options: argparse.Namespace) -> TuningChoice:
    """The numbers of the command line, before minutes are spent.

    Raises:
        WrongUse: One of them cannot be.
    """
    if options.replicate_from < 0:
        raise WrongUse(f"--replicate-from is {options.replicate_from}; give a number of pixels, or 0 for none")
    try:
        TilePlan(options.tile, options.tile, options.tile, options.overlap, MARGIN)
    except WindowError as error:
        raise WrongUse(f"--tile and --overlap: {error}") from error
    return TuningChoice(
        steps=options.steps,
        rate=options.rate,
        temperature=options.temperature,
        seed=options.seed,
        bfloat16=not options.float32,
    )


def _scenes(options: argparse.Namespace, task: LandCoverTask) -> tuple[list[Scene], list[Scene]]:
    """Training scenes to settle on, and those that are left out.

    Raises:
        ConfigError: The network is of two dates.
        WrongUse: A pattern fits no scene, or they fit all.
    """
    data = data_from_config(options.config)
    check_fits(checkpoint_candidate(options.checkpoint), data.facts)
    if task.inputs.dates > 1:
        raise ConfigError(f"{options.checkpoint.name} compares two dates; only networks of one date can be settled")
    scenes = data.scenes("train")
    kept = [scene for scene in scenes if not _named(scene, options.leave_out)]
    held_out = [scene for scene in scenes if _named(scene, options.leave_out)]
    for pattern in options.leave_out:
        if not any(_named(scene, [pattern]) for scene in scenes):
            raise WrongUse(f"--leave-out {pattern!r} fits none of the {len(scenes)} training scenes, nor their sites")
    if not kept:
        raise WrongUse(f"--leave-out leaves none of {len(scenes)} training scenes to settle on; leave fewer out")
    return kept, held_out


def _pool(scenes: Sequence[Scene], predict: Predictor) -> list[Answered]:
    """The network's answers for scenes, as many as memory is meant to take.

    Raises:
        ConfigError: No scene is large enough.
    """
    pool: list[Answered] = []
    pixels = 0
    with _bar("scenes in one pass", len(scenes)) as advance:
        for seen, scene in enumerate(scenes):
            if pixels > POOL_PIXELS:
                _say(f"{len(scenes) - seen} of {len(scenes)} scenes are left out: the others have {pixels:,} pixels")
                break
            for one in answered([scene], predict):
                pool.append(one)
                pixels += one.known_HW.size
            advance("")
    if not pool:
        raise ConfigError(f"no training scene has {SIDES[0] - 2 * MARGIN} pixels each way, so no window can be cut")
    return pool


def _with_borders(stored: dict[str, Any], task: LandCoverTask, replicate_from: int) -> LandCoverTask:
    """The task with other borders, which go into the stored choices, too.

    Raises:
        ConfigError: The network has no such option, or not that value.
    """
    choices = stored["hyper_parameters"]
    if choices["network"].get("options", {}).get("replicate_from", 0) == replicate_from:
        return copy.deepcopy(task)
    choices["network"] = with_borders(choices["network"], replicate_from)
    try:
        changed = instantiate_module(LandCoverTask, {name: choices[name] for name in choices if name[0] != "_"})
    except NetworkOptions as error:
        raise ConfigError(
            f"--replicate-from {replicate_from}: {error}; pass 0 for a network that has no such option"
        ) from error
    changed.load_state_dict(task.state_dict())
    return changed.eval()


def _settled(stored: dict[str, Any], task: LandCoverTask, path: Path, scenes: Sequence[Scene]) -> dict[str, Any]:
    """The checkpoint with other weights; it scores, predicts and is published like any other."""
    kept = ("pytorch-lightning_version", "hyper_parameters", "epoch", "global_step", "loops")
    sites = {*stored.get(SITES_KEY, ()), *(scene.info.site for scene in scenes)}
    return {
        **{name: stored[name] for name in kept if name in stored},
        "state_dict": task.state_dict(),
        SITES_KEY: sorted(sites),
        **kept_origins(stored),
        SETTLED_KEY: [file_digest(path)],
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _named(scene: Scene, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (scene.info.site, scene.info.name))


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error where that is a terminal; called once for each part, with a remark."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda remark: progress.update(bar, advance=1, description=f"{title} {remark}".strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe train settle",
        description="Tune a trained network of one date until its windows agree with what it answers for whole scenes, "
        "so that maps have fewer seams. Its own answers are the labels. Takes about a second a step on two cores.",
    )
    usual = TuningChoice()
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration: the data")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the trained network")
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--steps", type=int, default=usual.steps, help="default: %(default)s")
    parser.add_argument("--rate", type=float, default=usual.rate, help="largest learning rate (%(default)s)")
    parser.add_argument(
        "--temperature",
        type=float,
        default=usual.temperature,
        help="that of the published graph, where it is known: below 1 pixels near the border of two classes count more",
    )
    parser.add_argument(
        "--replicate-from",
        type=int,
        default=REPLICATE_FROM,
        metavar="PIXELS",
        help="layers whose pixels are this many pixels wide, or wider, repeat their border instead of laying zeros "
        "around it; 0 for none (%(default)s)",
    )
    parser.add_argument(
        "--device", default="cpu", help="torch device, or auto for a GPU where there is one (%(default)s)"
    )
    parser.add_argument(
        "--float32", action="store_true", help="compute in float32: faster on a CPU without bfloat16 instructions"
    )
    parser.add_argument("--seed", type=int, default=usual.seed, help="of the windows (%(default)s)")
    parser.add_argument(
        "--leave-out",
        nargs="+",
        default=[],
        metavar="SITE",
        help="do not tune on these sites or scenes (patterns such as 'pisa*'), but measure on them what tuning did",
    )
    parser.add_argument("--tile", type=int, default=512, help="side of the windows that are measured (%(default)s)")
    parser.add_argument("--overlap", type=int, default=32, help="pixels that they share (%(default)s)")
    return parser
