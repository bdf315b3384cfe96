"""What ``steppe publish`` does: prepare (refuse early), measure (takes minutes), and put the bundle together.

Nothing here writes a file.
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from landcover.bundle import STAC_ITEM, Bundle, sample_key
from landcover.errors import ConfigError
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE, BandStatistics, Manifest
from landcover.overview import SIDE as OVERVIEW_SIDE
from landcover.precision import MODEL_FILES, Precision
from landcover.raster.digest import file_digest
from models.export import Export, export_graph, graph_inputs, open_session, stamp_graph
from training.candidates import check_fits, checkpoint_candidate
from training.card import Measured, model_card
from training.config import data_from_config
from training.datamodule import SceneData
from training.evaluation import Evaluation, Scoring, evaluate_scenes
from training.gate import Gate, Verdict, check_comparable, gate_from_config
from training.golden import band_statistics, golden_input
from training.inference import Predictor, load_task, refuse_trained_on
from training.order import CrossValidation, Order, public_command, read_cross_validation
from training.probes import probe_batches
from training.promotion import Standing, find_champion, judge
from training.provenance import facts_table, provenance
from training.report.page import Subject
from training.scenes import Scene
from training.sheet import first_manifest
from training.task import LandCoverTask
from training.temperature import fit_temperature
from training.variants import Int8, fp32_and_int8

GOLDEN_SIDE: Final = 128
GOLDEN_WINDOWS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Everything that is known before anything is measured.

    Attributes:
        order: what to publish.
        data: scenes of the splits.
        task: the trained network.
        cross_validation: figures of the folds, for a network that was trained on all sites.
        champion: current version.
        gate: what the new version may lose against it.
    """

    order: Order
    data: SceneData
    task: LandCoverTask
    cross_validation: CrossValidation | None
    champion: Bundle | None
    gate: Gate

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """What graphs are compared on: the test scenes, or the watched ones where there is no test."""
        return self.data.scenes("val" if self.cross_validation else "test")

    @property
    def dtype(self) -> str:
        """Sample type of the graph's input."""
        return self.data.facts.product.dtype

    def evaluate(self, predict: Predictor, *, temperature: float) -> Evaluation:
        """Score a graph on `scenes`."""
        scoring = Scoring(temperature=temperature)
        tile, overlap = self.order.sizes["tile"], self.order.sizes["overlap"]
        return evaluate_scenes(predict, self.scenes, self.task.legend, tile=tile, overlap=overlap, scoring=scoring)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that was measured.

    Attributes:
        manifest: before scores and verdict are in it.
        export: the fp32 graph.
        evaluation: of that graph on the work's scenes.
        int8: the variant, None when there was to be none.
        verdict: of the gate.
    """

    manifest: Manifest
    export: Export
    evaluation: Evaluation
    int8: Int8 | None
    verdict: Verdict

    @property
    def published_int8(self) -> Int8 | None:
        """The variant if it is good enough."""
        return self.int8 if self.int8 and self.int8.refusal is None else None


def prepare(order: Order) -> Work:
    """Read what was ordered, and refuse before minutes are spent.

    Raises:
        ConfigError: see `publish`.
    """
    order.check()
    data, task = data_from_config(order.config), load_task(order.checkpoint)
    check_fits(checkpoint_candidate(order.checkpoint), data.facts)
    work = Work(
        order=order,
        data=data,
        task=task,
        cross_validation=_cross_validation(order, data, task),
        champion=find_champion(order.champion, order.output, str(order.text["name"])),
        gate=gate_from_config(order.text.get("gate"), task.legend),
    )
    if work.cross_validation is None:
        refuse_trained_on(order.checkpoint, (*data.scenes("val"), *data.scenes("test")))
    if order.int8() is not None and task.inputs.contrast:
        raise ConfigError("a network with inputs.contrast has no int8 variant; say `int8: false` in the configuration")
    if work.champion is not None:
        check_comparable(work.champion.manifest, data.facts)
    return work


def measure(work: Work, console: Console) -> Result:
    """Everything that takes time.

    Raises:
        SteppeError: see `publish`.
    """
    temperature = round(_temperature(work), 4)
    console.print(f"temperature {temperature:.3f}, {_temperature_note(work)}", highlight=False)
    bands, dates = work.task.inputs.bands, work.task.inputs.dates
    statistics = band_statistics(work.data.scenes("train"), bands, dtype=work.dtype)
    golden = golden_input(
        [*statistics.values()] * dates, side=GOLDEN_SIDE, windows=GOLDEN_WINDOWS, seed=0, dtype=work.dtype
    )
    probes = probe_batches(work.data.scenes("val"), work.dtype, overviews=work.task.inputs.contrast)
    export = export_graph(
        work.task.scene_net, golden, overview_1BHW=_overview(work, statistics), probes=probes, temperature=temperature
    )
    console.print(f"torch and the exported graph differ by at most {export.parity:.1e} in a probability")
    evaluation, int8 = fp32_and_int8(
        export,
        work.order.int8(),
        scenes=work.data.scenes("train"),
        probes=probes,
        dtype=work.dtype,
        evaluate=lambda predict: work.evaluate(predict, temperature=temperature),
    )
    standing = Standing(
        legend=work.task.legend,
        scenes=work.data.scenes("train" if work.cross_validation else "test"),
        evaluation=None if work.cross_validation else evaluation,
        cross_validation=work.cross_validation,
    )
    verdict = judge(work.champion, standing, work.gate, work.order.sizes).overridden_by(work.order.override)
    manifest = first_manifest(work.order, work.task, statistics, provenance(work.order, work.data), temperature)
    return Result(manifest=manifest, export=export, evaluation=evaluation, int8=int8, verdict=verdict)


def _overview(work: Work, statistics: Mapping[str, BandStatistics]) -> NDArray[np.generic] | None:
    """A golden overview, where the network takes one."""
    if not work.task.inputs.contrast:
        return None
    channels = [*statistics.values()] * work.task.inputs.dates
    return golden_input(channels, side=OVERVIEW_SIDE, windows=1, seed=1, dtype=work.dtype)


def contents(work: Work, result: Result) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the files of the bundle.

    Args:
        work: what was ordered.
        result: what was measured.
    """
    order, int8 = work.order, result.published_int8
    report = work.cross_validation.report if work.cross_validation else _report(work, result.evaluation)
    manifest = replace(
        result.manifest,
        scores={"cross_validation" if work.cross_validation else "test": report},
        variants={Precision.INT8: int8.variant} if int8 else {},
        provenance={
            **result.manifest.provenance,
            "gate": result.verdict.to_json(),
            **({"int8": result.int8.to_json()} if result.int8 else {}),
        },
    )
    stamp = {STAC_ITEM: json.dumps(manifest.to_item(), ensure_ascii=False)}
    graphs = {MODEL_FILE: result.export.content}
    if int8:
        graphs[MODEL_FILES[Precision.INT8]] = int8.content
    card = model_card(
        order.text, order.identifier, facts=_facts(manifest, result), measured=_measured(work, result, report)
    )
    files = {name: stamp_graph(content, stamp) for name, content in graphs.items()}
    return manifest, {**files, SAMPLE_FILE: _sample(result), CARD_FILE: card.encode()}


def _cross_validation(order: Order, data: SceneData, task: LandCoverTask) -> CrossValidation | None:
    """The report that stands for a test split; exactly one of them must be there.

    Raises:
        ConfigError: both or none.
    """
    path, tested = order.text.get("evaluation"), bool(data.all_scenes()["test"])
    if path is None and tested:
        return None
    if path is None:
        raise ConfigError(
            "the split has no test scenes; name the report of its cross-validation as `evaluation` in the publishing "
            "configuration (steppe evaluate --folds ... -o FOLDER writes it)"
        )
    if tested:
        raise ConfigError("the split has test scenes, so their figures go to the card; leave out `evaluation`")
    return read_cross_validation(Path(str(path)), task.legend)


def _temperature(work: Work) -> float:
    if work.cross_validation:
        return work.cross_validation.temperature
    return fit_temperature(work.task.scene_net, work.data.scenes("val"), **work.order.sizes)


def _temperature_note(work: Work) -> str:
    if work.cross_validation:
        return "the geometric mean of those of the folds, each fitted on predictions of scenes that were held out"
    validation, test = ({scene.info.name for scene in work.data.scenes(name)} for name in ("val", "test"))
    shared = "; these are test scenes too, so the calibration error is a little flattered" if validation & test else ""
    return f"fitted on the validation scenes{shared}"


def _report(work: Work, evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as ``steppe evaluate`` would write it."""
    order, facts = work.order, work.data.facts
    subject = Subject(
        command=_evaluate_command(order),
        config=order.config,
        models={order.checkpoint.name: file_digest(order.checkpoint)},
        split="test",
        tile=order.sizes["tile"],
        overlap=order.sizes["overlap"],
        stable=facts.stable,
    )
    return subject.to_json(evaluation)


def _evaluate_command(order: Order, *options: str) -> str:
    output = Path(order.output.name) if order.output.is_absolute() else order.output
    bundle = output / str(order.text["name"]) / order.version
    sizes = (f"--{name}={value}" for name, value in order.sizes.items())
    words = ["steppe", "evaluate", "-c", str(order.config), "--bundle", str(bundle), *sizes]
    return public_command([*words, *(options or ("--split=test",))])


def _measured(work: Work, result: Result, report: Mapping[str, Any]) -> Measured:
    order, crossed = work.order, work.cross_validation is not None
    split = "--split=val" if crossed else "--split=test"
    return Measured(
        report=report,
        legend=work.task.legend,
        cross_validated=crossed,
        command=public_command(shlex.split(str(report["command"]))) if crossed else _evaluate_command(order),
        temperature_note=f"The temperature was {_temperature_note(work)}.",
        int8=result.int8,
        int8_scenes="scenes that this network was trained on" if crossed else "the test scenes",
        int8_command=_evaluate_command(order, split, "--precision=int8"),
        verdict=result.verdict,
        gate_command=order.command,
    )


def _facts(manifest: Manifest, result: Result) -> dict[str, str]:
    dates = "" if manifest.dates == 1 else f" of each of {manifest.dates} dates, the older first"
    int8 = result.published_int8
    never = f"; never answered: {', '.join(manifest.unsupported)}" if manifest.unsupported else ""
    alike = f"; fp32 and int8 agree on {int8.variant.agreement_percent:.2f} % of the pixels" if int8 else ""
    return {
        "architecture": f"{manifest.architecture}, {manifest.total_parameters:,} parameters",
        "input": f"{manifest.dtype} digital numbers of {', '.join(manifest.bands)} at {manifest.gsd_m:g} m{dates}",
        "processing levels": ", ".join(manifest.levels),
        "output": f"probabilities of the {len(manifest.legend)} classes of legend {manifest.legend_id} "
        f"(version {manifest.legend_version}), temperature {manifest.temperature:g}{never}",
        "created": manifest.created,
        "parity": f"torch and ONNX Runtime differ by at most {result.export.parity:.1e} in a probability{alike}",
        **facts_table(manifest.provenance),
    }


def _sample(result: Result) -> bytes:
    batch = result.export.sample
    arrays = {"dn_NBHW": batch.dn_NBHW, sample_key(Precision.FP32): result.export.sample_probabilities_NKHW}
    if result.published_int8:
        session = open_session(result.published_int8.content)
        arrays[sample_key(Precision.INT8)] = session.run(None, graph_inputs(session, batch))[0]
    if batch.overview_1BHW is not None:
        arrays["overview_1BHW"] = batch.overview_1BHW
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
