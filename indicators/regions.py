"""Up to five transition matrices, each for its own part of the country.

UNCCD lets a country report one transition matrix, or up to five regional ones with polygons that cover its land
(UNCCD PRAIS 4 reporting manual, SO1.md, table SO1-1.T3): the same change may be degradation in one region and none in
another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indicators.transitions import TransitionMatrix
from indicators.wording import said
from indicators.zones.placed import ZonePart, ZonesOnGrid
from indicators.zones.zone import Zones
from landcover.errors import ConfigError, DataError
from landcover.grid import Grid, Window
from landcover.identity import identity
from landcover.legends import Legend

MOST_REGIONS: Final = 5
"""UNCCD PRAIS 4 reporting manual, table SO1-1.T3."""

NO_REGION: Final = 255
"""uint8: no region holds any of the pixel."""


class RegionsIncomplete(DataError):
    """Land lies outside all regions, so that no transition matrix says what its changes mean."""

    slug = "regions-incomplete"


@dataclass(frozen=True, slots=True, eq=False)
class RegionalMatrices:
    """Transition matrices with the zones in which they hold, in one order.

    Attributes:
        id: short name of the whole.
        version: changes whenever a matrix or a border changes.
        matrices: one to five, on one legend.
        zones: as many zones; overlaps were refused when these were made.
    """

    id: str
    version: str
    matrices: tuple[TransitionMatrix, ...]
    zones: Zones

    def __post_init__(self) -> None:
        """Refuse what UNCCD's form does not take.

        Raises:
            ConfigError: more than five regions, regions without a matrix, or matrices on several legends.
        """
        names = self.zones.names
        if len(names) > MOST_REGIONS:
            raise ConfigError(
                f"regions {self.id!r} are {len(names)} ({', '.join(names)}), at most {MOST_REGIONS} regional matrices "
                "are reported; join some of them"
            )
        if len(self.matrices) != len(names):
            raise ConfigError(
                f"regions {self.id!r} have {len(self.matrices)} matrices for {len(names)} regions "
                f"({', '.join(names)}); give one for each"
            )
        legends = sorted({matrix.legend_id for matrix in self.matrices})
        if len(legends) > 1:
            raise ConfigError(
                f"regions {self.id!r} mix matrices on the legends {', '.join(legends)}; choose one legend"
            )

    @classmethod
    def by_name(
        cls, zones: Zones, matrices: Mapping[str, TransitionMatrix], *, regions_id: str, version: str = "1"
    ) -> RegionalMatrices:
        """Regions whose matrices are given by the name of the zone.

        Args:
            zones: the regions' polygons, for example of ``indicators.zones.reading.read_zones``.
            matrices: a matrix for each name.
            regions_id: id of the whole.
            version: its version.

        Raises:
            ConfigError: with the names that only one side has, or as the constructor.
        """
        odd = [*(name for name in zones.names if name not in matrices), *(set(matrices) - set(zones.names))]
        if odd:
            raise ConfigError(
                f"regions {regions_id!r}: {', '.join(sorted(odd))} stand for polygons without a matrix or matrices "
                f"without polygons; the polygons of {zones.name!r} are {', '.join(zones.names)}"
            )
        return cls(regions_id, version, tuple(matrices[name] for name in zones.names), zones)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the regions, in the order of the matrices and of the axis ``region`` of tables."""
        return self.zones.names

    @property
    def legend(self) -> Legend:
        """Legend of both maps."""
        return self.matrices[0].legend

    @property
    def signs(self) -> NDArray[np.int16]:
        """-1, 0, 1 by region, initial and final class, (region, class, class), classes in the order of the legend."""
        return np.array([matrix.signs for matrix in self.matrices], np.int16)

    def to_document(self) -> dict[str, Any]:
        """Names, matrices and the digest of the polygons' file, as JSON-ready data."""
        return {
            "id": self.id,
            "version": self.version,
            "regions": [
                {"name": name, "matrix": matrix.to_document()}
                for name, matrix in zip(self.names, self.matrices, strict=True)
            ],
            "polygons": {"name": self.zones.name, "sha256": self.zones.sha256},
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the document, for provenance."""
        return identity(self.to_document())


class RegionRows:
    """Which region's matrix holds for each pixel of a grid, block of rows by block of rows.

    A pixel on a border takes the region that has most of it, the first of equals. A pixel that a region holds any of is
    in a region: on a coast no share of land is left without a matrix.
    """

    def __init__(self, regions: RegionalMatrices, grid: Grid) -> None:
        """Bring the borders onto the grid.

        Args:
            regions: the regions, in any CRS.
            grid: grid of the account.

        Raises:
            ZonesInvalid: when no region touches the grid.
            AreaInvalid: when a border near the grid has no place in its CRS.
        """
        self.regions, self.grid = regions, grid
        self._placed = ZonesOnGrid(regions.zones, grid)

    def rows(self, row_start: int, row_stop: int) -> NDArray[np.uint8]:
        """Position of each pixel's region, from 0; 255 where there is none.

        Args:
            row_start: first row.
            row_stop: first row after the last.

        Returns:
            uint8 (rows, width of the grid).

        Raises:
            WindowError: when the rows are not rows of the grid.
        """
        window = Window(row_start, 0, row_stop - row_start, self.grid.width)
        region_RW = np.full((window.height, window.width), NO_REGION, np.uint8)
        partial: list[ZonePart] = []
        for part in self._placed.parts(window):
            if part.share is None:
                region_RW[_rows_of(part, window), part.window.cols] = part.zone
            else:
                partial.append(part)
        self._settle(region_RW, partial, window)
        return region_RW

    def _settle(self, region_RW: NDArray[np.uint8], partial: list[ZonePart], window: Window) -> None:
        """Give pixels on borders to the region that has most of them."""
        if not partial:
            return
        most_RW = np.zeros(region_RW.shape, np.float32)
        for part in partial:
            if part.share is None:
                continue
            here = _rows_of(part, window), part.window.cols
            more = part.share > most_RW[here]
            most_RW[here] = np.where(more, part.share, most_RW[here])
            region_RW[here] = np.where(more, part.zone, region_RW[here])


def _rows_of(part: ZonePart, window: Window) -> slice:
    return slice(part.window.row - window.row, part.window.row_stop - window.row)


class UncoveredLand:
    """Counts the land that regions leave out, zone of the account by zone, and refuses it in the end.

    Regions may reach over sea, water and neighbours, and had better: their outlines need not follow the coast.
    """

    def __init__(self, regions: RegionalMatrices) -> None:
        self._regions = regions
        self._found: dict[str, tuple[int, float]] = {}

    def add(self, zone: str, pixels: int, km2: float) -> None:
        """Count land of one zone of the account that lies in no region.

        Args:
            zone: name of the zone.
            pixels: pixels with a land-cover class other than water, in both years or in one.
            km2: their area within the zone.
        """
        if pixels:
            before_pixels, before_km2 = self._found.get(zone, (0, 0.0))
            self._found[zone] = before_pixels + pixels, before_km2 + km2

    def refuse(self) -> None:
        """Refuse regions that do not cover the land.

        Raises:
            RegionsIncomplete: with the zones, their pixels and km2.
        """
        if not self._found:
            return
        listed = "; ".join(
            f"{zone!r}: {pixels:,} pixels, {said(km2)} km2" for zone, (pixels, km2) in self._found.items()
        )
        raise RegionsIncomplete(
            f"the regions {', '.join(map(repr, self._regions.names))} leave land without a transition matrix "
            f"({listed}); extend their polygons, which may reach over sea and borders"
        )
