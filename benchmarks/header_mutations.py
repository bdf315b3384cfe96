"""How the header check takes files whose headers are damaged: which errors, and how much processor time it needs.

Every file is a real one with one to four changes where the check looks. Anything but an error of the domain ends the
run with the file that did it; the slowest and the usual time are printed as JSON.

    python -m benchmarks.header_mutations --number 60000
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from landcover.errors import DataError
from landcover.raster.header import check_header
from tests.corpus.mutations import mutations


def outcome(path: Path) -> str:
    """What the check says of a file."""
    try:
        check_header(path)
    except DataError as error:
        return error.slug
    return "accepted"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--number", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    outcomes: Counter[str] = Counter()
    processor, clock = [], []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        for name, content in mutations(Path(folder), chosen.number, seed=chosen.seed):
            path.write_bytes(content)
            start = time.thread_time(), time.perf_counter()
            try:
                outcomes[outcome(path)] += 1
            except Exception:
                Path("mutation-of-" + name).write_bytes(content)
                raise
            processor.append(time.thread_time() - start[0])
            clock.append(time.perf_counter() - start[1])
    told = {"files": len(clock), "outcomes": dict(outcomes.most_common())}
    print(json.dumps(told | {"processor_ms": quantiles(processor), "clock_ms": quantiles(clock)}, indent=2))


def quantiles(seconds: list[float]) -> dict[float, float]:
    """Milliseconds below which a share of the checks stayed."""
    ordered = sorted(seconds)
    return {share: round(1e3 * ordered[int(share * (len(ordered) - 1))], 3) for share in (0.5, 0.99, 0.999, 1.0)}


if __name__ == "__main__":
    main()
