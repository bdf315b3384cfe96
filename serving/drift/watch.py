"""Watch the inputs of a map while they are read, and say afterwards how far they are from the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from landcover.manifest import Manifest
from landcover.raster.scene import Scene
from landcover.scaling import harmonise
from serving.drift.judgement import Drift, judge
from serving.drift.sample import SampledScene


@dataclass(frozen=True, slots=True)
class ImageName:
    """What an image of a map is called.

    Attributes:
        name: its name.
        role: ``before`` or ``after`` of two dates; None of others.
    """

    name: str
    role: str | None = None


class DriftWatch:
    """The scenes of a map, each with a sample of its pixels.

    Args:
        scenes: what is mapped; each with the model's bands, of each date where the model takes two.
        manifest: the model's.
    """

    def __init__(self, scenes: Sequence[Scene], manifest: Manifest) -> None:
        self.scenes = tuple(map(SampledScene, scenes))
        self._manifest = manifest

    def catch_up(self, stop: int, tell: Callable[[], None]) -> None:
        """Read the rows above ``stop``, of which an earlier run has mapped but not counted the pixels.

        Args:
            stop: first row that is going to be read.
            tell: called before every piece; may raise to end the reading.

        Raises:
            RasterTruncated: when pixels are missing or damaged.
        """
        for scene in self.scenes:
            scene.catch_up(stop, tell)

    def drifts(self, names: Sequence[ImageName]) -> tuple[Drift, ...]:
        """One for each image: each scene, or each date of one.

        Args:
            names: of the images.
        """
        return tuple(self._drifts(names))

    def _drifts(self, names: Sequence[ImageName]) -> Iterator[Drift]:
        manifest, each = self._manifest, iter(names)
        training = {band: manifest.statistics[band] for band in manifest.bands}
        count = len(manifest.bands)
        for scene in self.scenes:
            dn_BP, _ = scene.pixels()
            source = scene.radiometry or manifest.radiometry
            dn_BP = harmonise(dn_BP, source, manifest.radiometry, nodata=manifest.nodata)
            for date in range(manifest.dates):
                image = next(each)
                yield judge(dn_BP[date * count : (date + 1) * count], training, image=image.name, role=image.role)
