"""Styles of the rasters: codes and colours of the maps, names in six languages."""

from __future__ import annotations

import numpy as np
import pytest

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError
from landcover.labels import LANGUAGES, process_title, title
from landcover.raster.qml import write_qml
from serving.report.styles import degradation_legend, transitions_legend

CODES = np.arange(1, 8)


@pytest.mark.parametrize("language", LANGUAGES)
def test_transitions(language):
    legend = transitions_legend(UNCCD7_TRANSITIONS, language)
    before, after = np.meshgrid(CODES, CODES, indexing="ij")
    assert set(legend.codes) == set(UNCCD7_TRANSITIONS.map_codes(before, after).ravel().tolist())
    change = legend.by_code(26).title
    for part in (
        title("unccd7", 2, language),
        title("unccd7", 6, language),
        process_title("Vegetation loss", language),
    ):
        assert part in change
    assert "\N{MINUS SIGN}" in change
    assert legend.by_code(2).title == title("unccd7", 2, language)
    assert legend.by_code(5).color == "#E60017"


@pytest.mark.parametrize("language", LANGUAGES)
def test_degradation(language):
    legend = degradation_legend(language)
    assert [item.title for item in legend.classes] == [title("degradation3", code, language) for code in (-1, 0, 1)]
    assert [item.color for item in legend.classes] == ["#9B2779", "#FFFFE0", "#006500"]


def test_a_file(tmp_path):
    style = write_qml(tmp_path / "degradation.tif", degradation_legend("ru")).read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["degradation.qml"]
    assert 'value="-1" color="#9b2779" alpha="255" label="Деградация"' in style


def test_unknown_language():
    with pytest.raises(ConfigError):
        transitions_legend(UNCCD7_TRANSITIONS, "de")
