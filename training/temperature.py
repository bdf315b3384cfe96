"""Temperature scaling: one number that makes confidences mean what they say.

Guo et al. 2017, https://arxiv.org/abs/1706.04599: the temperature minimises the negative log-likelihood on sites that
were not trained on. It never changes which class wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.graph import SceneNet
from training.datasets import IGNORE, SiteDataset
from training.sampling import GriddedSitePatches, SitePatches

MAX_PIXELS: Final = 400_000
"""Pixels drawn for the fit; one number needs no more."""

BOUNDS: Final = (0.25, 8.0)


def fit_temperature(net: SceneNet, sites: Iterable[SiteDataset], *, patch: int = 512, seed: int = 0) -> float:
    """Fit the temperature on labelled pixels of some sites.

    Args:
        net: network in evaluation mode.
        sites: validation sites.
        patch: side of the windows that are predicted.
        seed: of the draw of pixels.

    Returns:
        Temperature between 0.25 and 8.
    """
    logits_PK, labels_P = _labelled_logits(net, tuple(sites), patch)
    if len(labels_P) > MAX_PIXELS:
        chosen = torch.randperm(len(labels_P), generator=torch.Generator().manual_seed(seed))[:MAX_PIXELS]
        logits_PK, labels_P = logits_PK[chosen], labels_P[chosen]
    result = minimize_scalar(
        lambda temperature: float(cross_entropy(logits_PK / temperature, labels_P)), bounds=BOUNDS, method="bounded"
    )
    return float(result.x)


def _labelled_logits(net: SceneNet, sites: tuple[SiteDataset, ...], patch: int) -> tuple[Tensor, Tensor]:
    """Logits (pixel, class) and labels (pixel,) of every labelled pixel."""
    patches = SitePatches(sites, mirror=False)
    logits, labels = [], []
    with torch.inference_mode():
        for index in GriddedSitePatches(sites, size=patch):
            sample = patches[index]
            known_HW = sample["mask"] != IGNORE
            answer_KHW = net(sample["image"][None])[0].float()
            logits.append(answer_KHW.permute(1, 2, 0)[known_HW])
            labels.append(sample["mask"][known_HW])
    return torch.cat(logits), torch.cat(labels)
