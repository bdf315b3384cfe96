"""The promotion gate: a new version may not be worse than the current one in any class by more than a tolerance.

Both graphs are scored on the same scenes. What is undefined (a class that no labelled pixel has) is not compared. Who
publishes all the same says who and why, and the manifest keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from landcover.errors import ConfigError, SteppeError
from landcover.legends import Legend
from landcover.manifest import Manifest
from landcover.metrics import Scores, labelled_only
from training.scenes import SourceFacts

TOLERANCE: Final = 0.02
"""Loss of IoU, macro IoU or overall accuracy that is accepted unless the configuration says otherwise."""

_OVERRIDE: Final = re.compile(r"\s*([^:]*[^:\s])\s*:\s*(\S.*?)\s*", re.DOTALL)


class GateRefused(SteppeError):
    """A new model version is worse than the current one; nothing was published."""

    slug: ClassVar[str] = "promotion-gate"
    exit_code: int = 8


class ChampionMismatch(ConfigError):
    """The current version cannot be compared with the new one."""

    slug = "champion"


@dataclass(frozen=True, slots=True)
class Gate:
    """Largest losses that are accepted, as differences of scores between 0 and 1.

    Attributes:
        tolerance: Of a class's IoU.
        classes: Of single classes, by machine name; wins over ``tolerance``.
        macro_iou: Of the mean IoU.
        overall_accuracy: Of the overall accuracy.
    """

    tolerance: float = TOLERANCE
    classes: Mapping[str, float] = field(default_factory=dict)
    macro_iou: float = TOLERANCE
    overall_accuracy: float = TOLERANCE

    def __post_init__(self) -> None:
        """Refuse tolerances that are none.

        Raises:
            ConfigError: With the entry and its value.
        """
        single = {"tolerance": self.tolerance, "macro_iou": self.macro_iou, "overall_accuracy": self.overall_accuracy}
        for name, value in {**single, **self.classes}.items():
            if not _is_share(value):
                raise ConfigError(f"gate: {name} is {value!r}; a number from 0 to 1 is expected")


def gate_from_config(document: object, legend: Legend) -> Gate:
    """The entry ``gate`` of a publishing configuration.

    Args:
        document: Mapping with any of the attributes of `Gate`, or None for the defaults.
        legend: Knows the names of the classes.

    Raises:
        ConfigError: For entries and classes that do not exist and values that are no tolerances.
    """
    if document is None:
        return Gate()
    known = set(Gate.__dataclass_fields__)
    if not isinstance(document, Mapping) or not set(document) <= known:
        raise ConfigError(f"gate: {document!r} is not understood; it may have {', '.join(sorted(known))}")
    classes = document.get("classes") or {}
    if not isinstance(classes, Mapping) or not set(classes) <= set(legend.names):
        raise ConfigError(f"gate: classes {classes!r}; legend {legend.id} has {', '.join(legend.names)}")
    return Gate(**{**document, "classes": dict(classes)})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One score of both models.

    Attributes:
        name: ``overall accuracy``, ``macro IoU`` or ``IoU of CLASS``.
        champion: The current version's, None when undefined.
        candidate: The new version's, None when undefined.
        tolerance: Loss that is accepted.
    """

    name: str
    champion: float | None
    candidate: float | None
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the new version may be published as far as this score goes; what is undefined holds."""
        return self.champion is None or self.candidate is None or self.candidate >= self.champion - self.tolerance

    @property
    def verdict(self) -> str:
        """One word for tables."""
        if self.champion is None or self.candidate is None:
            return "undefined"
        return "ok" if self.holds else "refused"

    def sentence(self) -> str:
        """What is wrong, with figures."""
        return (
            f"{self.name} falls from {_shown(self.champion)} to {_shown(self.candidate)}, more than the tolerance of "
            f"{self.tolerance:g}"
        )


@dataclass(frozen=True, slots=True)
class Override:
    """Who published against the gate, and why.

    Attributes:
        who: Name.
        why: Reason.
        at: UTC time, RFC 3339.
    """

    who: str
    why: str
    at: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found.

    Attributes:
        champion: ``name@version`` of the current version; None when there is none.
        champion_digest: SHA-256 of its manifest.
        basis: What both were scored on, a phrase for people.
        scenes: Names of those scenes.
        comparisons: Overall scores first, then classes in the legend's order.
        problem: Why they could not be compared, a clause for people.
        override: Who published all the same.
    """

    champion: str | None = None
    champion_digest: str | None = None
    basis: str = ""
    scenes: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    problem: str | None = None
    override: Override | None = None

    @property
    def refused(self) -> tuple[Comparison, ...]:
        """The scores that speak against the new version."""
        return tuple(comparison for comparison in self.comparisons if not comparison.holds)

    def to_json(self) -> dict[str, Any]:
        """For the manifest's provenance."""
        if self.champion is None:
            return {"champion": None}
        return {
            "champion": self.champion,
            "champion_manifest_sha256": self.champion_digest,
            "basis": self.basis,
            "scenes": list(self.scenes),
            **({"problem": self.problem} if self.problem else {}),
            "scores": [asdict(comparison) | {"verdict": comparison.verdict} for comparison in self.comparisons],
            **({"override": asdict(self.override)} if self.override else {}),
        }

    def rows(self) -> Iterable[tuple[str, str, str, str, str]]:
        """Name, champion, candidate, tolerance and verdict, as text."""
        for each in self.comparisons:
            yield each.name, _shown(each.champion), _shown(each.candidate), f"{each.tolerance:g}", each.verdict

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against publishing."""
        return not self.refused and self.problem is None

    def overridden_by(self, override: Override | None) -> Verdict:
        """The same verdict with somebody answering for it; what has passed needs nobody."""
        return self if self.passed else replace(self, override=override)

    def enforce(self) -> None:
        """Stop here unless everything holds or somebody answers for it.

        Raises:
            GateRefused: With every score that falls too far.
        """
        if self.passed or self.override is not None:
            return
        reasons = [self.problem] if self.problem else [comparison.sentence() for comparison in self.refused]
        raise GateRefused(
            f"against {self.champion}, {'; '.join(reasons)}; nothing was published "
            "(--force 'WHO: WHY' publishes all the same)"
        )


def compare(champion: Scores, candidate: Scores, gate: Gate) -> tuple[Comparison, ...]:
    """Compare two models' scores on the same scenes.

    Args:
        champion: Of the current version.
        candidate: Of the new version.
        gate: Tolerances.
    """
    # A class that no label has only counts where it is mapped by mistake, which the other classes' IoU show.
    before, after = labelled_only(champion), labelled_only(candidate)
    overall = (
        Comparison("overall accuracy", before.overall_accuracy, after.overall_accuracy, gate.overall_accuracy),
        Comparison("macro IoU", before.macro_iou, after.macro_iou, gate.macro_iou),
    )
    classes = (
        Comparison(f"IoU of {name}", old, new, gate.classes.get(name, gate.tolerance))
        for name, old, new in zip(before.names, before.iou, after.iou, strict=True)
    )
    return (*overall, *classes)


def check_comparable(champion: Manifest, facts: SourceFacts) -> None:
    """Refuse a champion that answers another question than the new version.

    Args:
        champion: Of the current version.
        facts: Of the data that the new version was trained on.

    Raises:
        ChampionMismatch: Naming what differs.
    """
    for what, old, new in (
        ("legend", champion.legend_id, facts.legend_id),
        ("bands", ", ".join(champion.bands), ", ".join(facts.bands)),
        ("dates", champion.dates, facts.dates),
        ("sample type", champion.dtype, facts.product.dtype),
        ("scale and offset", champion.radiometry, facts.product.radiometry),
    ):
        if old != new:
            raise ChampionMismatch(
                f"the champion {champion.identifier} has {what} {old}, the new version {new}; they cannot be compared, "
                "publish under another name"
            )


def parse_override(text: str) -> Override:
    """Read ``WHO: WHY``.

    Raises:
        ValueError: Either part is missing.
    """
    found = _OVERRIDE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} does not say who and why; write 'WHO: WHY'")
    who, why = (" ".join(part.split()) for part in found.groups())
    return Override(who, why, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _is_share(value: object) -> bool:
    """Whether a value out of a file is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
