"""Crosswalks: explicit, versioned recodings from one legend to another.

Two maps may only be compared when both went through the same crosswalk: keep ``Crosswalk.identity`` with every result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import InitVar, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from landcover import crosswalk_tables as tables
from landcover.errors import ConfigError, DtypeMismatch, UnknownLegend
from landcover.identity import canonical_sha256, identity
from landcover.legends import CLASS_NODATA, Legend, get_legend
from landcover.lookup import HIGHEST, LOWEST, build_table, look_up

type Status = Literal["official", "proposed", "national"]
type CodePairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """A recoding of every class of one legend to a class of another.

    Attributes:
        id: short name.
        version: changes whenever a pair changes.
        source_legend: legend id of the codes that come in.
        target_legend: legend id of the codes that go out; its products must be uint8.
        mapping: (from, to) pairs, every source code exactly once; ``to`` may be 255 for "no data".
        nodata_codes: values of the source that mean "no data".
        status: "official" (UNCCD's own), "proposed" (by Steppe) or "national" (by a country).
        citation: where the pairs come from.
        source: legend to check against when ``source_legend`` is not one that Steppe knows (a national legend).
    """

    id: str
    version: str
    source_legend: str
    target_legend: str
    mapping: CodePairs
    nodata_codes: tuple[int, ...]
    status: Status
    citation: str
    source: InitVar[Legend | None] = None

    def __post_init__(self, source: Legend | None) -> None:
        """Refuse gaps, duplicates and codes that the legends do not have.

        Raises:
            ConfigError: naming the codes.
            UnknownLegend: when a legend is not known and was not given.
        """
        legend = source if source is not None else get_legend(self.source_legend)
        if legend.id != self.source_legend:
            raise ConfigError(f"crosswalk {self.id!r}: legend {legend.id!r} given for source {self.source_legend!r}")
        target = get_legend(self.target_legend)
        if target.dtype != np.uint8:
            raise ConfigError(f"crosswalk {self.id!r}: codes of target legend {target.id!r} do not fit uint8")
        came = Counter(code for code, _ in self.mapping)
        problems = {
            "repeated": [code for code, times in came.items() if times > 1],
            "missing": [code for code in legend.codes if code not in came],
            "not in the source legend": [code for code in came if code not in legend],
            "not in the target legend": [to for _, to in self.mapping if to not in target and to != CLASS_NODATA],
            "both class and nodata": [code for code in self.nodata_codes if code in came],
            "outside -32768..65535": [code for code in self.nodata_codes if not LOWEST <= code <= HIGHEST],
        }
        found = [f"{what}: {', '.join(map(str, sorted(set(codes))))}" for what, codes in problems.items() if codes]
        if found:
            raise ConfigError(f"crosswalk {self.id!r} needs every source code exactly once; {'; '.join(found)}")

    def apply(self, codes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """Recode an array.

        Args:
            codes: integer array of any shape and any integer type, in source codes or nodata codes.

        Returns:
            uint8 array of the same shape in target codes; 255 where the source is nodata or maps to "no data".

        Raises:
            DtypeMismatch: when the array is not of an integer type.
            UnmappedCodes: with every code the crosswalk does not have and its pixel count.
        """
        return look_up(_table(self), codes, owner=f"crosswalk {self.id!r}")

    def to_document(self) -> dict[str, Any]:
        """The crosswalk as JSON-ready data; the inverse of ``landcover.crosswalk_files.parse_crosswalk``."""
        targets = sorted({to for _, to in self.mapping})
        return {
            "id": self.id,
            "version": self.version,
            "source_legend": self.source_legend,
            "target_legend": self.target_legend,
            "rules": [
                {"from": sorted(code for code, to in self.mapping if to == target), "to": target} for target in targets
            ],
            "nodata": sorted(self.nodata_codes),
            "status": self.status,
            "citation": self.citation,
        }

    @property
    def sha256(self) -> str:
        """Hex digest of the canonical JSON: sorted keys, no spaces, UTF-8; the order of pairs does not matter."""
        return canonical_sha256(self.to_document())

    @property
    def identity(self) -> str:
        """``id@version#sha256``, for provenance."""
        return identity(self.to_document())


@lru_cache(maxsize=64)
def _table(crosswalk: Crosswalk) -> npt.NDArray[np.uint8]:
    nodata = ((code, CLASS_NODATA) for code in crosswalk.nodata_codes)
    return build_table((*crosswalk.mapping, *nodata))


def from_rules(rules: Iterable[tuple[int, Iterable[int]]]) -> CodePairs:
    """Pairs for ``Crosswalk.mapping`` from (to, [from, ...]) rules, in the order of the rules."""
    return tuple((code, to) for to, codes in rules for code in codes)


@lru_cache(maxsize=64)
def get_crosswalk(source_legend: str, target_legend: str = "unccd7") -> Crosswalk:
    """The crosswalk between two legends; between a legend and itself, the one that changes nothing but nodata.

    Raises:
        UnknownLegend: when a legend or the pair is not known, listing what is.
    """
    source, target = get_legend(source_legend), get_legend(target_legend)
    if source_legend == target_legend and target.dtype == np.uint8:
        pairs = tuple((code, code) for code in source.codes)
        return Crosswalk(
            f"{source_legend}-identity",
            source.version,
            source_legend,
            target_legend,
            pairs,
            tables.NODATA,
            "proposed",
            "Identity",
        )
    for entry in tables.CROSSWALKS:
        if (entry.source, entry.target) == (source_legend, target_legend):
            return Crosswalk(
                f"{source_legend}-to-{target_legend}",
                entry.version,
                source_legend,
                target_legend,
                from_rules(entry.rules),
                entry.nodata,
                entry.status,
                entry.citation,
            )
    known = ", ".join(f"{entry.source} -> {entry.target}" for entry in tables.CROSSWALKS)
    raise UnknownLegend(f"no crosswalk from {source_legend!r} to {target_legend!r}; known: {known}")


def legends_to(target_legend: str) -> tuple[str, ...]:
    """Ids of the legends whose maps can be brought to another legend, itself first."""
    return (target_legend, *(entry.source for entry in tables.CROSSWALKS if entry.target == target_legend))


def repair_signed_bytes(codes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
    """Codes of an unsigned-byte product that a reader took for signed bytes: -126 becomes 130.

    ESA CCI NetCDF files store unsigned bytes in a signed type and say so in the attribute ``_Unsigned``, which some
    readers ignore (https://docs.unidata.ucar.edu/nug/current/best_practices.html). Never done unasked: a negative value
    may as well be a nodata value.

    Args:
        codes: integer array of any shape with values in -128..255.

    Returns:
        uint8 array of the same shape.

    Raises:
        DtypeMismatch: when the array is not of an integer type or holds values that are no bytes.
    """
    if not np.issubdtype(codes.dtype, np.integer):
        raise DtypeMismatch(f"codes came as {codes.dtype}; expected an integer type")
    if codes.size and not np.iinfo(np.int8).min <= int(codes.min()) <= int(codes.max()) <= np.iinfo(np.uint8).max:
        raise DtypeMismatch(f"codes from {codes.min()} to {codes.max()} are no bytes; expected -128 to 255")
    return codes.astype(np.uint8)  # two's complement: the same as adding 256 to negative values
