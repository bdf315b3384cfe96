"""Classify scenes from files to one map: the job behind ``steppe classify`` and ``POST /classify``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from indicators.areas import AreaTable
from landcover.augmentation import Augmentation
from landcover.errors import BandMapping, WrongUse
from landcover.manifest import Manifest
from landcover.precision import Precision
from landcover.raster.protocol import Mask
from landcover.seams import SeamScore
from serving.drift.judgement import Drift
from serving.engine import Engine
from serving.engines import Making
from serving.pipeline import Order, Published, outlook_of, publish_map
from serving.predict import Progress
from serving.products import check_language
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import Sources, open_sources
from serving.spans import span
from serving.treatment import DEFAULT_TREATMENT, MASK_NAMES, Treatment

MEGA: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was done.

    Attributes:
        identifier: the scene's name.
        areas: mapped area of each class.
        seams: how far neighbouring windows agreed.
        model: ``name@version``.
        model_sha256: digest of the graph that ran.
        provider: where the model ran.
        precision: which variant of the model ran.
        augmentation: over which turns of the windows answers were averaged.
        pixels: pixels of the scene.
        seconds: from opening the scene to the last file, without loading the model.
        warnings: what the caller should know, for example that scale and offset were assumed.
        files: the files by role.
        extras: drift, what the mask band said and what merging small patches moved, for ``--json``.
        remarks: the same for people, one line each.
        kept: rows of the map that an earlier run had made.
        drift: how far each image is from what the model was trained on.
    """

    identifier: str
    areas: AreaTable
    seams: SeamScore
    model: str
    model_sha256: str
    provider: str
    precision: Precision
    augmentation: Augmentation
    pixels: int
    seconds: float
    warnings: tuple[str, ...]
    files: dict[str, Path]
    extras: dict[str, Any]
    remarks: tuple[str, ...]
    kept: int = 0
    drift: tuple[Drift, ...] = ()

    @classmethod
    def of(cls, made: Published, outputs: Outputs, *, seconds: float) -> Self:
        """The outcome of a map whose files are published."""
        finished, provenance = made.finished, made.finished.provenance
        return cls(
            identifier=provenance.scene_name,
            areas=finished.areas,
            seams=finished.seams,
            model=provenance.manifest.identifier,
            model_sha256=provenance.model_sha256,
            provider=provenance.provider,
            precision=provenance.precision,
            augmentation=provenance.augmentation,
            pixels=finished.areas.total_pixels,
            seconds=seconds,
            warnings=finished.warnings,
            files=outputs.files(),
            extras=finished.extras(),
            remarks=finished.remarks(),
            kept=made.kept,
            drift=finished.drift,
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: paths, figures and warnings."""
        return {
            "scene": self.identifier,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "precision": self.precision,
            "tta": self.augmentation,
            "provider": self.provider,
            "pixels": self.pixels,
            "valid_pixels": self.areas.valid_pixels,
            "seams": self.seams.to_json(),
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(self.pixels / MEGA / self.seconds, 3),
            **({"kept_rows": self.kept} if self.kept else {}),
            **self.extras,
            "warnings": list(self.warnings),
            "files": {role: str(path) for role, path in self.files.items()},
        }

    def summary(self) -> str:
        """What was done, for people; how far windows agree only where there were several."""
        rate, share = self.pixels / MEGA / self.seconds, self.seams.share
        return (
            f"{self.identifier}: {self.pixels:,} pixels in {self.seconds:.1f} s ({rate:.2f} megapixels/s) "
            f"with {self.model} on {self.provider} in {self.precision}"
            + ("" if self.augmentation is Augmentation.NONE else f", test-time augmentation {self.augmentation}")
            + (f", {self.kept:,} rows of them kept from an earlier run" if self.kept else "")
            + ("" if share is None else f"; neighbouring windows differ on {100 * share:.2f} % of their shared pixels")
        )


def classify_scene(
    inputs: Inputs,
    outputs: Outputs,
    engine: Engine,
    settings: Settings,
    *,
    treatment: Treatment = DEFAULT_TREATMENT,
    progress: Progress | None = None,
    work: Path | None = None,
) -> Outcome:
    """Classify one scene, or several as one, and write the wanted files.

    Nothing has its name before all of them are done and on the disk. Whatever is visible then is whole; the names are
    given one by one, that of the STAC Item last.

    Args:
        inputs: which scenes.
        outputs: which files.
        engine: the model.
        settings: windows and batch size.
        treatment: how the outputs are made.
        progress: told after every row of windows.
        work: folder that keeps finished rows: a run that was killed goes on from them when it is asked for the same
            again. It is removed when the files are published. None = nothing is kept.

    Raises:
        DataError: when the input cannot be used.
        ConfigError: when names or treatment do not fit the scene, or the work folder is another job's.
        NoValidData: when the whole input is nodata.
        OutputNotWritable: when a file cannot be written where it should be.
        DiskFull: when there is no space.
    """
    order = Order(outputs=outputs, engine=engine, settings=settings, treatment=treatment, progress=progress, work=work)
    return classify_opened(open_checked(inputs, outputs, engine.bundle.manifest, treatment), order)


@dataclass(frozen=True, slots=True)
class Opening:
    """Opened inputs of a map, before there has to be an engine.

    Attributes:
        sources: the inputs.
        seconds: how long opening them took.
    """

    sources: Sources
    seconds: float

    def engine(self, making: Making, settings: Settings) -> Engine:
        """Tell an engine in the making what is asked of it, and wait for it; the sources are closed where it fails.

        Raises:
            SteppeError: whatever loading the engine raises.
        """
        with ExitStack() as where_it_fails:
            where_it_fails.enter_context(self.sources)
            making.ahead.set_result(outlook_of(self.sources.scenes[0], making.manifest, settings))
            engine = making.engine.result()
            where_it_fails.pop_all()
        return engine


def open_checked(
    inputs: Inputs, outputs: Outputs, manifest: Manifest, treatment: Treatment = DEFAULT_TREATMENT
) -> Opening:
    """The first part of ``classify_scene``: what needs no engine, so that one can be chosen and loaded for the scene.

    The caller closes the sources, or hands them to ``classify_opened``, which does.

    Raises:
        DataError: when the input cannot be used.
        ConfigError: when names or treatment do not fit the scene.
        OutputNotWritable: when a file cannot be written where it should be.
    """
    started = time.perf_counter()
    outputs.check(*inputs.files)
    check_language(outputs, treatment)
    with span("open"):
        sources = open_sources(inputs, manifest)
    return Opening(sources, time.perf_counter() - started)


def classify_opened(opening: Opening, order: Order) -> Outcome:
    """The second part of ``classify_scene``, with what it raises; the sources are closed at the end."""
    started = time.perf_counter()
    with opening.sources as sources, _mask(sources, order.outputs, order.treatment) as mask:
        made = publish_map(sources, order, mask=mask)
    return Outcome.of(made, order.outputs, seconds=opening.seconds + time.perf_counter() - started)


@contextmanager
def _mask(sources: Sources, outputs: Outputs, treatment: Treatment) -> Iterator[Mask | None]:
    """The scene's mask band where it is wanted and there is one.

    Raises:
        DataError: when it cannot be read.
        BandMapping: when the map shall be masked and there is none.
        WrongUse: when there are several scenes.
    """
    wanted = outputs.quality is not None or treatment.mask_clouds
    if wanted and len(sources.parts) > 1:
        raise WrongUse(
            f"--quality and --mask-clouds use the mask band of one scene, {len(sources.parts)} were given; leave them "
            "out, or map the scenes one by one"
        )
    inputs = sources.inputs
    mask = inputs.opener.mask(inputs.source, sources.grid, bands=inputs.bands) if wanted else None
    if mask is None and treatment.mask_clouds:
        raise BandMapping(
            f"the input has no mask band ({MASK_NAMES}) to mask clouds by; add it, or leave --mask-clouds out"
        )
    with mask or nullcontext():
        yield mask
