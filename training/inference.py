"""Whole scenes through a network with the tiling and blending of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from numpy.typing import NDArray

from landcover.blending import RowBlender
from landcover.errors import ConfigError
from landcover.tiling import TilePlan, mirror
from models.graph import SceneNet
from training.task import LandCoverTask

type Predictor = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Digital numbers NBHW to class probabilities NKHW."""


class CheckpointUnreadable(ConfigError):
    """A checkpoint is missing, damaged or not one of this project's."""

    slug = "checkpoint"
    exit_code = 7


def load_task(checkpoint: Path) -> LandCoverTask:
    """A trained task in evaluation mode; with weight averaging these are the averaged weights.

    Args:
        checkpoint: file that ``steppe train fit`` wrote; weights and plain values are read, never code.

    Raises:
        CheckpointUnreadable: when the file is not there or not a checkpoint of a land-cover task.
    """
    if not checkpoint.is_file():
        raise CheckpointUnreadable(
            f"there is no checkpoint {checkpoint.name!r}; give the file `steppe train fit` wrote"
        )
    try:
        task = LandCoverTask.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)
    except (RuntimeError, KeyError, EOFError, TypeError, ValueError, AttributeError, UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnreadable(f"{checkpoint.name} is not a land-cover checkpoint: {reason}") from error
    return task.eval()


def torch_predictor(net: SceneNet, *, temperature: float = 1.0) -> Predictor:
    """Run the network itself, on the device its weights are on."""
    device = next(net.parameters()).device

    def predict(dn_NBHW: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            probabilities = net.probabilities(torch.from_numpy(dn_NBHW).to(device), temperature)
        result: NDArray[np.float32] = probabilities.cpu().numpy()
        return result

    return predict


def predict_scene(
    predict: Predictor, dn_BHW: NDArray[np.float32], plan: TilePlan, *, classes: int
) -> NDArray[np.float32]:
    """Blended probabilities of a scene in memory.

    Args:
        predict: the network.
        dn_BHW: digital numbers (band, row, col).
        plan: windows over the scene.
        classes: number of classes K.

    Returns:
        float32 probabilities (class, row, col).
    """
    padded_KHW = np.concatenate(list(_rows(predict, dn_BHW, plan, classes)), axis=1)
    end = plan.margin + plan.height, plan.margin + plan.width
    return padded_KHW[:, plan.margin : end[0], plan.margin : end[1]]


def _rows(
    predict: Predictor, dn_BHW: NDArray[np.float32], plan: TilePlan, classes: int
) -> Iterator[NDArray[np.float32]]:
    rows = mirror(-plan.margin, plan.row_origins[-1] + plan.tile_height - plan.margin, plan.height)
    cols = mirror(-plan.margin, plan.col_origins[-1] + plan.tile_width - plan.margin, plan.width)
    padded_BHW = dn_BHW[:, rows[:, None], cols]
    blender = RowBlender(plan, classes)
    for row in plan.row_origins:
        for col in plan.col_origins:
            window = padded_BHW[:, row : row + plan.tile_height, col : col + plan.tile_width]
            blender.add(col, predict(np.ascontiguousarray(window)[None])[0])
        yield blender.finish_row()[1].copy()
