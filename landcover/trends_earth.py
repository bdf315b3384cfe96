"""What the JSON files of Trends.Earth have in common: classes and legends.

Read leniently: the files come from several versions and from people. Written so that Trends.Earth loads them: its
schema takes short names of at most 15 characters, long ones of at most 90, and no description but text
(https://github.com/ConservationInternational/trends.earth-schemas, te_schemas/land_cover.py, LCClass and LCLegend).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ValidationError

from landcover.errors import ConfigError
from landcover.legends import DEGRADATION_NODATA, LandClass, Legend

_GREY: Final = "#808080"  # Trends.Earth allows classes without a colour
_SHORT: Final = 15
_LONG: Final = 90
_THREE_DIGITS: Final = re.compile(r"#[0-9A-F]{3}")
_UNCCD7_SHORT: Final = {
    1: "Tree-covered",
    2: "Grassland",
    3: "Cropland",
    4: "Wetland",
    5: "Artificial",
    6: "Other land",
    7: "Water body",
}
"""As in LDMP/data/land_cover_transition_matrix_unccd.json."""


def _full_color(value: Any) -> Any:
    """``#AF2A2A`` of ``#af2a2a``, ``#a22`` or nothing."""
    if value is None or value == "":
        return _GREY
    if not isinstance(value, str):
        return value
    color = value.upper()
    return "#" + "".join(2 * digit for digit in color[1:]) if _THREE_DIGITS.fullmatch(color) else color


class LegendClass(BaseModel):
    """One class; whatever else the file says of it is left out."""

    code: int
    name_long: str | None = None
    name_short: str | None = None
    color: Annotated[str, BeforeValidator(_full_color)] = _GREY

    @property
    def title(self) -> str:
        """The longest name there is."""
        return self.name_long or self.name_short or f"Class {self.code}"

    def land_class(self) -> LandClass:
        """The class as one of Steppe's legends.

        Raises:
            ConfigError: when the colour is none.
        """
        return LandClass(self.code, f"class_{self.code}".replace("-", "minus_"), self.title, self.color)


class FileLegend(BaseModel):
    """A legend; ``nodata`` may be missing."""

    name: str
    key: list[LegendClass]
    nodata: LegendClass | None = None

    @property
    def nodata_code(self) -> int:
        """Code that means no data."""
        return DEGRADATION_NODATA if self.nodata is None else self.nodata.code


def class_document(land_class: LandClass, *, short: str | None = None) -> dict[str, Any]:
    """A class as Trends.Earth writes it; names that are too long for its schema are cut.

    Args:
        land_class: the class.
        short: the short name, where there is one.
    """
    name = land_class.title
    return {
        "code": land_class.code,
        "name_long": name if len(name) <= _LONG else name[: _LONG - 1] + "\N{HORIZONTAL ELLIPSIS}",
        "name_short": short
        if short is None or len(short) <= _SHORT
        else short[: _SHORT - 1] + "\N{HORIZONTAL ELLIPSIS}",
        "description": None,
        "color": land_class.color,
    }


def legend_document(legend: Legend, *, nodata: int = DEGRADATION_NODATA) -> dict[str, Any]:
    """A legend as Trends.Earth writes it, classes sorted by code, as it sorts them.

    Args:
        legend: the legend.
        nodata: code that means no data.
    """
    short = _UNCCD7_SHORT if legend.id == "unccd7" else {}
    classes = sorted(legend.classes, key=lambda row: row.code)
    empty = LandClass(nodata, "nodata", "No data", "#000000")
    return {
        "name": legend.title,
        "key": [class_document(row, short=short.get(row.code)) for row in classes],
        "nodata": class_document(empty, short="No data"),
    }


def validated[M: BaseModel](model: type[M], text: str | bytes, what: str) -> M:
    """A document as a model.

    Raises:
        ConfigError: naming the first place that is not as it should be.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as reason:
        first = reason.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise ConfigError(f"not a {what} document: {place}: {first['msg']}") from reason
