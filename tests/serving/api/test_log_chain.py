"""A request, the job it makes and the worker that does it are one story in the logs."""

from __future__ import annotations

import pytest

from tests.service import scene_numbers
from tests.serving.telemetry.conftest import kept_logging, logged  # noqa: F401 - fixtures


@pytest.mark.usefixtures("crew")
def test_lines_of_the_worker_have_the_id_of_the_request(logged, client, body):  # noqa: F811 - a fixture
    answer = client.post("/classify", content=body, headers={"Accept": "application/json", "X-Request-Id": "my-map"})
    assert answer.status_code == 200
    assert answer.json()["drift"]["images"][0]["sampled_pixels"] == (scene_numbers() != 0).any(axis=0).sum()
    (line,) = logged.requests()
    assert (line["request_id"], line["route"], line["principal"]) == ("my-map", "/classify", "anonymous")
    done = [line for line in logged.lines if line["logger"] == "serving.work.worker"]
    assert len(done) >= 2  # begun and done
    assert {said["job"] for said in done} == {line["job"]}
    assert {said["request_id"] for said in done} == {"my-map"}
