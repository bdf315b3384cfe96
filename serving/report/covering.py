"""Land-cover maps as a report reads them: opened, with the crosswalk that brings their codes to UNCCD-7."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from indicators.caveats import MapSource
from indicators.cover.positions import ClassPositions
from indicators.reporting.entries import CountryClass, country_classes
from landcover.crosswalks import Crosswalk, get_crosswalk, legends_to
from landcover.errors import ConfigError, DtypeMismatch
from landcover.grid import ground_pixel_size
from landcover.legends import LEGENDS, Legend, get_legend
from landcover.raster.categorical import CodeMap, open_codes
from landcover.raster.numbers import NumberMap, open_number_stack, open_numbers
from serving.report.request import REPORT_LEGEND, CoverMap

_UNSIGNED: Final = "esa-cci"
"""Legend of the product whose NetCDF has unsigned bytes in a signed type."""

type OpenCodes = Callable[[Path], CodeMap]
"""Opens a raster of codes: in this process, or in one that is kept at a distance."""

type OpenNumbers = Callable[[Path], NumberMap]
"""The same of a raster of numbers: percents, stocks."""

type OpenStack = Callable[[Path, slice, float | None], NumberMap]
"""The same of numbers in several bands: which of them are wanted, and a stored value that is no data, too."""


def _open_stack(path: Path, bands: slice, missing: float | None) -> NumberMap:
    return open_number_stack(path, only=bands, missing=missing)


@dataclass(frozen=True, slots=True)
class Openers:
    """Who opens rasters.

    Attributes:
        codes: maps of codes, with what each says of its legend.
        numbers: layers of numbers; None = as ``codes`` does it. Who keeps rasters at a distance and has no opener for
            numbers then gets whole numbers at a distance, not floats in this process.
        stack: rasters of numbers in one band or more.
    """

    codes: OpenCodes = open_codes
    numbers: OpenNumbers | None = None
    stack: OpenStack = _open_stack

    def of_numbers(self, path: Path) -> NumberMap | CodeMap:
        """Open a layer of numbers.

        Raises:
            DtypeMismatch: when its numbers have a scale that ``codes`` does not apply.
            DataError: when it cannot be used.
        """
        if self.numbers is not None:
            return self.numbers(path)
        return open_numbers(path) if self.codes is open_codes else _unscaled(self.codes(path))


def _unscaled(layer: CodeMap) -> CodeMap:
    """A layer of numbers that was opened as codes: what the file holds must be the numbers themselves."""
    if layer.scaled:
        layer.close()
        raise DtypeMismatch(
            f"{layer.scene.identifier!r} states a scale or an offset, which is not applied here: store the numbers "
            "themselves, for example with gdal_translate -unscale -ot Int16 IN.tif OUT.tif"
        )
    return layer


@dataclass(frozen=True, slots=True)
class OpenedCover:
    """An opened land-cover map.

    Attributes:
        asked: what was asked for.
        codes: the map.
        crosswalk: from its legend to UNCCD-7.
        legend: its legend.
        digest: SHA-256 of the file; empty before ``digested``.
        resolution_m: side of a pixel on the ground.
    """

    asked: CoverMap
    codes: CodeMap
    crosswalk: Crosswalk
    legend: Legend
    digest: str
    resolution_m: float

    @property
    def positions(self) -> ClassPositions:
        """What makes positions of its codes."""
        return ClassPositions(self.crosswalk, nodata=self.codes.nodata, signed_bytes=self.signed_bytes)

    @property
    def signed_bytes(self) -> bool:
        """Whether it is one of ESA CCI whose bytes a reader took for signed (LDN facts 1.3)."""
        return self.crosswalk.source_legend == _UNSIGNED and self.codes.scene.dtype == np.int8

    @property
    def source(self) -> MapSource:
        """Where it comes from, for caveats."""
        return MapSource(
            product=self.asked.product or self.legend.id,
            crosswalk=self.crosswalk.identity,
            version=self.asked.version,
            year=self.asked.year,
            resolution_m=self.resolution_m,
        )

    def digested(self) -> OpenedCover:
        """The same with the digest of the file, all of which is read for it.

        Raises:
            DataError: when it cannot be read.
        """
        return replace(self, digest=self.codes.scene.input_digest())

    @property
    def name(self) -> str:
        """What the file is called in provenance."""
        return self.asked.origin or self.asked.source.name

    @property
    def country_classes(self) -> tuple[CountryClass, ...]:
        """Rows of SO1-1.T2 of a national legend; none of UNCCD's own classes or a global product."""
        return country_classes(self.crosswalk, self.legend) if self.legend.id not in LEGENDS else ()


def open_cover(asked: CoverMap, openers: Openers) -> OpenedCover:
    """Open a land-cover map.

    Raises:
        ConfigError: when nothing says what its codes mean.
        UnknownLegend: when no crosswalk goes from its legend to UNCCD-7.
        DataError: when it cannot be used.
    """
    codes = openers.codes(asked.source)
    try:
        crosswalk, legend = _crosswalk(asked, codes)
        return OpenedCover(
            asked=asked,
            codes=codes,
            crosswalk=crosswalk,
            legend=legend,
            digest="",
            resolution_m=math.sqrt(math.prod(ground_pixel_size(codes.grid))),
        )
    except BaseException:
        codes.close()
        raise


def _crosswalk(asked: CoverMap, codes: CodeMap) -> tuple[Crosswalk, Legend]:
    """The crosswalk of a map, and its source legend."""
    if asked.crosswalk is not None:
        if asked.crosswalk.target_legend != REPORT_LEGEND:
            raise ConfigError(
                f"crosswalk {asked.crosswalk.id!r} ends in {asked.crosswalk.target_legend!r}; a report needs one to "
                f"{REPORT_LEGEND!r}"
            )
        return asked.crosswalk, asked.national or get_legend(asked.crosswalk.source_legend)
    if asked.legend is not None:
        return get_crosswalk(asked.legend, REPORT_LEGEND), get_legend(asked.legend)
    found = codes.legend
    if found is None:
        raise ConfigError(
            f"{asked.source.name!r} does not say what its codes mean; name its legend, for example worldcover or "
            f"esa-cci, or give a crosswalk; legends are {', '.join(legends_to(REPORT_LEGEND))}"
        )
    if found.id not in LEGENDS:
        raise ConfigError(f"{asked.source.name!r} has the legend {found.id!r}, which is not known; give a crosswalk")
    return get_crosswalk(found.id, REPORT_LEGEND), get_legend(found.id)
