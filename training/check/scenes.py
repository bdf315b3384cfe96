"""Checks of single scenes: can they be read, and are image and labels what they should be."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from landcover.errors import DataError
from landcover.grid import ground_pixel_size
from models.graph import MAX_REFLECTANCE
from training.check.findings import Finding, error, note, scenes_with_errors, warning
from training.check.survey import Survey, survey
from training.scenes import Scene, Source, SourceFacts
from training.sources.own_errors import SceneProblem, UnusableScenes

_BYTE: Final = 255
_LISTED: Final = 10
_COARSENESS: Final = 1.5  # as in serving.predict: another pixel size is another world
_OFFSET_0400: Final = 0.1  # reflectance that a forgotten offset of -1000 adds

_log = logging.getLogger(__name__)


class TooManyBadScenes(DataError):
    """More scenes are bad than ``skip_bad`` allows."""

    slug = "bad-scenes"


@dataclass(frozen=True, slots=True)
class Opened:
    """Scenes of a source.

    Attributes:
        scenes: Those that can be opened.
        problems: Why the others cannot.
    """

    scenes: tuple[Scene, ...]
    problems: tuple[SceneProblem, ...] = ()


def open_scenes(source: Source) -> Opened:
    """Scenes of a source, and what is wrong with those that cannot be opened.

    Raises:
        ConfigError: Options cannot be used.
        DataError: There are no scenes at all.
    """
    try:
        return Opened(tuple(source.scenes()))
    except UnusableScenes as found:
        return Opened(found.usable, found.problems)


def usable(source: Source, skip_bad: int = 0) -> tuple[Scene, ...]:
    """Scenes to train on: all of them, or all but a few bad ones that are named in the log.

    Args:
        source: The source.
        skip_bad: How many bad scenes may be left out. Above 0, every pixel is read once to find them: the same rule as
            in ``steppe train check --skip-bad``.

    Raises:
        UnusableScenes: Scenes cannot be opened, and none may be left out.
        TooManyBadScenes: More are bad than may be left out.
    """
    if skip_bad == 0:
        return tuple(source.scenes())
    opened, facts = open_scenes(source), source.facts()
    findings = [*problem_findings(opened.problems)]
    for scene in opened.scenes:
        findings += scene_findings([survey(scene, facts)[0]], facts)
    bad = scenes_with_errors(findings)
    reasons = {found.scene: found.message for found in findings if found.scene in bad}
    listed = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:_LISTED])
    if len(bad) > skip_bad:
        raise TooManyBadScenes(f"{len(bad)} scenes are bad, at most {skip_bad} may be skipped (skip_bad): {listed}")
    if bad:
        _log.warning("%d bad scenes are left out: %s", len(bad), listed)
    return tuple(scene for scene in opened.scenes if scene.info.name not in bad)


def problem_findings(problems: Iterable[SceneProblem]) -> Iterator[Finding]:
    """Scenes that cannot be opened; one finding per stray value where values are the problem."""
    for problem in problems:
        counts: Mapping[str, int] = getattr(problem.error, "counts", {})
        yield error(
            problem.error.slug,
            str(problem.error),
            scene=problem.scene,
            file=_named_in(str(problem.error), problem.files),
            value=", ".join(counts) or None,
            count=sum(counts.values()) or None,
        )


def scene_findings(parts: Sequence[Survey], facts: SourceFacts) -> list[Finding]:
    """Everything that is wrong with one scene.

    Args:
        parts: Surveys of all its parts, or of the whole.
        facts: Of its source.
    """
    return [found for check in _CHECKS for found in check(parts, facts)]


def _unreadable(parts: Sequence[Survey], _facts: SourceFacts) -> Iterator[Finding]:
    failures = sum((part.failures for part in parts), Counter[str]())
    for message, windows in failures.items():
        yield error(
            "unreadable",
            message,
            scene=parts[0].whole,
            file=_named_in(message, parts[0].scene.info.files),
            count=windows,
        )


def _stray_codes(parts: Sequence[Survey], facts: SourceFacts) -> Iterator[Finding]:
    """Codes in files that mean nothing, and class indices that the legend does not have."""
    codes = sum((part.stray_codes for part in parts), Counter[str]())
    for code, pixels in codes.items():
        message = f"labels hold {code} in {pixels:,} pixels, which legend, crosswalk or mapping do not have"
        yield error("unmapped-codes", message, scene=parts[0].whole, file=_labels(parts), value=code, count=pixels)
    strays = sum((part.strays for part in parts), Counter[int]())
    for index, pixels in sorted(strays.items()):
        message = (
            f"class {index} in {pixels:,} pixels; {facts.legend_id} has the classes 0 to {len(facts.legend) - 1}, "
            "255 is no label"
        )
        yield error("class-range", message, scene=parts[0].whole, value=str(index), count=pixels)


def _bands(parts: Sequence[Survey], facts: SourceFacts) -> Iterator[Finding]:
    wanted = facts.dates * len(facts.bands)
    for part in parts[:1]:
        if part.bands not in {0, wanted}:
            message = f"image has {part.bands} bands, {facts.dates} x {', '.join(facts.bands)} are expected"
            yield error("bands", message, scene=part.whole, value=str(part.bands))


def _nonfinite(parts: Sequence[Survey], _facts: SourceFacts) -> Iterator[Finding]:
    count = sum(part.nonfinite for part in parts)
    if count:
        message = f"image holds {count:,} numbers that are NaN or infinite; write them as nodata"
        yield error("nonfinite", message, scene=parts[0].whole, value="NaN or infinite", count=count)


def _empty(parts: Sequence[Survey], _facts: SourceFacts) -> Iterator[Finding]:
    """An image without data, or labels that are all ignored; parts of a larger image may lack labels."""
    if any(part.failures or part.stray_codes for part in parts):
        return
    pixels, valid = sum(part.pixels for part in parts), sum(part.valid for part in parts)
    labelled = sum(part.labelled + part.strays.total() for part in parts)
    if not valid:
        yield error(
            "no-image-data", f"all {pixels:,} pixels of the image are nodata", scene=parts[0].whole, count=pixels
        )
    elif not labelled:
        message = f"all {pixels:,} labels are ignored; correct labels and crosswalk, or take the scene out"
        yield error("all-ignored", message, scene=parts[0].whole, file=_labels(parts), count=pixels)


def _range(parts: Sequence[Survey], facts: SourceFacts) -> Iterator[Finding]:
    """Numbers that cannot well be digital numbers of the product."""
    seen = [part for part in parts if part.valid and np.isfinite(part.percentiles_2B).all() and part.bands]
    if not seen:
        return
    low, high = (pick([part.percentiles_2B[at] for part in seen]) for pick, at in ((np.min, 0), (np.max, 1)))
    radiometry = facts.product.radiometry
    dark = float(np.min([part.percentiles_2B[0].min() for part in seen])) * radiometry.scale + radiometry.offset
    least, most = low * radiometry.scale + radiometry.offset, high * radiometry.scale + radiometry.offset
    for said, wrong in {
        "look like reflectance 0..1": high <= MAX_REFLECTANCE,
        "look like 8-bit numbers": MAX_REFLECTANCE < high <= _BYTE,
        "are negative reflectance": least < -_OFFSET_0400 / 2,
        f"are reflectance above {MAX_REFLECTANCE:g}": most > MAX_REFLECTANCE,
        "are nowhere dark (a bright desert, or processing baseline 04.00 read without its offset)": (
            dark >= _OFFSET_0400 and facts.product.sensor == "sentinel-2-msi" and radiometry.offset == 0
        ),
    }.items():
        if wrong:
            message = (
                f"numbers {said}; digital numbers of {facts.product_id} are expected: 1 to 99 % lie from {low:g} to "
                f"{high:g}, that is reflectance {least:.3g} to {most:.3g}"
            )
            yield warning("range", message, scene=parts[0].whole, value=f"{low:g}..{high:g}")


def _pixel_size(parts: Sequence[Survey], facts: SourceFacts) -> Iterator[Finding]:
    grid = parts[0].scene.info.grid
    if grid is None:
        yield note(
            "no-georeference", "has no georeference: overlap with other scenes cannot be seen", scene=parts[0].whole
        )
        return
    wanted = min(facts.product.band(band).gsd_m for band in facts.bands)
    size = max(ground_pixel_size(grid))
    if not 1 / _COARSENESS <= size / wanted <= _COARSENESS:
        message = f"pixels measure {size:.3g} m, {facts.product_id} has {wanted:g} m; the service refuses such scenes"
        yield warning("pixel-size", message, scene=parts[0].whole, value=f"{size:.3g}")


def _one_image(parts: Sequence[Survey], _facts: SourceFacts) -> Iterator[Finding]:
    """Two dates that are one: a file was copied, or named wrongly."""
    first = parts[0]
    if first.valid and not first.failures and len(set(first.digests)) < len(first.digests):
        message = "both dates are the same image, pixel by pixel; nothing can have changed between them"
        yield warning("one-image", message, scene=first.whole, count=first.pixels)


_CHECKS: Final[tuple[Callable[[Sequence[Survey], SourceFacts], Iterator[Finding]], ...]] = (
    _unreadable,
    _stray_codes,
    _bands,
    _nonfinite,
    _empty,
    _range,
    _pixel_size,
    _one_image,
)


def remark_findings(scenes: Iterable[Scene]) -> Iterator[Finding]:
    """What scenes say of their own files."""
    for scene in scenes:
        remarks = getattr(scene, "remarks", None)
        if remarks is None:
            continue
        try:
            for remark in remarks():
                make = warning if remark.warning else note
                yield make("file", remark.message, scene=scene.info.name, file=remark.file, count=remark.count)
        except DataError:  # the survey says of the same file that it cannot be read
            continue


def _labels(parts: Sequence[Survey]) -> str | None:
    labels = getattr(getattr(parts[0].scene, "parts", None), "labels", None)
    return labels.path.name if labels is not None else None


def _named_in(message: str, files: Sequence[Path]) -> str | None:
    """The file that a message names."""
    return next((path.name for path in files if repr(path.name) in message), None)
