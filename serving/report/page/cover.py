"""Land-cover change as flows between classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from indicators.codes import CONDITIONS, NODATA
from landcover.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Flow:
    """One cell of a transition matrix.

    Attributes:
        initial: class code of the initial year, or -32768.
        final: class code of the final year, or -32768.
        km2: mapped area.
        sign: -1, 0, 1, or -32768 where a year has no data or no regional matrix holds.
        process: English name from the transition matrix.
        unlikely: whether the change needs verification.
    """

    initial: int
    final: int
    km2: float
    sign: int
    process: str
    unlikely: bool = False

    def __post_init__(self) -> None:
        """Refuse negative areas and unknown signs.

        Raises:
            ConfigError: with the cell.
        """
        if self.km2 < 0 or self.sign not in {*CONDITIONS, NODATA}:
            raise ConfigError(f"flow {self.initial} to {self.final}: area {self.km2} km2, sign {self.sign}")

    @property
    def is_change(self) -> bool:
        """Whether the class differs, is known in both years, and a matrix says what that means.

        Regions may leave water out, so that no matrix holds for what has become of it.
        """
        return self.initial != self.final and NODATA not in {self.initial, self.final, self.sign}


@dataclass(frozen=True, slots=True)
class CoverChange:
    """All flows between classes of a legend; UNCCD PRAIS 4 tables SO1-1.T4 to T6.

    Attributes:
        legend_id: key of ``landcover.legends.get_legend``.
        codes: class codes in the order of the legend, and -32768 where there is any.
        flows: for each pair of classes one; under regional matrices one for each verdict.
    """

    legend_id: str
    codes: tuple[int, ...]
    flows: tuple[Flow, ...]

    def __post_init__(self) -> None:
        """Refuse flows that repeat or leave the legend.

        Raises:
            ConfigError: with the cell.
        """
        keys = [(flow.initial, flow.final, flow.sign, flow.process) for flow in self.flows]
        strange = [key for key in keys if not set(key[:2]) <= set(self.codes)]
        if strange or len(set(keys)) != len(keys):
            raise ConfigError(f"flows of legend {self.legend_id!r} repeat or have unknown codes: {strange[:3]}")

    def of(self, initial: int, final: int) -> tuple[Flow, ...]:
        """The flows of a cell: several where regional matrices judge it differently."""
        return tuple(flow for flow in self.flows if (flow.initial, flow.final) == (initial, final))

    def before(self, code: int) -> float:
        """Extent in the initial year, km2."""
        return sum(flow.km2 for flow in self.flows if flow.initial == code)

    def after(self, code: int) -> float:
        """Extent in the final year, km2."""
        return sum(flow.km2 for flow in self.flows if flow.final == code)

    def changes(self) -> Iterator[Flow]:
        """Changes of class that have area, the largest first."""
        found = (flow for flow in self.flows if flow.is_change and flow.km2 > 0)
        yield from sorted(found, key=lambda flow: -flow.km2)

    @property
    def km2(self) -> float:
        """Area of all flows."""
        return sum(flow.km2 for flow in self.flows)
