"""A job table on both databases, with a clock that only the test moves."""

import pytest

from serving.jobs.table import JobTable
from tests.serving.jobs.fakes import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def table(database, clock):
    return JobTable(database, clock=clock)
