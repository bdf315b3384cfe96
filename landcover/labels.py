"""Names of classes and processes in the six languages of the United Nations.

The official translations are those of UNCCD's reporting manual; where there is none, the English title stands.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args

from landcover.errors import ConfigError, UnknownLegend
from landcover.legends import CLASS_NODATA, DEGRADATION_NODATA, get_legend

Language = Literal["ar", "en", "es", "fr", "ru", "zh"]
"""One of the official languages of the United Nations, ISO 639-1."""

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_SAME_CLASSES: Final = {"sepal7": "unccd7"}  # same classes in the same order under other codes


def canonical_language(language: str) -> Language:
    """The ISO 639-1 code of a language tag: ``zh-Hans-CN`` and ``ZH_cn`` are ``zh``.

    Raises:
        ConfigError: when it is not one of the six languages.
    """
    primary = language.strip().lower().replace("_", "-").partition("-")[0]
    for known in LANGUAGES:
        if primary == known:
            return known
    raise ConfigError(f"language {language!r} is not available; choose one of {', '.join(LANGUAGES)}")


def title(legend_id: str, code: int, language: str = "en") -> str:
    """Name of a class for people.

    Args:
        legend_id: key of ``landcover.legends.get_legend``.
        code: a code of that legend, or 255 or -32768 for "no data".
        language: one of ``LANGUAGES``, with or without a region.

    Returns:
        The official name, or the English title where the legend has no official translation.

    Raises:
        UnknownLegend: when the legend is not known.
        UnmappedCodes: when the legend has no such code.
        ConfigError: when the language is not one of the six.
    """
    tongue, legend = canonical_language(language), get_legend(legend_id)
    if code not in legend and code in {CLASS_NODATA, DEGRADATION_NODATA}:
        return nodata_title(tongue)
    index = legend.index_of(code)
    home = get_legend(_SAME_CLASSES.get(legend_id, legend_id))
    official: dict[str, str] = _labels()["legends"].get(home.id, {}).get(str(home.codes[index]), {})
    return official.get(tongue, legend.classes[index].title)


def titles(legend_id: str, language: str = "en") -> dict[int, str]:
    """Names of all classes of a legend by code, in legend order; raises like ``title``."""
    return {code: title(legend_id, code, language) for code in get_legend(legend_id).codes}


def nodata_title(language: str = "en") -> str:
    """The words for "no data".

    Raises:
        ConfigError: when the language is not one of the six.
    """
    return str(_labels()["nodata"][canonical_language(language)])


def process_title(process: str, language: str = "en") -> str:
    """Name of a land-cover change process, looked up by its English name, for example "Urban expansion".

    Raises:
        UnknownLegend: when the reporting manual has no such process, listing those it has.
        ConfigError: when the language is not one of the six.
    """
    names = _labels()["processes"]
    if process not in names:
        raise UnknownLegend(f"process {process!r} is not known; choose one of {', '.join(names)}")
    return str(names[process][canonical_language(language)])


def process_name(process: str, language: str = "en") -> str:
    """Name of a process as ``process_title``; one that a country named itself stays as it is.

    Raises:
        ConfigError: when the language is not one of the six.
    """
    tongue = canonical_language(language)
    return process_title(process, tongue) if process in _labels()["processes"] else process


def process_called(name: str) -> str:
    """The English name of a process from its name in any of the six languages; a name that is none stays as it is."""
    wanted = folded(name)
    names: dict[str, dict[str, str]] = _labels()["processes"]
    return next((process for process, said in names.items() if wanted in map(folded, said.values())), name.strip())


def folded(name: str) -> str:
    """A name as it is compared: in one case, with single spaces and straight apostrophes."""
    return " ".join(name.split()).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


@cache
def _labels() -> dict[str, Any]:
    text = files("landcover").joinpath("data", "labels.json").read_text(encoding="utf-8")
    labels: dict[str, Any] = json.loads(text)
    return labels
