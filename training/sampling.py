"""Where patches are cut: at random for training, on a grid for validation and test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from torchgeo.samplers import GriddedPatchSampler

from training.datasets import PatchIndex, SiteDataset

type Transform = Callable[[dict[str, Tensor]], dict[str, Tensor]]


class SitePatches(Dataset[dict[str, Any]]):
    """Patches of several sites, each in its own CRS, under one index.

    Args:
        sites: The sites; `PatchIndex.site` counts in this order.
        mirror: See `SiteDataset.patch`.
        transform: Applied to every patch.
    """

    def __init__(self, sites: Sequence[SiteDataset], *, mirror: bool, transform: Transform | None = None) -> None:
        self.sites = tuple(sites)
        self._mirror = mirror
        self._transform = transform

    def __getitem__(self, index: PatchIndex) -> dict[str, Any]:
        """Patch with ``image``, ``mask``, ``teacher`` (see `SiteDataset.patch`) and the name of its ``site``."""
        site = self.sites[index.site]
        sample = site.patch(index.x, index.y, index.t, mirror=self._mirror)
        if self._transform is not None:
            sample = self._transform(sample)
        return {**sample, "site": site.site.name}


class RandomSitePatches(Sampler[PatchIndex]):
    """Random patches on the pixel grid: a site by the square root of its area, a date, a place.

    By area alone the large cities would drown the small rural chips; all dates of a place share its weight, because
    28 dates of one field are still one field. TorchGeo's `RandomPatchSampler` keeps half a patch diagonal away from
    the edges, so it cannot draw from sites smaller than that; this one reaches every pixel.

    Args:
        sites: The sites.
        size: Height and width of a patch in pixels.
        length: Patches per epoch.
    """

    def __init__(self, sites: Sequence[SiteDataset], *, size: int, length: int) -> None:
        self._sites = tuple(sites)
        self._size = size
        self._length = length
        self._weights = torch.tensor([site.area**0.5 for site in self._sites])

    def __len__(self) -> int:
        """Patches per epoch."""
        return self._length

    def __iter__(self) -> Iterator[PatchIndex]:
        """Draw an epoch; the draw follows torch's global seed."""
        picks = torch.multinomial(self._weights, self._length, replacement=True)
        for pick in picks.tolist():
            yield self._draw(pick)

    def _draw(self, pick: int) -> PatchIndex:
        geo = self._sites[pick].geo
        when = geo.index.index[_below(len(geo.index))]
        x, y, _ = geo.bounds
        west = x.start + _offset((x.stop - x.start) / x.step, self._size) * x.step
        south = y.start + _offset((y.stop - y.start) / y.step, self._size) * y.step
        return PatchIndex(
            site=pick,
            x=slice(west, west + self._size * x.step),
            y=slice(south, south + self._size * y.step),
            t=slice(when.left, when.right),
        )


class GriddedSitePatches(Sampler[PatchIndex]):
    """Every scene of every site in patches side by side, in order.

    Args:
        sites: The sites.
        size: Height and width of a patch in pixels.
    """

    def __init__(self, sites: Sequence[SiteDataset], *, size: int) -> None:
        self._indices = tuple(index for number, site in enumerate(sites) for index in _grid(number, site, size))

    def __len__(self) -> int:
        """Patches in all."""
        return len(self._indices)

    def __iter__(self) -> Iterator[PatchIndex]:
        """Patches in order of site, time and place."""
        return iter(self._indices)


def _grid(number: int, site: SiteDataset, size: int) -> Iterator[PatchIndex]:
    places = tuple(GriddedPatchSampler(site.geo, size=size))
    for when in site.geo.index.index:
        for x, y in places:
            yield PatchIndex(site=number, x=x, y=y, t=slice(when.left, when.right))


def _offset(extent: float, size: int) -> int:
    """Pixels from the edge; a scene smaller than the patch comes to lie anywhere inside it."""
    room = round(extent) - size
    return _below(room + 1) if room >= 0 else -_below(1 - room)


def _below(limit: int) -> int:
    return int(torch.randint(limit, ()).item())
