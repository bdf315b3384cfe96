"""Figures without the sites that settings were chosen on.

Cross-validation holds every site out once, also those whose scores decided how to train. A network does not know them,
but its recipe was liked because it does well there; figures of all other sites are free of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from landcover.errors import ConfigError
from training.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is left when the sites that settings were chosen on are taken away.

    Attributes:
        left_out: Names of those sites.
        evaluation: Of all others. Only its scores mean something: calibration is not divided by sites.
    """

    left_out: tuple[str, ...]
    evaluation: Evaluation

    def to_json(self, stable: str | None = None) -> dict[str, Any]:
        """Scores as a JSON object, undefined ones as null.

        Args:
            stable: Class that means "no change", where changes are scored.
        """
        scores = self.evaluation.pooled
        return {
            "left_out": list(self.left_out),
            "sites": len(self.evaluation.by_site()),
            "pixels": sum(scores.support),
            "overall_accuracy": scores.overall_accuracy,
            "macro_iou": scores.macro_iou,
            "macro_iou_frequent": self.evaluation.frequent_macro_iou,
            **({"change_f1": self.evaluation.binary(stable).f1} if stable else {}),
        }


def elsewhere(evaluation: Evaluation, patterns: Sequence[str]) -> Elsewhere:
    """Take sites away.

    Args:
        evaluation: Of all sites.
        patterns: Names of the sites to leave out, or shell patterns.

    Raises:
        ConfigError: A pattern fits no site, or no site is left.
    """
    left_out = chosen_sites(evaluation.by_site(), patterns)
    scenes = tuple(scene for scene in evaluation.scenes if scene.site not in left_out)
    return Elsewhere(left_out, replace(evaluation, scenes=scenes, scaling=None, pixels=None))


def chosen_sites(sites: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """The sites that settings were chosen on.

    Args:
        sites: Names of all sites that are scored.
        patterns: Names or shell patterns of those that settings were chosen on.

    Returns:
        Their names, sorted.

    Raises:
        ConfigError: A pattern fits no site, or all sites are among them.
    """
    names = sorted(set(sites))
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(f"--chosen-on {pattern!r} fits no site; there are {', '.join(names)}")
    left_out = tuple(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns))
    if left_out and len(left_out) == len(names):
        raise ConfigError(f"--chosen-on {' '.join(patterns)} leaves no site to score; name fewer")
    return left_out
