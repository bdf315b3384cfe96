"""What a reader is asked, as JSON and back: nothing is checked, because foreign bytes have no part in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from affine import Affine
from pyproj import CRS

from landcover.grid import Grid, Window
from landcover.raster.protocol import ReadPolicy, SceneRequest
from landcover.sensors import Radiometry


def request_to_json(request: SceneRequest) -> dict[str, Any]:
    """What a caller wants to read."""
    return asdict(request) | {"dtype": request.dtype.str}


def request_from_json(said: Mapping[str, Any]) -> SceneRequest:
    """The same again."""
    return SceneRequest(
        bands_wanted=tuple(said["bands_wanted"]),
        bands=None if said["bands"] is None else tuple(said["bands"]),
        level=said["level"],
        radiometry=None if said["radiometry"] is None else Radiometry(**said["radiometry"]),
        dtype=np.dtype(said["dtype"]),
        policy=ReadPolicy(**said["policy"]),
    )


def grid_to_json(grid: Grid) -> dict[str, Any]:
    """A grid whose CRS is said as it was made, so that it is made in the same way again."""
    return {
        "crs": grid.crs.srs,
        "transform": list(grid.transform)[:6],
        "height": grid.height,
        "width": grid.width,
    }


def grid_from_json(said: Mapping[str, Any]) -> Grid:
    """The same again."""
    return Grid(CRS.from_user_input(said["crs"]), Affine(*said["transform"]), said["height"], said["width"])


def window_to_json(window: Window) -> list[int]:
    """Row, column, height and width."""
    return [window.row, window.col, window.height, window.width]
