"""What an account was made of, in ``account.json``: maps, layers, and the rules that are not in the account, in full.

An account names its rules by their hashes, which is enough to prove that two accounts share them. To say what differs
takes the rules themselves::

    "grounds": {
      "maps": [{"product", "version", "year", "resolution_m", "file", "sha256", "crosswalk"} of the initial map,
               {...} of the final map],
      "layers": [{"name", "file", "sha256"}],
      "lpd_table": document or null,
      "nodata_policy": document, or null where the indicator was not computed,
      "areas": SHA-256 of the file of areas, or null, "corrections": the same of corrections}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from indicators.caveats import MapSource
from indicators.condition.oneout import NodataPolicy, nodata_policy
from indicators.productivity.lpd import LpdTable
from indicators.reporting.documents import AccountUnreadable
from landcover.crosswalk_files import crosswalk_document, parse_crosswalk_and_legend
from landcover.crosswalks import Crosswalk
from landcover.errors import ConfigError
from landcover.legends import LEGENDS, Legend, get_legend
from serving.report.covering import OpenedCover
from serving.report.page.data import Input
from serving.report.request import ReportRequest

_AGAIN = "make the report again"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapGround:
    """A land-cover map.

    Attributes:
        source: product, version, year, pixels and crosswalk, for caveats.
        file: what the file was called.
        sha256: of the file.
        crosswalk: its crosswalk.
        legend: the source legend of the crosswalk, where it is known.
    """

    source: MapSource
    file: str
    sha256: str
    crosswalk: Crosswalk
    legend: Legend | None


@dataclass(frozen=True, slots=True)
class LayerGround:
    """A file of a layer.

    Attributes:
        name: what it is, for example ``trend``.
        file: what it was called.
        sha256: of the file.
    """

    name: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What the account of a report was made of.

    Attributes:
        maps: the initial and the final land-cover map.
        layers: files of layers beside them.
        lpd_table: how productivity was told from its layers; None without.
        policy: what the indicator makes of missing layers; None where it was not computed.
        areas: SHA-256 of the file of areas; None where all of the maps was reported.
        corrections: SHA-256 of the file of corrections; None without.
    """

    maps: tuple[MapGround, MapGround]
    layers: tuple[LayerGround, ...] = ()
    lpd_table: LpdTable | None = None
    policy: NodataPolicy | None = None
    areas: str | None = None
    corrections: str | None = None

    def to_document(self) -> dict[str, Any]:
        """The document above."""
        return {
            "maps": [_map_document(each) for each in self.maps],
            "layers": [asdict(each) for each in self.layers],
            "lpd_table": None if self.lpd_table is None else self.lpd_table.to_document(),
            "nodata_policy": None if self.policy is None else self.policy.to_document(),
            "areas": self.areas,
            "corrections": self.corrections,
        }


def grounds_of(
    request: ReportRequest, covers: tuple[OpenedCover, OpenedCover], layers: Sequence[Input] = ()
) -> Grounds:
    """What a report is made of.

    Args:
        request: what was asked for.
        covers: both land-cover maps.
        layers: files of layers beside them.
    """
    first, last = (
        MapGround(
            source=cover.source, file=cover.name, sha256=cover.digest, crosswalk=cover.crosswalk, legend=cover.legend
        )
        for cover in covers
    )
    zones, corrections = request.zones, request.corrections
    return Grounds(
        maps=(first, last),
        layers=tuple(LayerGround(each.role, each.name, each.sha256 or "") for each in layers),
        lpd_table=None if request.productivity is None else request.productivity.table,
        policy=request.policy if request.has_indicator else None,
        areas=None if zones is None else zones.sha256 or zones.name,
        corrections=None if corrections is None else corrections.sha256,
    )


def parse_grounds(document: object) -> Grounds:
    """The grounds of a document; the inverse of ``Grounds.to_document``.

    Raises:
        AccountUnreadable: when they are missing or damaged, or a rule is not known here.
    """
    if not isinstance(document, Mapping):
        raise AccountUnreadable(f"the account does not say what it was made of; {_AGAIN}")
    try:
        return _grounds(document)
    except (KeyError, TypeError, ValueError) as error:
        raise AccountUnreadable(f"what the account says it was made of is damaged ({error}); {_AGAIN}") from None
    except ConfigError as error:
        raise AccountUnreadable(f"what the account says it was made of is damaged: {error}; {_AGAIN}") from error


def _grounds(data: Mapping[str, Any]) -> Grounds:
    first, last = (_map_of(each) for each in data["maps"])
    return Grounds(
        maps=(first, last),
        layers=tuple(LayerGround(str(one["name"]), str(one["file"]), str(one["sha256"])) for one in data["layers"]),
        lpd_table=None if data["lpd_table"] is None else _lpd_table(data["lpd_table"]),
        policy=None if data["nodata_policy"] is None else _policy(data["nodata_policy"]),
        areas=None if data["areas"] is None else str(data["areas"]),
        corrections=None if data["corrections"] is None else str(data["corrections"]),
    )


def _map_document(ground: MapGround) -> dict[str, Any]:
    source, legend = ground.source, ground.legend
    national = None if legend is None or legend.id in LEGENDS else legend
    return {
        "product": source.product,
        "version": source.version,
        "year": source.year,
        "resolution_m": source.resolution_m,
        "file": ground.file,
        "sha256": ground.sha256,
        "crosswalk": crosswalk_document(ground.crosswalk, national),
    }


def _map_of(data: Mapping[str, Any]) -> MapGround:
    crosswalk, legend = parse_crosswalk_and_legend(json.dumps(data["crosswalk"]))
    if legend is None and crosswalk.source_legend in LEGENDS:
        legend = get_legend(crosswalk.source_legend)
    resolution = None if data["resolution_m"] is None else float(data["resolution_m"])
    if resolution is not None and not 0 < resolution < math.inf:
        raise ValueError("the size of pixels is no length")
    return MapGround(
        source=MapSource(
            product=str(data["product"]),
            crosswalk=crosswalk.identity,
            version=None if data["version"] is None else str(data["version"]),
            year=None if data["year"] is None else int(data["year"]),
            resolution_m=resolution,
        ),
        file=str(data["file"]),
        sha256=str(data["sha256"]),
        crosswalk=crosswalk,
        legend=legend,
    )


def _lpd_table(data: Mapping[str, Any]) -> LpdTable:
    rows = tuple(tuple(map(int, row)) for row in data["rows"])
    return LpdTable(str(data["id"]), str(data["version"]), rows, str(data["citation"]))  # type: ignore[arg-type] # refused there


def _policy(data: Mapping[str, Any]) -> NodataPolicy:
    policy = nodata_policy(str(data["id"]))
    if policy.to_document() != dict(data):
        raise ValueError(f"the no-data policy {policy.id!r} is of another version")
    return policy
