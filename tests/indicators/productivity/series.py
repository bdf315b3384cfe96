"""Annual NDVI of tests."""

import numpy as np


def noisy(years, rows=5, cols=7, seed=0, missing=0.0):
    """(year, row, col) int16: trends, noise and ties, some years missing."""
    rng = np.random.default_rng(seed)
    slope = rng.integers(-60, 61, (rows, cols))
    step = rng.choice([1, 50, 400], (rows, cols))
    values = 3000 + slope * np.arange(years)[:, None, None] + rng.normal(0, 150, (years, rows, cols))
    values = (np.round(values / step) * step).astype(np.int16)
    values[rng.random(values.shape) < missing] = -32768
    return values


def pixels(stack):
    """The years of each pixel that are there, with their positions."""
    for row, col in np.ndindex(stack.shape[1:]):
        series = stack[:, row, col]
        there = np.flatnonzero(series != -32768)
        yield (row, col), there, series[there]
