"""Corrections by experts: polygons in which the indicator is known to be wrong.

UNCCD PRAIS 4 reporting manual, SO1.md 1.4.3 step 2, table SO1-4.T3; files of Trends.Earth (te_schemas/error_recode.py).
The manual calls land that is wrongly shown as not degraded a "false positive" and land that is wrongly shown as
degraded a "false negative": the opposite of what these words mean in machine learning. So a correction is named here by
what is wrong, and the manual's words only stand beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from indicators.codes import DEGRADED, IMPROVED, NODATA, STABLE
from indicators.condition.land import check_areas
from indicators.condition.periods import NAMES
from indicators.condition.recoding import CorrectionInvalid, Recoding, Target
from landcover.identity import canonical_sha256
from landcover.raster.geojson import Area

MISSED_DEGRADATION: Final = "missed_degradation"
"""Land is degraded, although the indicator says that it is not."""

FALSE_DEGRADATION: Final = "false_degradation"
"""Land is not degraded, although the indicator says that it is."""

OTHER: Final = "other"
"""Any other correction: improvement that is none or was missed, land of which nothing can be said."""

KINDS: Final = (MISSED_DEGRADATION, FALSE_DEGRADATION, OTHER)

PRAIS_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {MISSED_DEGRADATION: "False positive", FALSE_DEGRADATION: "False negative"}
)
"""The manual's words for table SO1-4.T3; it has none for other corrections."""

PERIOD_BITS: Final[Mapping[str, int]] = MappingProxyType({name: 1 << bit for bit, name in enumerate(NAMES)})
"""Trends.Earth writes the periods that a polygon affects as the sum of these: 1, 2, 4."""

_FITTING: Final[Mapping[str, tuple[tuple[Target, ...], ...]]] = MappingProxyType(
    {
        MISSED_DEGRADATION: ((None,), (None, DEGRADED), (None, DEGRADED)),
        FALSE_DEGRADATION: ((NODATA, STABLE, IMPROVED), (None, IMPROVED), (None,)),
    }
)
"""What degraded, stable and improved pixels may become under a kind."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correction:
    """One polygon in which the indicator is wrong.

    Attributes:
        uuid: tells corrections apart.
        kind: ``missed_degradation``, ``false_degradation`` or ``other``.
        recoding: what becomes of the pixels whose centres lie in the polygon.
        periods: ``baseline``, ``report_1``, ``report_2``: whose layers are corrected, in this order.
        area: the polygon.
        geometry: the polygon as GeoJSON, as it was given.
        location_name: where it is, for people.
        area_km_sq: its area as the experts state it; never used in sums.
        process_driving_change: what happened on the ground.
        basis_for_judgement: how the experts know.
    """

    uuid: UUID
    kind: str
    recoding: Recoding
    periods: tuple[str, ...]
    area: Area
    geometry: Mapping[str, Any]
    location_name: str | None = None
    area_km_sq: float | None = None
    process_driving_change: str | None = None
    basis_for_judgement: str | None = None

    def __post_init__(self) -> None:
        """Refuse a correction that contradicts itself.

        Raises:
            CorrectionInvalid: naming the correction and what does not fit.
            AreaImpossible: when the stated area is negative or no number.
        """
        check_kind(self.kind, self.recoding, self.name)
        if not self.periods or self.periods != tuple(name for name in NAMES if name in self.periods):
            raise CorrectionInvalid(
                f"correction {self.name}: periods {list(self.periods)}; expected at least one of {', '.join(NAMES)}, "
                "each once and in this order"
            )
        if self.area_km_sq is not None:
            check_areas(f"correction {self.name}", area_km_sq=self.area_km_sq)

    @property
    def name(self) -> str:
        """What it is called in messages: its location, or its identifier."""
        return repr(self.location_name) if self.location_name else str(self.uuid)

    @property
    def prais_label(self) -> str | None:
        """The manual's word for the kind: "False positive" is degradation that was missed."""
        return PRAIS_LABELS.get(self.kind)

    @property
    def periods_mask(self) -> int:
        """The periods as Trends.Earth's sum of 1, 2 and 4.

        With ``Recoding.code`` it is what Trends.Earth recodes the pixels of a polygon by (recode_indicator_errors); its
        files, and ours, write the names of the periods instead.
        """
        return sum(PERIOD_BITS[name] for name in self.periods)

    def properties(self) -> dict[str, Any]:
        """Members of its feature: those of Trends.Earth, then the kind and the manual's word for it."""
        return {
            "uuid": str(self.uuid),
            "location_name": self.location_name,
            "area_km_sq": self.area_km_sq,
            "process_driving_change": self.process_driving_change,
            "basis_for_judgement": self.basis_for_judgement,
            "periods_affected": list(self.periods),
            "recode_deg_to": self.recoding.deg_to,
            "recode_stable_to": self.recoding.stable_to,
            "recode_imp_to": self.recoding.imp_to,
            "kind": self.kind,
            "prais_label": self.prais_label,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """All corrections of a report.

    Attributes:
        name: what the collection is called in messages and in provenance.
        items: the corrections, in the order of their file.
        crs: member ``crs`` of the file, where it is not in longitude and latitude.
    """

    name: str
    items: tuple[Correction, ...]
    crs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse two corrections of one identifier.

        Raises:
            CorrectionInvalid: naming both.
        """
        seen: dict[UUID, Correction] = {}
        for correction in self.items:
            if correction.uuid in seen:
                both = f"{seen[correction.uuid].name} and {correction.name}"
                raise CorrectionInvalid(f"corrections {both} have the same uuid {correction.uuid}; give each its own")
            seen[correction.uuid] = correction

    def __iter__(self) -> Iterator[Correction]:
        """Every correction."""
        return iter(self.items)

    def __len__(self) -> int:
        """Number of corrections."""
        return len(self.items)

    def of_period(self, period: str) -> tuple[Correction, ...]:
        """The corrections that affect a period."""
        return tuple(correction for correction in self.items if period in correction.periods)

    def to_document(self) -> dict[str, Any]:
        """The corrections as GeoJSON, which Trends.Earth reads as well."""
        crs = {} if self.crs is None else {"crs": dict(self.crs)}
        return {
            "type": "FeatureCollection",
            "name": self.name,
            **crs,
            "features": [
                {"type": "Feature", "geometry": dict(item.geometry), "properties": item.properties()}
                for item in self.items
            ],
        }

    @property
    def sha256(self) -> str:
        """Digest of the canonical JSON, for provenance."""
        return canonical_sha256(self.to_document())


def kind_of(recoding: Recoding) -> str:
    """The kind that a recoding has by what it does; files of Trends.Earth state none."""
    return next((kind for kind in _FITTING if _fits(kind, recoding)), OTHER)


def check_kind(kind: str, recoding: Recoding, name: str) -> None:
    """Refuse a kind that says something else than the recoding does.

    Raises:
        CorrectionInvalid: naming the correction.
    """
    if kind not in KINDS:
        raise CorrectionInvalid(f"correction {name} is of kind {kind!r}; expected one of {', '.join(KINDS)}")
    if recoding.code == 0:
        raise CorrectionInvalid(
            f"correction {name} changes nothing: set recode_deg_to, recode_stable_to or recode_imp_to"
        )
    if not _fits(kind, recoding):
        wanted = {
            MISSED_DEGRADATION: "turns stable or improved land to -1 and does nothing else",
            FALSE_DEGRADATION: "turns degraded land to 0, 1 or -32768, and stable land to 1 at most",
        }[kind]
        raise CorrectionInvalid(
            f"correction {name} is of kind {kind}, which {wanted}; got recode_deg_to {recoding.deg_to}, "
            f"recode_stable_to {recoding.stable_to}, recode_imp_to {recoding.imp_to}"
        )


def _fits(kind: str, recoding: Recoding) -> bool:
    if kind not in _FITTING:
        return True
    targets = recoding.deg_to, recoding.stable_to, recoding.imp_to
    return recoding.code != 0 and all(
        target in allowed for target, allowed in zip(targets, _FITTING[kind], strict=True)
    )
