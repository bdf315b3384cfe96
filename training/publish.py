"""``steppe publish``: calibrate, export, evaluate, compare, judge, and write a bundle; or refuse and write nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from landcover.bundle import Bundle, write_bundle
from landcover.manifest import Manifest
from training.config import read_yaml
from training.evaluate import print_evaluation
from training.gate_options import add_gate_options, print_gate
from training.order import Order, public_command
from training.publication import Result, contents, measure, prepare
from training.variants import Int8Refused


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: everything after ``steppe publish``.

    Returns:
        Exit code.
    """
    options = _parser().parse_args(arguments)
    order = Order(
        config=options.config,
        text=read_yaml(options.publish),
        checkpoint=options.checkpoint,
        version=options.version,
        output=options.output,
        champion=options.champion,
        override=options.force,
        dry_run=options.dry_run,
        require_int8=options.require_int8,
        command=public_command(["steppe", "publish", *arguments]),
    )
    bundle = publish(order, Console())
    if bundle is not None:
        sys.stdout.write(f"wrote {bundle.manifest.identifier}, sha256 of its manifest {bundle.digest}\n")
    return 0


def publish(order: Order, console: Console) -> Bundle | None:
    """Calibrate, export, evaluate, compare, judge and write.

    Args:
        order: what to publish.
        console: takes tables and what was decided.

    Returns:
        The bundle, None for a dry run.

    Raises:
        ConfigError: the publishing configuration, the split or the champion cannot be used.
        ParityError: an exported graph disagrees with the network or depends on the batch.
        GateRefused: the champion is better and nobody overrode the gate.
        Int8Refused: the int8 variant is required and loses too much.
        OutputNotWritable: that version exists.
    """
    work = prepare(order)
    result = measure(work, console)
    _print(result, console)
    if order.require_int8 and result.int8 and result.int8.refusal:
        raise Int8Refused(f"{result.int8.refusal.removesuffix('; only fp32 is published')}; nothing was published")
    result.verdict.enforce()
    manifest, files = contents(work, result)
    if order.dry_run:
        _print_files(manifest, files, console)
        return None
    return write_bundle(order.output, manifest, files)


def _print(result: Result, console: Console) -> None:
    print_evaluation(result.evaluation, console)
    if result.int8 is not None:
        found = result.int8.variant
        console.print(
            f"int8: mean IoU {found.macro_iou or 0:.4f} (fp32 {found.fp32_macro_iou or 0:.4f}), overall accuracy "
            f"{found.overall_accuracy or 0:.4f} (fp32 {found.fp32_overall_accuracy or 0:.4f}), "
            f"{found.agreement_percent:.2f} % of the pixels alike",
            highlight=False,
        )
        if result.int8.refusal:
            console.print(f"int8 refused: {result.int8.refusal}", style="yellow", highlight=False)
    print_gate(result.verdict, console)


def _print_files(manifest: Manifest, files: Mapping[str, bytes], console: Console) -> None:
    table = Table("file", "bytes", title=f"would be written: {manifest.identifier}")
    for name, content in sorted(files.items()):
        table.add_row(name, f"{len(content):,}")
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe publish",
        description="Export a checkpoint as a bundle, after calibration, evaluation, comparison with the network and "
        "with the current version.",
        epilog="Exit codes: 0 published, 2 wrong use, 3 data, 4 configuration, 6 disk full, 7 checkpoint, parity or a "
        "required int8 variant, 8 the current version is better.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration: data and split")
    parser.add_argument(
        "-p", "--publish", type=Path, required=True, help="names, licence, limits, gate; configs/publish"
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="file that steppe train fit wrote")
    parser.add_argument("--version", required=True, help="version of the bundle, for example 0.1.0")
    parser.add_argument("-o", "--output", type=Path, default=Path("models/zoo"), help="default: models/zoo")
    add_gate_options(parser)
    parser.add_argument("--require-int8", action="store_true", help="refuse to publish without the int8 variant")
    parser.add_argument(
        "--dry-run", action="store_true", help="do everything but write, and show what would be written"
    )
    return parser
