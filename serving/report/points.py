"""Tables of sample points, for interpreters to fill in: CSV and GeoPackage."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from landcover.errors import OutputNotWritable, WrongUse
from serving.staging import write_file

FORMATS: Final = (".csv", ".gpkg")
LAYER: Final = "points"

COLUMNS: Final = (
    "id",
    "lon",
    "lat",
    "x",
    "y",
    "stratum",
    "stratum_title",
    "reference",
    "interpreter",
    "confidence",
    "comment",
)
"""In the order of the table; the last four are for the interpreter."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePoint:
    """A drawn point as the table shows it.

    Attributes:
        id: counted from 1 in the order of work.
        lon: degrees, WGS84, of the pixel's centre.
        lat: degrees.
        x: of the centre in the CRS of the table.
        y: of the centre.
        stratum: code.
        title: of the stratum.
    """

    id: int
    lon: float
    lat: float
    x: float
    y: float
    stratum: int
    title: str


def point_format(path: Path) -> str:
    """The format of a table of points by its name.

    Raises:
        WrongUse: for another one.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise WrongUse(f"{path.name!r} names no table of points; give it the ending {' or '.join(FORMATS)}")
    return suffix


def write_points(points: Sequence[SamplePoint], path: Path, crs: str) -> None:
    """Write a table, in the format that its name says; the interpreter's columns are empty.

    Args:
        points: in the order of work.
        path: a staged file.
        crs: of x and y, as WKT.

    Raises:
        OutputNotWritable: when it cannot be written.
        DiskFull: when there is no space.
    """
    if point_format(path) == ".csv":
        write_file(path, _csv(points))
    else:
        _write_geopackage(points, path, crs)


def _csv(points: Sequence[SamplePoint]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for point in points:
        place = (f"{point.lon:.8f}", f"{point.lat:.8f}", repr(point.x), repr(point.y))
        writer.writerow((point.id, *place, point.stratum, harmless(point.title), "", "", "", ""))
    return text.getvalue().encode()


def harmless(title: str) -> str:
    """A title that a spreadsheet does not take for a formula."""
    return f"'{title}" if title.startswith(_FORMULA) else title


def _write_geopackage(points: Sequence[SamplePoint], path: Path, crs: str) -> None:
    import pyogrio  # noqa: PLC0415 - loads OGR
    import shapely  # noqa: PLC0415

    empty = np.full(len(points), None, dtype=object)
    data: dict[str, Any] = {
        "id": np.array([point.id for point in points], np.int64),
        "lon": np.array([point.lon for point in points]),
        "lat": np.array([point.lat for point in points]),
        "x": np.array([point.x for point in points]),
        "y": np.array([point.y for point in points]),
        "stratum": np.array([point.stratum for point in points], np.int32),
        "stratum_title": np.array([point.title for point in points], dtype=object),
        "reference": np.zeros(len(points), np.int32),
        "interpreter": empty,
        "confidence": empty,
        "comment": empty,
    }
    unknown = [np.ones(len(points), np.bool_) if name == "reference" else None for name in COLUMNS]
    with _geopackage_errors(path), _undated():
        pyogrio.raw.write(
            path,
            shapely.to_wkb(shapely.points(data["x"], data["y"])),
            [data[name] for name in COLUMNS],
            np.array(COLUMNS, dtype=object),
            field_mask=unknown,
            layer=LAYER,
            driver="GPKG",
            geometry_type="Point",
            crs=crs,
        )


@contextmanager
def _geopackage_errors(path: Path) -> Iterator[None]:
    """Say of an error of OGR what it means.

    Raises:
        OutputNotWritable: when the table cannot be written.
    """
    from pyogrio.errors import DataLayerError, DataSourceError  # noqa: PLC0415 - loads OGR

    try:
        yield
    except (DataSourceError, DataLayerError) as error:
        raise OutputNotWritable(f"{path.name!r} could not be written; check the disk it is on") from error


@contextmanager
def _undated() -> Iterator[None]:
    """A GeoPackage says when it was written; the same sample shall be the same file."""
    import pyogrio  # noqa: PLC0415 - loads OGR

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
