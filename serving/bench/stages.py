"""How the work of one scene is split between reading, model, blending, writing and finishing the map.

The stages of a run overlap, so they are told apart by busy time, seconds of processors. Blending and writing are done
by the caller's thread, whose own clock counts them. After the last row only the finishing of the map runs, so all that
the process does then is counted as that. Reading and the model run on threads of libraries, which the clock of a thread
does not see: they count with what they take alone, on the same scene and windows. What is left of the whole run is
called "other": cutting windows, the hash of the input, what stages cost each other.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

from serving.bench.clock import Clock
from serving.engine import Engine
from serving.pipeline import Order, publish_map
from serving.predict import MapRows
from serving.request import Inputs, Outputs
from serving.settings import Settings
from serving.sources import open_sources

STAGES: Final = ("decode", "model", "blend", "write", "finish", "other")
"""In the order of the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Busy seconds of each stage of one run, and its wall time.

    Attributes:
        decode: reading and decoding, as when run alone.
        model: all windows through the model, as when run alone.
        blend: seams, blending, class and confidence.
        write: rows to the raster, areas and the decimated map.
        finish: overviews, compression, reading back and the small files.
        total: the whole run.
        wall_s: seconds on the wall of the whole run.
        finish_wall_s: of these, after the last row.
    """

    decode: float = 0.0
    model: float = 0.0
    blend: float
    write: float
    finish: float
    total: float
    wall_s: float
    finish_wall_s: float

    @property
    def other(self) -> float:
        """What is left; a little below 0 where decoding or the model were slower alone than in the run."""
        return self.total - self.decode - self.model - self.blend - self.write - self.finish

    def with_parts(self, decoding: Clock, model: Clock) -> Stages:
        """With what reading and the model take alone."""
        return replace(self, decode=decoding.busy_s, model=model.busy_s)

    def to_json(self) -> dict[str, Any]:
        """Seconds."""
        busy = {name: round(getattr(self, name), 3) for name in STAGES}
        return {
            "busy_s": busy,
            "busy_total_s": round(self.total, 3),
            "wall_s": round(self.wall_s, 3),
            "finish_wall_s": round(self.finish_wall_s, 3),
        }


class _RowClock:
    """Watches the rows of a map on their way from the model to the files.

    Attributes:
        blend: busy seconds of the caller's thread in making the rows.
        write: in between, when the receiver has them.
        last_row: when there were no more rows.
    """

    def __init__(self) -> None:
        self.blend = self.write = 0.0
        self.last_row = Clock.start()

    def through(self, rows: Generator[MapRows]) -> Generator[MapRows]:
        with closing(rows):
            now = time.thread_time()
            for part in rows:
                made = time.thread_time()
                self.blend += made - now
                yield part
                now = time.thread_time()
                self.write += now - made
            self.blend += time.thread_time() - now
        self.last_row = Clock.start()


def run_stages(inputs: Inputs, outputs: Outputs, engine: Engine, settings: Settings) -> Stages:
    """Classify a scene as ``classify_scene`` does, with an eye on the clocks; reading and model are not told apart yet.

    Raises:
        SteppeError: whatever classifying the scene raises.
    """
    clock, watch = Clock.start(), _RowClock()
    order = Order(outputs=outputs, engine=engine, settings=settings, watch=watch.through)
    publish_map(open_sources(inputs, engine.bundle.manifest), order)
    finishing, whole = watch.last_row.stop(), clock.stop()
    return Stages(
        blend=watch.blend,
        write=watch.write,
        finish=finishing.busy_s,
        total=whole.busy_s,
        wall_s=whole.wall_s,
        finish_wall_s=finishing.wall_s,
    )
