"""Numbers as a language writes them. Rounded only here; totals are rounded sums of unrounded parts.

Areas have at least two decimals (LDN facts, section 5.1). Digits are Western in all languages, so that a number can be
copied into a spreadsheet; the minus is U+2212.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from serving.report.page.words import Words

DASH: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"
_DIGITS: Final = 2
_LEAST: Final = 0.005  # below it two decimals would show nothing
_WHOLE_FROM: Final = 1000.0  # headlines without decimals from here


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers in one language.

    Attributes:
        words: the language.
    """

    words: Words

    def number(self, value: float, digits: int = _DIGITS) -> str:
        """A number with separators; a value that would round to nothing is ``<0.01``."""
        if 0 < abs(value) < _LEAST and digits == _DIGITS:
            return ("<" if value > 0 else f">{MINUS}") + self._text(0.01, digits)
        text = self._text(abs(value), digits)
        return MINUS + text if value < 0 and any(digit in text for digit in "123456789") else text

    def signed(self, value: float | None) -> str:
        """A difference, with its sign."""
        if value is None:
            return DASH
        text = self.number(value)
        return f"+{text}" if value >= _LEAST else text

    def percent(self, value: float | None) -> str:
        """A share, or a dash when it is of nothing."""
        return DASH if value is None else self.words("percent_number", self.number(value))

    def share(self, value: float | None) -> str:
        """A share without its unit, for columns that have it in their head."""
        return DASH if value is None else self.number(value)

    def area(self, km2: float) -> str:
        """An area with its unit, for sentences."""
        return self.words("with_unit", self.words.apart(self.number(km2)), self.words("km2"))

    def change(self, km2: float) -> str:
        """A difference of areas with its unit, for sentences."""
        return self.words("with_unit", self.words.apart(self.signed(km2)), self.words("km2"))

    def big(self, km2: float) -> str:
        """An area for a headline, with as many decimals as help."""
        return self.number(km2, _headline_digits(km2))

    def margin(self, km2: float, margin_km2: float) -> str:
        """An estimate and half of its interval, with as many decimals as each other."""
        digits = _headline_digits(km2)
        return f"{self.number(km2, digits)} \N{PLUS-MINUS SIGN} {self.number(margin_km2, digits)}"

    def length(self, km: float) -> str:
        """Length of a scale bar."""
        text = f"{km:g}".replace(".", self.words("decimal"))
        return self.words("with_unit", self.words.apart(text), self.words("km"))

    def _text(self, value: float, digits: int) -> str:
        text = f"{value:,.{digits}f}"
        return text.replace(",", "\0").replace(".", self.words("decimal")).replace("\0", self.words("thousands"))


def _headline_digits(km2: float) -> int:
    return 0 if km2 >= _WHOLE_FROM else _DIGITS
