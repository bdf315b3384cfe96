"""Make a comparison: compare two reports, and write every file of its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indicators.codes import DEGRADED
from indicators.comparison.factors import FIRST, SECOND
from landcover.labels import Language
from landcover.raster.qml import write_qml
from serving.report import files
from serving.report.comparing import Comparison, compare_reports
from serving.report.comparingfiles import NAMES, comparison_csv, comparison_document
from serving.report.comparingpage import comparison_data
from serving.report.covering import Openers
from serving.report.page.comparison import comparison_page
from serving.report.page.disagreement import disagreement_legend
from serving.report.streaming import Progress
from serving.staging import write_file


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonMade:
    """A finished comparison.

    Attributes:
        comparison: what was found.
        names: names of the files.
    """

    comparison: Comparison
    names: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each caveat."""
        return tuple(caveat.text for caveat in self.comparison.caveats)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        made = self.comparison
        difference, grid = made.difference, made.compared.grid
        return {
            "comparison": [made.name(FIRST), made.name(SECOND)],
            "quantity": "mapped area (pixel count)",
            "judged_by": "indicator" if made.compared.indicator else "land_cover",
            "compared_km2": made.compared_km2,
            "outside_km2": {account: made.outside_km2(account) for account in (FIRST, SECOND)},
            "agreed_percent": difference.agreed_percent,
            "difference_km2": {
                NAMES[code]: difference.area_km2(SECOND, code) - difference.area_km2(FIRST, code)
                for code in difference.codes
            },
            "effect_on_degraded_km2": {effect.factor: effect.km2[DEGRADED] for effect in difference.effects},
            "pixels": grid.height * grid.width,
            "seconds": round(made.seconds, 3),
            "warnings": list(self.warnings),
        }


def make_comparison(
    first: Path,
    second: Path,
    folder: Path,
    *,
    language: Language = "en",
    openers: Openers | None = None,
    progress: Progress | None = None,
) -> ComparisonMade:
    """Compare two reports and write the files; arguments and errors as of ``compare_reports``.

    Raises:
        SteppeError: whatever keeps the comparison from being made.
    """
    made = compare_reports(first, second, folder, language=language, openers=openers, progress=progress)
    raster = folder / files.DISAGREEMENT
    content = {
        files.COMPARISON: json.dumps(comparison_document(made), ensure_ascii=False, allow_nan=False, indent=1).encode()
        + b"\n",
        **comparison_csv(made),
        files.COMPARISON_PAGE: comparison_page(comparison_data(made, raster, language), language).encode(),
    }
    for name, value in content.items():
        write_file(folder / name, value)
    write_qml(raster, disagreement_legend(language, indicator=made.compared.indicator))
    return ComparisonMade(comparison=made, names=tuple(sorted(path.name for path in folder.iterdir())))
