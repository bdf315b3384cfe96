"""The last samples that were read, as long as they fit into a given memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from training.scenes import Sample

MEGABYTE = 1_000_000


class SampleCache:
    """Samples by key, the longest unused ones forgotten first.

    Every loader process has its own.

    Args:
        megabytes: Memory for all samples together; one larger than that is not kept.
    """

    def __init__(self, megabytes: float) -> None:
        self._room = megabytes * MEGABYTE
        self._held = 0
        self._samples: OrderedDict[Hashable, Sample] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], Sample]) -> Sample:
        """The sample of a key, read where it is not held."""
        if key in self._samples:
            self._samples.move_to_end(key)
            return self._samples[key]
        sample = read()
        self._samples[key] = sample
        self._held += _size(sample)
        while self._held > self._room:
            self._held -= _size(self._samples.popitem(last=False)[1])
        return sample


def _size(sample: Sample) -> int:
    return sum(raster.nbytes for raster in sample.values())
