"""Hosts with scenes: files, band files of STAC Items, and a catalogue of them."""

from __future__ import annotations

import numpy as np

from tests.bundles import BANDS
from tests.rasters import write_tiff
from tests.service import scene_numbers, write_scene
from tests.stacserver import StacApi, item, polygon
from tests.websites import ranged

AROUND = (14.99, 49.6, 15.02, 49.7)
"""West, south, east, north around the scene."""


class Earth:
    """Hosts with a scene as one file, as band files of an Item, and a STAC API over Items."""

    def __init__(self, world, folder):
        self.data = world.site("data.example.org")
        self.world, self.folder = world, folder
        self.data.routes["/scene.tif"] = ranged(write_scene(folder / "whole.tif").read_bytes())
        self.api = StacApi([])
        self.stac = world.site("stac.example.org", self.api.routes())

    def add(self, identifier, day, *, cloud=5.0, shift=0, tile="33UVR"):
        """An Item with its files; the scene's columns are moved."""
        files = f"https://{self.data.authority}/s2"
        made = item(
            identifier,
            files=files,
            bands=BANDS,
            geometry=polygon(*AROUND),
            bbox=list(AROUND),
            links=[{"rel": "self", "href": self.data.url(f"/items/{identifier}.json?sig=secret")}],
            properties={
                "datetime": f"{day}T10:06:21.024000Z",
                "eo:cloud_cover": cloud,
                "grid:code": f"MGRS-{tile}",
            },
        )
        dn_BRC = np.roll(scene_numbers(), shift, axis=2)
        keys = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}
        for band, dn_RC in zip(BANDS, dn_BRC, strict=True):
            place = write_tiff(self.folder / f"{identifier}_{band}.tif", dn_RC[None], nodata=0)
            self.data.routes[f"/s2/{identifier}/{band}.tif"] = ranged(place.read_bytes())
            made["assets"][keys[band]] |= {
                "proj:shape": [70, 90],
                "proj:transform": [10, 0, 500000, 0, -10, 5500000],
            }
        self.api.items.append(made)
        return made
