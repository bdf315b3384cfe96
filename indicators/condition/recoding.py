"""What an expert's correction makes of degraded, stable and improved pixels.

Trends.Earth, te_schemas/error_recode.py: three choices of four, so 64 recodings, numbered in a fixed order; pixels
without data are never recoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, DEGRADED, IMPROVED, NODATA, STABLE
from indicators.condition.positions import conditions
from indicators.productivity.positions import Codes, condition_positions
from landcover.errors import DataError

type Target = int | None
"""A class, -32768 for no data, or None to keep what is there."""

DEGRADED_TO: Final[tuple[Target, ...]] = (None, NODATA, STABLE, IMPROVED)
STABLE_TO: Final[tuple[Target, ...]] = (None, NODATA, DEGRADED, IMPROVED)
IMPROVED_TO: Final[tuple[Target, ...]] = (None, NODATA, DEGRADED, STABLE)
"""Choices for each class, in the order in which Trends.Earth numbers recodings."""


class CorrectionInvalid(DataError):
    """A correction by experts contradicts itself or cannot be understood."""

    slug = "correction"


@dataclass(frozen=True, slots=True)
class Recoding:
    """What becomes of each class.

    Attributes:
        deg_to: of degraded pixels: None keeps them, -32768, 0 or 1.
        stable_to: of stable pixels: None keeps them, -32768, -1 or 1.
        imp_to: of improved pixels: None keeps them, -32768, -1 or 0.
    """

    deg_to: Target = None
    stable_to: Target = None
    imp_to: Target = None

    def __post_init__(self) -> None:
        """Refuse what is no choice.

        Raises:
            CorrectionInvalid: with the value and the choices.
        """
        for name, value, choices in self._choices():
            if isinstance(value, bool | float) or value not in choices:
                allowed = ", ".join("null" if choice is None else str(choice) for choice in choices)
                raise CorrectionInvalid(f"recode_{name} is {value!r}; expected one of {allowed}")

    @classmethod
    def of_code(cls, code: int) -> Recoding:
        """The recoding that Trends.Earth gives a number to, the inverse of ``code``.

        For rasters in which Trends.Earth burns the number of each polygon's recoding (trans_code_lists).

        Raises:
            CorrectionInvalid: when the number is not 0 to 63.
        """
        every = list(product(DEGRADED_TO, STABLE_TO, IMPROVED_TO))
        if not 0 <= code < len(every):
            raise CorrectionInvalid(f"recoding {code} is not known; expected 0 to {len(every) - 1}")
        return cls(*every[code])

    @property
    def code(self) -> int:
        """Trends.Earth's number of the recoding, 0 to 63; 0 changes nothing."""
        code = 0
        for _, value, choices in self._choices():
            code = code * len(choices) + choices.index(value)
        return code

    @property
    def after(self) -> tuple[int, int, int, int]:
        """What -1, 0, 1 and no data become, in this order."""
        kept = zip(CONDITIONS, (self.deg_to, self.stable_to, self.imp_to), strict=True)
        degraded, stable, improved = (before if target is None else target for before, target in kept)
        return degraded, stable, improved, NODATA

    def apply(self, codes: Codes) -> npt.NDArray[np.int16]:
        """Recode pixels.

        Args:
            codes: integer array of any shape: -1, 0, 1; -32768, -32767 or 255 for no data.

        Returns:
            int16 of the same shape: -1, 0, 1, -32768.

        Raises:
            DtypeMismatch: when the array is not of an integer type.
            UnmappedCodes: for any other code, with its number of pixels.
        """
        table = condition_positions(np.array(self.after, np.int16), owner="a recoding")
        return conditions(table[condition_positions(codes, owner="the layer to correct")])

    def _choices(self) -> tuple[tuple[str, Target, tuple[Target, ...]], ...]:
        return (
            ("deg_to", self.deg_to, DEGRADED_TO),
            ("stable_to", self.stable_to, STABLE_TO),
            ("imp_to", self.imp_to, IMPROVED_TO),
        )
