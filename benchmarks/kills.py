"""Kill workers and the server of a real service while clients ask for maps, and look at what is left.

    python -m benchmarks.kills --worker-kills 100 --server-kills 20 --seconds 120

Prints what was counted as JSON; the exit code is 1 when a job was lost, has two results, or is not what was published.
Needs the tests' package, so it runs in a clone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tests.faults.kills import rampage


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker-kills", type=int, default=100)
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = rampage(
            Path(folder),
            worker_kills=chosen.worker_kills,
            server_kills=chosen.server_kills,
            seconds=chosen.seconds,
            clients=chosen.clients,
            seed=chosen.seed,
        )
    print(json.dumps(found, indent=2))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
