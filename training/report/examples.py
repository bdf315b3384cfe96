"""The windows where a map went worst, one per site, kept while scenes pass.

Axes: B band, C colour (red, green, blue), H row, W column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import BandMapping
from landcover.grid import Window
from landcover.legends import CLASS_NODATA
from training.scenes import Scene, SourceFacts

COLOURS: Final = ("red", "green", "blue")

MIN_RANGE: Final = 0.06
"""Smallest range of reflectance that a picture is stretched to: less would turn the noise of water into colours."""

GAMMA: Final = 0.75
"""Lifts the dark half: most land reflects little of visible light."""

_LABELLED: Final = 0.5
"""Share of a window that needs a label."""


@dataclass(frozen=True, slots=True)
class Example:
    """One window of one scene.

    Attributes:
        site: place.
        scene: scene name.
        window: rows and columns in the scene.
        error_share: share of the labelled pixels that the map has wrong.
        pictures_DHWC: uint8 true colour of every date.
        truth_HW: uint8 class indices of the labels, 255 where there is none.
        predicted_HW: uint8 class indices of the map.
        fold: number of the fold that held the scene out, in a cross-validation.
    """

    site: str
    scene: str
    window: Window
    error_share: float
    pictures_DHWC: NDArray[np.uint8]
    truth_HW: NDArray[np.uint8]
    predicted_HW: NDArray[np.uint8]
    fold: int | None = None


@dataclass(slots=True)
class ExampleBook:
    """Keeps the worst window of each of the sites that went worst.

    Attributes:
        facts: bands and product, for pictures.
        count: sites kept.
        side: rows and columns of a window; smaller scenes give smaller windows.
    """

    facts: SourceFacts
    count: int = 8
    side: int = 256
    _by_site: dict[str, Example] = field(default_factory=dict)

    @property
    def examples(self) -> tuple[Example, ...]:
        """What was kept, worst first."""
        return tuple(sorted(self._by_site.values(), key=lambda example: -example.error_share))

    def offer(self, scene: Scene, truth_HW: NDArray[np.uint8], predicted_HW: NDArray[np.uint8]) -> None:
        """Look for a worse window in a scene; its image is read only where there is one.

        Args:
            scene: the scene.
            truth_HW: class indices of the whole scene, 255 where there is no label.
            predicted_HW: class indices of the map.
        """
        found = worst_window(truth_HW, predicted_HW, self.side)
        if found is None or not self._is_worse(scene.info.site, found[1]):
            return
        window, share = found
        cut = window.rows, window.cols
        pictures_DHWC = true_colour(scene.read(window)["image"].numpy(), self.facts)
        labels = truth_HW[cut].copy(), predicted_HW[cut].copy()
        self._keep(Example(scene.info.site, scene.info.name, window, share, pictures_DHWC, *labels))

    def add(self, examples: tuple[Example, ...], *, fold: int) -> None:
        """Take over what another book kept.

        Args:
            examples: its examples.
            fold: fold that they are from.
        """
        for example in examples:
            if self._is_worse(example.site, example.error_share):
                self._keep(replace(example, fold=fold))

    def _is_worse(self, site: str, share: float) -> bool:
        if site in self._by_site:
            return share > self._by_site[site].error_share
        return len(self._by_site) < self.count or share > self.examples[-1].error_share

    def _keep(self, example: Example) -> None:
        self._by_site[example.site] = example
        if len(self._by_site) > self.count:
            del self._by_site[self.examples[-1].site]


def worst_window(
    truth_HW: NDArray[np.uint8], predicted_HW: NDArray[np.uint8], side: int
) -> tuple[Window, float] | None:
    """The window with the largest share of wrong pixels, of a grid over the scene.

    Args:
        truth_HW: class indices, 255 where there is no label.
        predicted_HW: class indices.
        side: rows and columns of a window.

    Returns:
        Window and share of its labelled pixels that are wrong; None where no window has labels on half of its area,
        or nothing is wrong.
    """
    best: tuple[Window, float] | None = None
    for window in _grid(truth_HW.shape[0], truth_HW.shape[1], side):
        truth = truth_HW[window.rows, window.cols]
        labelled = truth != CLASS_NODATA
        pixels = np.count_nonzero(labelled)
        if pixels < _LABELLED * truth.size:
            continue
        wrong = np.count_nonzero(labelled & (truth != predicted_HW[window.rows, window.cols]))
        if wrong and (best is None or wrong / pixels > best[1]):
            best = window, wrong / pixels
    return best


def true_colour(image_BHW: NDArray[Any], facts: SourceFacts) -> NDArray[np.uint8]:
    """Pictures of every date, stretched alike.

    Each colour starts at its own second percentile, which takes haze away, and all span the same range, so that hues
    stay. The range is that of the colour that varies most, and not below a small one.

    Args:
        image_BHW: digital numbers, bands of the older date first.
        facts: bands, product and dates.

    Returns:
        uint8 (date, row, col, colour); black where the image has no data.
    """
    image_DBHW = image_BHW.reshape(facts.dates, len(facts.bands), *image_BHW.shape[1:])
    chosen_DCHW = image_DBHW[:, list(colour_bands(facts))].astype(np.float32)
    valid_DHW = (image_DBHW != 0).any(axis=1)
    if not valid_DHW.any():
        return np.zeros((*chosen_DCHW.shape[:1], *chosen_DCHW.shape[2:], len(COLOURS)), np.uint8)
    low_C, high_C = np.percentile(np.moveaxis(chosen_DCHW, 1, -1)[valid_DHW], (2, 98), axis=0)
    span = max(float((high_C - low_C).max()), MIN_RANGE / facts.product.radiometry.scale)
    stretched_DHWC = (np.moveaxis(chosen_DCHW, 1, -1) - low_C) / span
    shown_DHWC: NDArray[np.uint8] = (255 * stretched_DHWC.clip(0, 1) ** GAMMA).round().astype(np.uint8)
    shown_DHWC[~valid_DHW] = 0
    return shown_DHWC


def colour_bands(facts: SourceFacts) -> tuple[int, int, int]:
    """Places of red, green and blue among the bands of one date; the first three bands where they are not all there.

    Args:
        facts: bands and product.
    """
    names = [_colour(facts, band) for band in facts.bands]
    if all(colour in names for colour in COLOURS):
        return names.index("red"), names.index("green"), names.index("blue")
    last = len(facts.bands) - 1
    return 0, min(1, last), min(2, last)


def _colour(facts: SourceFacts, band: str) -> str:
    try:
        return facts.product.band(band).common_name
    except BandMapping:
        return band.lower()


def _grid(height: int, width: int, side: int) -> Iterator[Window]:
    rows, cols = min(side, height), min(side, width)
    for row in (*range(0, height - rows, rows), height - rows):
        for col in (*range(0, width - cols, cols), width - cols):
            yield Window(row, col, rows, cols)
