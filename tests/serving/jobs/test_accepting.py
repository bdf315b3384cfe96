"""What is accepted is kept, once for each idempotency key (I1, I8, F5)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from serving.database.opening import open_database
from serving.database.protocol import ValueUnstorable
from serving.jobs.record import NewJob, State
from serving.jobs.store import JobGone, JobNotFound, KeyReused
from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import SUBSCRIBER, YEAR_2038, FakeClock, accept, new_job

EVERYTHING = NewJob(
    owner="ключ",
    process="degradation",
    request={"area": [1.5, None, True], "words": 'Ŝtepo "quoted" \0 \ud800', "deep": {"a": {"b": []}}},
    model="steppe@1",
    model_sha256="0" * 64,
    pixels=2**40,
    listed=False,
    subscriber=SUBSCRIBER,
    idempotency_key="k-1",
    body_digest="d-1",
    request_id="r-1",
    deadline_s=12.5,
)


@pytest.mark.parametrize("new", [EVERYTHING, new_job()])
def test_a_job_comes_back_as_it_was_accepted(table, new):
    job, is_new = table.accept(new)
    assert is_new
    assert job.new == new
    assert job == table.get(job.id, new.owner) == table.get(job.id, None)
    assert (job.state, job.progress, job.attempt, job.fence) == (State.ACCEPTED, 0, 0, 0)
    assert job.started is job.finished is job.problem is job.result is None


def test_it_is_there_for_a_process_that_opens_the_database_later(table, database_settings, clock):
    job = accept(table)
    later = open_database(database_settings)
    assert JobTable(later, clock=clock).get(job.id, "ann") == job
    later.close()


def test_times_are_utc_and_pass_2038(database):
    clock = FakeClock()
    clock.wall_us = YEAR_2038 + 1
    job = accept(JobTable(database, clock=clock))
    assert job.created.isoformat() == "2038-01-19T03:14:08.000001+00:00"


@pytest.mark.parametrize("owner", ["bob", "", "ANN", "ann ", "%", "an_"])
def test_another_owner_does_not_learn_that_it_exists(table, owner):
    job = accept(table)
    with pytest.raises(JobNotFound) as theirs:
        table.get(job.id, owner)
    with pytest.raises(JobNotFound) as nobodys:
        table.get("4f9cbd0e-7a52-4d6f-9d0c-7b5c5ac8f0aa", owner)
    assert str(theirs.value) == str(nobodys.value)


@pytest.mark.parametrize("wrong", ["", "x" * 5000, "\0", "\ud800", "%", "' OR '1'='1", "ключ", ":id"])
def test_what_is_no_id_is_not_found(table, wrong):
    accept(table)
    with pytest.raises(JobNotFound):
        table.get(wrong, None)
    with pytest.raises(JobNotFound):
        table.dismiss(wrong, None)


@pytest.mark.parametrize("change", [{"owner": "a\0b"}, {"idempotency_key": "\udcff"}, {"pixels": 2**63}])
def test_what_only_one_database_would_take_is_refused_by_both(table, change):
    with pytest.raises(ValueUnstorable):
        table.accept(replace(new_job(), **change))
    assert not any(table.counts().values())


def test_the_same_key_is_the_same_job(table):
    keyed = new_job(idempotency_key="k", body_digest="d")
    first, _ = table.accept(keyed)
    table.lease("w", 60)
    again, is_new = table.accept(keyed)
    assert not is_new
    assert (again.id, again.state) == (first.id, State.RUNNING)
    table.succeed(first.id, 1, "folder")
    assert table.accept(keyed)[0].result == "folder"
    assert sum(table.counts().values()) == 1


def test_a_key_is_asked_for_without_a_new_job(table):
    job = accept(table, idempotency_key="k", body_digest="1")
    assert table.recall("ann", "k", "1") == job
    assert table.recall("ann", "other", "1") is None
    assert table.recall("bob", "k", "1") is None
    with pytest.raises(KeyReused):
        table.recall("ann", "k", "2")
    table.dismiss(job.id, "ann")
    with pytest.raises(JobGone):
        table.recall("ann", "k", "1")


def test_the_same_key_with_another_body_is_refused(table):
    table.accept(new_job(idempotency_key="k", body_digest="d"))
    for digest in ("e", None):
        with pytest.raises(KeyReused):
            table.accept(new_job(idempotency_key="k", body_digest=digest))


def test_keys_of_two_owners_have_nothing_to_do_with_each_other(table):
    mine, _ = table.accept(new_job("ann", idempotency_key="k", body_digest="d"))
    theirs, is_new = table.accept(new_job("bob", idempotency_key="k", body_digest="e"))
    assert is_new
    assert theirs.id != mine.id


def test_jobs_without_a_key_are_all_new(table):
    assert accept(table).id != accept(table).id


@pytest.mark.parametrize("ended", [False, True])
def test_a_late_repetition_does_not_begin_a_dismissed_job_again(table, clock, ended):
    keyed = new_job(idempotency_key="k", body_digest="d")
    job, _ = table.accept(keyed)
    if ended:
        table.succeed(job.id, table.lease("w", 60).fence, "folder")
    table.dismiss(job.id, "ann")
    with pytest.raises(JobGone):
        table.accept(keyed)
    clock.pass_by(10)
    table.forget(10)
    assert table.accept(keyed)[1]  # the key is forgotten with its job


def test_the_job_is_found_when_the_answer_was_lost_after_the_commit(database, clock):
    """The connection breaks after COMMIT: the client asks again with its key."""
    keyed = new_job(idempotency_key="k", body_digest="d")
    table = JobTable(database, clock=clock)
    table.accept(keyed)
    again, is_new = JobTable(database, clock=clock).accept(keyed)
    assert not is_new
    assert sum(table.counts().values()) == 1
    assert again.state is State.ACCEPTED


class Full(Exception):
    """There is no room."""


def test_what_is_not_admitted_was_never_there(table):
    told = []

    def refuse(unfinished):
        told.append(unfinished)
        raise Full

    keyed = new_job(idempotency_key="k", body_digest="d")
    accept(table)
    accept(table, owner="bob")
    with pytest.raises(Full):
        table.accept(keyed, admit=refuse)
    assert told == [1]
    assert table.recall("ann", "k", "d") is None
    job, is_new = table.accept(keyed, admit=told.append)
    assert is_new
    assert table.accept(keyed, admit=refuse) == (job, False)  # a repetition finds its job, however full it is
    assert told == [1, 1]


def test_as_many_as_are_admitted_however_many_come_at_once(table):
    def three(unfinished):
        if unfinished >= 3:
            raise Full

    def come(_number):
        try:
            return table.accept(new_job(), admit=three)[1]
        except Full:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(come, range(24))) == 3
    assert table.waiting("ann")[0] == 3
