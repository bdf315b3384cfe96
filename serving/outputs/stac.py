"""The STAC Item of a product: where, when, from what, by which model, and the files with their hashes.

STAC 1.1 with the projection, raster, classification, file and processing extensions. The model appears as the
processing expression (``stac-mlm``), the inputs as ``derived_from`` links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

import pystac

from indicators.areas import AreaTable
from landcover.augmentation import Augmentation
from landcover.errors import ConfigError, DataError
from landcover.grid import Grid, ground_pixel_size
from landcover.legends import Legend
from landcover.postprocess import CONFIDENCE_NODATA, PROBABILITY_SCALE, UncertaintyMeasure
from landcover.precision import Precision
from landcover.quality import QUALITY_LEGEND
from landcover.raster.digest import named
from landcover.seams import SeamScore
from landcover.sensors import Radiometry
from serving.days import DAY
from serving.outputs.footprint import wgs84_footprint
from serving.treatment import Observed, Sieved

EXTENSIONS: Final = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
)
EO_EXTENSION: Final = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
"""Declared where the cloud cover is known."""

SHA256_MULTIHASH: Final = "1220"
"""Multihash prefix: function 0x12 (sha2-256), length 0x20."""
_SHA256_DIGITS: Final = 64
COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
_KINDS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "map": ("Land-cover map", COG, ("data",)),
    "confidence": ("Confidence of the map, percent", COG, ("data", "confidence")),
    "probabilities": ("Probability of each class", COG, ("data", "probabilities")),
    "uncertainty": ("Uncertainty of the map, percent", COG, ("data", "uncertainty")),
    "quality": (
        "Observation quality",
        COG,
        ("metadata", "data-mask", "cloud", "cloud-shadow", "snow-ice", "saturation"),
    ),
    "quicklook": ("Picture with legend", "image/png", ("overview",)),
    "areas": ("Mapped area per class (pixel count)", "application/json", ("metadata", "statistics")),
    "features": ("Outlines of the classes with their mapped area", "application/geo+json", ("data",)),
    "style": ("QGIS style of the map", "application/xml", ("style",)),
    "quality_style": ("QGIS style of the observation quality", "application/xml", ("style",)),
}


@dataclass(frozen=True, slots=True)
class AssetFile:
    """One file of a product.

    Attributes:
        href: where it is, absolute or relative to the Item.
        size: bytes.
        sha256: lower-case hexadecimal digest.
    """

    href: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        """Refuse what is no SHA-256 digest.

        Raises:
            ConfigError: with the digest given.
        """
        if len(self.sha256) != _SHA256_DIGITS or set(self.sha256) - set("0123456789abcdef"):
            raise ConfigError(f"{self.sha256!r} is no SHA-256 digest: expected 64 lower-case hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """All that the Item of a product says.

    Attributes:
        identifier: id of the Item.
        title: one line for people, or None.
        map_title: what the map is.
        grid: grid of the map.
        legend: legend of the map.
        created: when the product was made, with a time zone.
        software_version: version of Steppe.
        model_name: name of the model.
        model_version: its version.
        model_precision: the variant of it that ran.
        augmentation: over which turns of the windows its answers were averaged.
        model_sha256: digest of the model file that ran.
        provider: what ran it; None when unknown.
        input_digest: of the input, or of what names it (``landcover.raster.digest``).
        radiometry: scale and offset the input was read with.
        inputs: hrefs of the inputs.
        composition: how several inputs, an area or another grid made the map; None for one input as it lies.
        acquired: RFC 3339 date and time, or date, of the input; None when unknown.
        period: first and last RFC 3339 time or date when the input spans a time, else None.
        attribution: text a product must carry, or None.
        files: files by kind: ``map``, which is required, ``confidence``, ``probabilities``, ``uncertainty``,
            ``quality``, ``quicklook``, ``areas``, ``features``, ``style``, ``quality_style``.
        areas: class areas; gives the pixel counts of the classes. None when they were not counted.
        seams: how far neighbouring windows agreed; None when it was not counted.
        uncertainty: measure of the file ``uncertainty``.
        observed: what the scene's mask band says; None when it was not asked for.
        sieved: what merging small patches did; None when none were merged.
        drift: how far the images are from what the model was trained on, as a JSON object; None when nobody looked.
    """

    identifier: str
    grid: Grid
    legend: Legend
    created: datetime
    software_version: str
    model_name: str
    model_version: str
    model_sha256: str
    input_digest: str
    radiometry: Radiometry
    files: Mapping[str, AssetFile]
    model_precision: Precision = Precision.FP32
    augmentation: Augmentation = Augmentation.NONE
    inputs: Sequence[str] = ()
    composition: Mapping[str, Any] | None = None
    title: str | None = None
    map_title: str = "Land-cover map"
    provider: str | None = None
    acquired: str | None = None
    period: tuple[str, str] | None = None
    attribution: str | None = None
    areas: AreaTable | None = None
    seams: SeamScore | None = None
    uncertainty: UncertaintyMeasure = UncertaintyMeasure.ENTROPY
    observed: Observed | None = None
    sieved: Sieved | None = None
    drift: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse products without a map, with unknown kinds of files, or with a time that has no zone.

        Raises:
            ConfigError: with the offending names.
        """
        unknown = sorted(set(self.files) - set(_KINDS))
        if unknown or "map" not in self.files:
            raise ConfigError(f"files {sorted(self.files)}: expected 'map' and any of {sorted(_KINDS)}")
        if self.created.tzinfo is None:
            raise ConfigError("the time of creation has no time zone; give it in UTC")


def product_item(product: Product) -> dict[str, Any]:
    """The Item as a JSON object.

    STAC wants a searchable time. It is the acquisition when that is known; a day stands for its first moment, with the
    day as start and end. A period without a nominal time gives a null ``datetime`` with start and end, the one case in
    which STAC allows null. When nothing is known there is no period to give, so the time of creation is used, and
    ``steppe:datetime_source`` says ``created`` instead of ``acquisition``: never read it as the date of the image.

    Raises:
        DataError: a time of the input is no RFC 3339 time or date.
        NoGeoreference: the grid's outline is not on the Earth.
    """
    geometry, box = wgs84_footprint(product.grid)
    times, source = _times(product)
    item = pystac.Item(
        id=product.identifier,
        geometry=geometry,
        bbox=box,
        datetime=times.pop("datetime"),
        properties={
            **{name: rfc3339(value) for name, value in times.items()},
            **_properties(product),
            "steppe:datetime_source": source,
        },
        stac_extensions=[*EXTENSIONS, *([EO_EXTENSION] if _cloud_cover(product) else [])],
    )
    for kind, file in product.files.items():
        item.add_asset(kind, _asset(kind, file, product))
    for href in product.inputs:
        item.add_link(pystac.Link(rel="derived_from", target=href, title="Input"))
    return item.to_dict(include_self_link=False, transform_hrefs=False)


def check_place_and_times(grid: Grid, *times: str | None) -> None:
    """Refuse what ``product_item`` would refuse, when there is no product yet.

    Raises:
        DataError: a time is no RFC 3339 time or date.
        NoGeoreference: the grid's outline is not on the Earth.
    """
    wgs84_footprint(grid)
    for text in times:
        if text is not None:
            _moments(text)


def _cloud_cover(product: Product) -> dict[str, float]:
    """``eo:cloud_cover``: percent of the valid pixels that are cloud or thin cirrus; nothing when it is not known."""
    percent = product.observed.cloud_percent if product.observed else None
    return {} if percent is None else {"eo:cloud_cover": round(percent, 2)}


def _properties(product: Product) -> dict[str, Any]:
    """Everything but time."""
    optional = {
        "title": product.title,
        "steppe:attribution": product.attribution,
        "steppe:provider": product.provider,
        "steppe:composition": product.composition,
        "steppe:seams": product.seams.to_json() if product.seams else None,
        "steppe:quality": product.observed.to_json() if product.observed else None,
        "steppe:sieve": product.sieved.to_json() if product.sieved else None,
        "steppe:drift": product.drift,
    }
    return {
        "created": rfc3339(product.created),
        "gsd": round(sum(ground_pixel_size(product.grid)) / 2, 3),
        **{name: value for name, value in optional.items() if value is not None},
        **_cloud_cover(product),
        **projection_fields(product.grid),
        "processing:level": "L4",
        "processing:datetime": rfc3339(product.created),
        "processing:expression": {"format": "stac-mlm", "expression": f"{product.model_name}@{product.model_version}"},
        "processing:software": {"steppe": product.software_version},
        "steppe:model_name": product.model_name,
        "steppe:model_version": product.model_version,
        "steppe:model_precision": str(product.model_precision),
        "steppe:tta": str(product.augmentation),
        "steppe:model_sha256": product.model_sha256,
        **named("steppe:input_", product.input_digest),
        "steppe:radiometry": {"scale": product.radiometry.scale, "offset": product.radiometry.offset},
        "steppe:legend": {"id": product.legend.id, "version": product.legend.version},
    }


def projection_fields(grid: Grid) -> dict[str, Any]:
    """CRS, size and transform; a CRS without a code is written out."""
    authority = grid.crs.to_authority()
    crs = (
        {"proj:code": ":".join(authority)}
        if authority
        else {"proj:code": None, "proj:projjson": grid.crs.to_json_dict()}
    )
    return {**crs, "proj:shape": [grid.height, grid.width], "proj:transform": [float(v) for v in grid.transform[:6]]}


def _asset(kind: str, file: AssetFile, product: Product) -> pystac.Asset:
    title, media_type, roles = _KINDS[kind]
    extra: dict[str, Any] = {"file:size": file.size, "file:checksum": SHA256_MULTIHASH + file.sha256}
    extra |= _raster_fields(kind, product)
    title = product.map_title if kind == "map" else title
    return pystac.Asset(href=file.href, title=title, media_type=media_type, roles=list(roles), extra_fields=extra)


def _raster_fields(kind: str, product: Product) -> dict[str, Any]:
    """Bands and classes of a raster; nothing for other files."""
    grid = product.grid
    match kind:
        case "map":
            legend = product.legend
            band = {"data_type": legend.dtype.name, "nodata": legend.nodata}
            return {
                "bands": [{**_band("class", grid), **band}],
                "classification:classes": _classes(legend, product.areas),
            }
        case "quality":
            classes = _classes(QUALITY_LEGEND, product.observed.areas if product.observed else None)
            return {"bands": [_band("quality", grid)], "classification:classes": classes}
        case "confidence":
            return {"bands": [{**_band("confidence", grid), "unit": "%"}]}
        case "uncertainty":
            band = {"description": str(product.uncertainty), "unit": "%"}
            return {"bands": [{**_band("uncertainty", grid), **band}]}
        case "probabilities":
            scaled = {"raster:scale": PROBABILITY_SCALE, "raster:offset": 0}
            return {
                "bands": [
                    {**_band(land.name, grid), "description": land.title, **scaled} for land in product.legend.classes
                ]
            }
    return {}


def _band(name: str, grid: Grid) -> dict[str, Any]:
    """A STAC 1.1 band object of a layer in bytes."""
    return {
        "name": name,
        "data_type": "uint8",
        "nodata": CONFIDENCE_NODATA,
        "raster:sampling": "area",
        "raster:spatial_resolution": round(sum(ground_pixel_size(grid)) / 2, 3),
    }


def _classes(legend: Legend, areas: AreaTable | None) -> list[dict[str, Any]]:
    """Class objects of the classification extension, nodata last."""
    counts = {} if areas is None else {row.code: row.pixels for row in areas.rows}
    classes: list[dict[str, Any]] = [
        {
            "value": land.code,
            "name": land.name,
            "title": land.title,
            "description": land.title,
            "color_hint": land.color.removeprefix("#").upper(),
            **({"count": counts[land.code]} if land.code in counts else {}),
        }
        for land in legend.classes
    ]
    value = legend.nodata
    nodata = {"value": value, "name": "nodata", "title": "No data", "description": "No data", "nodata": True}
    count = {} if areas is None else {"count": areas.nodata_pixels}
    return [*classes, {**nodata, **count}]


def _times(product: Product) -> tuple[dict[str, datetime | None], str]:
    """``datetime`` and, where there is a span, ``start_datetime`` and ``end_datetime``; and where they come from."""
    times: dict[str, datetime | None] = {}
    if product.period is not None:
        start, end = product.period
        times = {"start_datetime": _moments(start)[0], "end_datetime": _moments(end)[1]}
    if product.acquired is not None:
        first, last = _moments(product.acquired)
        if first != last and not times:
            times = {"start_datetime": first, "end_datetime": last}
        return {"datetime": first, **times}, "acquisition"
    if times:
        return {"datetime": None, **times}, "acquisition"
    return {"datetime": product.created}, "created"


def _moments(text: str) -> tuple[datetime, datetime]:
    """First and last moment of an RFC 3339 time or date, in UTC; a time without a zone is UTC."""
    try:
        if len(text) == DAY:
            start = datetime.combine(date.fromisoformat(text), time(), UTC)
            return start, start.replace(hour=23, minute=59, second=59)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text!r} is no time: expected RFC 3339, for example 2020-01-31T10:20:30Z") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment, moment


def rfc3339(moment: datetime | None) -> str | None:
    """A moment in UTC as STAC writes it; None stays."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
