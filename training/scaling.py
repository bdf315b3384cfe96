"""Reliability before and after temperature scaling, never with a temperature that saw the pixels it is judged on.

Three cases: a bundle brings its temperature, fitted when it was published; the folds of a cross-validation are scaled
with the temperature of the other folds; scenes of a single network are parted into groups of sites and scaled with the
temperature of the other groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.calibration import Calibration, Reliability, tempered
from training.temperature import Pixels, best_temperature

GROUPS: Final = 5
"""Groups of sites of a single network, as many as a usual cross-validation has folds."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Reliability on both sides of temperature scaling.

    Attributes:
        before: of the probabilities at temperature 1.
        after: of the scaled probabilities.
        temperatures: what was scaled, and its temperature.
        source: where the temperatures come from, a phrase for people.
    """

    before: Reliability
    after: Reliability
    temperatures: Mapping[str, float]
    source: str

    def to_json(self) -> dict[str, Any]:
        """Fields of the report."""
        return {
            "ece_before_scaling": self.before.ece,
            "ece_after_scaling": self.after.ece,
            "temperatures": dict(self.temperatures),
            "temperatures_from": self.source,
            "reliability_before_scaling": asdict(self.before),
            "reliability_after_scaling": asdict(self.after),
        }


def unscale(pixels: Pixels, temperature: float, *, after: Reliability) -> Scaling:
    """The case of a bundle: its probabilities are scaled, those before are worked out on a sample.

    Args:
        pixels: sample of probabilities as the bundle answers them.
        temperature: inside the bundle's graph.
        after: reliability of the bundle's answers, over all pixels.
    """
    before = _reliability(pixels, np.full(len(pixels), 1 / temperature))
    return Scaling(before, after, {"model": temperature}, "the temperature inside the published graph")


def scale_by_sites(pixels: Pixels, sites: Sequence[str], *, before: Reliability) -> Scaling | None:
    """The case of one network: groups of sites, each scaled with the temperature of the other groups.

    Args:
        pixels: sample of probabilities at temperature 1.
        sites: site of each scene number.
        before: reliability over all pixels.

    Returns:
        None with a single site.
    """
    names = sorted(set(sites))
    groups_S = np.array([names.index(site) % GROUPS for site in sites])
    return _crossed(pixels, groups_S, "sites", before, "fitted on the sites of the other groups")


def scale_by_folds(pixels: Pixels, folds: Sequence[int], *, before: Reliability) -> Scaling | None:
    """The case of a cross-validation: each fold scaled with the temperature of the other folds.

    Args:
        pixels: sample of probabilities at temperature 1.
        folds: fold of each scene number.
        before: reliability over all pixels.

    Returns:
        None with a single fold.
    """
    return _crossed(pixels, np.array(folds), "fold", before, "fitted on the held-out predictions of the other folds")


def _crossed(
    pixels: Pixels, groups_S: NDArray[np.int64], word: str, before: Reliability, source: str
) -> Scaling | None:
    group_P = groups_S[pixels.owners_P]
    groups = np.unique(group_P).tolist()
    if len(groups) < 2:  # noqa: PLR2004 (one group has no others)
        return None
    found = {group: best_temperature(pixels.only(group_P != group)) for group in groups}
    after = _reliability(pixels, np.array([found[group] for group in group_P.tolist()]))
    return Scaling(before, after, {f"{word} {group}": value for group, value in found.items()}, source)


def _reliability(pixels: Pixels, temperature_P: NDArray[np.float64]) -> Reliability:
    calibration = Calibration()
    for temperature in np.unique(temperature_P).tolist():
        part = pixels.only(temperature_P == temperature)
        probabilities_KP = tempered(part.probabilities_KP, temperature)
        calibration.update(probabilities_KP.max(axis=0), part.labels_P, probabilities_KP.argmax(axis=0))
    return calibration.result()
