"""Classify scenes from files to one map: the job behind ``steppe classify`` and ``POST /classify``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from landcover.errors import BandMapping, WrongUse
from landcover.manifest import Manifest
from landcover.raster.protocol import Mask
from serving.engine import Engine
from serving.engines import Making
from serving.outcome import Outcome
from serving.pipeline import Order, outlook_of, publish_map
from serving.predict import Progress
from serving.products import check_language
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import Sources, open_sources
from serving.spans import span
from serving.treatment import DEFAULT_TREATMENT, MASK_NAMES, Treatment


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
    with opening.sources as sources, masked(sources, order.outputs, order.treatment) as mask:
        made = publish_map(sources, order, mask=mask)
    return Outcome.of(made, order.outputs, seconds=opening.seconds + time.perf_counter() - started)


@contextmanager
def masked(sources: Sources, outputs: Outputs, treatment: Treatment) -> Iterator[Mask | None]:
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
