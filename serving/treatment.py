"""What is done to a map beside classifying, and what is reported of it: mask bands and the minimum mapping unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final, Self

from indicators.areas import AreaTable, PixelAreas
from indicators.moves import MoveTable
from landcover.errors import GridMismatch, WrongUse
from landcover.grid import Grid
from landcover.labels import Language
from landcover.legends import Legend
from landcover.postprocess import UncertaintyMeasure
from landcover.quality import CLOUD_SHADOW, CLOUDS, MASKS, QUALITY_LEGEND, MaskKind
from landcover.raster.digest import named
from landcover.raster.protocol import Mask
from landcover.raster.quality import ELSEWHERE
from landcover.raster.sieve import CONNECTIVITY
from serving.class_areas import KM2_DIGITS, PERCENT_DIGITS, class_entries

MASK_NAMES: Final = ", ".join(kind.name for kind in MASKS[:-1]) + f" or {MASKS[-1].name}"

# More digits than any area on the Earth has, and few enough for arithmetic.
_AREA: Final = re.compile(r"(?P<number>\d{1,18}(?:\.\d+)?)\s*(?P<unit>px|m2|ha|km2)", re.IGNORECASE)
_KM2_OF: Final = {"m2": 1e-6, "ha": 0.01, "km2": 1.0}
_BORDER: Final = 1e-3
"""Share of a scene that its mask may miss without a word: a border of single pixels, after resampling."""
_LONGEST: Final = 40
"""Characters of a text that a message repeats."""


@dataclass(frozen=True, slots=True)
class MinimumPatch:
    """The smallest patch that a map shall show: its minimum mapping unit.

    Attributes:
        number: how many of the unit.
        unit: ``px``, ``m2``, ``ha`` or ``km2``.
    """

    number: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The patch meant by ``0.5ha``, ``5000m2``, ``0.01km2`` or ``50px``.

        Raises:
            WrongUse: when it means none.
        """
        match = _AREA.fullmatch(text.strip())
        if not match or float(match["number"]) <= 0:
            raise WrongUse(f"{_shown(text)} is no least area; give for example 0.5ha, 5000m2, 0.01km2 or 50px")
        return cls(float(match["number"]), match["unit"].lower())

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.number:g}{self.unit}"

    def pixels(self, grid: Grid) -> int:
        """Pixels of the smallest patch that is not below it; by the ground area of a pixel in the middle of the grid.

        Raises:
            WrongUse: when it is one pixel or less, so that nothing would be merged.
        """
        each = 1.0
        if self.unit != "px":
            middle = grid.height // 2
            each = float(PixelAreas(grid).rows(middle, middle + 1).mean())
        pixels = math.ceil(self.number * _KM2_OF.get(self.unit, 1.0) / each)
        if pixels <= 1:
            raise WrongUse(f"a least area of {self} is one pixel of this map or less: nothing would be merged")
        return pixels


def _shown(text: str) -> str:
    """A text in quotes, cut where it is too long for a sentence."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How the outputs are made.

    Attributes:
        uncertainty: measure of the uncertainty raster.
        min_patch: smaller patches of the map are merged into their neighbours; None = all stay.
        language: of class names in the picture and the areas.
        mask_clouds: whether the map has no data where the mask band says that the ground is not seen: see
            ``landcover.quality.UNSEEN``.
    """

    uncertainty: UncertaintyMeasure = UncertaintyMeasure.ENTROPY
    min_patch: MinimumPatch | None = None
    mask_clouds: bool = False
    language: Language = "en"


DEFAULT_TREATMENT: Final = Treatment()


@dataclass(frozen=True, slots=True)
class Sieved:
    """What merging small patches did.

    Attributes:
        min_patch: as asked for.
        min_pixels: the same in pixels.
        legend: the map's.
        moves: which area went from which class to which.
        valid_km2: area of the map that has a class.
        valid_pixels: the same in pixels.
    """

    min_patch: MinimumPatch
    min_pixels: int
    legend: Legend
    moves: MoveTable
    valid_km2: float
    valid_pixels: int

    @property
    def percent(self) -> float:
        """Share of the valid area that changed its class."""
        return 100 * self.moves.area_km2 / self.valid_km2

    @property
    def warnings(self) -> tuple[str, ...]:
        """What such a least area cannot do."""
        if self.min_pixels <= self.valid_pixels:
            return ()
        return (
            f"a least area of {self.min_patch} is more than the whole map, which has {self.valid_km2:,.4g} km2 with a "
            "class: no patch of it is large enough; give a smaller one",
        )

    def to_json(self) -> dict[str, Any]:
        """For areas, STAC Item and ``--json``: everything that moved, the largest area first."""
        return {
            "min_area": str(self.min_patch),
            "min_pixels": self.min_pixels,
            "connectivity": CONNECTIVITY,
            "method": "patches of fewer pixels take the class of their largest neighbour (GDAL sieve)",
            "moved": {
                "pixels": self.moves.pixels,
                "area_km2": round(self.moves.area_km2, KM2_DIGITS),
                "share_percent": round(self.percent, PERCENT_DIGITS),
            },
            "moves": [
                {
                    "from": move.before,
                    "to": move.after,
                    "pixels": move.pixels,
                    "area_km2": round(move.area_km2, KM2_DIGITS),
                }
                for move in self.moves.moves
            ],
        }

    def summary(self) -> str:
        """The same in one line."""
        line = (
            f"patches below {self.min_patch} ({self.min_pixels} pixels) merged: {self.moves.area_km2:,.4g} km2 changed "
            f"class, {self.percent:.2f} % of the valid area"
        )
        if not self.moves.moves:
            return line
        most = self.moves.moves[0]
        names = " to ".join(self.legend.by_code(code).name for code in (most.before, most.after))
        return f"{line}, most of it {names} ({most.area_km2:,.4g} km2)"


@dataclass(frozen=True, slots=True)
class Observed:
    """How the scene was observed, by its own mask band.

    Attributes:
        kind: the mask; None where the input has none, and only valid and no data are told apart.
        file: name of the file it is from, or None.
        digest: of that file (``landcover.raster.digest``), or None; that of the input is of the files with the model's
            bands alone.
        areas: area of each quality code.
        masked: whether the map has no data where the ground is not seen.
        missed: valid pixels that the mask does not reach.
    """

    kind: MaskKind | None
    file: str | None
    digest: str | None
    areas: AreaTable
    masked: bool
    missed: int = 0

    @classmethod
    def by(cls, mask: Mask | None, areas: AreaTable, *, masked: bool, missed: int = 0) -> Self:
        """What a mask, or its absence, says; reads its file to the end.

        Raises:
            RasterUnreadable: when that file can no longer be read.
            GridMismatch: when it reaches no valid pixel.
        """
        if mask is None:
            return cls(None, None, None, areas, masked)
        if missed and missed == areas.valid_pixels:
            raise GridMismatch(f"the mask {mask.kind.name} in {mask.name!r} {ELSEWHERE}")
        return cls(mask.kind, mask.name, mask.input_digest(), areas, masked, missed)

    @property
    def cloud_percent(self) -> float | None:
        """Share of the valid pixels that are cloud or thin cirrus; None where there is no mask."""
        if self.kind is None or not self.areas.valid_pixels:
            return None
        return 100 * sum(row.pixels for row in self.areas.rows if row.code in CLOUDS) / self.areas.valid_pixels

    @property
    def source(self) -> str:
        """Where the codes come from, for people."""
        return f"{self.kind.name} in {self.file}" if self.kind else "no mask band: valid and no data only"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the mask cannot tell."""
        if self.kind is None:
            return (
                f"the input has no mask band ({MASK_NAMES}): the quality map tells valid from no data only; "
                "clouds count as valid",
            )
        found = []
        if self.missed > _BORDER * self.areas.valid_pixels:
            percent = 100 * self.missed / self.areas.valid_pixels
            found.append(
                f"{self.source} does not reach {self.missed:,} valid pixels ({percent:.3g} %): their quality is "
                "unknown, and clouds there stay in the map"
            )
        if self.masked and not self.kind.tells(CLOUD_SHADOW):
            found.append(f"{self.kind.name} does not tell cloud shadow: shadows stay in the map")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """For areas, STAC Item and ``--json``."""
        cloud = self.cloud_percent
        return {
            "mask": self.kind.name if self.kind else None,
            "file": self.file,
            **({"sha256": None} if self.digest is None else named("", self.digest)),
            "legend": {"id": QUALITY_LEGEND.id, "version": QUALITY_LEGEND.version},
            "cloud_cover_percent": None if cloud is None else round(cloud, PERCENT_DIGITS),
            "masked_in_map": self.masked,
            "classes": class_entries(self.areas),
        }

    def summary(self) -> str:
        """The same in one line."""
        seen = [row for row in self.areas.rows if row.pixels]
        shares = ", ".join(f"{row.name} {row.share_percent:.1f} %" for row in seen)
        masked = "; the map has no data where the ground is not seen" if self.masked else ""
        return f"observation quality ({self.source}): {shares}{masked}"
