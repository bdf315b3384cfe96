"""When a sample says less than its numbers look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indicators.caveats import Caveat
from indicators.sampling.accuracy import ClassAccuracy
from indicators.sampling.strata import FEW, LEAST, Counts, SampleDesignInvalid, Strata
from landcover.errors import DataError


class TooFewSamples(DataError):
    """A stratum has fewer than two points, so that no variance can be estimated."""

    slug = "too-few-samples"


def check_points(strata: Strata, points: Counts) -> None:
    """Refuse strata without a variance, and those with more points than pixels.

    Args:
        strata: the strata.
        points: n_i, shape (strata,).

    Raises:
        TooFewSamples: naming the former.
        SampleDesignInvalid: naming the latter.
    """
    few = [
        f"{stratum.code} ({stratum.title}): {count}"
        for stratum, count in zip(strata.each, points.tolist(), strict=True)
        if count < LEAST
    ]
    if few:
        raise TooFewSamples(
            f"too few interpreted points in stratum {', '.join(few)}; expected at least {LEAST} in each, better "
            f"{FEW}: interpret more, or draw a new sample with that stratum merged into another one"
        )
    if (points > strata.pixels).any():
        stratum = strata.each[int(np.argmax(points > strata.pixels))]
        raise SampleDesignInvalid(
            f"stratum {stratum.code} ({stratum.title}) has more points than its {stratum.pixels} pixels; each pixel is "
            "drawn once: give the design that the points were drawn by"
        )


def cautions(strata: Strata, points: Counts, classes: Sequence[ClassAccuracy]) -> tuple[Caveat, ...]:
    """What to know of an estimate.

    Args:
        strata: the strata.
        points: n_i, shape (strata,).
        classes: what was estimated.
    """
    few = [str(code) for code, count in zip(strata.codes, points.tolist(), strict=True) if count < FEW]
    unseen = [one.title for one in classes if not one.reference_points]
    unmapped = [one.title for one in classes if not one.map_points]
    without = [one.title for one in classes if one.reference_points and one.area_km2.low is None]
    perfect = [one.title for one in classes if one.producers and one.producers.low is None and one.map_points]
    said = {
        "sample-few-points": few
        and f"Strata with fewer than {FEW} points (codes {', '.join(few)}): their intervals are only roughly right.",
        "class-not-in-reference": unseen
        and f"No point is {' or '.join(unseen)} by the reference: the estimated area is 0, which has no interval; the "
        "class may still be there.",
        "class-not-in-map": unmapped
        and f"No point is {' or '.join(unmapped)} in the map: all of its estimated area was found as errors of others.",
        "area-without-interval": without
        and f"The sample holds no errors of {' or '.join(without)}: its estimated area has no interval.",
        "producers-without-interval": perfect
        and f"The sample holds no omission of {' or '.join(perfect)}, or nothing else: its producer's accuracy has no "
        "interval.",
    }
    return tuple(Caveat(slug, text) for slug, text in said.items() if text)
