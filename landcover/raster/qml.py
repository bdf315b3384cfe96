"""QGIS styles: a file beside the map, of the same name, that QGIS loads with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

from landcover.legends import Legend
from landcover.raster.staging import check_target, write_errors
from landcover.staging import StagingFolder, publish

_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<qgis version="3.28" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
      <colorPalette>
"""
_TAIL: Final = """      </colorPalette>
    </rasterrenderer>
  </pipe>
</qgis>
"""


def qml_text(legend: Legend) -> str:
    """The paletted style of a legend: its codes, colours and titles."""
    entries = (
        f'        <paletteEntry value="{item.code}" color="{item.color.lower()}" alpha="255" '
        f"label={quoteattr(_NOT_XML.sub(' ', item.title))}/>\n"
        for item in legend.classes
    )
    return _HEAD + "".join(entries) + _TAIL


def write_qml(path: str | Path, legend: Legend) -> Path:
    """Write the style of a class map beside it.

    Args:
        path: the map, or the style itself: its extension is replaced by ``.qml``.
        legend: the map's legend.

    Returns:
        the path of the style.

    Raises:
        OutputNotWritable: when the folder cannot be written to.
        DiskFull: when the disk is full.
    """
    target = Path(path).with_suffix(".qml")
    content = qml_text(legend).encode()
    check_target(target, needed_bytes=len(content))
    with StagingFolder(target) as folder:
        staged = folder / target.name
        with write_errors(target, folder, needed_bytes=len(content)):
            staged.write_bytes(content)
        publish(staged, target)
    return target
