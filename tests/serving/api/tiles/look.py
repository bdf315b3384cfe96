"""Tiles as a client sees them."""

from io import BytesIO

import numpy as np
from PIL import Image

TILEJSON = {
    "type": "object",
    "required": ["tilejson", "tiles", "bounds", "center", "minzoom", "maxzoom", "attribution", "legend"],
    "properties": {
        "tilejson": {"const": "3.0.0"},
        "name": {"type": "string"},
        "description": {"type": "string"},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "attribution": {"type": "string"},
        "scheme": {"enum": ["xyz"]},
        "tiles": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"\{z\}/\{x\}/\{y\}"}},
        "minzoom": {"type": "integer", "minimum": 0, "maximum": 30},
        "maxzoom": {"type": "integer", "minimum": 0, "maximum": 30},
        "bounds": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}},
        "center": {"type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "number"}},
        "legend": {"type": "string"},
    },
    "additionalProperties": False,
}
"""TileJSON 3.0.0, as far as rasters go, with what viewers need of it as a duty."""


def rgba(response):
    """Colours of a tile (row, col, colour)."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return np.asarray(Image.open(BytesIO(response.content)).convert("RGBA"))
