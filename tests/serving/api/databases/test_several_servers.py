"""Two servers with a worker each, one table, one folder: the same on SQLite and on PostgreSQL (F18, I1, I2, I8, I9)."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from serving.jobs.record import State
from tests.serving.api.check import check_problem

MAP = {"map": {}}
EACH = 2
"""Jobs that each server is asked for."""


def path_of(job):
    return f"/jobs/{job.rpartition('/')[2]}"


def at_once(*steps):
    """Let all begin at the same moment; what each of them answered."""
    barrier = threading.Barrier(len(steps))

    def run(step):
        barrier.wait(10)
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(run, steps))


def test_what_one_accepts_the_other_knows(houses):
    here, there = houses
    job = here.begin(outputs=MAP)
    assert there.ended(job)["status"] == "successful"
    results = [house.client.get(f"{path_of(job)}/results/map") for house in houses]
    assert [answer.status_code for answer in results] == [200, 200]
    assert results[0].content == results[1].content
    lists = [house.client.get("/jobs").json()["jobs"] for house in houses]
    assert lists[0] == lists[1]
    assert job.rpartition("/")[2] in {one["jobID"] for one in lists[0]}
    assert there.client.delete(path_of(job)).status_code == 200
    assert here.client.get(path_of(job)).status_code == 410


def test_an_upload_to_one_is_an_input_for_the_other(houses):
    here, there = houses
    answer = there.ask(inputs={"scene": here.upload(here.body)}, outputs=MAP)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "image/tiff"), answer.text


def test_every_job_ends_once(houses):
    def burst(house):
        return [house.begin(outputs=MAP) for _ in range(EACH)]

    jobs = [job for share in at_once(*(lambda house=house: burst(house) for house in houses)) for job in share]
    ends = [houses[number % 2].ended(job) for number, job in enumerate(jobs)]
    assert Counter(end["status"] for end in ends) == {"successful": 2 * EACH}
    store, results = houses[0].client.app.state.desk.store, houses[0].client.app.state.desk.results
    rows = [store.get(job.rpartition("/")[2], None) for job in jobs]
    assert [(row.state, row.attempt, row.fence) for row in rows] == [(State.SUCCESSFUL, 1, 1)] * 2 * EACH
    made = Counter(name.partition(".")[0] for name in results.found())
    assert {made[row.id] for row in rows} == {1}
    for job in jobs:
        houses[0].client.delete(path_of(job))
    assert not {name.partition(".")[0] for name in results.found()} & {row.id for row in rows}


def test_one_key_is_one_job_wherever_it_is_sent(houses):
    key, inputs = {"Idempotency-Key": str(uuid.uuid4())}, {"scene": houses[0].scene}
    begin = {"prefer": "respond-async", "headers": key, "outputs": MAP, "inputs": inputs}
    answers = at_once(*(lambda house=house: house.ask(**begin) for house in houses))
    assert [answer.status_code for answer in answers] == [201, 201], [answer.text for answer in answers]
    assert len({answer.json()["jobID"] for answer in answers}) == 1
    assert houses[1].ended(answers[0].headers["location"])["status"] == "successful"
    other = houses[1].ask(headers=key, outputs={"areas": {}}, inputs=inputs)
    check_problem(other, 422, "idempotency-key-reused")


def test_a_key_is_waited_for_at_both(houses):
    """Two that wait for one job get the same map."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = at_once(
        *(
            lambda house=house: house.ask(headers=key, outputs=MAP, inputs={"scene": houses[0].scene})
            for house in houses
        )
    )
    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    assert first.content == second.content


def test_one_stops_what_the_worker_of_the_other_does(houses, paused):
    job = houses[0].begin(outputs=MAP)
    assert paused.began.wait(10)
    began = time.monotonic()
    # Whoever has it, one of these two is not its worker's server.
    assert houses[1].client.delete(path_of(job)).json()["status"] == "dismissed"
    results, name = houses[0].client.app.state.desk.results, job.rpartition("/")[2]
    while any(name in entry for entry in results.found()):
        assert time.monotonic() - began < 10
        time.sleep(0.02)
    assert houses[0].client.get(path_of(job)).status_code == 410
