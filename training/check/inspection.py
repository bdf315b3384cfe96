"""All checks of a data module, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from landcover.errors import ConfigError
from training.check import scenes as checks
from training.check.findings import Finding, Severity, scenes_with_errors
from training.check.leakage import leak_findings
from training.check.progress import pixel_bar
from training.check.report import CheckReport, SplitSummary
from training.check.scenes import Opened
from training.check.splits import class_pixels, split_findings
from training.check.survey import Survey, survey
from training.datamodule import SceneData
from training.scenes import Scene


def check_data(data: SceneData, *, skip_bad: int = 0, shown: bool = False) -> CheckReport:
    """Look at all scenes of a data module.

    Args:
        data: The data module; its split is used, its loaders are not.
        skip_bad: How many bad scenes are left out instead of refused.
        shown: Whether to show a progress bar.

    Returns:
        Everything that was found.
    """
    opened = checks.open_scenes(data.source)
    surveys = _survey_all(data, opened, shown=shown)
    findings: list[Finding] = [*checks.problem_findings(opened.problems)]
    for parts in _by_whole(surveys.values()):
        findings += checks.scene_findings(parts, data.facts)
    bad = scenes_with_errors(findings)
    skipped = tuple(sorted(bad)) if len(bad) <= skip_bad else ()
    findings = [replace(found, severity=Severity.SKIPPED) if found.scene in skipped else found for found in findings]
    findings += checks.remark_findings(opened.scenes)
    good = [scene for scene in opened.scenes if scene.info.name not in bad]
    splits = _split_surveys(data, good, surveys, strict=not bad or bool(skipped))
    findings += _between(data, splits)
    return CheckReport(tuple(findings), _summaries(data, splits), data.facts.legend, skipped)


def _survey_all(data: SceneData, opened: Opened, *, shown: bool) -> dict[str, Survey]:
    """A survey of every part that the split makes, or of whole scenes where it cannot split what could be opened."""
    parts = _parts(data, opened)
    pixels = sum(part.info.height * part.info.width for part in parts.values())
    with pixel_bar("reading scenes", pixels, shown=shown) as progress:
        return {name: survey(part, data.facts, progress=progress)[0] for name, part in parts.items()}


def _parts(data: SceneData, opened: Opened) -> dict[str, Scene]:
    try:
        splits = data.split.assign(opened.scenes)
    except ConfigError:
        if not opened.problems:
            raise
        return {scene.info.name: scene for scene in opened.scenes}
    return {scene.info.name: scene for scenes in splits.values() for scene in scenes}


def _by_whole(surveys: Iterable[Survey]) -> list[list[Survey]]:
    grouped: dict[str, list[Survey]] = defaultdict(list)
    for found in surveys:
        grouped[found.whole].append(found)
    return list(grouped.values())


def _split_surveys(
    data: SceneData, scenes: Sequence[Scene], surveys: Mapping[str, Survey], *, strict: bool
) -> dict[str, list[Survey]]:
    """Surveys of the scenes that are left, by split; nothing where the bad ones that are missing spoil the split."""
    try:
        splits = data.split.assign(scenes)
    except ConfigError:
        if strict:
            raise
        return {}
    return {
        name: [surveys[scene.info.name] for scene in members if scene.info.name in surveys]
        for name, members in splits.items()
    }


def _between(data: SceneData, splits: Mapping[str, Sequence[Survey]]) -> list[Finding]:
    buffer = data.split.blocks.buffer if data.split.blocks else 0
    return [*split_findings(splits, data.facts.legend), *leak_findings(splits, buffer=buffer)]


def _summaries(data: SceneData, splits: Mapping[str, Sequence[Survey]]) -> Mapping[str, SplitSummary]:
    return {
        name: SplitSummary(
            len(found),
            len({one.scene.info.site for one in found}),
            class_pixels(found, len(data.facts.legend)),
        )
        for name, found in splits.items()
        if found
    }
