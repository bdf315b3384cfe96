"""What settling did to scenes: how far windows agree with one pass, and how far the answers moved.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from landcover.borders import framed, known_pixels
from landcover.postprocess import best_class
from landcover.tiling import MARGIN, TilePlan
from training.inference import Predictor, predict_strips, scene_plan
from training.scenes import IGNORE, Scene
from training.settle.crops import in_one_pass


@dataclass(slots=True)
class Tally:
    """Pixels of some scenes.

    Attributes:
        scenes: of more than one window.
        pixels: their pixels with data.
        seams_before: another class in windows than in one pass, by the network before.
        seams_after: the same, after.
        moved: another class in one pass than before.
        labelled: pixels with a label.
        right_before: of these, right in windows before.
        right_after: the same, after.
    """

    scenes: int = 0
    pixels: int = 0
    seams_before: int = 0
    seams_after: int = 0
    moved: int = 0
    labelled: int = 0
    right_before: int = 0
    right_after: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.scenes} scene{'' if self.scenes == 1 else 's'} of several windows, {self.pixels:,} pixels",
            f"another class in windows than in one pass: {_percent(self.seams_before, self.pixels)} before, "
            f"{_percent(self.seams_after, self.pixels)} after",
            f"another class in one pass than before: {_percent(self.moved, self.pixels)}",
            f"as the label says, in windows, of {self.labelled:,} pixels: "
            f"{_percent(self.right_before, self.labelled)} before, {_percent(self.right_after, self.labelled)} after",
        ]


def tally(scenes: Iterable[Scene], before: Predictor, after: Predictor, *, tile: int, overlap: int) -> Tally:
    """Map scenes by two networks, in windows and in one pass.

    Args:
        scenes: those that fit into one window are left out; of very large ones the upper left is looked at.
        before: the network as it was.
        after: the network as it is.
        tile: side of a window.
        overlap: pixels that neighbours share.
    """
    found = Tally()
    for scene in map(in_one_pass, scenes):
        plan = scene_plan(scene, tile=tile, overlap=overlap)
        if len(plan.rows.origins) * len(plan.cols.origins) > 1:
            found += _of_scene(scene, plan, before, after)
    return found


def _of_scene(scene: Scene, plan: TilePlan, before: Predictor, after: Predictor) -> Tally:
    sample = scene.read(scene.info.extent)
    dn_BHW, label_HW = sample["image"].numpy(), sample["mask"].numpy()
    valid_HW = known_pixels(dn_BHW)
    labelled_HW = (label_HW != IGNORE) & valid_HW
    whole = [_in_one_pass(dn_BHW, predict) for predict in (before, after)]
    windows = [_in_windows(scene, plan, predict) for predict in (before, after)]
    return Tally(
        scenes=1,
        pixels=_count(valid_HW),
        seams_before=_count((windows[0] != whole[0]) & valid_HW),
        seams_after=_count((windows[1] != whole[1]) & valid_HW),
        moved=_count((whole[1] != whole[0]) & valid_HW),
        labelled=_count(labelled_HW),
        right_before=_count((windows[0] == label_HW) & labelled_HW),
        right_after=_count((windows[1] == label_HW) & labelled_HW),
    )


def _in_one_pass(dn_BHW: NDArray[np.generic], predict: Predictor) -> NDArray[np.uint8]:
    """Class indices (row, col)."""
    height, width = dn_BHW.shape[1:]
    answer_KHW = predict(framed(dn_BHW)[None].astype(np.float32))[0]
    return best_class(answer_KHW[:, MARGIN : MARGIN + height, MARGIN : MARGIN + width])


def _in_windows(scene: Scene, plan: TilePlan, predict: Predictor) -> NDArray[np.uint8]:
    """Class indices (row, col)."""
    return np.concatenate([best_class(strip.probabilities_KHW) for strip in predict_strips(predict, scene, plan)])


def _count(pixels_HW: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(pixels_HW))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3f} %" if whole else "-"
