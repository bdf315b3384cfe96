"""What holds for the tests of all rooms."""

from importlib.util import find_spec

import pytest


def pytest_runtest_setup(item):
    """Skip tests that need a package which is not installed here."""
    for mark in item.iter_markers("needs"):
        for package in mark.args:
            if find_spec(package) is None:
                pytest.skip(f"{package} is an extra")
