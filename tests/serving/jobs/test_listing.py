"""Job lists, page by page, and numbers of jobs."""

import base64

import pytest

from serving.jobs.record import State
from serving.jobs.store import MOST_LISTED, PageInvalid, Span
from tests.serving.jobs.fakes import accept


def walk(table, owner, limit, **filters):
    """All jobs of a list, by pages."""
    found, after = [], None
    while True:
        page = table.page(owner, limit=limit, after=after, **filters)
        assert len(page.jobs) <= limit
        found += [job.id for job in page.jobs]
        after = page.after
        if after is None:
            return found


@pytest.fixture
def jobs(table):
    """Twelve jobs of two owners and processes; the first two have run."""
    made = [
        accept(table, "bob" if number % 3 == 2 else "ann", process="degradation" if number % 2 else "classify")
        for number in range(12)
    ]
    first, second = table.lease("w", 60), table.lease("w", 60)
    table.succeed(first.id, 1, "r")
    table.fail(second.id, 1, {"type": "/problems/x"})
    return [table.get(job.id, None) for job in made]


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 11, 12, 13, MOST_LISTED])
@pytest.mark.parametrize("owner", [None, "ann", "bob", "nobody"])
def test_pages_hold_every_job_once_newest_first(table, jobs, owner, limit):
    wanted = [job.id for job in reversed(jobs) if owner in {None, job.new.owner}]
    assert walk(table, owner, limit) == wanted


@pytest.mark.parametrize("states", [(), (State.SUCCESSFUL,), (State.ACCEPTED, State.FAILED), (State.DISMISSED,)])
@pytest.mark.parametrize("processes", [(), ("classify",), ("classify", "degradation"), ("' OR 1=1 --",)])
def test_filters_go_together(table, jobs, states, processes):
    wanted = [
        job.id
        for job in reversed(jobs)
        if job.new.owner == "ann"
        and job.state in (states or State)
        and job.new.process in (processes or {"classify", "degradation"})
    ]
    assert walk(table, "ann", 2, states=states, processes=processes) == wanted


def test_a_page_stays_where_it_was_while_jobs_come_and_go(table, jobs):
    first = table.page(None, limit=4)
    accept(table)
    table.dismiss(first.jobs[-1].id, None)  # the place that the token stands for
    rest = table.page(None, limit=100, after=first.after)
    assert [job.id for job in rest.jobs] == [job.id for job in reversed(jobs[:8])]


def test_unlisted_and_gone_jobs_are_left_out(table):
    hidden, gone = accept(table, listed=False), accept(table)
    table.dismiss(gone.id, None)
    assert walk(table, "ann", 10) == []
    assert table.get(hidden.id, "ann") == hidden


@pytest.mark.parametrize("limit", [0, -1, 10**9])
def test_a_limit_is_brought_into_its_bounds(table, jobs, limit):
    assert len(table.page(None, limit=limit).jobs) == (1 if limit < 1 else len(jobs))


@pytest.mark.usefixtures("jobs")
def test_a_token_is_good_for_its_own_list_only(table):
    token = table.page("ann", limit=2).after
    table.page("ann", limit=5, after=token)
    for owner, filters in (("bob", {}), (None, {}), ("ann", {"states": [State.FAILED]}), ("ann", {"processes": ["x"]})):
        with pytest.raises(PageInvalid):
            table.page(owner, limit=2, after=token, **filters)


@pytest.mark.usefixtures("jobs")
def test_the_order_and_number_of_filters_do_not_matter(table):
    token = table.page(None, limit=1, states=[State.ACCEPTED, State.FAILED]).after
    assert table.page(None, limit=1, states=[State.FAILED, State.ACCEPTED, State.FAILED], after=token).jobs


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    "forged", ["", "1", "0" * 32, "A" * 31, "A" * 33, "\0", "\ud800", "ключ", "=" * 32, "A" * 10_000, "a b", "AAA="]
)
def test_what_is_no_token_is_refused(table, forged):
    with pytest.raises(PageInvalid):
        table.page(None, limit=2, after=forged)


@pytest.mark.usefixtures("jobs")
def test_a_token_with_any_bit_changed_is_refused(table):
    raw = bytearray(base64.urlsafe_b64decode(table.page(None, limit=2).after))
    for bit in range(len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PageInvalid):
            table.page(None, limit=2, after=base64.urlsafe_b64encode(raw).decode())
        raw[bit // 8] ^= 1 << bit % 8


def test_jobs_are_counted_by_state(table, jobs):
    table.dismiss(jobs[5].id, None)
    assert table.counts() == {
        State.ACCEPTED: 9,
        State.RUNNING: 0,
        State.SUCCESSFUL: 1,
        State.FAILED: 1,
        State.DISMISSED: 0,
    }


def test_what_an_owner_has_open_is_counted_in_jobs_and_pixels(table):
    for pixels in (5, 10**12, 7, 11):
        accept(table, pixels=pixels)
    accept(table, "bob", pixels=100)
    first, bobs = table.lease("w", 60), table.lease("w", 60)
    table.dismiss(first.id, None)
    table.succeed(bobs.id, 1, "r")
    table.lease("w", 60)
    assert table.waiting("ann") == (3, 10**12 + 7 + 11)
    assert table.waiting("bob") == table.waiting("nobody") == (0, 0)


def test_jobs_of_a_time(table, clock):
    """Both ends count."""
    made = []
    for _ in range(4):
        made.append(accept(table))
        clock.pass_by(10)

    def found(**ends):
        return [job.id for job in table.page("ann", limit=10, span=Span(**ends)).jobs]

    ids, times = [job.id for job in reversed(made)], [job.created for job in reversed(made)]
    assert found() == ids
    assert found(since=times[1]) == ids[:2]
    assert found(until=times[2]) == ids[2:]
    assert found(since=times[2], until=times[1]) == ids[1:3]
    assert found(since=times[0], until=times[3]) == []


def test_jobs_by_how_long_they_ran(table, clock):
    """A job that runs has done so until now; one that waits, or was handed back, is in no such list."""
    accept(table)
    short = table.lease("w", 600)
    clock.pass_by(5)
    table.succeed(short.id, short.fence, "r")
    accept(table)
    back = table.lease("w", 600)
    table.give_back(back.id, back.fence)
    going = table.lease("w", 600)
    clock.pass_by(60)
    waiting = accept(table)

    def found(**ends):
        return {job.id for job in table.page("ann", limit=10, span=Span(**ends)).jobs}

    assert going.id == back.id
    assert found(shortest_s=0) == {short.id, going.id}
    assert found(shortest_s=5, longest_s=5) == {short.id}
    assert found(shortest_s=6) == {going.id}
    assert found(longest_s=59) == {short.id}
    table.give_back(going.id, going.fence)
    assert found(shortest_s=0) == {short.id}
    assert found() == {short.id, going.id, waiting.id}


def test_a_page_of_a_time_leads_to_the_next_of_that_time_only(table):
    for _ in range(3):
        accept(table)
    span = Span(until=table.page("ann", limit=1).jobs[0].created)
    after = table.page("ann", limit=1, span=span).after
    assert len(table.page("ann", limit=5, after=after, span=span).jobs) == 2
    for other in (Span(), Span(shortest_s=1)):
        with pytest.raises(PageInvalid):
            table.page("ann", limit=5, after=after, span=other)
