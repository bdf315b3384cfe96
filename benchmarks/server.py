"""`steppe serve` as a process of its own, for benchmarks that ask it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

ROOT: Final = Path(__file__).resolve().parent.parent
STEPPE: Final = ("serving",)

_ADDRESS: Final = re.compile(r"listening on (http://\S+)")


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is ready.

    Attributes:
        url: its address.
        pid: the server's process; workers and readers are below it.
    """

    url: str
    pid: int


@contextmanager
def steppe(state: Path, *, module: Sequence[str] = STEPPE, **settings: str) -> Generator[Running]:
    """A service on a free port of this machine, until the end of the context.

    Args:
        state: its state folder.
        module: what Python runs, and its own arguments.
        **settings: ``STEPPE_...``; those of this process hold, too.

    Raises:
        RuntimeError: when it ends or is not ready in time; its log has been printed then.
    """
    environment = {**os.environ, "STEPPE_STATE": str(state), **settings}
    words = [sys.executable, "-m", *module, "serve", "--port", "0"]
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as server:
        log = cast("IO[bytes]", server.stderr)
        reading = threading.Thread(target=_drain, args=(log,), daemon=True)
        try:
            url = _address(log)
            reading.start()
            wait_for(f"{url}/readyz")
            yield Running(url, server.pid)
        finally:
            server.terminate()
            if reading.ident is not None:
                reading.join()


def wait_for(url: str, seconds: float = 60) -> None:
    """Wait until an address answers 200.

    Raises:
        RuntimeError: when it does not in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}")


def _address(log: IO[bytes]) -> str:
    said = []
    for line in map(bytes.decode, log):
        if found := _ADDRESS.search(line):
            return found[1]
        said.append(line)
    raise RuntimeError(f"the service did not start: {''.join(said)}")


def _drain(log: IO[bytes]) -> None:
    for _ in log:
        pass
