"""The promotion gate for severity: the recorded cross-validations of both versions, on the same plots.

No plot is left that neither version was trained on: both networks learned from all of them. What can be compared is how
their recipes did on plots held out, and only where the plots and the rule of the folds are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from landcover.bundle import Bundle
from landcover.metrics import score
from training.gate import Comparison, Gate, Verdict, compare
from training.severity.verdict import FoldVerdict

COVER_SCORE: Final = "R2 of the bare fraction"
"""On the same plots it orders versions as the root mean square error does, and higher is better as for other scores."""


def judge(champion: Bundle | None, verdict: FoldVerdict, plots_sha256: str, gate: Gate) -> Verdict:
    """Compare the new version with the champion.

    Args:
        champion: The current version; None when there is none.
        verdict: Of the new version's cross-validation.
        plots_sha256: Of the file of plots it was made on.
        gate: Tolerances; R2 may fall by that of the overall accuracy.
    """
    if champion is None:
        return Verdict()
    identifier, digest = champion.manifest.identifier, champion.digest
    recorded = _recorded(champion, verdict, plots_sha256)
    if recorded is None:
        problem = f"its manifest has no cross-validation on the same plots by the rule {verdict.rule}"
        return Verdict(identifier, digest, problem=problem)
    cover = Comparison(COVER_SCORE, recorded["bare_fraction"]["r2"], verdict.cover.r2, gate.overall_accuracy)
    basis = f"the recorded cross-validations of both, on the same plots and folds ({verdict.rule})"
    if recorded.get("table", {}).get("bounds") != list(verdict.table.bounds):
        return Verdict(identifier, digest, f"{basis}; their tables of levels differ", (), (cover,))
    names = verdict.levels.names
    levels = compare(score(np.asarray(recorded["confusion_matrix"]), names), verdict.levels, gate)
    return Verdict(identifier, digest, basis, (), (cover, *levels))


def _recorded(champion: Bundle, verdict: FoldVerdict, plots_sha256: str) -> Mapping[str, Any] | None:
    if champion.manifest.provenance.get("training_files_sha256") != plots_sha256:
        return None
    for recorded in champion.manifest.scores.get("cross_validation", ()):
        if recorded["rule"] == verdict.rule and [fold["plots"] for fold in recorded["folds"]] == [
            fold.plots for fold in verdict.folds
        ]:
            found: Mapping[str, Any] = recorded
            return found
    return None
