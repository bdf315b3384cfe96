"""Predictors and checkpoints for tests of evaluation: what they answer is known without any training."""

import numpy as np
import torch
from scipy.special import softmax

from training.inference import predict_strips
from training.task import InputChoice, LandCoverTask, NetworkChoice


class PixelModel:
    """Each pixel's probabilities depend on its own bands only, so no tiling can change them.

    Args:
        bands: Bands of an input.
        classes: Classes K.
        sharpness: Logits are multiplied by it.
        seed: Of the weights.
    """

    def __init__(self, bands=4, classes=7, *, sharpness=1.0, seed=0):
        draw = np.random.default_rng(seed)
        self.weights_KB = sharpness * draw.normal(size=(classes, bands))
        self.calls = 0

    def __call__(self, dn_NBHW):
        self.calls += 1
        scaled_NBHW = np.log1p(dn_NBHW.astype(np.float64)) - 6
        logits_NKHW = np.einsum("kb,nbhw->nkhw", self.weights_KB, scaled_NBHW)
        return softmax(logits_NKHW, axis=1).astype(np.float32)

    def whole(self, scene):
        """Probabilities KHW of a whole scene in one pass."""
        return self(scene.read(scene.info.extent)["image"].numpy()[None])[0]


def predict_scene(predict, scene, plan, *, classes):
    """Blended probabilities KHW of a whole scene, put together from its strips."""
    probabilities_KHW = np.full((classes, plan.height, plan.width), np.nan, dtype=np.float32)
    for strip in predict_strips(predict, scene, plan):
        probabilities_KHW[:, strip.rows] = strip.probabilities_KHW
    return probabilities_KHW


def write_checkpoint(path, *, bands, seed=0, legend="unccd7", dates=1, product="sentinel-2-l1c"):
    """A checkpoint of an untrained small network, in the form that ``steppe train fit`` writes: plain values only."""
    torch.manual_seed(seed)
    inputs = {"bands": list(bands), "mean": [0.3] * len(bands), "std": [0.1] * len(bands)}
    inputs |= {"product": product, "dates": dates}
    network = {"name": "plain-tiny", "options": {"width": 4}}
    task = LandCoverTask(NetworkChoice(**network), InputChoice(**inputs), legend=legend)
    choices = {"network": network, "inputs": inputs, "legend": legend}
    torch.save(
        {
            "state_dict": task.state_dict(),
            "hyper_parameters": choices | {"_instantiator": "lightning.pytorch.cli.instantiate_module"},
            "pytorch-lightning_version": "2.6.1",
        },
        path,
    )
    return path
