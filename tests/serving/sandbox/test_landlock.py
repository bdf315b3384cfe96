"""Nothing but reading of what was given is left."""

from __future__ import annotations

import pytest

from serving.sandbox import landlock
from tests.serving.sandbox.inside import run_inside

needs_landlock = pytest.mark.skipif(landlock.abi() < 4, reason="the kernel has no Landlock of ABI 4")

TRY = """
from serving.sandbox import landlock

folder, file, server = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
given, other = folder / "given", folder / "other"
abi = landlock.restrict([given, file, folder / "not there"])
print(json.dumps({
    "abi": abi,
    "read given": tried((given / "a").read_bytes),
    "read deeper": tried((given / "deep" / "b").read_bytes),
    "list given": tried(lambda: os.listdir(given)),
    "read file": tried(file.read_bytes),
    "read other": tried((other / "a").read_bytes),
    "through a link": tried((given / "link").read_bytes),
    "up and over": tried((given / ".." / "other" / "a").read_bytes),
    "list other": tried(lambda: os.listdir(other)),
    "list above": tried(lambda: os.listdir(folder)),
    "write given": tried(lambda: (given / "a").write_bytes(b"")),
    "create given": tried((given / "new").touch),
    "remove given": tried((given / "a").unlink),
    "rename given": tried(lambda: (given / "a").rename(given / "c")),
    "make a folder": tried((given / "d").mkdir),
    "run a program": tried(lambda: os.posix_spawn(sys.executable, [sys.executable], {})),
    "connect": tried(lambda: socket.create_connection(("127.0.0.1", server), 2)),
    "bind": tried(lambda: socket.create_server(("127.0.0.1", 0))),
    "in a thread": in_a_thread(lambda: tried((other / "a").read_bytes)),
}))
"""
THREAD = """
def in_a_thread(what):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(what()))
    thread.start()
    thread.join()
    return answers[0]
"""


@needs_landlock
def test_only_reading_of_what_was_given_is_left(tmp_path, loopback):
    given, other = tmp_path / "given", tmp_path / "other"
    (given / "deep").mkdir(parents=True)
    other.mkdir()
    for path in (given / "a", given / "deep" / "b", other / "a", other / "single"):
        path.write_bytes(b"content")
    (given / "link").symlink_to(other / "a")
    found = run_inside(THREAD + TRY, tmp_path, other / "single", loopback)
    assert found.pop("abi") == landlock.abi()
    allowed = {name for name, answer in found.items() if answer == "done"}
    assert allowed == {"read given", "read deeper", "list given", "read file"}
    assert {answer for name, answer in found.items() if name not in allowed} == {"PermissionError"}
    assert (given / "a").read_bytes() == b"content"


@needs_landlock
def test_it_refuses_to_leave_other_threads_out():
    found = run_inside("""
        from serving.sandbox import landlock

        wait = threading.Event()
        thread = threading.Thread(target=wait.wait)
        thread.start()
        answer = tried(lambda: landlock.restrict([]))
        wait.set()
        print(json.dumps(answer))
    """)
    assert found == "RuntimeError"


def test_without_landlock_nothing_is_restricted_and_that_is_said(monkeypatch):
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    assert landlock.restrict([]) == 0


def test_another_system_has_no_landlock(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert landlock.abi() == 0


@pytest.mark.parametrize(
    ("abi", "files", "tcp", "scopes"), [(1, 13, 0, 0), (3, 15, 0, 0), (4, 15, 2, 0), (7, 16, 2, 2)]
)
def test_no_more_is_asked_of_a_kernel_than_it_knows(abi, files, tcp, scopes):
    asked = [
        landlock._up_to(abi, rights)
        for rights in (landlock._FILES_OF_ABI, landlock._TCP_OF_ABI, landlock._SCOPES_OF_ABI)
    ]
    assert asked == [(1 << files) - 1, (1 << tcp) - 1, (1 << scopes) - 1]
