"""Natural breaks: the classes of a histogram with the least variance within, exactly.

Fisher 1958, "On grouping for maximum homogeneity", doi:10.1080/01621459.1958.10501479, by dynamic programming; known
from maps as Jenks breaks. Of equally good classes those with the lower breaks are taken, so that the answer never
depends on chance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from landcover.errors import ConfigError

type Floats = npt.NDArray[np.float64]


def natural_breaks(values: Floats, counts: npt.NDArray[np.int64], classes: int) -> tuple[float, ...]:
    """The largest value of each class but the last.

    Args:
        values: rising and distinct, shape (values,); such as centres of a histogram's bins.
        counts: how often each occurs, at least once, the same shape.
        classes: how many classes.

    Returns:
        ``classes - 1`` values, rising; a value belongs to the first class whose break it does not exceed.

    Raises:
        ConfigError: when there are fewer values than classes.
    """
    if not 1 <= classes <= len(values):
        raise ConfigError(f"{len(values)} different values cannot make {classes} classes; ask for fewer")
    cost = _costs(values - values.mean(), counts.astype(np.float64))
    best, starts = cost[0], []
    for _ in range(1, classes):
        # Classes up to value i - 1, and one more from i to j; position i = 0 would leave them empty.
        total = np.full_like(cost, np.inf)
        total[1:] = best[:-1, None] + cost[1:]
        starts.append(total.argmin(axis=0))
        best = total.min(axis=0)
    last, found = len(values) - 1, []
    for start in reversed(starts):
        last = int(start[last]) - 1
        found.append(float(values[last]))
    return tuple(reversed(found))


def _costs(values: Floats, counts: Floats) -> Floats:
    """Sum of squared distances to the mean of values i to j, shape (i, j); infinite where i > j."""
    zero = np.zeros(1)
    weight = np.concatenate([zero, np.cumsum(counts)])
    first = np.concatenate([zero, np.cumsum(counts * values)])
    second = np.concatenate([zero, np.cumsum(counts * values**2)])
    start, stop = weight[:-1, None], weight[None, 1:]
    upper = np.triu(np.ones((len(values), len(values)), np.bool_))
    size = np.where(upper, stop - start, 1.0)
    spread = (second[None, 1:] - second[:-1, None]) - (first[None, 1:] - first[:-1, None]) ** 2 / size
    return np.where(upper, np.maximum(spread, 0.0), np.inf)
