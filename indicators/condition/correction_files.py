"""Corrections by experts from GeoJSON, in the form that Trends.Earth reads and writes.

te_schemas/error_recode.py of Trends.Earth: a FeatureCollection whose properties are those of
``indicators.condition.corrections.Correction.properties``. Trends.Earth passes over what it does not know; here a
misspelt property would silently change nothing, and so it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from indicators.condition.corrections import PRAIS_LABELS, Correction, Corrections, kind_of
from indicators.condition.periods import NAMES
from indicators.condition.recoding import CorrectionInvalid, Recoding
from landcover.identity import canonical_sha256
from landcover.raster.geojson import parse_area, read_document

_TEXTS: Final = ("location_name", "process_driving_change", "basis_for_judgement")
_PASSED_OVER: Final = frozenset({"fid", "stats"})
"""Row numbers of GeoPackage, and sums that Trends.Earth computed from another map."""

_KNOWN: Final = frozenset(
    {*_TEXTS, *_PASSED_OVER, "uuid", "area_km_sq", "periods_affected", "kind", "prais_label"}
    | {"recode_deg_to", "recode_stable_to", "recode_imp_to"}
)
_MOST: Final = 10_000
"""Corrections in a file, and characters of a text: beyond, something else was meant."""


def read_corrections(path: Path) -> Corrections:
    """The corrections of a GeoJSON file.

    Raises:
        AreaInvalid: no GeoJSON, or a polygon that cannot be used.
        CorrectionInvalid: properties that are unknown, missing or contradict each other.
        AreaImpossible: when a stated area is negative or no number.
    """
    document, _ = read_document(path)
    return parse_corrections(document, path.name)


def parse_corrections(document: Mapping[str, Any], name: str) -> Corrections:
    """The corrections of a GeoJSON object; raises as `read_corrections`.

    Args:
        document: a FeatureCollection.
        name: what it is called in messages and in provenance.
    """
    features = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise CorrectionInvalid(f"{name!r} is no FeatureCollection; give one Feature for each correction")
    if not 0 < len(features) <= _MOST:
        raise CorrectionInvalid(f"{name!r} holds {len(features)} corrections; expected 1 to {_MOST}")
    crs = document.get("crs")
    items = tuple(_correction(feature, crs, f"feature {i} of {name}") for i, feature in enumerate(features, start=1))
    return Corrections(name, items, crs)


def _correction(feature: Any, crs: Any, what: str) -> Correction:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise CorrectionInvalid(f"{what} is no Feature with properties")
    properties = feature["properties"]
    _refuse_unknown(properties, what)
    texts = {name: _text(properties.get(name), f"{what}: {name}") for name in _TEXTS}
    recoding = _recoding(properties, what)
    kind = properties.get("kind") or kind_of(recoding)
    _check_label(properties.get("prais_label"), kind, what)
    return Correction(
        uuid=_uuid(properties.get("uuid"), feature, what),
        kind=kind,
        recoding=recoding,
        periods=_periods(properties.get("periods_affected"), what),
        area=parse_area({**feature, "crs": crs}, texts["location_name"] or what),
        geometry=feature["geometry"],
        area_km_sq=_area(properties.get("area_km_sq"), what),
        **texts,
    )


def _refuse_unknown(properties: Mapping[str, Any], what: str) -> None:
    strange = sorted(set(properties) - _KNOWN)
    if strange:
        raise CorrectionInvalid(
            f"{what} has the unknown property {', '.join(map(repr, strange))}; known are {', '.join(sorted(_KNOWN))}"
        )


def _text(value: Any, what: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _MOST:
        raise CorrectionInvalid(f"{what} is no text of at most {_MOST} characters")
    return value


def _recoding(properties: Mapping[str, Any], what: str) -> Recoding:
    try:
        return Recoding(*(properties.get(f"recode_{name}_to") for name in ("deg", "stable", "imp")))
    except CorrectionInvalid as error:
        raise CorrectionInvalid(f"{what}: {error}") from error


def _check_label(label: Any, kind: Any, what: str) -> None:
    """Whoever writes the manual's word must mean what the manual means by it."""
    expected = PRAIS_LABELS.get(kind) if isinstance(kind, str) else None
    if label is None or label == expected:
        return
    meaning = "; ".join(f"{word} is {name}" for name, word in PRAIS_LABELS.items())
    raise CorrectionInvalid(f"{what} has the prais_label {label!r} but is {kind}; in UNCCD's manual {meaning}")


def _uuid(value: Any, feature: Mapping[str, Any], what: str) -> UUID:
    """The identifier given, or one that follows from the feature."""
    if value is None:
        return uuid5(NAMESPACE_URL, f"urn:sha256:{canonical_sha256(feature)}")
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise CorrectionInvalid(f"{what} has {value!r} for a uuid; leave it out, or give one of 32 digits") from error


def _periods(value: Any, what: str) -> tuple[str, ...]:
    """The periods in order of time; a name that is unknown or comes twice is refused."""
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise CorrectionInvalid(f"{what} affects no period; give periods_affected: a list of {', '.join(NAMES)}")
    strange = sorted(set(value) - set(NAMES))
    if strange or len(set(value)) != len(value):
        raise CorrectionInvalid(f"{what} affects {', '.join(value)}; expected each of {', '.join(NAMES)} at most once")
    return tuple(name for name in NAMES if name in value)


def _area(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CorrectionInvalid(f"{what} has {value!r} for area_km_sq; expected a number of km2, or null")
    return float(value)
