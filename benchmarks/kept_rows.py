"""What ``--resume`` costs: writing the rows of a Sentinel-2 tile to a work folder, and reading them again.

No model runs: the rows are random, and as high as those of windows of 640 that share 64 pixels. Compare with the
megapixels per second of a whole run (``steppe bench``).

    python -m benchmarks.kept_rows --classes 7 --folder .
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np

from landcover.seams import SeamScore
from serving.predict import MapRows
from serving.rowstore import Job, RowStore

SIDE = 10980
ROWS = 576


def main() -> None:
    """Keep the rows of a tile, read them again, and print megapixels per second of both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=0, help="bands of probabilities beside codes and confidence")
    parser.add_argument("--folder", type=Path, default=Path(), help="on the disk that is to be measured")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    samples = random.integers(0, 100, (2 + options.classes, ROWS, SIDE), dtype=np.uint8)

    def predict(first_row: int) -> Generator[MapRows]:
        for row in range(first_row, SIDE, ROWS):
            codes_HW, part = samples[0, : SIDE - row], samples[:, : SIDE - row]
            more = {"probabilities": part[2:]} if options.classes else {}
            yield MapRows(row, codes_HW, {"confidence": part[1:2]} | more, SeamScore())

    job = Job({"rows": "random"}, SIDE * SIDE * len(samples))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for what in ("kept", "read again"):
            with RowStore(Path(folder) / "work") as store:
                start = time.perf_counter()
                for _ in store.rows(lambda: job, predict):
                    pass
                print(f"{what}: {SIDE * SIDE / 1e6 / (time.perf_counter() - start):.0f} megapixels per second")


if __name__ == "__main__":
    main()
