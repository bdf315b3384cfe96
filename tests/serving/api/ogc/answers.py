"""Read the answers of processes."""

from __future__ import annotations

import email
import email.policy
import io
import re

import rasterio

OUTPUTS = [
    *("map", "confidence", "preview", "areas", "features", "item", "probabilities", "uncertainty", "quality", "style"),
]
"""All outputs of ``classify``."""

FORMS = {
    "map": "image/tiff; application=geotiff; profile=cloud-optimized",
    "preview": "image/png",
    "areas": "application/json",
    "features": "application/geo+json",
}


def parts_of(response):
    """Parts of a multipart answer by their Content-ID: headers and content."""
    kind = response.headers["content-type"]
    assert kind.startswith("multipart/related")
    whole = f"Content-Type: {kind}\r\n\r\n".encode() + response.content
    message = email.message_from_bytes(whole, policy=email.policy.HTTP)
    assert message.is_multipart()
    assert not message.defects
    found = {}
    for part in message.iter_parts():
        assert not part.defects
        content = part.get_payload(decode=True)
        if "Content-Length" in part:
            length = int(part["Content-Length"])
            assert len(content) == length
        found[part["Content-ID"].strip("<>")] = (part, content)
    return found


def links_of(response):
    """Links of the Link header by their relation: address and type."""
    pattern = re.compile(r'<([^>]*)>; rel="([^"]*)"(?:; type="([^"]*)")?')
    return {rel: (href, kind) for href, rel, kind in pattern.findall(response.headers["link"])}


def codes_of(content):
    with rasterio.open(io.BytesIO(content)) as dataset:
        return dataset.read(1)


def check_parameter(house, path, name):
    """A query parameter as the API definition has it: one that may be left out, of the usual style."""
    listed = house.client.get("/api").json()["paths"][path]["get"]["parameters"]
    (found,) = [parameter for parameter in listed if parameter["name"] == name]
    assert (found["in"], found.get("required", False)) == ("query", False)
    assert found.get("style", "form") == "form"
    return found
