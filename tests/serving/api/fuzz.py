"""Try an operation of the OpenAPI document with values that fit it and values that do not."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode


@schemathesis.serializer("image/tiff", "application/octet-stream")
def as_it_is(_context, value):
    """Bytes of any kind; what is no bytes is sent as text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def operations_of(described):
    """All operations. Keys are not made up: nearly every request would end at them."""
    described.config.generation.with_security_parameters = False
    return [found.ok() for found in described.get_all_operations()]


def try_operation(operation, *, examples, number=0, headers=None):
    """Make requests and check every answer; the same number makes the same requests. Their number by status."""
    answers = Counter()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case):
            response = case.call(headers=headers)
            check_answer(response)
            answers[response.status_code] += 1

        with suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parts
            run()
    return answers


def check_answer(response):
    """No defect of the service, and every refusal a problem document."""
    # 503 says that something is missing or full; everything else above 499 is a defect.
    assert response.status_code < 500 or response.status_code == 503, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"][0] == "application/problem+json", response.text
        assert response.json()["status"] == response.status_code
    assert response.headers["x-content-type-options"][0] == "nosniff"
