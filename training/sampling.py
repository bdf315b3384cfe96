"""Where patches are cut: at random for training, on a grid for validation and test.

Everything random comes from the seed, the epoch and the number of the patch: an epoch repeats itself exactly after a
resume, whatever the number of loader processes.

Axes: B band, K class, H row, W column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from landcover.grid import Window
from training.draws import below
from training.scenes import IGNORE, Sample, Scene, strips

type Transform = Callable[[Sample, torch.Generator], Sample]

SPOTS_PER_CLASS: Final = 512
"""Labelled pixels of each class that a scene is remembered by when patches look for rare classes."""

_TYPES: Final = {
    "image": torch.float32,
    "mask": torch.int64,
    "teacher": torch.float32,
    "weight": torch.float32,
    "changed": torch.uint8,
}
_EPOCH_STRIDE: Final = 1_000_003
"""A prime above any patch count, so that seeds of two epochs do not meet."""
_SEEDS: Final = 2**62


class PatchIndex(NamedTuple):
    """A patch: which scene, its first row and column (may lie outside the scene), and the seed of its augmentation."""

    scene: int
    row: int
    col: int
    seed: int = 0


class ScenePatches(Dataset[dict[str, Any]]):
    """Patches of several scenes, each on its own grid, under one index.

    Args:
        scenes: The scenes; `PatchIndex.scene` counts in this order.
        size: Height and width of a patch in pixels.
        mirror: See `read_patch`.
        transform: Applied to every patch.
    """

    def __init__(self, scenes: Sequence[Scene], *, size: int, mirror: bool, transform: Transform | None = None) -> None:
        self.scenes = tuple(scenes)
        self._overviews: dict[int, Tensor] = {}
        self._size = size
        self._mirror = mirror
        self._transform = transform

    def __getitem__(self, index: PatchIndex) -> dict[str, Any]:
        """Rasters of a patch (see `read_patch`), the name of its ``scene`` and of its ``site``.

        With two dates an ``overview`` too, float32.
        """
        scene = self.scenes[index.scene]
        sample = read_patch(scene, index.row, index.col, self._size, mirror=self._mirror)
        if scene.info.dates > 1:
            sample["overview"] = self._overview(index.scene)
        if self._transform is not None:
            sample = self._transform(sample, torch.Generator().manual_seed(index.seed))
        return {**sample, "scene": scene.info.name, "site": scene.info.site}

    def _overview(self, scene: int) -> Tensor:
        if scene not in self._overviews:
            self._overviews[scene] = self.scenes[scene].overview().float()
        return self._overviews[scene].clone()


def read_patch(scene: Scene, row: int, col: int, size: int, *, mirror: bool) -> Sample:
    """A square patch that may reach over the edge of its scene.

    Args:
        scene: The scene.
        row: First row; may be negative.
        col: First column; may be negative.
        size: Height and width in pixels.
        mirror: Fill what lies outside with the mirrored scene; else with digital number 0 and label `IGNORE`.

    Returns:
        ``image`` float32 BHW, ``mask`` int64 HW and, where the scene has them, ``teacher`` float32 KHW, ``weight``
        float32 HW and ``changed`` uint8 HW; copies, free to be changed.
    """
    rows, cols = torch.arange(row, row + size), torch.arange(col, col + size)
    take_rows, take_cols = _reflect(rows, scene.info.height), _reflect(cols, scene.info.width)
    top, left = int(take_rows.min()), int(take_cols.min())
    window = Window(top, left, int(take_rows.max()) - top + 1, int(take_cols.max()) - left + 1)
    sample = scene.read(window)
    outside_HW = (take_rows != rows)[:, None] | (take_cols != cols)[None, :]
    if outside_HW.any():
        places = (take_rows - top)[:, None], (take_cols - left)[None, :]
        sample = {name: raster[..., places[0], places[1]] for name, raster in sample.items()}
    patch = {name: raster.to(_TYPES[name], copy=True) for name, raster in sample.items()}
    if not mirror and outside_HW.any():
        patch["image"].masked_fill_(outside_HW, 0)
        for name in ("mask", "changed"):
            if name in patch:
                patch[name].masked_fill_(outside_HW, IGNORE)
    return patch


class RandomPatches(Sampler[PatchIndex]):
    """Random patches on the pixel grid: a site by the square root of its area, one of its scenes, a place.

    By area alone the large cities would drown the small rural chips; all dates of a place share its weight, because
    28 dates of one field are still one field. Every pixel can be reached.

    Args:
        scenes: The scenes.
        size: Height and width of a patch in pixels.
        length: Patches per epoch.
        seed: Of the draw.
        epoch: Says which epoch is drawn.
        focus: Share of patches that are centred on a pixel of a class, all classes alike, however rare.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        *,
        size: int,
        length: int,
        seed: int = 0,
        epoch: Callable[[], int] = lambda: 0,
        focus: float = 0.0,
    ) -> None:
        self._scenes = tuple(scenes)
        self._size = size
        self._length = length
        self._seed = seed
        self._epoch = epoch
        self._focus = focus
        self._spots = _by_site(find_spots(self._scenes, seed=seed), self._scenes) if focus else ()
        by_site: dict[str, list[int]] = defaultdict(list)
        for number, scene in enumerate(self._scenes):
            by_site[scene.info.site].append(number)
        self._sites = tuple(by_site.values())
        self._weights = torch.tensor([_area(self._scenes[numbers[0]]) ** 0.5 for numbers in self._sites])

    def __len__(self) -> int:
        """Patches per epoch."""
        return self._length

    def __iter__(self) -> Iterator[PatchIndex]:
        """Draw an epoch."""
        first = (self._seed * _EPOCH_STRIDE + self._epoch()) * _EPOCH_STRIDE % _SEEDS
        generator = torch.Generator().manual_seed(first)
        picks = torch.multinomial(self._weights, self._length, replacement=True, generator=generator)
        for number, pick in enumerate(picks.tolist()):
            scene, row, col = self._place(pick, generator)
            yield PatchIndex(scene, row, col, seed=first + 1 + number)

    def _place(self, pick: int, generator: torch.Generator) -> tuple[int, int, int]:
        if self._spots and float(torch.rand((), generator=generator)) < self._focus:
            return self._focused(generator)
        scenes = self._sites[pick]
        scene = scenes[below(len(scenes), generator)]
        info = self._scenes[scene].info
        return scene, _offset(info.height, self._size, generator), _offset(info.width, self._size, generator)

    def _focused(self, generator: torch.Generator) -> tuple[int, int, int]:
        """A patch that holds a given pixel, not always in its middle."""
        by_site = self._spots[below(len(self._spots), generator)]
        by_scene = by_site[below(len(by_site), generator)]
        scene, spots_P2 = by_scene[below(len(by_scene), generator)]
        row, col = spots_P2[below(len(spots_P2), generator)].tolist()
        info = self._scenes[scene].info
        return scene, self._around(row, info.height, generator), self._around(col, info.width, generator)

    def _around(self, place: int, extent: int, generator: torch.Generator) -> int:
        if extent <= self._size:
            return _offset(extent, self._size, generator)
        start = place - below(self._size, generator)
        return min(max(start, 0), extent - self._size)


class GriddedPatches(Sampler[PatchIndex]):
    """Every scene in patches side by side, in order.

    Args:
        scenes: The scenes.
        size: Height and width of a patch in pixels.
    """

    def __init__(self, scenes: Sequence[Scene], *, size: int) -> None:
        self._indices = tuple(
            PatchIndex(number, row, col)
            for number, scene in enumerate(scenes)
            for row in range(0, scene.info.height, size)
            for col in range(0, scene.info.width, size)
        )

    def __len__(self) -> int:
        """Patches in all."""
        return len(self._indices)

    def __iter__(self) -> Iterator[PatchIndex]:
        """Patches in order of scene and place."""
        return iter(self._indices)


def find_spots(scenes: Sequence[Scene], *, seed: int) -> Mapping[int, Sequence[tuple[int, Tensor]]]:
    """Some labelled pixels of each class in each scene.

    Args:
        scenes: The scenes; every label is read once.
        seed: Of the draw.

    Returns:
        Class index to pairs of scene number and int64 (spot, 2) rows and columns; only what occurs.
    """
    generator = torch.Generator().manual_seed(seed)
    found: dict[int, list[tuple[int, Tensor]]] = defaultdict(list)
    for number, scene in enumerate(scenes):
        for label, spots_P2 in _scene_spots(scene, generator).items():
            found[label].append((number, spots_P2))
    return dict(sorted(found.items()))


def _by_site(
    spots: Mapping[int, Sequence[tuple[int, Tensor]]], scenes: Sequence[Scene]
) -> tuple[tuple[tuple[tuple[int, Tensor], ...], ...], ...]:
    """Spots by class, site and scene: all dates of a place share its weight here, too."""
    classes = []
    for pairs in spots.values():
        sites: dict[str, list[tuple[int, Tensor]]] = defaultdict(list)
        for number, spots_P2 in pairs:
            sites[scenes[number].info.site].append((number, spots_P2))
        classes.append(tuple(tuple(group) for group in sites.values()))
    return tuple(classes)


def _scene_spots(scene: Scene, generator: torch.Generator) -> dict[int, Tensor]:
    """A uniform sample of each class: every pixel draws a number, the smallest are kept, strip after strip."""
    kept: dict[int, tuple[Tensor, Tensor]] = {}
    for window in strips(scene):
        mask_HW = scene.read(window)["mask"]
        for label in torch.unique(mask_HW[mask_HW != IGNORE]).tolist():
            places_P2 = torch.nonzero(mask_HW == label) + torch.tensor([window.row, window.col])
            drawn_P = torch.rand(len(places_P2), generator=generator)
            before_P, before_P2 = kept.get(int(label), (drawn_P[:0], places_P2[:0]))
            all_P, all_P2 = torch.cat([before_P, drawn_P]), torch.cat([before_P2, places_P2])
            order = torch.argsort(all_P)[:SPOTS_PER_CLASS]
            kept[int(label)] = all_P[order], all_P2[order]
    return {label: spots_P2 for label, (_, spots_P2) in kept.items()}


def _area(scene: Scene) -> float:
    return float(scene.info.height * scene.info.width)


def _reflect(index: Tensor, size: int) -> Tensor:
    """Indices outside 0..size-1 mirrored back, edge pixels repeated, as often as it takes."""
    folded = torch.remainder(index, 2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)


def _offset(extent: int, size: int, generator: torch.Generator) -> int:
    """First pixel of a patch; a scene smaller than the patch comes to lie anywhere inside it."""
    room = extent - size
    return below(room + 1, generator) if room >= 0 else -below(1 - room, generator)
