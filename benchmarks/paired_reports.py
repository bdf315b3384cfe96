"""Difference of two evaluations of the same sites, with an interval from resampling the sites in pairs.

The intervals of two reports overlap widely even where nearly every site moves the same way: places differ more than
methods. The difference is therefore taken site by site.

    python -m benchmarks.paired_reports PLAIN/report.json OTHER/report.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 10_000
SEED: Final = 20260101


def main() -> None:
    """Print the difference of the overall accuracies, and how many sites gain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plain", type=Path)
    parser.add_argument("other", type=Path)
    options = parser.parse_args()
    plain, other = (json.loads(path.read_text())["by_site"] for path in (options.plain, options.other))
    if {site: row["pixels"] for site, row in plain.items()} != {site: row["pixels"] for site, row in other.items()}:
        parser.error("the reports are not of the same labelled pixels")
    pixels_S = np.array([row["pixels"] for row in plain.values()], np.float64)
    gain_S = np.array([other[site]["overall_accuracy"] - row["overall_accuracy"] for site, row in plain.items()])
    low, high = np.percentile(resampled(gain_S, pixels_S), [2.5, 97.5])
    print(
        f"overall accuracy {100 * np.average(gain_S, weights=pixels_S):+.2f} points (95 % {100 * low:+.2f} to "
        f"{100 * high:+.2f}); {np.count_nonzero(gain_S > 0)} of {len(gain_S)} sites gain, "
        f"{np.count_nonzero(gain_S < 0)} lose"
    )


def resampled(gain_S: NDArray[np.float64], pixels_S: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pooled gains of draws of sites with replacement."""
    draws_DS = np.random.default_rng(SEED).integers(0, len(gain_S), (DRAWS, len(gain_S)))
    weights_DS = pixels_S[draws_DS]
    return (gain_S[draws_DS] * weights_DS).sum(axis=1) / weights_DS.sum(axis=1)


if __name__ == "__main__":
    main()
