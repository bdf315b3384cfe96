"""Vector files made for tests."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely


def write_vectors(path, shapes, *, crs="EPSG:32633", layer=None, append=False, **fields):
    """A GeoPackage or Shapefile, by the suffix; fields by name as lists."""
    driver = "ESRI Shapefile" if path.suffix == ".shp" else "GPKG"
    columns = [np.array(values, object if isinstance(values[0], str | None) else None) for values in fields.values()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file without a CRS
        pyogrio.raw.write(
            path,
            shapely.to_wkb(np.array(shapes, object)),
            columns,
            list(fields),
            geometry_type="Unknown" if driver == "GPKG" else "Polygon",
            crs=crs,
            driver=driver,
            append=append,
            **({"layer": layer} if layer else {}),
        )
    return path


def zipped(shape: Path, *, folder=""):
    """A Shapefile with all that belongs to it in one zip."""
    path = shape.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(shape.parent.glob(f"{shape.stem}.*")):
            if part != path:
                archive.write(part, f"{folder}{part.name}")
    return path
