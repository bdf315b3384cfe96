"""QGIS styles are well-formed and carry the legend."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from landcover.errors import OutputNotWritable
from landcover.legends import LEGENDS, get_legend
from landcover.raster.qml import write_qml


def root_of(path):
    return ET.parse(path).getroot()  # noqa: S314 - written a moment ago


@pytest.mark.parametrize("legend_id", list(LEGENDS))
def test_style_carries_the_legend(tmp_path, legend_id):
    legend = get_legend(legend_id)
    assert write_qml(tmp_path / "map.tif", legend) == tmp_path / "map.qml"
    root = root_of(tmp_path / "map.qml")
    renderer = root.find("pipe/rasterrenderer")
    assert (root.tag, renderer.get("type"), renderer.get("band")) == ("qgis", "paletted", "1")
    entries = [
        (int(entry.get("value")), entry.get("color").upper(), entry.get("label"), entry.get("alpha"))
        for entry in renderer.iter("paletteEntry")
    ]
    assert entries == [(item.code, item.color, item.title, "255") for item in legend.classes]
    assert [path.name for path in tmp_path.iterdir()] == ["map.qml"]


def test_titles_are_escaped(tmp_path):
    legend = get_legend("unccd7")
    odd = replace(legend.classes[0], title='Тундра <b> & "quoted" \x07 \'')
    write_qml(tmp_path / "map.qml", replace(legend, classes=(odd, *legend.classes[1:])))
    label = root_of(tmp_path / "map.qml").find(".//paletteEntry").get("label")
    assert label == odd.title.replace("\x07", " ")


def test_an_older_style_is_replaced(tmp_path):
    (tmp_path / "map.qml").write_text("older")
    write_qml(tmp_path / "map.tif", get_legend("unccd7"))
    assert root_of(tmp_path / "map.qml").tag == "qgis"


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(OutputNotWritable):
        write_qml(tmp_path / "none" / "map.qml", get_legend("unccd7"))
