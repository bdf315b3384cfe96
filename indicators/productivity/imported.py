"""Layers of land productivity dynamics that others made: JRC, FAO-WOCAT, Trends.Earth, national ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import NODATA, OUTSIDE
from indicators.productivity.fao_wocat import FAO_WOCAT_TABLE, FaoWocatTable
from indicators.productivity.positions import LPD_CODES, Codes, Positions, decoded
from landcover.errors import ConfigError
from landcover.identity import identity
from landcover.legends import CLASS_NODATA
from landcover.lookup import build_table, look_up

type CaveatText = tuple[str, str]
"""A slug for machines and one English sentence."""

ALGORITHM_CAVEAT: Final[CaveatText] = (
    "lpd-other-algorithm",
    "The land productivity layer was made by another algorithm than the trend, state and performance of Trends.Earth: "
    "compare its areas only with layers of the same source.",
)
"""Holds for every imported layer that is not Trends.Earth's."""

FAO_WOCAT_CAVEAT: Final[CaveatText] = (
    "lpd-fao-wocat-deserts",
    "FAO-WOCAT sets land whose NDVI never exceeds 0.25 to stable, which other sources do not: in hyper-arid and arid "
    "land its land productivity dynamics are not comparable with those of Trends.Earth or JRC.",
)
"""Trends.Earth, gee/productivity.py, productivity_faowocat."""

_EMPTY: Final = (0, 15, NODATA, OUTSIDE)
"""0 in layers of JRC and FAO-WOCAT, 15 in UNCCD's layer for small islands, and Trends.Earth's own two."""


@dataclass(frozen=True, slots=True)
class LpdSource:
    """Who made a layer of land productivity dynamics, and with what warnings.

    Attributes:
        id: short name.
        version: changes whenever the reading of codes changes.
        title: English name for people.
        citation: where it comes from.
        caveats: (slug, sentence) of warnings that belong to every result.
        table: what the classes follow from, where that is known and not one of ``indicators.productivity.lpd``.
    """

    id: str
    version: str
    title: str
    citation: str
    caveats: tuple[CaveatText, ...]
    table: FaoWocatTable | None = None

    def to_document(self) -> dict[str, Any]:
        """The source and its codes as JSON-ready data, with its table where it has one."""
        document: dict[str, Any] = {
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "codes": list(LPD_CODES[:-1]),
            "nodata": [*_EMPTY, f"{CLASS_NODATA} in uint8"],
            "citation": self.citation,
        }
        return document if self.table is None else document | {"table": self.table.to_document()}

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


JRC: Final = LpdSource(
    "jrc",
    "1",
    "Land productivity dynamics, Joint Research Centre",
    "European Commission, Joint Research Centre, land productivity dynamics from SPOT-VEGETATION, PROBA-V and MODIS",
    (ALGORITHM_CAVEAT,),
)
FAO_WOCAT: Final = LpdSource(
    "fao_wocat",
    "1",
    "Land productivity dynamics, FAO-WOCAT",
    "FAO and WOCAT, land productivity dynamics by steadiness, initial biomass and emerging state",
    (ALGORITHM_CAVEAT, FAO_WOCAT_CAVEAT),
    FAO_WOCAT_TABLE,
)
TRENDS_EARTH: Final = LpdSource(
    "trends_earth",
    "1",
    "Land productivity dynamics, Trends.Earth",
    "Conservation International, Trends.Earth, land productivity of trend, state and performance",
    (),
)
NATIONAL: Final = LpdSource(
    "national",
    "1",
    "National land productivity dynamics",
    "A layer with the codes of UNCCD PRAIS 4, SO1.md Table 13, made by the country",
    (ALGORITHM_CAVEAT,),
)

LPD_SOURCES: Final[Mapping[str, LpdSource]] = MappingProxyType(
    {source.id: source for source in (JRC, FAO_WOCAT, TRENDS_EARTH, NATIONAL)}
)
"""The sources by id."""


def get_lpd_source(source_id: str) -> LpdSource:
    """The source of an id.

    Raises:
        ConfigError: when there is none of that id.
    """
    if source_id not in LPD_SOURCES:
        raise ConfigError(f"no source of LPD layers {source_id!r}; known sources are {', '.join(LPD_SOURCES)}")
    return LPD_SOURCES[source_id]


def import_lpd(codes: Codes, source: LpdSource) -> npt.NDArray[np.int16]:
    """LPD codes 1 to 5 of a layer that somebody else made, for those who keep the layer as codes.

    A report looks up ``lpd_positions``, the same as places in its tables.

    LDN facts 3.4; UNCCD PRAIS 4 manual, SO1.md Table 13.

    Args:
        codes: 1 to 5; 0, 15, -32768 and -32767 mean no data, and 255 does in uint8. Any shape and integer type.
        source: who made the layer.

    Returns:
        int16 of the same shape: 1 to 5, and -32768.

    Raises:
        DtypeMismatch: when the codes are not integers.
        UnmappedCodes: with other codes and their pixel counts.
    """
    return decoded(lpd_positions(codes, source), LPD_CODES)


def lpd_positions(codes: Codes, source: LpdSource) -> Positions:
    """The same as positions on the axis of land productivity dynamics.

    Args:
        codes: see ``import_lpd``.
        source: who made the layer.

    Returns:
        uint8 of the same shape: 0 to 4, and 5 for no data.

    Raises:
        SteppeError: as ``import_lpd``.
    """
    bytes_only = codes.dtype == np.uint8
    return look_up(_table(bytes_only=bytes_only), codes, owner=f"LPD layer of source {source.id!r}")


@lru_cache(maxsize=2)
def _table(*, bytes_only: bool) -> npt.NDArray[np.uint8]:
    empty = (*_EMPTY, CLASS_NODATA) if bytes_only else _EMPTY
    last = len(LPD_CODES) - 1
    return build_table([*((code, place) for place, code in enumerate(LPD_CODES[:-1])), *((c, last) for c in empty)])
