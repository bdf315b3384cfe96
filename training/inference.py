"""Whole scenes through a network with the tiling and blending of the service.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Final, Protocol

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from landcover.blending import Blender
from landcover.borders import known_pixels, mirror_borders
from landcover.bundle import Bundle, check_stamp
from landcover.errors import ConfigError
from landcover.grid import Window
from landcover.manifest import MODEL_FILE
from landcover.tiling import MARGIN, TilePlan, mirror
from models.export import Batch, graph_inputs, open_session
from models.graph import SceneNet
from training.scenes import Sample, Scene
from training.task import LandCoverTask


class Predictor(Protocol):
    """Digital numbers NBHW, with those of the scene's overview where there are two dates, to probabilities NKHW."""

    def __call__(
        self, dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None, /
    ) -> NDArray[np.float32]:
        """Class probabilities."""


SITES_KEY: Final = "training_sites"
"""Entry of a checkpoint with the names of the sites it was trained on."""


class TrainedOn(ConfigError):
    """A model would be scored on sites that it was trained on."""

    slug = "trained-on"


class CheckpointUnreadable(ConfigError):
    """A checkpoint is missing, damaged or not one of this project's."""

    slug = "checkpoint"
    exit_code = 7


@dataclass(frozen=True, slots=True)
class Strip:
    """Finished rows of a scene.

    Attributes:
        row: first row in the scene.
        sample: rasters of these rows, see `training.scenes.Sample`.
        probabilities_KHW: blended float32 probabilities of these rows, a view that holds until the next strip.
    """

    row: int
    sample: Sample
    probabilities_KHW: NDArray[np.float32]

    @property
    def rows(self) -> slice:
        """Rows of the scene."""
        return slice(self.row, self.row + self.probabilities_KHW.shape[1])


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
    except UnpicklingError as error:
        raise CheckpointUnreadable(
            f"{checkpoint.name} is damaged or holds more than weights and plain values, which is never loaded"
        ) from error
    except (RuntimeError, KeyError, EOFError, TypeError, ValueError, AttributeError, ArgumentError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnreadable(
            f"{checkpoint.name} is no checkpoint of steppe train fit, or not a whole one; give last.ckpt or best.ckpt "
            f"of a run ({reason})"
        ) from error
    return task.eval()


def refuse_trained_on(checkpoint: Path, scenes: Iterable[Scene]) -> None:
    """A model is never scored on what it was trained on under another name.

    Args:
        checkpoint: file that ``steppe train fit`` wrote; an old one that does not name its sites is believed.
        scenes: what it is to be scored on.

    Raises:
        TrainedOn: with one of the sites.
    """
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    known = sorted(set(stored.get(SITES_KEY, ())) & {scene.info.site for scene in scenes})
    if known:
        raise TrainedOn(
            f"{checkpoint.name} was trained on {len(known)} of the sites it would be scored on, {known[0]!r} for one; "
            "give the checkpoint of this fold or split (`steppe evaluate --split train` scores what was trained on)"
        )


def torch_predictor(net: SceneNet, *, temperature: float = 1.0) -> Predictor:
    """Run the network itself, on the device its weights are on."""
    device = next(net.parameters()).device

    def predict(dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        overview = None if overview_1BHW is None else torch.from_numpy(overview_1BHW).to(device)
        with torch.inference_mode():
            probabilities = net.probabilities(torch.from_numpy(dn_NBHW).to(device), temperature, overview)
        result: NDArray[np.float32] = probabilities.cpu().numpy()
        return result

    return predict


def bundle_predictor(bundle: Bundle, file: str = MODEL_FILE) -> Predictor:
    """Run an exported graph itself, so that a figure is that of the file that ships.

    Args:
        bundle: published model.
        file: graph in the bundle.

    Raises:
        BundleInvalid: when the graph is missing or altered, or was published with another manifest.
    """
    session = open_session(bundle.read(file))
    check_stamp(session.get_modelmeta().custom_metadata_map, bundle.manifest)
    return _session_predictor(session, bundle.manifest.dtype)


def graph_predictor(content: bytes, dtype: str) -> Predictor:
    """Run an exported graph.

    Args:
        content: bytes of the ONNX file.
        dtype: sample type of its input.
    """
    return _session_predictor(open_session(content), dtype)


def _session_predictor(session: onnxruntime.InferenceSession, dtype: str) -> Predictor:
    def predict(dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        overview = None if overview_1BHW is None else overview_1BHW.astype(dtype)
        answer: NDArray[np.float32] = session.run(None, graph_inputs(session, Batch(dn_NBHW.astype(dtype), overview)))[
            0
        ]
        return answer

    return predict


def predict_strips(predict: Predictor, scene: Scene, plan: TilePlan) -> Iterator[Strip]:
    """Blended probabilities of a scene from top to bottom, in memory that does not grow with its height.

    Args:
        predict: the network.
        scene: the scene, read one row of windows at a time.
        plan: windows over the scene.

    Yields:
        Strips that together are the scene.
    """
    height, margin = scene.info.height, plan.margin
    overview = (scene.overview().numpy().astype(np.float32)[None],) if scene.info.dates > 1 else ()
    cols = mirror(-margin, plan.cols.origins[-1] + plan.cols.tile - margin, scene.info.width)
    blender = None
    for row, origin in enumerate(plan.rows.origins):
        rows = mirror(origin - margin, origin - margin + plan.rows.tile, height)
        top = int(rows.min())
        sample = scene.read(Window(top, 0, int(rows.max()) + 1 - top, scene.info.width))
        dn_BHW = sample["image"].numpy().take(rows - top, axis=1).astype(np.float32).take(cols, axis=2)
        blocks = []
        for col, start in enumerate(plan.cols.origins):
            window_BHW = dn_BHW[:, :, start : start + plan.cols.tile].copy()
            mirror_borders(window_BHW, known_pixels(window_BHW, scene.info.dates))
            probabilities_KHW = predict(window_BHW[None], *overview)[0]
            blender = blender or Blender(plan, len(probabilities_KHW))
            blocks.append(blender.add(row, col, probabilities_KHW).probabilities_KHW)
        yield from _finished(np.concatenate(blocks, axis=2), plan, row, sample, top)


def _finished(blended_KHW: NDArray[np.float32], plan: TilePlan, row: int, sample: Sample, top: int) -> Iterator[Strip]:
    """The rows that no later window touches, without the margins; none where all of them are margin."""
    start = plan.rows.origins[row] - plan.margin
    first, stop = max(start, 0), min(start + blended_KHW.shape[1], plan.height)
    if first >= stop:
        return
    inside_KHW = blended_KHW[:, first - start : stop - start, plan.margin : plan.margin + plan.width]
    yield Strip(first, {name: raster[..., first - top : stop - top, :] for name, raster in sample.items()}, inside_KHW)


def scene_plan(scene: Scene, *, tile: int, overlap: int) -> TilePlan:
    """Windows over a scene, as the service lays them.

    Args:
        scene: the scene.
        tile: window side in pixels.
        overlap: pixels shared by neighbouring windows.

    Raises:
        WindowError: when the sizes are not usable.
    """
    return TilePlan(scene.info.height, scene.info.width, tile, overlap, margin=MARGIN)
