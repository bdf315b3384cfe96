"""What jobs map beyond what was counted when they were accepted."""

from __future__ import annotations

from serving.jobs.store import Extra
from tests.serving.jobs.fakes import accept

HOUR_S = 3600


def test_what_was_not_counted_is_kept_once(table, clock):
    job = accept(table, pixels=10)
    held = table.lease("one", 30)
    table.measure(job.id, held.fence, 110)
    clock.pass_by(20)
    table.measure(job.id, held.fence, 500)  # a later attempt
    assert table.extras("ann", HOUR_S) == [Extra(100, 20.0)]
    assert table.extras("bob", HOUR_S) == []
    assert table.get(job.id, "ann").new.pixels == 10


def test_what_was_counted_is_no_extra(table):
    job = accept(table, pixels=10)
    held = table.lease("one", 30)
    table.measure(job.id, held.fence, 10)
    table.measure(job.id, held.fence, 9)
    assert table.extras("ann", HOUR_S) == []


def test_only_the_holder_measures(table, clock):
    job = accept(table)
    late = table.lease("one", 30)
    clock.pass_by(31)
    table.lease("two", 30)
    table.measure(job.id, late.fence, 110)
    assert table.extras("ann", HOUR_S) == []


def test_oldest_first_and_for_a_while_also_of_jobs_that_are_gone(table, clock):
    for pixels in (1, 2, 3):
        job = accept(table)
        table.measure(job.id, table.lease("one", 30).fence, pixels)
        table.dismiss(job.id, "ann")
        clock.pass_by(10)
    assert table.extras("ann", HOUR_S) == [Extra(1, 30.0), Extra(2, 20.0), Extra(3, 10.0)]
    assert table.extras("ann", 25) == [Extra(2, 20.0), Extra(3, 10.0)]
