"""Memory, processor time and files have an end, and so has a process whose parent ended."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.serving.sandbox.inside import run_inside


def test_memory_and_files_are_limited(tmp_path):
    found = run_inside(
        """
        import resource
        from serving.sandbox.limits import OPEN_FILES, Limits, apply_limits

        folder = Path(sys.argv[1])
        apply_limits(Limits(memory_bytes=300 * 2**20, cpu_s=50))
        files = []
        print(json.dumps({
            "small": tried(lambda: bytearray(2**20)),
            "large": tried(lambda: bytearray(300 * 2**20)),
            "write": tried(lambda: (folder / "file").write_bytes(b"content")),
            "many": tried(lambda: [files.append(open(os.devnull)) for _ in range(OPEN_FILES)]),
            "cpu": resource.getrlimit(resource.RLIMIT_CPU),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "raise again": tried(lambda: apply_limits(Limits(memory_bytes=600 * 2**20, cpu_s=99))),
            "memory": resource.getrlimit(resource.RLIMIT_AS),
        }))
        """,
        tmp_path,
    )
    assert (found["small"], found["large"], found["write"], found["many"]) == (
        "done",
        "MemoryError",
        "OSError",
        "OSError",
    )
    assert (found["cpu"], found["core"]) == ([50, 55], [0, 0])
    assert found["raise again"] == "done"
    assert found["memory"] == [300 * 2**20] * 2, "a lower limit stays"


def test_processor_time_ends_a_process_with_a_signal_of_its_own():
    code = """
        from serving.sandbox.limits import Limits, apply_limits
        apply_limits(Limits(memory_bytes=2**30, cpu_s=1))
        while True:
            pass
    """
    assert run_inside(code, expected=-signal.SIGXCPU) is None


def test_a_process_ends_with_its_parent():
    """However busy it is: its parent is killed while it sleeps in C."""
    found = run_inside("""
        import subprocess

        code = '''
        import os, sys, time
        from serving.sandbox.limits import end_with
        end_with(int(sys.argv[1]))
        print(os.getpid(), flush=True)
        time.sleep(60)
        '''
        child = subprocess.Popen(
            [sys.executable, "-c", "\\n".join(line.strip() for line in code.splitlines()), str(os.getpid())],
            stdout=subprocess.PIPE,
        )
        print(int(child.stdout.readline()), flush=True)
        os._exit(0)
    """)
    deadline = time.monotonic() + 10
    while _runs(found) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(found)


def test_a_process_whose_parent_has_ended_already_ends():
    run_inside(
        """
        from serving.sandbox.limits import end_with
        end_with(int(sys.argv[1]))
        """,
        os.getpid() + 1,
        expected=1,
    )


def _runs(process):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
