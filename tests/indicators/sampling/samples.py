"""Samples for tests: the published examples, and random ones."""

import numpy as np

from indicators.sampling.strata import Strata, Stratum
from tests.landcover.vectors import vector

EXAMPLES = vector("olofsson_area")["examples"]
OLOFSSON = EXAMPLES[:2]
STEHMAN = EXAMPLES[2]
SIZE = vector("olofsson_area")["sample_size"]


def strata_of(areas, pixels=None, first=1):
    pixels = [round(area * 100) for area in areas] if pixels is None else pixels
    return Strata(
        tuple(
            Stratum(code=code, title=f"class {code}", pixels=int(count), area_km2=float(area))
            for code, (area, count) in enumerate(zip(areas, pixels, strict=True), start=first)
        )
    )


def titles_of(strata):
    return {stratum.code: stratum.title for stratum in strata.each}


def random_counts(seed, size=4, points=60):
    """Counts of a map that is mostly right."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, 6, (size, size)) + np.diag(generator.integers(points // 2, points, size))
    return counts.astype(np.int64)
