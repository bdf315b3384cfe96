"""When garbage is not looked for."""

import gc

import pytest

from serving.garbage import leave_to_the_system, uncollected


@pytest.mark.parametrize("enabled", [True, False])
def test_collecting_is_as_before_afterwards(enabled):
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(KeyError), uncollected():
            raise KeyError(gc.isenabled())
        assert gc.isenabled() is enabled
        with uncollected():
            assert not gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()


def test_what_is_left_at_the_end_is_not_looked_through():
    try:
        leave_to_the_system()
        assert gc.get_freeze_count() > 0
        assert gc.collect() < gc.get_freeze_count()
    finally:
        gc.unfreeze()
