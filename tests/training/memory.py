"""Sources and scenes made of random numbers, for tests that need no files."""

import numpy as np
import torch

from training.scenes import MemoryScene, SceneInfo, Source, SourceFacts

BANDS = ("B02", "B03", "B04", "B08")


def memory_scene(name, site=None, *, shape=(70, 90), classes=7, bands=4, seed=0, split=None, teacher=True):
    """A scene whose pixels say where they are: band 0 holds the row + 1, band 1 the column + 1."""
    draw = np.random.default_rng(seed)
    height, width = shape
    image = torch.from_numpy(draw.integers(1, 4000, (bands, height, width)).astype(np.int32))
    image[0] = torch.arange(1, height + 1)[:, None]
    image[1] = torch.arange(1, width + 1)[None, :]
    sample = {
        "image": image,
        "mask": torch.from_numpy(draw.integers(0, classes, (height, width)).astype(np.uint8)),
    }
    if teacher:
        sample["teacher"] = torch.softmax(torch.from_numpy(draw.normal(size=(classes, height, width))), dim=0).half()
    return MemoryScene(SceneInfo(name, site or name, height, width, split=split), sample)


class MemorySource(Source):
    """Scenes that are given.

    Args:
        scenes: The scenes.
        dates: See `SourceFacts`.
    """

    def __init__(self, scenes, *, dates=1):
        self._scenes = tuple(scenes)
        self._dates = dates

    def facts(self):
        return SourceFacts(BANDS, "sentinel-2-l2a", "unccd7", dates=self._dates)

    def scenes(self):
        return self._scenes
