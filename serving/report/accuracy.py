"""From interpreted points to accuracies, areas with intervals and gates: the job behind ``steppe report estimate``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from indicators.caveats import Caveat
from indicators.sampling.accuracy import AccuracyEstimate
from indicators.sampling.design import SampleDesign
from indicators.sampling.estimate import estimate_olofsson
from indicators.sampling.gates import (
    DEFAULT_BARS,
    Gate,
    accepted,
    change_gates,
    land_cover_gates,
    nodata_gate,
    productivity_gates,
)
from indicators.sampling.response import Drawn, NoProbabilitySample, ResponseInvalid, Responses, checked_responses
from indicators.sampling.stehman import estimate_stehman
from indicators.sampling.strata import SampleDesignInvalid
from landcover.errors import WrongUse
from landcover.identity import canonical_sha256
from landcover.staging import os_errors
from serving.report.accuracytables import CLASSES_CSV, DOCUMENT, MATRIX_CSV, SUMMARY, class_table, matrix_table, summary
from serving.report.responses import read_points
from serving.report.sampling import DESIGN_ENDING, DIGEST
from serving.staging import Staging, write_file
from serving.strictjson import Malformed, Unusable, parse_json

KIND: Final = "steppe-accuracy"
VERSION: Final = "1"

CHANGES: Final[Mapping[str, tuple[int, ...]]] = {"degradation3": (-1, 1), "change2": (1,)}
"""Classes of change in legends of change, by the legend's id."""

PRODUCTIVITY: Final = "lpd5"

_DEPTH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyOrder:
    """What is to be estimated.

    Attributes:
        points: the filled-in table.
        design: the design file; None = the one that lies beside the points under their name, if it does.
        used: classes in reported transitions, by code or machine name; empty = all.
        partial: leave points without a reference class out.
        finite_population: with the factor 1 - n/N in standard errors.
        nodata_percent: land without data, percent of the land area, where it is known.
    """

    points: Path
    design: Path | None
    used: tuple[str, ...] = ()
    partial: bool = False
    finite_population: bool = False
    nodata_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What was estimated.

    Attributes:
        found: accuracies and areas.
        gates: what passes.
        caveats: what to know of all of it.
        document: everything, as the JSON file has it.
        summary: the same for people, Markdown.
    """

    found: AccuracyEstimate
    gates: tuple[Gate, ...]
    caveats: tuple[Caveat, ...]
    document: dict[str, Any]
    summary: str


def assess(order: AccuracyOrder) -> Assessment:
    """Estimate accuracies and areas from interpreted points.

    Raises:
        NoProbabilitySample: without a design, or with points that are not of it.
        DataError: when the table cannot be used.
        ConfigError: when the design cannot be used.
    """
    if not order.points.is_file():
        raise ResponseInvalid(f"{order.points.name!r} does not exist; give the table that interpreters have filled in")
    plan = _read_design(order.design or _beside(order.points))
    points = read_points(order.points, plan.words)
    responses = checked_responses(points, plan.design.strata, tuple(plan.titles), plan.drawn, partial=order.partial)
    found = _estimated(plan, responses, finite_population=order.finite_population)
    gates = _gates(plan, found, order)
    caveats = (*plan.caveats, *(new for new in (*responses.caveats, *found.caveats) if new not in plan.caveats))
    document = {
        "type": KIND,
        "version": VERSION,
        "design": plan.identity,
        "map": plan.document.get("map", {}),
        "areas": plan.document.get("areas"),
        "legend": {key: plan.document["legend"][key] for key in ("id", "version")},
        **found.to_document(),
        "accepted": accepted(gates),
        "bars": DEFAULT_BARS.to_document(),
        "gates": [gate.to_document() for gate in gates],
        "caveats": [{"slug": caveat.slug, "text": caveat.text} for caveat in caveats],
    }
    return Assessment(
        found=found,
        gates=gates,
        caveats=caveats,
        document=document,
        summary=summary(found, gates, caveats, name=_place(plan.document)),
    )


def publish_assessment(order: AccuracyOrder, folder: Path) -> tuple[Assessment, dict[str, Path]]:
    """Estimate, and write the tables; nothing is written when anything fails.

    Args:
        order: what is to be estimated.
        folder: is made when it is not there.

    Returns:
        what was estimated, and the files by name.

    Raises:
        SteppeError: see ``assess``; or the files cannot be written.
    """
    result = assess(order)
    contents = {
        DOCUMENT: json.dumps(result.document, indent=1, ensure_ascii=False) + "\n",
        CLASSES_CSV: class_table(result.found),
        MATRIX_CSV: matrix_table(result.found),
        SUMMARY: result.summary,
    }
    made = not folder.exists()
    if made:
        with os_errors(folder):
            folder.mkdir()
    try:
        with Staging() as staging:
            for name, text in contents.items():
                write_file(staging.path_for(folder / name), text.encode())
            staging.publish()
    except BaseException:
        if made and not any(folder.iterdir()):
            folder.rmdir()
        raise
    return result, {name: folder / name for name in contents}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A design file.

    Attributes:
        design: the design.
        identity: the same with its content.
        document: all of the file.
        titles: title of each class of the legend by code.
        words: code of each class by what an interpreter may write for it.
        drawn: its points by id.
        mapped_km2: mapped area of each class.
        caveats: what it says of itself.
    """

    design: SampleDesign
    identity: str
    document: dict[str, Any]
    titles: dict[int, str]
    words: dict[str, int]
    drawn: dict[str, Drawn]
    mapped_km2: dict[int, float]
    caveats: tuple[Caveat, ...]


def _beside(points: Path) -> Path | None:
    """The design that ``steppe report sample`` wrote with these points."""
    found = points.with_name(points.stem + DESIGN_ENDING)
    return found if found.is_file() else None


def _read_design(path: Path | None) -> _Plan:
    """The design file.

    Raises:
        NoProbabilitySample: when there is none, or it is one of points that were not drawn.
        SampleDesignInvalid: when it cannot be used.
    """
    if path is None:
        raise NoProbabilitySample(
            "without a design nothing is known of how the points were chosen, so nothing can be estimated from them: "
            "give --design, the file that steppe report sample wrote; of a map alone report its mapped area (pixel "
            "count)"
        )
    document = _document(path)
    if document.get("probability_sample") is not True:
        raise NoProbabilitySample(
            f"{path.name!r} is not the design of a probability sample; draw one with report sample"
        )
    design = SampleDesign.from_document(document)
    if document.get(DIGEST) != canonical_sha256({key: said for key, said in document.items() if key != DIGEST}):
        raise SampleDesignInvalid(
            f"{path.name!r} was altered after the sample was drawn; give the file as it was written"
        )
    try:
        return _plan(design, document)
    except (KeyError, TypeError, ValueError) as error:
        raise SampleDesignInvalid(f"{path.name!r} is incomplete ({error}); give the file as it was written") from error


def _document(path: Path) -> dict[str, Any]:
    try:
        document = parse_json(path.read_bytes(), depth=_DEPTH)
    except OSError as error:
        raise SampleDesignInvalid(f"{path.name!r} cannot be read: {error.strerror}") from error
    except (Malformed, Unusable) as error:
        raise SampleDesignInvalid(f"{path.name!r} is no design of a sample: {error}") from error
    if not isinstance(document, dict):
        raise SampleDesignInvalid(f"{path.name!r} is no design of a sample: it is no JSON object")
    return document


def _plan(design: SampleDesign, document: dict[str, Any]) -> _Plan:
    classes = document["legend"]["classes"]
    titles = {int(one["code"]): str(one["title"]) for one in classes}
    names = {str(one[key]).casefold(): int(one["code"]) for key in ("title", "name") for one in classes}
    return _Plan(
        design=design,
        identity=design.identity,
        document=document,
        titles=titles,
        words=names,
        drawn={str(name): Drawn(int(stratum), int(mapped)) for name, stratum, mapped, *_ in document["points"]},
        mapped_km2={int(row["code"]): float(row["area_km2"]) for row in document["mapped_areas"]},
        caveats=tuple(Caveat(str(one["slug"]), str(one["text"])) for one in document.get("caveats", ())),
    )


def _estimated(plan: _Plan, responses: Responses, *, finite_population: bool) -> AccuracyEstimate:
    """By the estimator that the strata ask for; classes are those that the map or the reference has."""
    strata, drawn_classes = plan.design.strata, {point.mapped for point in plan.drawn.values()}
    seen = drawn_classes | set(responses.reference.tolist())
    if responses.strata_are_classes:
        titles = {code: title for code, title in plan.titles.items() if code in seen | set(strata.codes)}
        counts = responses.counts(strata.codes, tuple(titles))
        return estimate_olofsson(counts, strata, titles, finite_population=finite_population)
    excluded = set(plan.document.get("excluded", ()))
    known = {code: km2 for code, km2 in plan.mapped_km2.items() if code not in excluded}
    titles = {code: title for code, title in plan.titles.items() if code in seen | set(known)}
    return estimate_stehman(responses, strata, titles, mapped_km2=known, finite_population=finite_population)


def _place(document: Mapping[str, Any]) -> str:
    """The map, and the areas of it that were sampled."""
    name, areas = str(document.get("map", {}).get("name", "")), document.get("areas")
    return name if areas is None else f"{name} in {areas['name']}"


def _gates(plan: _Plan, found: AccuracyEstimate, order: AccuracyOrder) -> tuple[Gate, ...]:
    """The gates that a map of this legend has to pass."""
    legend = plan.document["legend"]["id"]
    land = () if order.nodata_percent is None else (nodata_gate(_percent(order.nodata_percent)),)
    if legend in CHANGES:
        return (*change_gates(found, CHANGES[legend]), *land)
    if legend == PRODUCTIVITY:
        return (*productivity_gates(found), *land)
    used = [_used(text, plan) for text in order.used] or None
    return (*land_cover_gates(found, used=used), *land)


def _percent(number: float) -> float:
    if not 0.0 <= number <= 100.0:  # noqa: PLR2004 - percent
        raise WrongUse(f"{number:g} % of the land without data; expected 0 to 100")
    return number


def _used(text: str, plan: _Plan) -> int:
    words = plan.words | {str(code): code for code in plan.titles}
    if text.strip().casefold() not in words:
        raise WrongUse(f"{text!r} is no class of the legend; its classes are {', '.join(map(str, plan.titles))}")
    return words[text.strip().casefold()]
