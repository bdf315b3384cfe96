"""Have a service make a map, and bring its files home."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from serving.client.answers import Areas, Record, Status, outcome_of, read_as
from serving.client.errors import AnswerNotUnderstood
from serving.client.line import Line
from serving.client.products import ITEM, OUTPUTS, rename_in_item, write_quality_style
from serving.client.scenes import LocalScene, Scene
from serving.client.stay import Stay
from serving.client.transfers import Wanted, fetch, send
from serving.jobs.record import State
from serving.outcome import Outcome
from serving.request import Outputs
from serving.staging import Staging

FIRST_LOOK_S: Final = 0.2
LONGEST_LOOK_S: Final = 2.0
"""Seconds between looks at a job; a job of some minutes is looked at every two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a service is asked for.

    Attributes:
        process: ``classify`` or ``degradation``.
        scenes: by the name of the input; none when the service looks for scenes.
        inputs: all other inputs.
        keep: whether upload and job stay in the service.
    """

    process: str
    scenes: Mapping[str, Sequence[Scene]]
    inputs: Mapping[str, Any]
    keep: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of this machine among the scenes."""
        return tuple(scene.path for scenes in self.scenes.values() for scene in scenes if isinstance(scene, LocalScene))


def run_errand(errand: Errand, outputs: Outputs, line: Line) -> Outcome:
    """Have a map made and fetch its files: all whole, all at once, the STAC Item last.

    Args:
        errand: what is asked for.
        outputs: names of the files.
        line: to the service; its watcher is told how far it is.

    Raises:
        SteppeError: what the service says, or what goes wrong on the way.
    """
    outputs.check(*errand.files)
    with Staging() as staging:
        staged = {role: staging.path_for(path) for role, path in outputs.files().items()}
        stay = Stay(line, errand.keep)
        with stay:
            job = stay.start(errand.process, _body(errand, stay, staged))
            _follow(line, job)
            record = read_as(Record, line.ask("GET", f"jobs/{job}/outcome"))
            areas = _fetch_all(line, job, record, staged)
            _finish(staged, outputs)
            staging.publish()
    extras = {"server": line.server.base, "job": job, "kept": errand.keep}
    return _telling(outcome_of(record, areas, outputs.files(), extras), stay)


def quote(errand: Errand, line: Line) -> dict[str, Any]:
    """What an errand would cost, and which scenes would be mapped; what was sent for it is removed.

    Raises:
        SteppeError: why it would be refused.
    """
    with Stay(line, keep=False) as stay:
        body = _body(errand, stay, {})
        return line.ask("POST", f"processes/{errand.process}/execution", params={"dry_run": "true"}, json=body)


def _body(errand: Errand, stay: Stay, staged: Mapping[str, Path]) -> dict[str, Any]:
    """The request, after files were sent."""
    inputs = dict(errand.inputs)
    for name, scenes in errand.scenes.items():
        references = [_reference(scene, stay) for scene in scenes]
        inputs[name] = references[0] if len(references) == 1 else references
    wanted = {OUTPUTS[role] for role in staged if role in OUTPUTS} | {"areas"}  # areas are printed, too
    return {
        "inputs": inputs,
        "outputs": {name: {"transmissionMode": "reference"} for name in sorted(wanted)},
        "response": "document",
    }


def _reference(scene: Scene, stay: Stay) -> Mapping[str, Any]:
    if not isinstance(scene, LocalScene):
        return scene.reference()
    upload = send(stay.line, scene.path)
    stay.uploads.append(upload)
    return {"href": f"/uploads/{upload}", "title": scene.path.name}


def _follow(line: Line, job: str) -> None:
    """Wait for the end of a job.

    Raises:
        ServiceRefused: when it fails, or somebody removes it.
    """
    pause = FIRST_LOOK_S
    while True:
        status = read_as(Status, line.ask("GET", f"jobs/{job}"))
        line.watcher.job(status.progress, status.message or status.status.value)
        if status.status is State.SUCCESSFUL:
            return
        if status.status.ended:
            line.ask("GET", f"jobs/{job}/results", later=False)
            raise AnswerNotUnderstood("the job has failed, and the service does not say why; its log may")
        line.clock.sleep(pause)
        pause = min(LONGEST_LOOK_S, pause * 1.3)


def _fetch_all(line: Line, job: str, record: Record, staged: Mapping[str, Path]) -> Areas:
    """Fetch the wanted files, and the areas whether they are wanted or not."""
    with tempfile.TemporaryDirectory(prefix="steppe-") as folder:
        places = {"areas": Path(folder) / "areas.json"} | dict(staged)
        for role, place in places.items():
            if role in OUTPUTS:
                fetch(line, _wanted(job, OUTPUTS[role], record), place)
        try:
            return read_as(Areas, json.loads(places["areas"].read_bytes()))
        except ValueError as error:
            raise AnswerNotUnderstood("the areas that the service sent are no JSON; try again") from error


def _wanted(job: str, output: str, record: Record) -> Wanted:
    file = record.outputs.get(output)
    if file is None:
        raise AnswerNotUnderstood(f"the service has made no {output}; use a steppe of the same version")
    path = f"jobs/{job}/results/{output}"
    if output == ITEM:  # the service writes the addresses of the files into it
        return Wanted(path=path, name=output, size=0, sha256=None)
    return Wanted(path=path, name=output, size=file.bytes, sha256=file.sha256)


def _finish(staged: Mapping[str, Path], outputs: Outputs) -> None:
    """Make what a service does not: names in the STAC Item, and the style of a raster whose codes never change."""
    if "quality_style" in staged:
        write_quality_style(staged["quality_style"])
    if "stac" in staged:
        rename_in_item(staged["stac"], outputs.files())


def _telling(outcome: Outcome, stay: Stay) -> Outcome:
    """With what became of the job."""
    warnings = tuple(f"{what} is still in the service; remove it when it answers again" for what in stay.left)
    remarks = (f"job {stay.job} is kept in the service",) if stay.keep else ()
    return replace(outcome, warnings=(*outcome.warnings, *warnings), remarks=(*outcome.remarks, *remarks))
