"""Catalogues of tests: STAC Items as public catalogues write them, a STAC API over them, static catalogues."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

from tests.websites import reply

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
KEYS = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B8A": "nir08", "B11": "swir16", "B12": "swir22"}
SQUARE = (12.5, 47.9, 13.6, 48.6)
"""West, south, east, north of a footprint in tile 33UUP."""


def polygon(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def item(identifier="S2A_33UUP_20240601_0_L2A", *, files="https://data.example.org/s2", bands=tuple(KEYS), **changes):
    """A Sentinel-2 L2A Item as earth-search writes it: common names as keys, and the extensions of STAC 1.0.

    Args:
        identifier: its name.
        files: address before the files' names.
        bands: its bands.
        changes: members that are different; ``properties`` and ``assets`` are merged, None removes.
    """
    base = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identifier,
        "collection": "sentinel-2-l2a",
        "geometry": polygon(*SQUARE),
        "bbox": list(SQUARE),
        "properties": {
            "datetime": "2024-06-01T10:06:21.024000Z",
            "platform": "sentinel-2a",
            "eo:cloud_cover": 7.5,
            "grid:code": "MGRS-33UUP",
            "s2:processing_baseline": "05.10",
            "s2:product_type": "S2MSI2A",
            "earthsearch:boa_offset_applied": True,
            "proj:epsg": 32633,
        },
        "links": [],
        "assets": {KEYS[band]: asset(band, f"{files}/{identifier}") for band in bands} | extras(files),
    }
    merged = {name: base[name] | changes.pop(name, {}) for name in ("properties", "assets")}
    whole = base | merged | changes
    for holder in (whole, whole["properties"], whole["assets"]):
        if isinstance(holder, dict):
            for name in [name for name, value in holder.items() if value is None]:
                del holder[name]
    return whole


def asset(band, folder, *, offset=0.0, scale=0.0001):
    """One band file as earth-search describes it."""
    return {
        "href": f"{folder}/{band}.tif",
        "type": COG,
        "roles": ["data", "reflectance"],
        "eo:bands": [{"name": KEYS[band], "common_name": KEYS[band]}],
        "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": scale, "offset": offset}],
        "proj:shape": [10980, 10980],
        "proj:transform": [10, 0, 300000, 0, -10, 5400000],
    }


def extras(files):
    """What lies beside the bands: pictures, metadata, the same bands elsewhere."""
    three = [{"name": name, "common_name": name} for name in ("red", "green", "blue")]
    return {
        "visual": {"href": f"{files}/TCI.tif", "type": COG, "roles": ["visual"], "eo:bands": three},
        "thumbnail": {"href": f"{files}/preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
        "blue-jp2": {
            "href": "s3://bucket/B02.jp2",
            "type": "image/jp2",
            "roles": ["data"],
            "eo:bands": [{"name": "blue", "common_name": "blue"}],
        },
        "granule_metadata": {"href": "s3://bucket/metadata.xml", "type": "application/xml", "roles": ["metadata"]},
    }


def planetary_item(identifier="S2A_MSIL2A_20240601T100621_R022_T33UUP", **changes):
    """The same scene as Microsoft's Planetary Computer writes it: the product's band names, no scale and offset."""
    made = item(identifier, **changes)
    named = {band: made["assets"][KEYS[band]] for band in KEYS if KEYS[band] in made["assets"]}
    for band, one in named.items():
        one["eo:bands"] = [{"name": band, "common_name": KEYS[band]}]
        del one["raster:bands"]
    made["assets"] = named
    for name in ("grid:code", "earthsearch:boa_offset_applied"):
        made["properties"].pop(name, None)
    made["properties"] |= {"s2:mgrs_tile": "33UUP", "s2:processing_baseline": "05.10"} | changes.get("properties", {})
    return made


class StacApi:
    """Item Search over a list of Items: collections, datetime, bbox, pages. Give ``routes()`` to a site.

    Args:
        items: what it holds.
        post: whether it takes questions by POST.
        page: most Items of a page, whatever is asked.
    """

    def __init__(self, items, *, post=True, page=100):
        self.items = list(items)
        self.post = post
        self.page = page
        self.questions = []

    def routes(self, root="/v1"):
        return {f"{root}/search": self}

    def __call__(self, handler):
        if handler.command == "POST" and not self.post:
            return reply(status=405)(handler)
        question = json.loads(handler.body) if handler.command == "POST" else _of_query(handler.path)
        self.questions.append(question)
        start, limit = int(question.get("token", 0)), min(int(question.get("limit", 10)), self.page)
        found = [one for one in self.items if _fits(one, question)]
        answer = {"type": "FeatureCollection", "features": found[start : start + limit], "links": []}
        if start + limit < len(found):
            answer["links"].append(self._next(handler, question, start + limit))
        return reply(json.dumps(answer).encode())(handler)

    def _next(self, handler, question, start):
        url = handler.site.url(handler.path)
        if handler.command == "GET":
            plain = url.partition("&token=")[0]
            return {"rel": "next", "href": f"{plain}&token={start}"}
        body = {**question, "token": str(start)}
        return {"rel": "next", "href": url, "method": "POST", "body": body}


def _of_query(path):
    words = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    if "bbox" in words:
        words["bbox"] = [float(value) for value in words["bbox"].split(",")]
    if "intersects" in words:
        words["intersects"] = json.loads(words["intersects"])
    return words | {"collections": words["collections"].split(",")}


def _fits(one, question):
    box = question.get("bbox") or _box(question["intersects"])
    start, end = question["datetime"].split("/")
    west, south, east, north = one.get("bbox") or SQUARE
    across = box[0] > box[2]
    beside = (east < box[0] and west > box[2]) if across else (east < box[0] or west > box[2])
    return (
        one.get("collection") in question["collections"]
        and start[:19] <= one["properties"]["datetime"][:19] <= end[:19]
        and not (beside or north < box[1] or south > box[3])
    )


def _box(geometry):
    rings = (
        geometry["coordinates"]
        if geometry["type"] == "Polygon"
        else [ring for one in geometry["coordinates"] for ring in one]
    )
    points = [point for ring in rings for point in ring]
    return [f(point[axis] for point in points) for f in (min, max) for axis in (0, 1)]


def static_catalogue(items, *, collection="sentinel-2-l2a", description="made by a test"):
    """{path: document} of a catalogue with one collection and a folder of Items by month."""
    months = {}
    for one in items:
        months.setdefault(one["properties"]["datetime"][:7], []).append(one)
    base = {"stac_version": "1.0.0", "description": description}
    files = {
        "catalog.json": base
        | {
            "type": "Catalog",
            "id": "root",
            "links": [link("self", "./catalog.json"), link("child", "./s2/collection.json")],
        },
        "s2/collection.json": base
        | {
            "type": "Collection",
            "id": collection,
            "license": "proprietary",
            "extent": {},
            "links": [link("root", "../catalog.json"), *(link("child", f"{month}/catalog.json") for month in months)],
        },
    }
    for month, ones in months.items():
        links = [link("parent", "../collection.json"), *(link("item", f"./{one['id']}.json") for one in ones)]
        files[f"s2/{month}/catalog.json"] = base | {"type": "Catalog", "id": month, "links": links}
        files |= {f"s2/{month}/{one['id']}.json": one for one in ones}
    return files


def link(rel, href):
    return {"rel": rel, "href": href}


def write_catalogue(folder, files):
    """A static catalogue as files; returns the folder."""
    for path, document in files.items():
        place = folder / PurePosixPath(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(document if isinstance(document, str) else json.dumps(document))
    return folder


def catalogue_routes(files, root="/cat"):
    """A static catalogue as routes of a site."""
    return {f"{root}/{path}": reply(json.dumps(document).encode()) for path, document in files.items()}
