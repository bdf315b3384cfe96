"""What every refusal of the protocol must be."""

from __future__ import annotations


def check_refusal(response, status, slug, *, says=""):
    """Check an answer that must be an error, and return its sentence."""
    document = response.json()
    assert (response.status_code, document["type"]) == (status, f"/problems/{slug}"), document
    assert set(document) == {"error", "type", "title", "status", "detail"}
    assert document["error"] == document["detail"]
    assert document["error"].isprintable()
    assert says in document["error"]
    assert "Traceback" not in response.text
    if status == 503:
        assert int(response.headers["retry-after"]) > 0
    return document["error"]
