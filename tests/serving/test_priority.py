"""Threads that give way."""

import os
import sys
import threading

import pytest

from serving.priority import BEHIND, behind


@pytest.mark.skipif(sys.platform != "linux", reason="niceness belongs to threads on Linux only")
def test_what_is_made_behind_starts_its_threads_there():
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def make():
        found = []
        thread = threading.Thread(target=lambda: found.append(niceness()))
        thread.start()
        thread.join()
        return niceness(), found[0]

    before = niceness()
    assert behind(make) == (max(before, BEHIND), max(before, BEHIND))
    assert niceness() == before


def test_what_goes_wrong_behind_is_said_in_front():
    with pytest.raises(ZeroDivisionError):
        behind(lambda: 1 / 0)
