"""Two class maps, and layers beside them, on one grid: the finest of the maps', over the place they have in common.

Categorical maps are resampled by the nearest pixel onto the finest grid (Trends.Earth builds a mosaic of the highest
resolution; LDN facts 2.3). Layers follow, whatever their pixels are, so that a coarse or fine layer never changes what
the land-cover tables say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from landcover.errors import GridMismatch, WrongUse
from landcover.grid import Grid, Window
from landcover.raster.categorical import CodeMap, open_codes
from landcover.raster.numbers import NumberMap
from landcover.raster.pair import shared_part
from landcover.raster.protocol import DEFAULT_POLICY, ReadPolicy
from landcover.raster.target import pixel_shift, pixels_per_pixel, touching

_EQUAL: Final = 0.01
"""Pixels whose areas differ less are equally fine: the scales of projections vary from place to place."""

type LayerMap = CodeMap | NumberMap
"""A layer beside land cover: codes of classes, or numbers."""

NO_LAYERS: Final[Mapping[str, LayerMap]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Maps and layers on one grid. Use as a context manager, or close it.

    Attributes:
        maps: the land-cover maps, in the order given.
        layers: further maps of codes or numbers by name.
        resampled: names of those that do not have their own pixels any more: ``0``, ``1`` for maps, names of layers.
    """

    maps: tuple[CodeMap, ...]
    layers: Mapping[str, LayerMap]
    resampled: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """The grid of all of them."""
        return self.maps[0].grid

    def cropped(self, window: Window) -> Pairing:
        """Only a part of the grid: the window that the areas of a report need. Closing it closes the maps.

        Raises:
            WindowError: when the window reaches beyond the grid.
        """
        grid = self.grid.crop(window)
        return replace(
            self,
            maps=tuple(each.on(grid) for each in self.maps),
            layers=MappingProxyType({name: layer.on(grid) for name, layer in self.layers.items()}),
        )

    def close(self) -> None:
        """Give all files back."""
        with ExitStack() as stack:
            for each in (*self.maps, *self.layers.values()):
                stack.callback(each.close)

    def __enter__(self) -> Self:
        """The pairing itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def open_pairing(
    maps: Sequence[str | Path],
    layers: Mapping[str, str | Path] = MappingProxyType({}),
    *,
    policy: ReadPolicy = DEFAULT_POLICY,
) -> Pairing:
    """Open local rasters of codes and bring them to one grid, see ``pair_maps``.

    Args:
        maps: land-cover maps, the oldest first.
        layers: further rasters of codes, such as land productivity dynamics, by name.
        policy: limits and threads of reading.

    Raises:
        DataError: when one cannot be used, see ``open_codes``.
        GridMismatch: when they have no place in common.
    """
    with ExitStack() as stack:
        opened = [stack.enter_context(open_codes(path, policy=policy)) for path in maps]
        beside = {name: stack.enter_context(open_codes(path, policy=policy)) for name, path in layers.items()}
        pairing = pair_maps(opened, beside)
        stack.pop_all()
    return pairing


def pair_maps(maps: Sequence[CodeMap], layers: Mapping[str, LayerMap] = NO_LAYERS) -> Pairing:
    """Bring opened maps to one grid.

    Args:
        maps: land-cover maps; closed with the pairing. Of maps with equal pixels the first lends its grid.
        layers: further maps by name; closed with the pairing. Where one does not reach, it has no data.

    Raises:
        WrongUse: without a map.
        GridMismatch: when the maps have no place in common, or a layer none with them.
    """
    if not maps:
        raise WrongUse("no land-cover map was given; give one at least")
    grid = _one_grid(maps)
    for name, layer in layers.items():
        if not touching(grid, layer.grid):
            raise GridMismatch(f"layer {name!r} ({layer.scene.identifier!r}) lies elsewhere than the land-cover maps")
    named = {**{str(number): each for number, each in enumerate(maps)}, **layers}
    resampled = tuple(name for name, each in named.items() if pixel_shift(each.grid, grid) is None)
    return Pairing(
        maps=tuple(each.on(grid) for each in maps),
        layers=MappingProxyType({name: layer.on(grid) for name, layer in layers.items()}),
        resampled=resampled,
    )


def _one_grid(maps: Sequence[CodeMap]) -> Grid:
    """The grid of the finest map, as far as all maps reach."""
    finest = maps[0]
    for each in maps[1:]:
        if pixels_per_pixel(finest.grid, each.grid) > 1 + _EQUAL:
            finest = each
    grid = finest.grid
    for each in maps:
        part = grid if each is finest else shared_part(grid, each.grid)
        if part is None:
            raise GridMismatch(
                f"{finest.scene.identifier!r} and {each.scene.identifier!r} have no place in common; give land-cover "
                "maps of one place"
            )
        grid = part
    return grid
