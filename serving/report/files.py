"""Names and titles of the files in the folder of a report."""

from __future__ import annotations

from typing import Final

PAGE: Final = "report.html"
WORKBOOK: Final = "so1.xlsx"
TABLES: Final = "so1.json"
TABLES_ZIP: Final = "tables.zip"
ACCOUNT: Final = "account.json"
SUMMARY: Final = "trends_earth_summary.json"
DEGRADATION: Final = "degradation.tif"
TRANSITIONS: Final = "transitions.tif"
INDICATOR: Final = "indicator.tif"
STATUS: Final = "status.tif"
SOC_STOCK: Final = "soc_stock_final.tif"
PRODUCTIVITY: Final = "productivity.tif"
SOC: Final = "soc.tif"
HOTSPOTS: Final = "hotspots.geojson"
BRIGHTSPOTS: Final = "brightspots.geojson"
ITEM: Final = "item.json"
INITIAL_PICTURE: Final = "land_cover_initial.png"
FINAL_PICTURE: Final = "land_cover_final.png"
DEGRADATION_PICTURE: Final = "degradation.png"

TITLES: Final = {
    PAGE: "The report as a page",
    WORKBOOK: "Tables SO1-1 to SO1-4 as a workbook",
    TABLES: "All tables for machines",
    TABLES_ZIP: "All tables as CSV",
    ACCOUNT: "Pixels and areas by all codes: a later report compares itself with this one",
    SUMMARY: "Summary in the form of Trends.Earth, which PRAIS imports",
    DEGRADATION: "Degradation by land cover: -1, 0, 1",
    TRANSITIONS: "Transitions of land cover",
    INDICATOR: "SDG indicator 15.3.1: -1, 0, 1",
    STATUS: "Status against the baseline, seven classes",
    SOC_STOCK: "Stock of soil organic carbon in the final year, t/ha: a later report can begin with it",
    PRODUCTIVITY: "Land productivity: -1, 0, 1",
    SOC: "Soil organic carbon: -1, 0, 1",
    HOTSPOTS: "Hotspots",
    BRIGHTSPOTS: "Brightspots",
    INITIAL_PICTURE: "Picture of the initial land cover",
    FINAL_PICTURE: "Picture of the final land cover",
    DEGRADATION_PICTURE: "Picture of degradation",
}

COMPARISON: Final = "comparison.json"
COMPARISON_PAGE: Final = "comparison.html"
DISAGREEMENT: Final = "disagreement.tif"
EFFECTS_CSV: Final = "comparison_effects.csv"
CONDITIONS_CSV: Final = "comparison_conditions.csv"
CLASSES_CSV: Final = "comparison_classes.csv"
RULES_CSV: Final = "comparison_rules.csv"
