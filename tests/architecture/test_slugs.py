"""The names of errors, of all rooms together: each is an address that explains one kind of problem."""

from collections import Counter
from importlib import import_module
from pkgutil import walk_packages

import pytest

import indicators
import landcover
import models
import serving
import training
from landcover.errors import SteppeError

ROOMS = (landcover, indicators, models, training, serving)


def all_errors():
    """Every error of every room."""
    for room in ROOMS:
        for module in walk_packages(room.__path__, f"{room.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    waiting, found = [SteppeError], []
    while waiting:
        error = waiting.pop()
        found += [error] if error.__module__.partition(".")[0] != "tests" else []
        waiting += error.__subclasses__()
    return found


@pytest.mark.train
def test_a_slug_belongs_to_one_error():
    slugs = Counter(error.slug for error in all_errors() if "slug" in vars(error))
    assert len(slugs) > 100
    assert [slug for slug, count in slugs.items() if count > 1] == []
