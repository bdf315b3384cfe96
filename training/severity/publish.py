"""``steppe publish`` for severity: from a checkpoint, or with another table from a published bundle."""

from __future__ import annotations

import io
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from landcover.bundle import STAC_ITEM, Bundle, write_bundle
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE, BandStatistics, Manifest
from landcover.raster.digest import file_digest
from landcover.sensors import get_product
from models.export import Batch, Export, export_graph
from models.graph import MAX_REFLECTANCE
from training.card import gate_section
from training.gate import Verdict
from training.gate_options import print_gate
from training.golden import band_statistics, golden_input
from training.scenes import MemoryScene, SceneInfo
from training.severity.card import severity_card
from training.severity.cross_validation import cross_validate
from training.severity.data import as_image
from training.severity.folds import FoldRule
from training.severity.gate import judge
from training.severity.order import SeverityOrder, read_order
from training.severity.plots import Plots
from training.severity.rebound import rebind
from training.severity.task import SeverityTask, load_severity_task
from training.severity.verdict import FoldVerdict, print_verdict, reach_verdict
from training.sheet import in_graph, input_facts, size_facts, text_facts

GOLDEN_SIDE: Final = 64
GOLDEN_WINDOWS: Final = 2
PROBE_SIDE: Final = 32
RULES: Final[tuple[FoldRule, ...]] = ("random", "bright")
"""Ways to hold plots out on the card, the headline first."""

PACKAGES: Final = ("torch", "lightning", "onnx", "onnxruntime", "numpy")


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe publish``.

    Returns:
        Exit code.
    """
    order = read_order(arguments)
    if order.rebinding:
        written = rebind(order.source, order.text, order.table, version=order.version, output=order.output)
    else:
        written = publish(order, Console())
    sys.stdout.write(f"wrote {written.manifest.identifier}, sha256 of its manifest {written.digest}\n")
    return 0


def publish(order: SeverityOrder, console: Console) -> Bundle:
    """Cross-validate the recipe, export the checkpoint, compare and write.

    Args:
        order: What to publish.
        console: Takes the tables.

    Raises:
        PlotsUnusable: The field plots cannot be read.
        CheckpointUnreadable: The checkpoint is none of this task.
        ParityError: The exported graph disagrees with the network.
        GateRefused: The champion is better and nobody overrode the gate.
    """
    task = load_severity_task(order.source)
    data = order.recipe.build_data()
    verdicts = [verdict for rule in RULES for verdict in _verdict(order, rule, console)]
    gate = judge(order.champion, verdicts[0], data.plots.sha256, order.gate).overridden_by(order.override)
    print_gate(gate, console)
    gate.enforce()
    statistics = _statistics(data.plots, task)
    manifest = _manifest(order, task, statistics, verdicts, _provenance(order, data.plots, gate))
    export = export_graph(
        task.severity_net(order.table.bounds),
        golden_input(statistics.values(), side=GOLDEN_SIDE, windows=GOLDEN_WINDOWS, seed=0, dtype=manifest.dtype),
        probes=[Batch(_probes(data.plots))],
        metadata={STAC_ITEM: json.dumps(manifest.to_item(), ensure_ascii=False)},
    )
    figures = [verdict.to_json() for verdict in verdicts]
    card = severity_card(
        order.text,
        manifest.identifier,
        facts=_facts(manifest, export),
        table=order.table,
        verdicts=figures,
        gate=tuple(gate_section(gate, order.command)),
    )
    files = {MODEL_FILE: export.content, SAMPLE_FILE: _sample(export), CARD_FILE: card.encode()}
    return write_bundle(order.output, manifest, files)


def _verdict(order: SeverityOrder, rule: FoldRule, console: Console) -> Iterator[FoldVerdict]:
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
    verdicts: Sequence[FoldVerdict],
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


def _provenance(order: SeverityOrder, plots: Plots, gate: Verdict) -> dict[str, Any]:
    return {
        **{key: " ".join(str(order.text[key]).split()) for key in ("training_data", "training", "labels")},
        "plots": len(plots),
        "training_files_sha256": plots.sha256,
        "severity_table": {"name": order.table.name, "sha256": order.table.sha256, "bounds": list(order.table.bounds)},
        "config": order.recipe.path.name,
        "config_sha256": file_digest(order.recipe.path),
        "checkpoint_sha256": file_digest(order.source),
        "command": order.command,
        "gate": gate.to_json(),
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
