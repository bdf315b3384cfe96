"""What a model bundle says about itself: one frozen object, one valid STAC Item with the MLM extension.

The file format is the STAC Machine Learning Model extension (MLM) v1.5, so that catalogues can list Steppe's models
without knowing Steppe. Everything the service needs to refuse a wrong input is in it: bands by name, sensor,
processing levels, scale and offset, sample type, nodata, pixel size, window size, legend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from landcover.errors import BundleInvalid, SteppeError
from landcover.legends import Legend, get_legend
from landcover.overview import SIDE as OVERVIEW_SIDE
from landcover.precision import MODEL_FILES, Precision, Variant, VariantMissing
from landcover.sensors import Radiometry, get_product

STAC_VERSION: Final = "1.1.0"
MLM_EXTENSION: Final = "https://stac-extensions.github.io/mlm/v1.5.2/schema.json"
EXTENSIONS: Final = (
    MLM_EXTENSION,
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
)
NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Model names and versions: safe as a folder name, a URL segment and a header value."""

MODEL_FILE: Final = MODEL_FILES[Precision.FP32]
SAMPLE_FILE: Final = "sample.npz"
CARD_FILE: Final = "card.md"
MOST_DATES: Final = 2
"""Dates a model can take: one for a map, two for a change."""

_OVERVIEW_INPUT: Final = "digital numbers of an overview of the scene: pixels of a regular grid over all of it"

_ROLES: Final = {
    ".onnx": ("application/octet-stream; application=onnx", ("mlm:model",)),
    ".npz": ("application/octet-stream; application=numpy", ("mlm:sample", "metadata")),
    ".md": ("text/markdown", ("metadata", "mlm:model-card")),
}


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Size in bytes and lower-case hexadecimal SHA-256 of one file of a bundle."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BandStatistics:
    """Distribution of one band over the valid training pixels, in digital numbers; the yardstick for drift."""

    mean: float
    std: float
    p01: float
    """First percentile."""
    p50: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Identity, input contract, output contract and evidence of one model version.

    Attributes:
        name: model name, lower case, at most 64 characters of a-z, 0-9, ``.``, ``_`` and ``-``.
        version: version string under the same rule, for example ``0.1.0``.
        title: one line for people.
        description: a paragraph for people.
        architecture: network name as in ``models.networks``.
        legend_id: legend whose k-th class is output index k.
        legend_version: version of that legend when the model was made.
        bands: band names in input order.
        product: product id of ``landcover.sensors`` whose digital numbers the graph takes.
        levels: processing levels the model was trained on.
        radiometry: reflectance = digital number * scale + offset, as the graph expects its digital numbers.
        dtype: sample type of the input, for example ``uint16``.
        nodata: digital number that means "no data"; 0, as in every product of ``landcover.sensors``.
        gsd_m: ground sample distance in metres.
        tile_size: suggested window side in pixels.
        overlap: suggested overlap of windows in pixels.
        batch_size: suggested windows per call.
        temperature: softmax temperature inside the graph (1 = uncalibrated).
        total_parameters: parameters of the network.
        memory_size: bytes of the weights in memory.
        value_scaling: MLM value-scaling objects, one per band, in digital numbers; applied inside the graph.
        statistics: per band, for drift.
        scores: evaluation results (JSON object).
        provenance: training data, hashes, command, software (JSON object).
        licence: SPDX identifier of the weights.
        attribution: text a product must carry.
        created: UTC time, RFC 3339.
        dates: dates stacked in an input: 1, or 2 for change, bands of the older date first.
        overview: whether the graph takes an overview of the whole scene as a second input (`landcover.overview`).
        unsupported: names of classes of the legend that the model never answers, because its training data cannot
            support them.
        variants: what was measured of each graph beside the fp32 one, by its precision.
        files: every file of the bundle except the manifest.
    """

    name: str
    version: str
    title: str
    description: str
    architecture: str
    legend_id: str
    legend_version: str
    bands: tuple[str, ...]
    product: str
    levels: tuple[str, ...]
    radiometry: Radiometry
    dtype: str
    nodata: int
    gsd_m: float
    tile_size: int
    overlap: int
    batch_size: int
    temperature: float
    total_parameters: int
    memory_size: int
    value_scaling: tuple[Mapping[str, Any], ...]
    statistics: Mapping[str, BandStatistics]
    licence: str
    attribution: str
    created: str
    scores: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    dates: int = 1
    overview: bool = False
    unsupported: tuple[str, ...] = ()
    variants: Mapping[Precision, Variant] = field(default_factory=dict)
    files: Mapping[str, FileRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse unsafe names, incomplete band tables and impossible dates or classes.

        Raises:
            BundleInvalid: with the offending value.
        """
        for what, value in (("name", self.name), ("version", self.version)):
            if not NAME_PATTERN.fullmatch(value):
                raise BundleInvalid(
                    f"model {what} {value!r}: use 1 to 64 of a-z, 0-9, '.', '_', '-', not starting with '.'"
                )
        self._check_bands()
        if self.dates not in {1, MOST_DATES}:
            raise BundleInvalid(f"a model takes 1 or {MOST_DATES} dates, this one says {self.dates}")
        if self.overview and self.dates != MOST_DATES:
            raise BundleInvalid(f"a model takes an overview to compare {MOST_DATES} dates, this one has {self.dates}")
        if unknown := set(self.variants) - set(MODEL_FILES):
            raise BundleInvalid(
                f"variants {sorted(map(str, unknown))} are arithmetics of a runtime, a bundle has no graph of them"
            )
        self._check_unsupported()

    def _check_bands(self) -> None:
        if not self.bands or len(set(self.bands)) != len(self.bands):
            raise BundleInvalid(f"bands {list(self.bands)}: at least one is needed, each once")
        if set(self.statistics) != set(self.bands):
            raise BundleInvalid(
                f"band statistics are for {sorted(self.statistics)}, the model's bands are {list(self.bands)}"
            )
        if self.nodata != 0:
            raise BundleInvalid(
                f"nodata {self.nodata}: a graph takes 0 for pixels without data, whatever number the files of a scene "
                "have for it; publish the model with 0"
            )

    def _check_unsupported(self) -> None:
        if self.unsupported and not set(self.unsupported) < set(self.legend.names):
            known = ", ".join(self.legend.names)
            raise BundleInvalid(f"unsupported classes {list(self.unsupported)}: expected some, not all, of {known}")

    @property
    def channels(self) -> int:
        """Channels of the graph's input: the bands of each date."""
        return self.dates * len(self.bands)

    def model_file(self, precision: Precision) -> str:
        """Name of the graph of a precision.

        Raises:
            VariantMissing: when the bundle has none, saying which there are.
        """
        if precision.graph not in {Precision.FP32, *self.variants}:
            there = ", ".join([Precision.FP32, *self.variants])
            raise VariantMissing(
                f"model {self.identifier} has no {precision} variant, it has {there}; use --precision fp32 or "
                "STEPPE_PRECISION=fp32, or publish it with that variant"
            )
        return MODEL_FILES[precision.graph]

    @property
    def identifier(self) -> str:
        """``name@version``, as commands take it and products carry it."""
        return f"{self.name}@{self.version}"

    @property
    def legend(self) -> Legend:
        """The legend object; its k-th class is output index k."""
        return get_legend(self.legend_id)

    def to_item(self) -> dict[str, Any]:
        """The manifest as a STAC Item (a JSON object) with MLM, file, classification and raster fields."""
        return {
            "type": "Feature",
            "stac_version": STAC_VERSION,
            "stac_extensions": list(EXTENSIONS),
            "id": f"{self.name}-{self.version}",
            # A model has no footprint of its own; STAC allows null for items that are not spatial.
            "geometry": None,
            "properties": {
                "title": self.title,
                "description": self.description,
                "datetime": self.created,
                "created": self.created,
                "license": self.licence,
                "version": self.version,
                "gsd": self.gsd_m,
                "bands": self._bands(),
                **self._mlm(),
                **self._steppe(),
            },
            "links": [],
            "assets": {name: self._asset(name, record) for name, record in sorted(self.files.items())},
        }

    def _bands(self) -> list[dict[str, Any]]:
        described = {band.name: band for band in get_product(self.product).bands}
        return [
            {
                "name": name,
                "eo:common_name": described[name].common_name,
                "eo:center_wavelength": described[name].center_wavelength_um,
                "eo:full_width_half_max": described[name].full_width_half_max_um,
                "data_type": self.dtype,
                "nodata": self.nodata,
                "unit": "1",
                "raster:scale": self.radiometry.scale,
                "raster:offset": self.radiometry.offset,
                "statistics": {
                    "mean": self.statistics[name].mean,
                    "stddev": self.statistics[name].std,
                },
                "steppe:percentiles": {
                    "1": self.statistics[name].p01,
                    "50": self.statistics[name].p50,
                    "99": self.statistics[name].p99,
                },
            }
            for name in self.bands
        ]

    def _mlm(self) -> dict[str, Any]:
        tasks = ["semantic-segmentation"]
        side = self.tile_size
        return {
            "mlm:name": self.name,
            "mlm:architecture": self.architecture,
            "mlm:tasks": tasks,
            "mlm:framework": "ONNX",
            "mlm:framework_version": str(self.provenance.get("onnx", "unknown")),
            "mlm:memory_size": self.memory_size,
            "mlm:total_parameters": self.total_parameters,
            "mlm:pretrained": True,
            "mlm:pretrained_source": str(self.provenance.get("training_data", "unknown")),
            "mlm:batch_size_suggestion": self.batch_size,
            "mlm:accelerator": "amd64",
            "mlm:accelerator_constrained": False,
            "mlm:input": [
                self._input("digital numbers of the product, all scaling is inside the graph", side),
                *([self._input(_OVERVIEW_INPUT, OVERVIEW_SIDE, batch=1)] if self.overview else []),
            ],
            "mlm:output": [
                {
                    "name": "calibrated class probabilities",
                    "tasks": tasks,
                    "result": {
                        "shape": [-1, len(self.legend.classes), side, side],
                        "dim_order": ["batch", "classes", "height", "width"],
                        "data_type": "float32",
                    },
                    "classification:classes": [
                        {
                            "value": entry.code,
                            "name": entry.name,
                            "title": entry.title,
                            "description": entry.title,
                            "color_hint": entry.color.lstrip("#").upper(),
                        }
                        for entry in self.legend.classes
                    ],
                }
            ],
            "mlm:hyperparameters": {"temperature": self.temperature, "overlap": self.overlap},
        }

    def _input(self, name: str, side: int, batch: int = -1) -> dict[str, Any]:
        return {
            "name": name,
            "bands": list(self.bands),
            "input": {
                "shape": [batch, self.channels, side, side],
                "dim_order": ["batch", "bands", "height", "width"],
                "data_type": self.dtype,
            },
            "value_scaling": [dict(scaling) for scaling in self.value_scaling],
            "resize_type": None,
        }

    def _steppe(self) -> dict[str, Any]:
        return {
            "steppe:sensor": get_product(self.product).sensor,
            "steppe:product": self.product,
            "steppe:processing_levels": list(self.levels),
            "steppe:legend": {"id": self.legend_id, "version": self.legend_version},
            "steppe:scaling_in_graph": True,
            "steppe:scores": dict(self.scores),
            "steppe:provenance": dict(self.provenance),
            "steppe:attribution": self.attribution,
            **self._additions(),
        }

    def _additions(self) -> dict[str, Any]:
        """Fields that came later; left out where they say nothing, so that older manifests stay as they were."""
        variants = {str(precision): variant.to_json() for precision, variant in self.variants.items()}
        return {
            **({"steppe:dates": self.dates} if self.dates != 1 else {}),
            **({"steppe:overview": True} if self.overview else {}),
            **({"steppe:unsupported_classes": list(self.unsupported)} if self.unsupported else {}),
            **({"steppe:variants": variants} if variants else {}),
        }

    def _asset(self, name: str, record: FileRecord) -> dict[str, Any]:
        media_type, roles = _ROLES[name[name.rindex(".") :]]
        asset: dict[str, Any] = {
            "href": f"./{name}",
            "type": media_type,
            "roles": list(roles),
            "file:size": record.size,
            # A multihash, as the file extension asks: 0x12 = sha2-256, 0x20 = 32 bytes.
            "file:checksum": f"1220{record.sha256}",
        }
        if name.endswith(".onnx"):
            asset["mlm:artifact_type"] = "onnx"
            # STAC 1.1 allows the full description in the properties only where an asset lists bands too.
            asset["bands"] = [{"name": band} for band in self.bands]
        for precision, variant in self.variants.items():
            if name == MODEL_FILES[precision]:
                asset |= {"title": f"{precision} variant", "steppe:precision": str(precision)}
                asset["steppe:scores"] = variant.to_json()
        return asset

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Manifest:
        """Read what :meth:`to_item` wrote.

        Raises:
            BundleInvalid: when a field is missing or of the wrong kind, naming it.
        """
        try:
            return _parse(cls, item)
        except KeyError as missing:
            _refuse(f"the field {missing} is missing", missing)
        except BundleInvalid:
            raise
        except (TypeError, ValueError, AttributeError, IndexError, OverflowError, SteppeError) as wrong:
            _refuse(f"a field has the wrong form ({wrong})", wrong)


def _refuse(what: str, cause: Exception) -> NoReturn:
    raise BundleInvalid(f"manifest.json is not a Steppe model manifest: {what}; publish the model again") from cause


def _parse(cls: type[Manifest], item: Mapping[str, Any]) -> Manifest:
    properties = item["properties"]
    bands = properties["bands"]
    model_input, result = properties["mlm:input"][0], properties["mlm:output"][0]
    manifest = cls(
        name=properties["mlm:name"],
        version=properties["version"],
        title=properties["title"],
        description=properties["description"],
        architecture=properties["mlm:architecture"],
        legend_id=properties["steppe:legend"]["id"],
        legend_version=properties["steppe:legend"]["version"],
        bands=tuple(model_input["bands"]),
        product=properties["steppe:product"],
        levels=tuple(properties["steppe:processing_levels"]),
        radiometry=Radiometry(float(bands[0]["raster:scale"]), float(bands[0]["raster:offset"])),
        dtype=model_input["input"]["data_type"],
        nodata=int(bands[0]["nodata"]),
        gsd_m=float(properties["gsd"]),
        tile_size=int(model_input["input"]["shape"][2]),
        overlap=int(properties["mlm:hyperparameters"]["overlap"]),
        batch_size=int(properties["mlm:batch_size_suggestion"]),
        temperature=float(properties["mlm:hyperparameters"]["temperature"]),
        total_parameters=int(properties["mlm:total_parameters"]),
        memory_size=int(properties["mlm:memory_size"]),
        value_scaling=tuple(model_input["value_scaling"]),
        statistics={band["name"]: _statistics(band) for band in bands},
        licence=properties["license"],
        attribution=properties["steppe:attribution"],
        created=properties["created"],
        scores=properties["steppe:scores"],
        provenance=properties["steppe:provenance"],
        dates=int(properties.get("steppe:dates", 1)),
        overview=bool(properties.get("steppe:overview", False)),
        unsupported=tuple(properties.get("steppe:unsupported_classes", ())),
        variants={
            Precision(precision): Variant.from_json(figures)
            for precision, figures in properties.get("steppe:variants", {}).items()
        },
        files={name: _file_record(name, asset) for name, asset in item["assets"].items()},
    )
    _check_classes(manifest, result["classification:classes"])
    _check_overview(manifest, properties["mlm:input"][1:])
    return manifest


def _statistics(band: Mapping[str, Any]) -> BandStatistics:
    percentiles = band["steppe:percentiles"]
    return BandStatistics(
        mean=float(band["statistics"]["mean"]),
        std=float(band["statistics"]["stddev"]),
        p01=float(percentiles["1"]),
        p50=float(percentiles["50"]),
        p99=float(percentiles["99"]),
    )


def _file_record(name: str, asset: Mapping[str, Any]) -> FileRecord:
    if not NAME_PATTERN.fullmatch(name):  # a path would lead out of the bundle
        raise ValueError(f"asset {name!r} is no file name of a-z, 0-9, '.', '_' and '-'")
    checksum = str(asset["file:checksum"])
    if not re.fullmatch(r"1220[0-9a-f]{64}", checksum):
        raise ValueError(f"file:checksum {checksum!r} is no sha2-256 multihash")
    return FileRecord(size=int(asset["file:size"]), sha256=checksum[4:])


def _check_overview(manifest: Manifest, inputs: list[Mapping[str, Any]]) -> None:
    """A model takes an overview as its second input, of the one size there is, or has no second input."""
    found = [list(each["input"]["shape"]) for each in inputs]
    expected = [[1, manifest.channels, OVERVIEW_SIDE, OVERVIEW_SIDE]] if manifest.overview else []
    if found != expected:
        raise ValueError(f"inputs after the first have shapes {found}, expected {expected}")


def _check_classes(manifest: Manifest, classes: list[Mapping[str, Any]]) -> None:
    """The file's class table must be the legend's, or codes on disk would mean something else than the model's."""
    listed = tuple((entry["value"], entry["name"]) for entry in classes)
    known = tuple((entry.code, entry.name) for entry in manifest.legend.classes)
    if listed != known:
        raise ValueError(f"classes {listed} are not those of legend {manifest.legend_id}: {known}")
