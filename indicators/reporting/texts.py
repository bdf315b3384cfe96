"""Words of tables as keys with values, so that they can be said in any language; English stands here.

Names of classes, productivity dynamics, conditions and processes are those of ``landcover.labels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from indicators.codes import NODATA
from landcover import labels
from landcover.errors import UnknownLegend

Kind = Literal["words", "class", "lpd", "condition", "process"]

ENGLISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Groups of tables.
        "group_land": "Land area",
        "group_cover": "Land cover",
        "group_productivity": "Productivity",
        "group_soc": "Soil carbon",
        "group_status": "Degraded land",
        # Titles of tables, by their ids.
        "CP-1.T1": "Land area",
        "SO1-1.T1": "Key degradation processes",
        "SO1-1.T2": "Country legend and UNCCD land cover classes",
        "SO1-1.T3": "Land cover transition matrix",
        "SO1-1.T4": "Land cover extent",
        "SO1-1.T5": "Land cover change in the baseline period",
        "SO1-1.T6": "Land cover change in the reporting period",
        "SO1-1.T7": "Land cover degradation",
        "SO1-2.T1": "Land productivity dynamics by land cover in the baseline period",
        "SO1-2.T2": "Land productivity dynamics by land cover in the reporting period",
        "SO1-2.T3": "Land productivity degradation",
        "SO1-3.T1": "Soil organic carbon stock in the topsoil (0-30 cm)",
        "SO1-3.T2": "Degradation of soil organic carbon",
        "SO1-4.T1": "Status assessment: baseline and reporting period",
        "SO1-4.T1b": "Status in seven classes",
        "SO1-4.T1c": "Balance of gains and losses by land type",
        "SO1-4.T2": "Degraded land and SDG indicator 15.3.1",
        "SO1-4.T3": "Corrections by experts (false positives and false negatives)",
        "SO1-4.T4": "Hotspots",
        "SO1-4.T5": "Brightspots",
        # Columns and rows.
        "year": "Year",
        "period": "Period",
        "baseline": "Baseline",
        "report_1": "Reporting period 1",
        "report_2": "Reporting period 2",
        "years": "{name}, {initial}-{final}",
        "pair": "{first}, {second}",
        "land_area": "Total land area",
        "water_area": "Water bodies",
        "country_area": "Total country area",
        "total": "Total",
        "net_change": "Net change",
        "process": "Degradation process",
        "process_title": "Title, if other",
        "other": "Other",
        "initial_class": "Initial class",
        "final_class": "Final class",
        "initial_by_final": "Initial class (rows), final class (columns)",
        "cover": "Land cover class",
        "code": "Code",
        "country_class": "Country class",
        "unccd_code": "UNCCD code",
        "unccd_class": "UNCCD class",
        "region": "Matrix",
        "land_year": "Land area of year",
        "baseline_by_period": "Baseline (rows), reporting period (columns)",
        "status_class": "Status",
        "status_1": "Persistent degradation",
        "status_2": "Recent degradation",
        "status_3": "Baseline degradation",
        "status_4": "Stability",
        "status_5": "Baseline improvement",
        "status_6": "Recent improvement",
        "status_7": "Persistent improvement",
        "counts_as": "Counts as",
        "area": "Area",
        "degraded_area": "Degraded land",
        "proportion": "Proportion of total land area",
        "change_area": "Change since the baseline",
        "change_points": "Change of the proportion",
        "confidence": "Confidence",
        "method": "Method",
        "one_out_all_out": "One out, all out",
        "high": "High",
        "medium": "Medium",
        "low": "Low",
        "place": "Place",
        "type": "Type",
        "missed_degradation": "Missed degradation (false positive in PRAIS)",
        "false_degradation": "False degradation (false negative in PRAIS)",
        "basis": "Basis of judgement",
        "periods": "Periods",
        "name": "Name",
        "change_process": "Process of change",
        "drivers": "Drivers",
        "remediation": "Remediation done or planned",
        "actions": "Actions",
        # Tables beside those of PRAIS.
        "processes": "Changes of land cover by process",
        "zones": "Areas of the zones",
        "cover_condition": "{condition} (land cover)",
        "pixels": "Pixels",
        "unlikely": "Needs verification",
        "yes": "Yes",
        "no": "No",
        "land_type": "Land type",
        "gains": "Gains",
        "losses": "Losses",
        "balance": "Balance",
        "no_data_area": "No data",
        "neutrality_achieved": "Neutrality achieved",
        "sum_of_balances": "All land types together",
        "every_land_type": "Each land type for itself",
        "not_said": "Not stated: too much land without data",
        "balance_rule": "Gains are recent and persistent improvement, losses recent and persistent degradation, by "
        "land cover of the initial year; neutrality is achieved where gains are not below losses.",
        "zone": "Zone",
        "no_processes": "No land changed its class of cover.",
        # Rules.
        "rule_areas-are-numbers": "Areas are numbers of at least 0.",
        "rule_within-the-country": "No area exceeds the total country area or the total land area of CP-1.T1.",
        "rule_country-is-land-and-water": "The total country area is land and water bodies.",
        "rule_extents-fill-the-country": "The land cover extents of a year sum to the country area.",
        "rule_changes-agree-with-extents": "Changes of land cover sum to the extents of the first and the last year.",
        "rule_conditions-fill-the-land": "Improved, stable and degraded land and land without data sum to the total "
        "land area.",
        "rule_status-agrees-with-indicator": "The degraded cells of SO1-4.T1 sum to the degraded area of SO1-4.T2.",
        "rule_limits": "The country legend has 15 classes at most, and there are five transition matrices at most.",
        # Notes.
        "mapped_area": "Areas are mapped areas (pixel counts): the ground area of the pixels of each class.",
        "country_share": "Percentages are of the total country area, water bodies included.",
        "land_share": "Percentages are of the total land area: country area less water bodies, land without data "
        "included.",
        "land_rule": "{name}: what is water, and the class of land cover, is taken from the map of {year}.",
        "water_rows": "The row of water bodies is not part of the total land area.",
        "no_baseline": "No account of the baseline period was given.",
        "no_report": "No account of a reporting period was given.",
        "no_productivity": "No productivity layer was given.",
        "no_lpd": "No layer of land productivity dynamics was given.",
        "no_soc": "No layer of soil organic carbon was given.",
        "no_soc_stock": "No soil organic carbon stocks were given.",
        "no_sdg": "The indicator was not computed: no layers to combine were given.",
        "no_status": "No status: the indicator of the baseline was not given with the reporting period.",
        "missing_for": "{name}: {reason}",
        "no_corrections": "No corrections by experts were given.",
        "no_hotspots": "No hotspots were given.",
        "no_brightspots": "No brightspots were given.",
        "no_country_legend": "No country legend: the seven UNCCD classes are used as they are.",
        "no_degrading": "No change of land cover counts as degradation.",
        "largest_processes": "The largest changes of land cover that count as degradation: {share} % of their area.",
        "matrix_differs": "The matrices of the periods differ; those of the latest period are shown.",
        "year_differs": "Two periods give other areas for {year}; those of the earlier period are shown.",
        "not_prais": "PRAIS does not ask for this table.",
        "proportion_rule": "The proportion is of the total land area of the same year in table CP-1.T1.",
        "proportion_of_row": "The proportion is of the total land area in the same row, that of the last year.",
        "to_be_filled": "Empty cells are for the country to fill in.",
    }
)
"""Every text by its key; ``{...}`` are values."""

_LEGENDS: Final[Mapping[str, str]] = MappingProxyType({"lpd": "lpd5", "condition": "degradation3"})


@dataclass(frozen=True, slots=True)
class Text:
    """Something to be said in a table.

    Attributes:
        key: key of ``ENGLISH``; a code as text for a class, a dynamic or a condition; a process by its English name.
        kind: which of these it is.
        values: what stands for ``{...}``, itself said in the language when it is a text.
        legend: legend of a class.
    """

    key: str
    kind: Kind = "words"
    values: tuple[tuple[str, str | Text], ...] = ()
    legend: str = "unccd7"

    def say(self, language: str, words: Mapping[str, str]) -> str:
        """The text in a language.

        Args:
            language: one of ``landcover.labels.LANGUAGES``.
            words: the texts of that language, by the keys of ``ENGLISH``.
        """
        if self.kind == "process":
            return _process(self.key, language)
        if self.kind != "words":
            return _title(_LEGENDS.get(self.kind, self.legend), int(self.key), language)
        values = {name: value if isinstance(value, str) else value.say(language, words) for name, value in self.values}
        return words[self.key].format(**values)

    @property
    def english(self) -> str:
        """The text in English."""
        return self.say("en", ENGLISH)


def words(key: str, **values: str | Text) -> Text:
    """A text of ``ENGLISH`` with its values."""
    return Text(key, values=tuple(values.items()))


def class_text(code: int, legend: str = "unccd7") -> Text:
    """The name of a class; -32768 is "no data"."""
    return Text(str(code), "class", legend=legend)


def lpd_text(code: int) -> Text:
    """The name of a class of land productivity dynamics."""
    return Text(str(code), "lpd")


def condition_text(code: int) -> Text:
    """Degraded, stable, improved or no data."""
    return Text(str(code), "condition")


def process_text(name: str) -> Text:
    """The name of a process; one that UNCCD has no name for stays as it is."""
    return Text(name, "process")


def _title(legend: str, code: int, language: str) -> str:
    return labels.nodata_title(language) if code == NODATA else labels.title(legend, code, language)


def _process(name: str, language: str) -> str:
    if name == "Stable":
        return labels.title("degradation3", 0, language)
    try:
        return labels.process_title(name, language)
    except UnknownLegend:
        return name
