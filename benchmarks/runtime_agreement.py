"""Share of pixels whose class differs between the runtimes and precisions of one model, over real images.

python -m benchmarks.runtime_agreement FOLDER_OF_IMAGES
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import working_engines
from landcover.legends import CLASS_NODATA
from serving.classify import plan_windows
from serving.engine import Engine
from serving.predict import predict_rows
from serving.registry import open_registry
from serving.request import Inputs
from serving.settings import Settings
from serving.sources import open_input


def main() -> None:
    """Map every image with every engine and print the pairs as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--model", default=Settings().model)
    options = parser.parse_args()
    settings = Settings()
    bundle = open_registry(settings).get(options.model)
    engines = {f"{provider} {precision}": engine for (provider, precision), engine in working_engines(bundle).items()}
    different: Counter[tuple[str, str]] = Counter()
    pixels = 0
    for path in sorted(options.images.glob("*.tif")):
        maps = {name: codes_of(path, engine, settings) for name, engine in engines.items()}
        valid = next(iter(maps.values())) != CLASS_NODATA
        pixels += np.count_nonzero(valid)
        for one, other in combinations(maps, 2):
            different[one, other] += np.count_nonzero((maps[one] != maps[other])[valid])
    print(f"| one | other | pixels with another class, of {pixels:,} |\n| --- | --- | --- |")
    for (one, other), count in different.items():
        print(f"| {one} | {other} | {100 * count / pixels:.3f} % |")


def codes_of(path: Path, engine: Engine, settings: Settings) -> NDArray[np.uint8]:
    """The map of an image, as `steppe classify` makes it."""
    with open_input(Inputs(source=path), engine.bundle.manifest) as scene:
        plan, batch_size = plan_windows(scene, engine, settings)
        return np.concatenate([rows.codes_HW for rows in predict_rows(scene, engine, plan, batch_size=batch_size)])


if __name__ == "__main__":
    main()
