"""Requests that nobody thought of, made from the OpenAPI document; few, and the same ones every time.

``benchmarks/schemathesis_run.py`` makes many more, against a real server.
"""

from __future__ import annotations

from collections import Counter

import pytest

from serving.api.app import create_app
from tests.crew import open_test_shop, working
from tests.service import make_settings
from tests.serving.api.fuzz import operations_of, try_operation
from tests.serving.api.live import live

schemathesis = pytest.importorskip("schemathesis")

EXAMPLES = 6


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"], ids=["nobody needs a key", "everybody needs one"])
def test_every_operation(tmp_path, folders, readers, host):
    settings = make_settings(tmp_path, *folders, host=host, max_pixels=10_000, max_upload_bytes=100_000)
    app = create_app(settings)
    with open_test_shop(settings, readers) as shop, working(shop), live(app, settings) as server:
        described = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
        operations = operations_of(described)
        assert len(operations) >= 10
        answers = sum((try_operation(operation, examples=EXAMPLES) for operation in operations), Counter())
    assert answers.total() > 5 * len(operations)
    assert answers[200] > 0
    assert answers[401] > 0 or host == "127.0.0.1"
