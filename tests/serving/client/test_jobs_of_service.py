"""``steppe jobs --server``: the same words about the jobs of a service."""

import json

import pytest

from serving.cli import main
from serving.client import jobs as client_jobs
from tests.serving.test_jobs_command import NOBODY, accept

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def asked(open_service, capsys, environment):
    """Runs ``steppe jobs`` with the service: exit code, standard output and standard error."""
    environment.setenv("COLUMNS", "200")

    def run(*words):
        code = main(["jobs", *words, "--server", open_service.url])
        return code, *capsys.readouterr()

    return run


def test_listed_shown_and_cancelled(open_service, asked):
    jobs = [accept(open_service.store, owner="anonymous") for _ in range(3)]
    code, out, err = asked("list", "--state", "accepted", "--process", "classify")
    assert (code, err) == (0, "")
    assert all(job.id in out for job in jobs)
    assert "owner" not in out
    shown = asked("show", jobs[0].id)[1]
    assert f"job       {jobs[0].id}" in shown
    assert "accepted, 0 %" in shown
    assert asked("cancel", jobs[0].id) == (0, f"job {jobs[0].id} is dismissed\n", "")
    code, out, err = asked("cancel", jobs[0].id, NOBODY)
    assert (code, out) == (4, "")
    assert err.splitlines() == [
        f"steppe: job {jobs[0].id} was dismissed or removed before; nothing is left of it",
        f"steppe: there is no job '{NOBODY}'; steppe jobs list shows those that there are",
    ]
    assert asked("show", "../../readyz")[0] == 4


def test_a_failed_one(open_service, asked):
    job = accept(open_service.store, owner="anonymous")
    leased = open_service.store.lease("worker", 60)
    open_service.store.fail(job.id, leased.fence, {"type": "/problems/no-valid-data", "detail": "all is nodata"})
    assert "why       all is nodata" in asked("show", job.id)[1]
    assert json.loads(asked("show", job.id, "--json")[1])["problem"]["type"] == "/problems/no-valid-data"
    assert "had ended" in asked("cancel", job.id)[1]


def test_pages(open_service, asked, environment):
    environment.setattr(client_jobs, "_PAGE", 2)
    jobs = [accept(open_service.store, owner="anonymous") for _ in range(5)]
    listed = json.loads(asked("list", "--json")[1])
    assert [job["jobID"] for job in listed] == [job.id for job in reversed(jobs)]
    assert len(json.loads(asked("list", "--json", "--limit", "3")[1])) == 3
