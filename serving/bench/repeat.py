"""Whether a map is the same, bit for bit, for every batch size and number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.bundle import Bundle
from landcover.errors import DataError
from landcover.precision import Precision
from landcover.tiling import MARGIN, TilePlan
from serving.engine import Engine
from serving.engines import open_engine
from serving.predict import CONFIDENCE, Wanted, predict_rows
from serving.request import Inputs
from serving.settings import Settings
from serving.sources import open_input

BATCH_SIZES: Final = (1, 3, 8)
THREADS: Final = (1, 2, 3)
TILE: Final = 256
"""Side of the windows where the settings name none: small ones, so that a small scene has several batches in a row."""

OVERLAP: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Pixels whose class or confidence depends on how the work was divided.

    Attributes:
        model: ``name@version``.
        provider: where the model ran.
        precision: which variant.
        pixels: pixels of the scene.
        tile: side of the windows.
        batch_sizes: that were compared.
        threads: that were compared.
        different_by_batch: pixels that are not the same for all batch sizes.
        different_by_threads: pixels that are not the same for all numbers of threads.
    """

    model: str
    provider: str
    precision: str
    pixels: int
    tile: int
    batch_sizes: tuple[int, ...]
    threads: tuple[int, ...]
    different_by_batch: int
    different_by_threads: int

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def compare_repeats(
    inputs: Inputs, bundle: Bundle, settings: Settings, *, provider: str | None, precision: Precision | None
) -> Repeats:
    """Map a scene with several batch sizes, and with several numbers of threads.

    Raises:
        SteppeError: whatever mapping the scene raises.
    """

    def engine_of(threads: int | None) -> Engine:
        chosen = settings.model_copy(update={"threads": threads})
        return open_engine(bundle, chosen, provider=provider, precision=precision)

    _open_once(inputs, bundle)
    engine, tile = engine_of(settings.threads), settings.tile or TILE
    batches = [_map(inputs, engine, tile, batch_size) for batch_size in BATCH_SIZES]
    threads = [_map(inputs, engine_of(count), tile, 1) for count in THREADS]
    return Repeats(
        model=bundle.manifest.identifier,
        provider=engine.provider,
        precision=engine.precision,
        pixels=batches[0][0].size,
        tile=tile,
        batch_sizes=BATCH_SIZES,
        threads=THREADS,
        different_by_batch=_different(batches),
        different_by_threads=_different(threads),
    )


def _open_once(inputs: Inputs, bundle: Bundle) -> None:
    """Refuse what is no scene before a model is loaded for it."""
    try:
        with open_input(inputs, bundle.manifest):
            pass
    except DataError as error:
        if not inputs.source.is_dir():
            raise
        raise type(error)(f"{error}; steppe bench repeat takes one scene, not a folder of scenes") from error


def _map(inputs: Inputs, engine: Engine, tile: int, batch_size: int) -> NDArray[Any]:
    """Codes and confidence, (2, row, col)."""
    with open_input(inputs, engine.bundle.manifest) as scene:
        plan = TilePlan(scene.grid.height, scene.grid.width, tile, min(OVERLAP, tile - 32), MARGIN)
        wanted = Wanted({"confidence": CONFIDENCE})
        rows = list(predict_rows(scene, engine, plan, batch_size=batch_size, wanted=wanted))
    return np.concatenate([np.stack([part.codes_HW, part.layers_BHW["confidence"][0]]) for part in rows], axis=1)


def _different(maps: Sequence[NDArray[Any]]) -> int:
    """Pixels at which not all maps are the same."""
    first, *others = maps
    return int(np.count_nonzero(np.logical_or.reduce([(other != first).any(axis=0) for other in others])))
