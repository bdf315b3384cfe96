"""Trends.Earth's summary against its schema, written down here as field names and types."""

import json
from datetime import UTC, datetime

import pytest

from indicators.codes import NODATA
from indicators.reporting.submission import Submission
from indicators.reporting.trends_earth import Origin, summary
from indicators.reporting.trends_earth_cover import same_nesting
from landcover.errors import ConfigError
from landcover.legends import get_legend
from tests.indicators.reporting.country import account, submission

NUMBER = (int, float)
AREAS = {
    "name": str,
    "unit": ("sq km",),
    "areas": [{"name": ("Improved", "Stable", "Degraded", "No data"), "area": NUMBER}],
}
CROSSTAB = {
    "name": str,
    "unit": ("sq km",),
    "initial_year": int,
    "final_year": int,
    "values": [{"initial_label": str, "final_label": str, "value": NUMBER}],
}
BY_YEAR = {"name": str, "unit": str, "values": {...: {...: NUMBER}}}
LC_CLASS = {"code": int, "name_short": str, "name_long": str, "description": None, "color": str}
LEGEND = {"name": str, "key": [LC_CLASS], "nodata": LC_CLASS}
SCHEMA = {
    "metadata": {
        "title": str,
        "date": str,
        "trends_earth_version": {"version": str, "revision": str, "release_date": str},
        "area_of_interest": {"name": str, "geojson": dict, "crs_wkt": str},
        "affected_areas_only": bool,
    },
    "land_condition": {
        ...: {
            "period_assessment": {
                "sdg": {"summary": AREAS},
                "productivity": {"summaries": {...: AREAS}, "crosstabs_by_productivity_class": [CROSSTAB]},
                "land_cover": {
                    "summary": AREAS,
                    "legend_nesting": {"parent": LEGEND, "child": LEGEND, "nesting": {...: [int]}},
                    "transition_matrix": {
                        "legend": LEGEND,
                        "name": str,
                        "definitions": {
                            "name": str,
                            "transitions": [
                                {
                                    "initial": LC_CLASS,
                                    "final": LC_CLASS,
                                    "meaning": ("degradation", "stable", "improvement"),
                                }
                            ],
                        },
                    },
                    "crosstabs_by_land_cover_class": [CROSSTAB],
                    "land_cover_areas_by_year": BY_YEAR,
                },
                "soil_organic_carbon": {"summaries": {...: AREAS}, "soc_stock_by_year": BY_YEAR},
                "error_recode": None,
                "sdg_error_recode": None,
            },
            "status_assessment": {
                "sdg": AREAS,
                "productivity": {...: AREAS},
                "land_cover": AREAS,
                "soil_organic_carbon": {...: AREAS},
            },
            "change_assessment": dict.fromkeys(("sdg", "productivity", "land_cover", "soil_organic_carbon"), CROSSTAB),
        }
    },
    "affected_population": {...: dict},
}
OPTIONAL = {"status_assessment", "change_assessment"}


def fits(data, schema, path=""):
    """Whether data has the schema's members, all of them and no others, of its types."""
    if isinstance(schema, dict):
        fits_object(data, schema, path)
    elif isinstance(schema, list):
        assert isinstance(data, list), path
        for value in data:
            fits(value, schema[0], f"{path}[]")
    elif isinstance(schema, tuple) and isinstance(schema[0], str):
        assert data in schema, path
    elif schema is None:
        assert data is None, path
    else:
        assert isinstance(data, schema), path


def fits_object(data, schema, path):
    assert isinstance(data, dict), path
    if ... not in schema:
        assert list(data) == list(schema), path
    for key, value in data.items():
        assert isinstance(key, str), path
        if not (key in OPTIONAL and value is None):
            fits(value, schema.get(key, schema.get(...)), f"{path}.{key}")


ORIGIN = Origin(
    "Steppe report",
    datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    "0.1.0",
    "",
    datetime(2026, 1, 1, tzinfo=UTC),
    {"type": "FeatureCollection", "features": []},
    "GEOGCS[]",
)
NESTING = same_nesting(get_legend("unccd7"))


def test_the_whole_summary():
    sent = submission()
    document = json.loads(json.dumps(summary(sent, ORIGIN, NESTING)))
    fits(document, SCHEMA)
    assert document["metadata"]["date"] == "2026-05-04T03:02:01+00:00"
    assert list(document["land_condition"]) == ["baseline", "report_2"]
    baseline, report = (document["land_condition"][role] for role in ("baseline", "report_2"))
    assert baseline["status_assessment"] is None
    areas = {row["name"]: row["area"] for row in report["status_assessment"]["sdg"]["areas"]}
    assert areas["Degraded"] == sent.report.degraded_km2
    assert sum(areas.values()) == pytest.approx(sent.report.land_km2())
    cells = report["change_assessment"]["sdg"]["values"]
    assert {"initial_label": "Stable", "final_label": "Degraded", "value": sent.report.status.of(0, -1)} in cells
    made = report["period_assessment"]
    crosstabs = made["productivity"]["crosstabs_by_productivity_class"]
    assert [each["name"] for each in crosstabs] == [
        "Increasing", "Stable", "Stressed", "Moderate decline", "Declining", "No data",
    ]  # fmt: skip
    assert all(len(each["values"]) == 49 for each in (*crosstabs, *made["land_cover"]["crosstabs_by_land_cover_class"]))
    summaries = made["productivity"]["summaries"]
    assert sum(row["area"] for row in summaries["all_cover_types"]["areas"]) == pytest.approx(sent.report.country_km2)
    extent = made["land_cover"]["land_cover_areas_by_year"]["values"]["2015"]
    assert extent["Tree-covered"] == sent.report.extent("initial")[1]
    assert extent["No data"] == sent.report.extent("initial")[NODATA]
    assert len(made["land_cover"]["transition_matrix"]["definitions"]["transitions"]) == 49
    stocks = baseline["period_assessment"]["soil_organic_carbon"]["soc_stock_by_year"]["values"]
    assert stocks["2015"]["Cropland"] == 3000.0


def test_layers_that_were_not_given_have_no_areas():
    document = summary(Submission((account("report_1", layers=())[0],)), ORIGIN, NESTING)
    fits(document, SCHEMA)
    made = document["land_condition"]["report_1"]["period_assessment"]
    assert made["sdg"]["summary"]["areas"] == []
    assert made["productivity"] == {"summaries": {}, "crosstabs_by_productivity_class": []}
    assert made["soil_organic_carbon"]["summaries"] == {}
    assert made["soil_organic_carbon"]["soc_stock_by_year"]["values"] == {}
    assert document["affected_population"] == {}


def test_what_the_format_has_no_place_for():
    with pytest.raises(ConfigError, match="takes one matrix"):
        summary(Submission((account(regions=2)[0],)), ORIGIN, NESTING)
