"""System calls that a process that only decodes has no use for fail; threads and files are as before."""

from __future__ import annotations

import errno
import platform

import pytest

from serving.sandbox import seccomp
from tests.serving.sandbox.inside import run_inside

pytestmark = pytest.mark.skipif(platform.machine() not in seccomp._MACHINES, reason="no numbers for this processor")


def test_sockets_processes_and_changes_to_files_are_refused(tmp_path, loopback):
    path = tmp_path / "file"
    path.touch()
    mode = path.stat().st_mode
    found = run_inside(
        """
        import resource
        from concurrent.futures import ThreadPoolExecutor
        from serving.sandbox import seccomp

        path, port, mine = Path(sys.argv[1]), int(sys.argv[2]), socket.socketpair()
        assert seccomp.restrict()
        refused = {
            "tcp": lambda: socket.create_connection(("127.0.0.1", port), 2),
            "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "local": lambda: socket.socket(socket.AF_UNIX),
            "pair": socket.socketpair,
            "fork": os.fork,
            "program": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
            "spawn": lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
            "signal": lambda: os.kill(os.getppid(), 0),
            "mode": lambda: path.chmod(0o777),
            "owner": lambda: os.chown(path, os.getuid(), os.getgid()),
            "time": lambda: os.utime(path, (0, 0)),
            "attribute": lambda: os.setxattr(path, "user.a", b""),
            "limits of others": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
        }
        with ThreadPoolExecutor(2) as pool:
            threads = list(pool.map(lambda number: number + 1, range(4)))
        mine[0].sendall(b"as before")
        print(json.dumps({
            "refused": {name: tried(what) for name, what in refused.items()},
            "threads": threads,
            "channel": mine[1].recv(100).decode(),
            "own limits": resource.getrlimit(resource.RLIMIT_CORE)[0] >= -1,
            "reads": tried(path.read_bytes),
        }))
        """,
        path,
        loopback,
    )
    assert set(found["refused"].values()) == {"PermissionError"}, found["refused"]
    assert found["threads"] == [1, 2, 3, 4]
    assert (found["channel"], found["own limits"], found["reads"]) == ("as before", True, "done")
    assert path.stat().st_mode == mode


def test_numbers_of_another_processor_are_not_guessed(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert seccomp.restrict() is False


@pytest.mark.parametrize("name", seccomp._MACHINES)
def test_every_way_through_the_filter_ends_in_an_answer(name):
    """A small interpreter of the filter, over all numbers that calls have."""
    machine = seccomp._MACHINES[name]
    steps = seccomp._program(machine)

    def answer(number, first=0, audit=machine.audit):
        words, accumulator, at = {0: number, 4: audit, 16: first}, 0, 0
        while True:
            code, when_true, when_false, operand = steps[at]
            if code == seccomp._ANSWER:
                return operand
            if code == seccomp._LOAD:
                accumulator = words[operand]
                at += 1
                continue
            test = {
                seccomp._EQUAL: accumulator == operand,
                seccomp._AT_LEAST: accumulator >= operand,
                seccomp._ANY_BIT: bool(accumulator & operand),
            }
            at += 1 + (when_true if test[code] else when_false)

    refused = seccomp._ERROR | errno.EPERM
    for number in range(600):
        expected = seccomp._ALLOW
        if number in {*machine.refused, *seccomp._EVERYWHERE, machine.clone}:
            expected = refused
        if number == seccomp._CLONE3:
            expected = seccomp._ERROR | errno.ENOSYS
        assert answer(number) == expected, number
    assert answer(machine.clone, seccomp._CLONE_THREAD) == seccomp._ALLOW
    assert answer(machine.prlimit, 1) == refused
    assert answer(0x40000000 + 2) == refused
    assert answer(0, audit=0) == seccomp._KILL
