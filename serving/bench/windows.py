"""How windows change the map: against one pass over the whole image, and against each other (the seam score)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from landcover.borders import framed
from landcover.errors import WindowError, WrongUse
from landcover.grid import Window
from landcover.postprocess import best_class
from landcover.raster.scene import Scene
from landcover.scaling import harmonise
from landcover.tiling import MARGIN, TilePlan
from serving.engine import Engine
from serving.predict import predict_rows
from serving.request import Inputs
from serving.sources import open_input

ONE_PASS_PIXELS: Final = 4_000_000
"""Largest image that is mapped in one pass; the network needs about a kilobyte for each pixel."""


@dataclass(frozen=True, slots=True)
class WindowSize:
    """Side of the windows and least pixels that neighbours share."""

    tile: int
    overlap: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``640/64``.

        Raises:
            WrongUse: when it is not of that form, or there are no such windows.
        """
        try:
            tile, overlap = map(int, text.split("/"))
            TilePlan(tile, tile, tile, overlap)
        except ValueError as error:
            raise WrongUse(f"{text!r} is no size of windows: expected TILE/OVERLAP in pixels, like 640/64") from error
        except WindowError as error:
            raise WrongUse(f"{text!r} is no size of windows: {error}") from error
        return cls(tile, overlap)

    @property
    def title(self) -> str:
        """As it was given."""
        return f"{self.tile}/{self.overlap}"


@dataclass(slots=True)
class Tally:
    """Counts of one size of window.

    Attributes:
        images: images that need several such windows.
        pixels: their valid pixels.
        different: those with another class than in one pass.
        worst: largest share of an image.
        worst_image: its name.
        shared: pixels that windows share, see ``landcover.seams``.
        disagreeing: those on which two windows would map another class.
    """

    images: int = 0
    pixels: int = 0
    different: int = 0
    worst: float = 0.0
    worst_image: str = "-"
    shared: int = 0
    disagreeing: int = 0

    def to_json(self) -> dict[str, Any]:
        """Counts, and shares in percent; None where no image needed several windows."""
        return {
            "images": self.images,
            "pixels": self.pixels,
            "different": self.different,
            "percent": _percent(self.different, self.pixels),
            "worst_percent": round(100 * self.worst, 4),
            "worst_image": self.worst_image,
            "shared_pixels": self.shared,
            "seam_percent": _percent(self.disagreeing, self.shared),
        }


@dataclass(frozen=True, slots=True)
class WindowBench:
    """The effect of windows of several sizes.

    Attributes:
        engine: model and where it ran.
        tallies: by size of window.
        left_out: images too large for one pass.
    """

    engine: str
    tallies: dict[WindowSize, Tally]
    left_out: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        sizes = {size.title: tally.to_json() for size, tally in self.tallies.items()}
        return {"engine": self.engine, "sizes": sizes, "left_out": self.left_out}


def compare_windows(images: Sequence[Path], engine: Engine, sizes: Sequence[WindowSize]) -> WindowBench:
    """Map every image in one pass and in windows of several sizes; memory grows with the largest image.

    Raises:
        DataError: when an image cannot be used, or a size is impossible.
    """
    name = f"{engine.bundle.manifest.identifier} on {engine.provider} in {engine.precision}"
    bench = WindowBench(name, {size: Tally() for size in sizes})
    for path in images:
        with open_input(Inputs(source=path), engine.bundle.manifest) as scene:
            height, width = scene.grid.height, scene.grid.width
            if height * width > ONE_PASS_PIXELS:
                bench.left_out.append(
                    f"{scene.identifier}: {height * width:,} pixels, in one pass at most {ONE_PASS_PIXELS:,}"
                )
                continue
            truth = one_pass(scene, engine)
            for size, tally in bench.tallies.items():
                plan = TilePlan(height, width, size.tile, size.overlap, MARGIN)
                if len(plan.rows.origins) * len(plan.cols.origins) > 1:
                    _count(tally, scene, engine, plan, truth)
    return bench


def one_pass(scene: Scene, engine: Engine) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Codes (row, col) of the whole image in one call, with the margins that windows have, and what is valid."""
    height, width, manifest = scene.grid.height, scene.grid.width, engine.bundle.manifest
    block = scene.read(Window(0, 0, height, width))
    source = scene.radiometry or manifest.radiometry
    dn_BHW = harmonise(block.data, source, manifest.radiometry, nodata=manifest.nodata)
    answer_KHW = engine.run(framed(dn_BHW, manifest.dates)[None])[0]
    inside_KHW = answer_KHW[:, MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    return manifest.legend.encode(best_class(inside_KHW)), block.valid


def _count(
    tally: Tally, scene: Scene, engine: Engine, plan: TilePlan, truth: tuple[NDArray[Any], NDArray[np.bool_]]
) -> None:
    """Add one image mapped in windows."""
    whole_HW, valid_HW = truth
    parts = list(predict_rows(scene, engine, plan, batch_size=1))
    different = int(np.count_nonzero((np.concatenate([part.codes_HW for part in parts]) != whole_HW)[valid_HW]))
    pixels = int(np.count_nonzero(valid_HW))
    tally.images += 1
    tally.pixels += pixels
    tally.different += different
    tally.shared += parts[-1].seams.pixels
    tally.disagreeing += parts[-1].seams.different
    if pixels and different / pixels > tally.worst:
        tally.worst, tally.worst_image = different / pixels, scene.identifier


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None
