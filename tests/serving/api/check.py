"""What every problem document must be."""

from __future__ import annotations

from serving.api.problems import MEDIA_TYPE


def check_problem(response, status, slug, *secrets):
    """Check an answer that must be a problem document (RFC 9457), and return its detail.

    Args:
        response: the answer.
        status: expected status.
        slug: expected problem type.
        secrets: texts that must not be in it.
    """
    assert response.headers["content-type"] == MEDIA_TYPE
    document = response.json()
    assert {"type", "title", "status", "detail"} <= set(document) <= {"type", "title", "status", "detail", "errors"}
    assert (response.status_code, document["status"]) == (status, status)
    assert document["type"].rpartition("/")[2] == slug
    assert document["title"] != ""
    assert document["detail"].isprintable()
    assert 10 < len(document["detail"]) <= 1000
    for secret in ("Traceback", 'File "', ".py", *secrets):
        assert str(secret) not in response.text
    if status == 503:
        assert int(response.headers["retry-after"]) > 0
    return document["detail"]
