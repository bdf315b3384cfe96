"""`steppe` with a leak, the negative control of ``benchmarks.soak``: memory that is touched and never given back.

python -m benchmarks.soak_leak MB_PER_SECOND serve ...
"""

from __future__ import annotations

import sys
import threading
import time

EVERY_S = 0.5


def leak(rate: float, kept: list[bytearray]) -> None:
    """Keep so many more megabytes every second."""
    while True:
        kept.append(bytearray(b"x" * int(rate * EVERY_S * 1024**2)))
        time.sleep(EVERY_S)


def main() -> int:
    """Leak beside the command line of this process."""
    rate = float(sys.argv.pop(1))
    threading.Thread(target=leak, args=(rate, []), daemon=True).start()
    from serving.start import main as steppe  # noqa: PLC0415 - a leak comes with the process

    return steppe()


if __name__ == "__main__":
    raise SystemExit(main())
