"""From the options of ``steppe report`` to what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from landcover.crosswalk_files import parse_crosswalk_and_legend, parse_trends_earth
from landcover.crosswalks import Crosswalk
from landcover.errors import ConfigError, WrongUse
from landcover.legends import Legend
from serving.request import refuse_empty

_DIGITS: Final = 4
"""Of a year."""

if TYPE_CHECKING:  # loads GDAL or pyproj
    from indicators.regions import RegionalMatrices
    from indicators.transitions import TransitionMatrix
    from serving.report.layers import ProductivityInputs, SoilCarbonInputs


def parse_years(text: str) -> tuple[int, int]:
    """Initial and final year from ``2000-2015``.

    Raises:
        WrongUse: when these are not two years.
    """
    first, _, last = text.partition("-")
    if not all(len(year) == _DIGITS and year.isascii() and year.isdigit() for year in (first, last)):
        raise WrongUse(f"--years {text!r} is no period; expected the years of both maps, for example 2000-2015")
    if int(first) >= int(last):
        raise WrongUse(f"--years {text!r}: the first year must be the earlier one")
    return int(first), int(last)


def refuse_empty_words(given: Mapping[str, str | None]) -> None:
    """Refuse options that were given without a word.

    Raises:
        WrongUse: with the option.
    """
    for option, text in given.items():
        refuse_empty(option, text)


def crosswalk_of(path: Path | None) -> tuple[Crosswalk | None, Legend | None]:
    """A crosswalk and its national legend from Steppe's JSON or Trends.Earth's nesting JSON.

    Raises:
        ConfigError: when the file is neither.
    """
    if path is None:
        return None, None
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"crosswalk file {path.name!r} cannot be read: {error.strerror}") from error
    if b'"nesting"' in text:
        name = "".join(char if char.isalnum() else "-" for char in path.stem.lower()).strip("-") or "national"
        legend, crosswalk = parse_trends_earth(text, legend_id=f"{name}-legend")
        return crosswalk, legend
    return parse_crosswalk_and_legend(text)


def matrix_of(
    single: Path | None, regions: Path | None, regional: Mapping[str, Path]
) -> TransitionMatrix | RegionalMatrices:
    """UNCCD's matrix, a country's own, or regional ones with polygons.

    Args:
        single: file of one matrix.
        regions: file of the polygons of regions.
        regional: file of the matrix of each region, by name.

    Raises:
        WrongUse: when both kinds were given, or half of the second.
        ConfigError: when a file is none, or a region has no matrix.
    """
    from indicators.transition_files import read_matrix  # noqa: PLC0415 - what follows loads pyproj
    from indicators.transitions import UNCCD7_TRANSITIONS  # noqa: PLC0415

    if single is not None and (regions is not None or regional):
        raise WrongUse(
            "--matrix is for the whole area, --regions and --regional-matrix for its parts; give one of them"
        )
    if single is not None:
        return read_matrix(single)
    if regions is None and not regional:
        return UNCCD7_TRANSITIONS
    if regions is None or not regional:
        raise WrongUse("regional matrices need --regions with polygons and one --regional-matrix NAME=FILE for each")
    from indicators.regions import RegionalMatrices  # noqa: PLC0415
    from indicators.zones.reading import read_zones  # noqa: PLC0415

    matrices = {name: read_matrix(path) for name, path in regional.items()}
    return RegionalMatrices.by_name(read_zones(regions), matrices, regions_id=regions.stem)


def named_files(given: list[str] | None, option: str) -> dict[str, Path]:
    """Files by name from ``NAME=FILE``.

    Raises:
        WrongUse: when one has another form, or a name comes twice.
    """
    found: dict[str, Path] = {}
    for text in given or ():
        name, equals, file = text.partition("=")
        if not (name and equals and file):
            raise WrongUse(f"{option} {text!r}: expected NAME=FILE, for example North=north.json")
        if name in found:
            raise WrongUse(f"{option} names {name!r} twice; give each region once")
        found[name] = Path(file)
    return found


def refuse_idle(options: Mapping[str, tuple[object, bool, str]]) -> None:
    """Refuse options that would have no effect.

    Args:
        options: by name: what was given, None = nothing; whether it has an effect; what it is for.

    Raises:
        WrongUse: with the first such option.
    """
    for name, (given, used, purpose) in options.items():
        if given is not None and not used:
            raise WrongUse(f"{name} is for {purpose}; give that, too, or leave {name} out")


def productivity_of(
    lpd: Path | None, source: str | None, parts: Mapping[str, Path | None], *, raw: bool, table: str
) -> ProductivityInputs | None:
    """Land productivity: one layer, or the three that make it.

    Raises:
        WrongUse: when layers are missing, or too many were given.
        ConfigError: when a table or a source is not known.
    """
    from indicators.productivity.imported import get_lpd_source  # noqa: PLC0415
    from indicators.productivity.lpd import get_lpd_table  # noqa: PLC0415
    from serving.report.layers import LpdLayer, ProductivityInputs, SubIndicatorLayers  # noqa: PLC0415

    given = {name: path for name, path in parts.items() if path is not None}
    if source is not None and lpd is None:
        raise WrongUse("--lpd-source says who made --lpd; give both, or none of them")
    if raw and not given:
        raise WrongUse("--raw-layers is about --trend and --state; give these, or leave it out")
    if lpd is not None and given:
        raise WrongUse(f"--lpd is made of {', '.join(parts)}; give it or these")
    if lpd is not None:
        if source is None:
            raise WrongUse("--lpd needs --lpd-source, who made the layer: jrc, fao_wocat, trends_earth or national")
        return ProductivityInputs(LpdLayer(lpd, get_lpd_source(source)), get_lpd_table(table))
    if not given:
        return None
    if len(given) < len(parts):
        raise WrongUse(f"land productivity needs all of {', '.join(parts)}; only {', '.join(given)} was given")
    trend, state, performance = given.values()
    layers = SubIndicatorLayers(trend=trend, state=state, performance=performance, raw=raw)
    return ProductivityInputs(layers, get_lpd_table(table))


def soil_of(
    change: Path | None,
    condition: Path | None,
    stock: Path | None,
    climate: str | None,
    threshold: float,
    years: tuple[int, int],
) -> SoilCarbonInputs | None:
    """Soil organic carbon: a layer of its change or of its condition, or a stock to follow.

    Args:
        change: layer of percent.
        condition: layer of -1, 0, 1.
        stock: layer of the initial year's stock, t/ha.
        climate: a raster of IPCC zones, or the name of one climate.
        threshold: percent that count as a loss or a gain.
        years: of the land-cover maps.

    Raises:
        WrongUse: when several were given, or a climate is missing.
        ConfigError: when the climate is not known.
    """
    from indicators.soilcarbon.change import CARBON_RULE  # noqa: PLC0415
    from serving.report.layers import (  # noqa: PLC0415
        ReferenceStock,
        SocConditionLayer,
        SocPercentLayer,
        SoilCarbonInputs,
    )

    given = [each for each in (change, condition, stock) if each is not None]
    if len(given) > 1:
        raise WrongUse(
            "--soc-change, --soc-condition and --soc-stock say the same thing in three ways; give one of them"
        )
    if climate is not None and stock is None:
        raise WrongUse("--climate is for --soc-stock; give it, too, or leave --climate out")
    rule = replace(CARBON_RULE, soc_threshold_percent=threshold)
    if change is not None:
        return SoilCarbonInputs(SocPercentLayer(change), rule)
    if condition is not None:
        return SoilCarbonInputs(SocConditionLayer(condition), rule)
    if stock is None:
        return None
    if climate is None:
        raise WrongUse("--soc-stock needs --climate: a raster of IPCC climate zones, or one name such as temperate_dry")
    raster = Path(climate) if Path(climate).suffix else None
    return SoilCarbonInputs(
        ReferenceStock(
            raster=stock,
            climate=raster,
            climate_name=None if raster else climate,
            first=years[0],
            last=years[1],
        ),
        rule,
    )
