"""A report of before as a comparison takes it: its account, what it was made of, and where its rasters are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indicators.comparison.factors import Conditions, Rules
from indicators.condition.oneout import NodataPolicy, one_out_all_out
from indicators.joint import PRODUCTIVITY, REGION, SOC
from indicators.reporting.account import PeriodAccount
from indicators.transitions import TransitionMatrix
from landcover.errors import ConfigError
from landcover.staging import os_errors
from serving.report import files
from serving.report.grounds import Grounds, parse_grounds
from serving.report.request import REPORT_LEGEND
from serving.report.tablefiles import account_file, accounts_of

LAYER_FILES = {PRODUCTIVITY: files.PRODUCTIVITY, SOC: files.SOC}
"""Rasters of sub-indicators beside land cover, by their axes."""


@dataclass(frozen=True, slots=True)
class OneOut:
    """One out, all out under a policy; equal where the policies are.

    Attributes:
        policy: what a missing layer means.
    """

    policy: NodataPolicy

    def __call__(self, layers: Sequence[Conditions]) -> Conditions:
        """The indicator of land from its layers."""
        return one_out_all_out(layers, policy=self.policy)


@dataclass(frozen=True, slots=True, eq=False)
class ReadReport:
    """A report of before.

    Attributes:
        folder: where it is.
        account: of its period and whole area.
        grounds: what it was made of.
    """

    folder: Path
    account: PeriodAccount
    grounds: Grounds

    @property
    def name(self) -> str:
        """What its folder is called."""
        return self.folder.name

    @property
    def transitions(self) -> Path:
        """Its raster of transitions."""
        return self.folder / files.TRANSITIONS

    @property
    def matrix(self) -> TransitionMatrix:
        """Its transition matrix."""
        return self.account.matrices[0]

    @property
    def layers(self) -> dict[str, Path]:
        """Rasters of its sub-indicators beside land cover, by axis."""
        return {
            name: self.folder / file
            for name, file in LAYER_FILES.items()
            if self.account.has(name) and (self.folder / file).is_file()
        }

    def rules(self, *, indicator: bool) -> Rules:
        """How it goes from layers to the condition of land.

        Args:
            indicator: whether the indicator is compared, or land cover alone.

        Raises:
            ConfigError: when it has no rule for missing layers.
        """
        if not indicator:
            return Rules(self.matrix)
        if self.grounds.policy is None:
            raise ConfigError(f"{self.name!r} has no no-data policy of the indicator; make the report again")
        return Rules(self.matrix, OneOut(self.grounds.policy), self.account.water)

    @property
    def told_km2(self) -> float:
        """Km2 of its account with a class in both years."""
        return float(self.account.joint.over(("initial", "final")).km2[:-1, :-1].sum())


def read_report(folder: Path) -> ReadReport:
    """Read a report.

    Raises:
        ConfigError: when the folder holds none, or one that cannot be compared.
        AccountUnreadable: when its account is damaged, or says too little.
    """
    folder = Path(folder).absolute()
    path = folder / files.ACCOUNT
    with os_errors(path):
        missing = [name for name in (files.ACCOUNT, files.TRANSITIONS) if not (folder / name).is_file()]
        if missing:
            raise ConfigError(
                f"{folder.name!r} is no folder of a report: it has no {' and no '.join(missing)}; give the folders "
                "that `steppe report` wrote"
            )
        document = account_file(path.read_bytes())
    account = accounts_of(document).whole[-1]
    if account.legend_id != REPORT_LEGEND or account.has(REGION):
        raise ConfigError(
            f"report {folder.name!r} has regional matrices or another legend than {REPORT_LEGEND!r}, and which holds "
            "where is not in its files; compare reports of one matrix each"
        )
    return ReadReport(folder, account, parse_grounds(document.get("grounds")))
