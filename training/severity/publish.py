"""``steppe publish`` for severity: from a checkpoint, or with another table from a published bundle."""

from __future__ import annotations

import argparse
import io
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from landcover.bundle import STAC_ITEM, Bundle, write_bundle
from landcover.errors import ConfigError, OutputNotWritable
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE, BandStatistics, Manifest
from landcover.raster.digest import file_digest
from landcover.sensors import get_product
from models.export import Batch, Export, export_graph
from models.graph import MAX_REFLECTANCE
from training.config import read_yaml
from training.golden import band_statistics, golden_input
from training.order import public_command
from training.scenes import MemoryScene, SceneInfo
from training.severity.card import severity_card
from training.severity.cross_validation import Recipe, cross_validate, read_recipe
from training.severity.data import as_image
from training.severity.folds import FoldRule
from training.severity.plots import Plots
from training.severity.rebound import rebind
from training.severity.table import SeverityTable, read_table
from training.severity.task import SeverityTask, load_severity_task
from training.severity.verdict import Verdict, print_verdict, reach_verdict
from training.sheet import in_graph, input_facts, size_facts, text_facts

GOLDEN_SIDE: Final = 64
GOLDEN_WINDOWS: Final = 2
PROBE_SIDE: Final = 32
RULES: Final[tuple[FoldRule, ...]] = ("random", "bright")
"""Ways to hold plots out on the card, the headline first."""

PACKAGES: Final = ("torch", "lightning", "onnx", "onnxruntime", "numpy")

TEXT_KEYS: Final = (
    *(
        "name",
        "title",
        "description",
        "table",
        "licence",
        "attribution",
        "tile_size",
        "overlap",
        "batch_size",
        "levels",
    ),
    *("training_data", "training", "labels", "levels_note", "accuracy_note", "terms", "limits"),
)


@dataclass(frozen=True, slots=True)
class SeverityOrder:
    """What to publish.

    Attributes:
        recipe: The training configuration.
        text: The publishing configuration: names, licence, limits.
        table: The table of levels.
        version: Version of the bundle.
        output: Registry folder.
        command: The command line, for the card.
    """

    recipe: Recipe
    text: Mapping[str, Any]
    table: SeverityTable
    version: str
    output: Path
    command: str


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe publish``.

    Returns:
        Exit code.
    """
    options = _parser().parse_args(arguments)
    order = prepare(options.config, options.publish, options.version, options.output, command=arguments)
    if options.bundle:
        bundle = rebind(options.bundle, order.text, order.table, version=order.version, output=order.output)
    else:
        bundle = publish(order, options.checkpoint, Console())
    sys.stdout.write(f"wrote {bundle.manifest.identifier}, sha256 of its manifest {bundle.digest}\n")
    return 0


def prepare(config: Path, publishing: Path, number: str, output: Path, *, command: Sequence[str]) -> SeverityOrder:
    """Read and check what is wanted, before minutes are spent.

    Args:
        config: Training configuration.
        publishing: Publishing configuration; its ``table`` is a path relative to it.
        number: Version of the bundle.
        output: Registry folder.
        command: Everything after ``steppe publish``.

    Raises:
        ConfigError: A file cannot be used or lacks an entry.
        OutputNotWritable: That version exists.
    """
    recipe, text = read_recipe(config), read_yaml(publishing)
    missing = [key for key in TEXT_KEYS if key not in text]
    if missing:
        raise ConfigError(f"{publishing.name} lacks {', '.join(missing)}; see configs/publish/landsat_severity.yaml")
    if (output / str(text["name"]) / number).exists():
        raise OutputNotWritable(f"{text['name']}@{number} exists and bundles never change; raise --version")
    table = read_table(publishing.parent / str(text["table"]))
    return SeverityOrder(recipe, text, table, number, output, public_command(["steppe", "publish", *command]))


def publish(order: SeverityOrder, checkpoint: Path, console: Console) -> Bundle:
    """Cross-validate the recipe, export the checkpoint, compare and write.

    Args:
        order: What to publish.
        checkpoint: File that ``steppe train fit`` wrote.
        console: Takes the tables.

    Raises:
        PlotsUnusable: The field plots cannot be read.
        CheckpointUnreadable: The checkpoint is none of this task.
        ParityError: The exported graph disagrees with the network.
    """
    task = load_severity_task(checkpoint)
    data = order.recipe.build_data()
    verdicts = [verdict for rule in RULES for verdict in _verdict(order, rule, console)]
    statistics = _statistics(data.plots, task)
    manifest = _manifest(order, task, statistics, verdicts, _provenance(order, data.plots, checkpoint))
    export = export_graph(
        task.severity_net(order.table.bounds),
        golden_input(statistics.values(), side=GOLDEN_SIDE, windows=GOLDEN_WINDOWS, seed=0, dtype=manifest.dtype),
        probes=[Batch(_probes(data.plots))],
        metadata={STAC_ITEM: json.dumps(manifest.to_item(), ensure_ascii=False)},
    )
    figures = [verdict.to_json() for verdict in verdicts]
    card = severity_card(
        order.text, manifest.identifier, facts=_facts(manifest, export), table=order.table, verdicts=figures
    )
    files = {MODEL_FILE: export.content, SAMPLE_FILE: _sample(export), CARD_FILE: card.encode()}
    return write_bundle(order.output, manifest, files)


def _verdict(order: SeverityOrder, rule: FoldRule, console: Console) -> Iterator[Verdict]:
    verdict = reach_verdict(cross_validate(order.recipe, order.table, rule=rule), order.table, rule)
    print_verdict(verdict, console)
    yield verdict


def _statistics(plots: Plots, task: SeverityTask) -> dict[str, BandStatistics]:
    """Of the plots' digital numbers, as of any scene."""
    image = as_image(plots.dn_PB)[0]
    scene = MemoryScene(SceneInfo("plots", "plots", image.shape[1], 1), {"image": image})
    return band_statistics([scene], task.inputs.bands, dtype=get_product(task.inputs.product).dtype)


def _probes(plots: Plots) -> NDArray[np.uint16]:
    """Two windows of real plots, repeated where there are few; compared on, never published."""
    wanted = 2 * PROBE_SIDE**2
    rows = np.arange(wanted) % len(plots)
    windows = plots.dn_PB[rows].T.reshape(-1, 2, PROBE_SIDE, PROBE_SIDE)
    return np.ascontiguousarray(np.moveaxis(windows, 1, 0))


def _manifest(
    order: SeverityOrder,
    task: SeverityTask,
    statistics: Mapping[str, BandStatistics],
    verdicts: Sequence[Verdict],
    provenance: Mapping[str, Any],
) -> Manifest:
    radiometry, network = get_product(task.inputs.product).radiometry, task.network
    root = in_graph(f"sqrt(clip(DN * {radiometry.scale} + {radiometry.offset}, 0, {MAX_REFLECTANCE}))")
    return Manifest(
        **text_facts(order.text, order.version),
        **input_facts(task.inputs.product, task.inputs.bands),
        **size_facts(task.cover),
        architecture=f"per-pixel ensemble of {network.members} x {network.depth} layers of {network.width}",
        legend_id=order.table.legend.id,
        legend_version=order.table.legend.version,
        temperature=1.0,
        value_scaling=(root,) * len(task.inputs.bands),
        statistics=statistics,
        scores={"cross_validation": [verdict.to_json() for verdict in verdicts]},
        provenance=provenance,
    )


def _provenance(order: SeverityOrder, plots: Plots, checkpoint: Path) -> dict[str, Any]:
    return {
        **{key: " ".join(str(order.text[key]).split()) for key in ("training_data", "training", "labels")},
        "plots": len(plots),
        "training_files_sha256": plots.sha256,
        "severity_table": {"name": order.table.name, "sha256": order.table.sha256, "bounds": list(order.table.bounds)},
        "config": order.recipe.path.name,
        "config_sha256": file_digest(order.recipe.path),
        "checkpoint_sha256": file_digest(checkpoint),
        "command": order.command,
        "steppe": version("steppe"),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _facts(manifest: Manifest, export: Export) -> dict[str, str]:
    provenance = manifest.provenance
    return {
        "architecture": f"{manifest.architecture}, {manifest.total_parameters:,} parameters, every pixel by itself",
        "input": f"{manifest.dtype} digital numbers of {', '.join(manifest.bands)} at {manifest.gsd_m:g} m, product "
        f"{manifest.product}",
        "processing levels": ", ".join(manifest.levels),
        "output": f"probabilities of the {len(manifest.legend)} levels of legend {manifest.legend_id} "
        f"(version {manifest.legend_version})",
        "training data": str(provenance["training_data"]),
        "created": manifest.created,
        "command": f"`{provenance['command']}`",
        "parity": f"torch and ONNX Runtime differ by at most {export.parity:.1e} in a probability",
        "software": ", ".join(f"{package} {provenance[package]}" for package in PACKAGES),
    }


def _sample(export: Export) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, dn_NBHW=export.sample.dn_NBHW, probabilities_NKHW=export.sample_probabilities_NKHW)
    return buffer.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="steppe publish",
        description="Cross-validate a severity configuration and export a checkpoint of it as a bundle; or put another "
        "table of levels into a published bundle, which needs no data and no training.",
    )
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration of field plots")
    parser.add_argument(
        "-p", "--publish", type=Path, required=True, help="names, table, licence, limits; configs/publish"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, help="file that steppe train fit wrote on all plots")
    source.add_argument("--bundle", type=Path, help="folder NAME/VERSION whose network to keep, with another table")
    parser.add_argument("--version", required=True, help="version of the bundle, for example 0.1.0")
    parser.add_argument("-o", "--output", type=Path, default=Path("models/zoo"), help="default: models/zoo")
    return parser
