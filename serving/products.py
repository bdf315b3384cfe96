"""What goes with a finished map: provenance, areas, picture, style and STAC Item."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from numpy.typing import NDArray

from indicators.areas import AreaTable
from landcover.augmentation import Augmentation
from landcover.grid import Grid
from landcover.manifest import Manifest
from landcover.postprocess import UncertaintyMeasure
from landcover.precision import Precision
from landcover.quality import QUALITY_LEGEND, UNSEEN_WORDS
from landcover.raster.digest import file_digest, named
from landcover.raster.mosaic import joint_name
from landcover.raster.qml import write_qml
from landcover.seams import SeamScore
from landcover.sensors import Radiometry
from serving.composition import Composition, Origin, Part
from serving.days import DAY
from serving.drift.judgement import Drift, drift_json
from serving.drift.watch import ImageName
from serving.engine import Engine
from serving.hrefs import href, relative_href
from serving.outputs.areas import areas_document
from serving.outputs.words import words_for
from serving.request import Outputs
from serving.staging import write_file
from serving.treatment import DEFAULT_TREATMENT, Observed, Sieved, Treatment
from serving.version import VERSION

if TYPE_CHECKING:
    from serving.outputs.stac import AssetFile

_NO_ID: Final = re.compile(r"[^\w.-]+")
"""What the id of an Item is better without: blanks and most punctuation."""

_DEFINITIONS: Final = {
    UncertaintyMeasure.ENTROPY: "entropy: 100 * -sum(p log p) / log K over the K class probabilities",
    UncertaintyMeasure.MARGIN: "margin: 100 * (1 - (p1 - p2)) of the two largest class probabilities",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a map comes from; taken once, before the first pixel is mapped.

    Attributes:
        scene_name: name of the scene; empty where it has none.
        composition: the inputs, and how they became one.
        grid: grid of scene and map.
        acquired: date or time of the image, ISO 8601, or None.
        level: processing level, or None.
        radiometry: scale and offset the digital numbers were read with.
        radiometry_stated: True when the file or the caller stated them, False when the model's were assumed.
        digest: of the input files, in the making: reading them once more takes as long as some windows.
        manifest: the model's.
        precision: which variant of it ran.
        augmentation: over which turns of the windows its answers were averaged.
        model_sha256: digest of that variant's graph.
        provider: what ran it; runtimes round differently, so a few pixels may differ between them.
        made: time of the run.
    """

    scene_name: str
    composition: Composition
    grid: Grid
    acquired: str | None
    level: str | None
    radiometry: Radiometry
    radiometry_stated: bool
    digest: Future[str]
    manifest: Manifest
    precision: Precision
    augmentation: Augmentation
    model_sha256: str
    provider: str
    made: datetime

    @classmethod
    def of(cls, sources: Origin, engine: Engine, pool: Executor) -> Self:
        """Ask the sources and the engine; digests are taken in the pool."""
        manifest = engine.bundle.manifest
        digest, composition = sources.digests(pool)
        return cls(
            scene_name=sources.name,
            composition=composition,
            grid=sources.grid,
            acquired=sources.acquired,
            level=sources.level,
            radiometry=sources.radiometry or manifest.radiometry,
            radiometry_stated=sources.radiometry_stated,
            digest=digest,
            manifest=manifest,
            precision=engine.precision,
            augmentation=engine.augmentation,
            model_sha256=engine.model_sha256,
            provider=engine.provider,
            made=datetime.now(UTC),
        )

    @property
    def days(self) -> tuple[str | None, str | None]:
        """Day of the image, or the first and the last day of several; None where not known, or the same."""
        first, last = self.composition.period or (self.acquired, None)
        days = list(dict.fromkeys(moment[:DAY] for moment in (first, last) if moment))
        return (days[0] if days else None), (days[1] if len(days) > 1 else None)

    @property
    def input_digest(self) -> str:
        """Digest of the input files, or of what names them (``landcover.raster.digest``); waits until it is there.

        Raises:
            RasterUnreadable: when a file can no longer be read.
        """
        return self.digest.result()

    def images(self, scenes: int) -> tuple[ImageName, ...]:
        """What the images of so many scenes are called: the dates of one, or the inputs of several."""
        if scenes == 1 and not self.composition.compares:
            return (ImageName(self.called),)
        return tuple(ImageName(part.href, part.role) for part in self.composition.parts)

    @property
    def called(self) -> str:
        """What messages call the scene."""
        return self.scene_name or joint_name(self.composition.hrefs)

    @property
    def title(self) -> str:
        """One line for people."""
        subject = "Land degradation" if self.composition.compares else "Land cover"
        if self.scene_name:
            return f"{subject} of {self.scene_name}"
        days = " to ".join(day for day in self.days if day)
        return f"{subject}, {days}" if days else subject

    @property
    def identifier(self) -> str:
        """Of the STAC Item: it stands in addresses and in the names of files."""
        name = _NO_ID.sub("-", self.scene_name).strip("-") or "scene"
        return f"{name}-{self.manifest.name}-{self.manifest.version}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting the map."""
        if self.composition.compares:
            return tuple(warning for part in self.composition.parts for warning in self._warnings_of(part))
        return () if self.radiometry_stated else (self._assumed("the input"),)

    def _warnings_of(self, part: Part) -> Iterator[str]:
        """What the image of one date does not say."""
        if part.acquired is None:
            yield (
                f"{part.href!r} does not say its date, so nothing tells that BEFORE is the older image; state it with "
                f"--{part.role}-date"
            )
        if part.radiometry is None:
            yield self._assumed(repr(part.href))

    def _assumed(self, image: str) -> str:
        return (
            f"{image} does not state scale and offset; reflectance = DN * {self.radiometry.scale:g} + "
            f"{self.radiometry.offset:g} was assumed. Products of processing baseline 04.00 and later (2022 on) need "
            "--product, for example sentinel-2-l2a-0400"
        )

    def tags(self) -> dict[str, str]:
        """Tags of the rasters."""
        manifest = self.manifest
        return {
            "steppe_version": VERSION,
            "steppe_model": manifest.identifier,
            "steppe_model_precision": self.precision,
            "steppe_tta": self.augmentation,
            "steppe_model_sha256": self.model_sha256,
            "steppe_provider": self.provider,
            "steppe_input": ", ".join(self.composition.hrefs),
            **named("steppe_input_", self.input_digest),
            "steppe_radiometry": f"scale={self.radiometry.scale:g} offset={self.radiometry.offset:g} "
            + ("stated" if self.radiometry_stated else "assumed"),
            "steppe_legend": f"{manifest.legend_id} version {manifest.legend_version}",
            "steppe_attribution": manifest.attribution,
            **({} if self.composition.is_plain else {"steppe_composition": json.dumps(self.composition.to_json())}),
            **({"datetime": self.acquired} if self.acquired else {}),
            **({"processing_level": self.level} if self.level else {}),
        }


@dataclass(frozen=True, slots=True)
class Finished:
    """A map whose pixels are written.

    Attributes:
        provenance: where it comes from.
        areas: mapped area of each class.
        small_HW: the decimated map, codes (row, col).
        small_grid: its grid.
        seams: how far neighbouring windows agreed.
        observed: what the scene's mask band says; None when nobody asked.
        sieved: what merging small patches did; None when none were merged.
        treatment: how the outputs were made.
        drift: how far each image is from what the model was trained on.
    """

    provenance: Provenance
    areas: AreaTable
    small_HW: NDArray[Any]
    small_grid: Grid
    seams: SeamScore
    observed: Observed | None = None
    sieved: Sieved | None = None
    treatment: Treatment = DEFAULT_TREATMENT
    drift: tuple[Drift, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting the map."""
        reports = [report for report in (self.observed, self.sieved) if report]
        warnings = (warning for report in reports for warning in report.warnings)
        return (*self.provenance.warnings, *self.drift_warnings, *warnings)

    @property
    def drift_warnings(self) -> tuple[str, ...]:
        """Which images are unlike anything that the model was trained on."""
        model, several = self.provenance.manifest.identifier, len(self.drift) > 1
        each = (drift.warnings(model, name=repr(drift.image) if several else "the input") for drift in self.drift)
        return tuple(warning for warnings in each for warning in warnings)

    def extras(self) -> dict[str, Any]:
        """``drift`` as a JSON object, and ``quality`` and ``sieve`` where they were asked for."""
        return {
            **({"drift": drift_json(self.drift)} if self.drift else {}),
            **({"quality": self.observed.to_json()} if self.observed else {}),
            **({"sieve": self.sieved.to_json()} if self.sieved else {}),
        }

    def remarks(self) -> tuple[str, ...]:
        """The same for people, one line each."""
        return tuple(report.summary() for report in (self.observed, self.sieved) if report)


def raster_tags(role: str, finished: Finished) -> dict[str, str]:
    """What the tags of one raster say beside its provenance."""
    observed, sieved, tags = finished.observed, finished.sieved, dict[str, str]()
    if role != "quality" and finished.drift_warnings:
        tags["steppe_drift"] = "; ".join(finished.drift_warnings)
    if role == "map" and sieved:
        tags["steppe_sieve"] = sieved.summary()
    elif sieved and role != "quality":
        tags["steppe_sieve"] = "not applied: the numbers are of the classes before small patches of the map were merged"
    masked = role == "map" and observed is not None and observed.masked
    if observed and masked:
        tags["steppe_masked"] = f"no data where the scene is {UNSEEN_WORDS} by {observed.source}"
    if role == "quality" and observed:
        tags["steppe_quality_source"] = observed.source
    if observed and observed.digest and (masked or role == "quality"):
        tags |= named("steppe_mask_", observed.digest)
    if role == "uncertainty":
        tags["steppe_uncertainty"] = _DEFINITIONS[finished.treatment.uncertainty]
    return tags


def check_language(outputs: Outputs, treatment: Treatment) -> None:
    """Refuse a picture in a language that it cannot be drawn in, before anything is computed for it.

    Raises:
        ConfigError: naming the languages of pictures.
    """
    if outputs.preview is not None:
        words_for(treatment.language)


def write_products(finished: Finished, staged: Mapping[str, Path], outputs: Outputs) -> None:
    """Write the wanted small files; the STAC Item last, because it holds the digests of the others.

    Args:
        finished: the map.
        staged: where to write each role.
        outputs: final names, for relative links.

    Raises:
        DiskFull: when there is no space.
        OutputNotWritable: when a file cannot be written.
    """
    write_qml(staged["style"], finished.provenance.manifest.legend)
    if "quality_style" in staged:
        write_qml(staged["quality_style"], QUALITY_LEGEND)
    if "quicklook" in staged:
        write_file(staged["quicklook"], quicklook(finished))
    if "areas" in staged:
        write_file(staged["areas"], _json(areas_json(finished)))
    if "features" in staged:
        write_file(staged["features"], _json(class_features(finished)))
    if "stac" in staged:
        write_file(staged["stac"], _json(stac_item(finished, staged, outputs)))


def quicklook(finished: Finished) -> bytes:
    """The picture of the map with its legend, a PNG."""
    from serving.outputs.quicklook import Caption, render_quicklook  # noqa: PLC0415 - loads Pillow

    provenance, (first_day, last_day) = finished.provenance, finished.provenance.days
    caption = Caption(
        title=provenance.scene_name,
        subject="land degradation" if provenance.composition.compares else "land cover",
        date=first_day,
        until=last_day,
        model=provenance.manifest.identifier,
        attribution=provenance.manifest.attribution,
        unlike=bool(finished.drift_warnings),
    )
    legend = provenance.manifest.legend
    return render_quicklook(
        finished.small_HW,
        finished.small_grid,
        finished.areas,
        legend,
        caption=caption,
        language=finished.treatment.language,
    )


def areas_json(finished: Finished) -> Mapping[str, object]:
    """The table of areas as a JSON object; with the areas by observation quality, and those that merging moved."""
    manifest = finished.provenance.manifest
    document = areas_document(
        finished.areas,
        finished.provenance.grid.crs,
        model_name=manifest.name,
        model_version=manifest.version,
        language=finished.treatment.language,
    )
    return {**document, **finished.extras()}


def class_features(finished: Finished) -> Mapping[str, object]:
    """The outlines of the classes, generalised, as a GeoJSON FeatureCollection."""
    from serving.outputs.features import features_document  # noqa: PLC0415 - loads GDAL

    return features_document(
        finished.small_HW,
        finished.small_grid,
        finished.areas,
        finished.provenance.manifest.legend,
        language=finished.treatment.language,
    )


def check_item(provenance: Provenance, outputs: Outputs) -> None:
    """Refuse, before the first row, a place or a time that the wanted STAC Item could not say after the last one.

    Raises:
        DataError: a time of the input is no RFC 3339 time or date.
        NoGeoreference: the grid's outline is not on the Earth.
    """
    if outputs.stac is not None:
        from serving.outputs.stac import check_place_and_times  # noqa: PLC0415 - loads pystac

        check_place_and_times(provenance.grid, provenance.acquired, *(provenance.composition.period or ()))


def stac_item(finished: Finished, staged: Mapping[str, Path], outputs: Outputs) -> Mapping[str, object]:
    """The STAC Item; hrefs are relative to it."""
    from serving.outputs.stac import Product, product_item  # noqa: PLC0415 - loads pystac

    provenance, manifest = finished.provenance, finished.provenance.manifest
    finals = outputs.files()
    item = finals.pop("stac")
    files = {role: _asset(staged[role], relative_href(final, item)) for role, final in finals.items()}
    return product_item(
        Product(
            identifier=provenance.identifier,
            title=provenance.title,
            map_title="Land degradation map" if provenance.composition.compares else "Land-cover map",
            grid=provenance.grid,
            legend=manifest.legend,
            created=provenance.made,
            software_version=VERSION,
            model_name=manifest.name,
            model_version=manifest.version,
            model_precision=provenance.precision,
            augmentation=provenance.augmentation,
            model_sha256=provenance.model_sha256,
            provider=provenance.provider,
            input_digest=provenance.input_digest,
            radiometry=provenance.radiometry,
            inputs=tuple(map(href, provenance.composition.hrefs)),
            composition=None if provenance.composition.is_plain else provenance.composition.to_json(),
            acquired=provenance.acquired,
            period=provenance.composition.period,
            attribution=manifest.attribution,
            files=files,
            areas=finished.areas,
            seams=finished.seams,
            uncertainty=finished.treatment.uncertainty,
            observed=finished.observed,
            sieved=finished.sieved,
            drift=drift_json(finished.drift) if finished.drift else None,
        )
    )


def _asset(staged: Path, reference: str) -> AssetFile:
    from serving.outputs.stac import AssetFile  # noqa: PLC0415 - loads pystac

    return AssetFile(href=reference, size=staged.stat().st_size, sha256=file_digest(staged))


def _json(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
