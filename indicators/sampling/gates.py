"""Whether data are good enough to be reported: bars, and what passes them.

UNCCD's bars are those of the PRAIS 4 reporting manual (SO1.md Table 10 for land cover, Table 11 for productivity).
The others are Steppe's own proposals: no official source sets them. Whoever has better ones makes other ``Bars``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from indicators.caveats import NODATA_FLAG
from indicators.sampling.accuracy import AccuracyEstimate, ClassAccuracy, Estimate
from landcover.errors import ConfigError
from landcover.identity import identity

PRAIS: Final = "UNCCD PRAIS 4 manual, SO1.md, quality of national data"
OWN: Final = "Steppe's own bar; no official source"


class Verdict(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - no password
    FLAG = "flag"
    """Below the bar, or not known: may be reported, with this sentence beside it."""
    FAIL = "fail"
    """Below the bar: must not be reported as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One bar and what came of it.

    Attributes:
        name: for machines.
        verdict: what it says.
        value: what was found, in the unit of ``bar``; None where nothing is known.
        bar: what was expected.
        sentence: for people.
        source: where the bar comes from.
    """

    name: str
    verdict: Verdict
    value: float | None
    bar: float
    sentence: str
    source: str

    @property
    def passed(self) -> bool:
        """Whether the bar is passed."""
        return self.verdict is Verdict.PASS

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "value": self.value,
            "bar": self.bar,
            "sentence": self.sentence,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What is good enough. Accuracies are shares; no data is a percentage of land area.

    Attributes:
        id: short name.
        version: changes whenever a number does.
        land_cover_overall: least overall accuracy of a land-cover map (PRAIS).
        land_cover_low: least lower end of its 95 % interval.
        class_accuracy: least user's and producer's accuracy of a class that is used in a reported transition.
        lpd_overall: least overall accuracy of a productivity map (PRAIS).
        nodata_percent: most land without data.
    """

    id: str = "steppe-bars"
    version: str = "1"
    land_cover_overall: float = 0.74
    land_cover_low: float = 0.70
    class_accuracy: float = 0.60
    lpd_overall: float = 0.80
    nodata_percent: float = 100.0 * NODATA_FLAG

    def __post_init__(self) -> None:
        """Refuse bars that nothing or everything passes.

        Raises:
            ConfigError: naming the bar.
        """
        shares = {name: getattr(self, name) for name in _SHARES}
        for name, share in shares.items():
            if not 0.0 < share <= 1.0:
                raise ConfigError(f"the bar {name} is {share}; expected a share above 0 and at most 1")
        if not 0.0 <= self.nodata_percent < _ALL:
            raise ConfigError(f"the bar nodata_percent is {self.nodata_percent}; expected 0 to below 100")

    @property
    def identity(self) -> str:
        """``id@version#sha256``."""
        return identity(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        numbers = {name: getattr(self, name) for name in (*_SHARES, "nodata_percent")}
        return {"id": self.id, "version": self.version, **numbers}


_ALL: Final = 100.0
_SHARES: Final = ("land_cover_overall", "land_cover_low", "class_accuracy", "lpd_overall")

DEFAULT_BARS: Final = Bars()
"""UNCCD's bars, and Steppe's where UNCCD has none."""


def land_cover_gates(
    found: AccuracyEstimate, *, used: Collection[int] | None = None, bars: Bars = DEFAULT_BARS
) -> tuple[Gate, ...]:
    """Gates of a land-cover map: overall accuracy, its lower bound, and each class that is used.

    Args:
        found: what was estimated.
        used: codes of classes in reported transitions; None = all classes.
        bars: what is good enough.
    """
    overall = found.overall
    return (
        _share_gate("land-cover-overall-accuracy", "overall accuracy", overall, bars.land_cover_overall, PRAIS),
        _low_gate(overall, bars.land_cover_low),
        *(gate for one in found.classes if used is None or one.code in used for gate in _class_gates(one, bars)),
    )


def productivity_gates(found: AccuracyEstimate, *, bars: Bars = DEFAULT_BARS) -> tuple[Gate, ...]:
    """The gate of a map of land productivity dynamics: overall accuracy.

    Args:
        found: what was estimated.
        bars: what is good enough.
    """
    return (_share_gate("lpd-overall-accuracy", "overall accuracy", found.overall, bars.lpd_overall, PRAIS),)


def change_gates(found: AccuracyEstimate, changes: Collection[int]) -> tuple[Gate, ...]:
    """Gates of a map of change: a process is named only when the interval of its area excludes 0.

    Args:
        found: what was estimated.
        changes: codes of the classes that are change, not persistence.
    """
    return tuple(change_area_gate(one) for one in found.classes if one.code in changes)


def change_area_gate(found: ClassAccuracy) -> Gate:
    """Whether the area of a change is known to be there.

    Args:
        found: the class of change.
    """
    area = found.area_km2
    there = area.low is not None and area.low > 0.0
    interval = f"{area.low:.2f} to {area.high:.2f}" if area.low is not None else "not known"
    said = "excludes 0" if there else "does not exclude 0, so that the process must not be named"
    return Gate(
        name=f"change-area-{found.code}",
        verdict=Verdict.PASS if there else Verdict.FAIL,
        value=area.low,
        bar=0.0,
        sentence=f"The 95 % interval of the area of {found.title} is {interval} km2: it {said}.",
        source=OWN,
    )


def nodata_gate(nodata_percent: float, *, bars: Bars = DEFAULT_BARS) -> Gate:
    """Whether enough of the land has data.

    Args:
        nodata_percent: land without data, percent of the land area.
        bars: what is good enough.
    """
    enough = nodata_percent <= bars.nodata_percent
    said = "at most" if enough else "more than"
    return Gate(
        name="no-data-land",
        verdict=Verdict.PASS if enough else Verdict.FLAG,
        value=nodata_percent,
        bar=bars.nodata_percent,
        sentence=f"{nodata_percent:.1f} % of the land has no data: {said} {bars.nodata_percent:g} %.",
        source=OWN,
    )


def accepted(gates: Collection[Gate]) -> bool:
    """Whether no gate fails; flags may be among them."""
    return all(gate.verdict is not Verdict.FAIL for gate in gates)


def _class_gates(found: ClassAccuracy, bars: Bars) -> Iterator[Gate]:
    for name, words, share in (
        ("users", "user's accuracy", found.users),
        ("producers", "producer's accuracy", found.producers),
    ):
        gate_name, what = f"{name}-accuracy-{found.code}", f"{words} of {found.title}"
        if share is None:
            where = "map" if name == "users" else "reference"
            yield Gate(
                name=gate_name,
                verdict=Verdict.FLAG,
                value=None,
                bar=bars.class_accuracy,
                sentence=f"The {what} is not known: no point of the {where} has the class.",
                source=OWN,
            )
        else:
            yield _share_gate(gate_name, what, share, bars.class_accuracy, OWN, below=Verdict.FLAG)


def _share_gate(
    name: str, what: str, found: Estimate, bar: float, source: str, *, below: Verdict = Verdict.FAIL
) -> Gate:
    enough = found.value >= bar
    said = "reaches" if enough else "does not reach"
    return Gate(
        name=name,
        verdict=Verdict.PASS if enough else below,
        value=found.value,
        bar=bar,
        sentence=f"The {what}, {_percent(found.value)}, {said} {_percent(bar)}.",
        source=source,
    )


def _low_gate(overall: Estimate, bar: float) -> Gate:
    enough = overall.low is not None and overall.low >= bar
    low = "which is not known," if overall.low is None else f"{_percent(overall.low)},"
    return Gate(
        name="land-cover-overall-accuracy-low",
        verdict=Verdict.PASS if enough else Verdict.FAIL,
        value=overall.low,
        bar=bar,
        sentence=(
            f"The lower end of the 95 % interval of overall accuracy, {low} "
            f"{'reaches' if enough else 'does not reach'} {_percent(bar)}."
        ),
        source=OWN,
    )


def _percent(share: float) -> str:
    """A share that is below a bar must not look as if it reached it, so that it is cut, not rounded."""
    return f"{int(share * 1000 + 1e-9) / 10:.1f} %"
