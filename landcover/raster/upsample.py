"""Bilinear upsampling by a whole factor, in whole numbers, so that blocks and the whole image agree bit for bit.

Pixel centres are aligned: fine pixel i lies at coarse position (i + 0.5) / ratio - 0.5. With n = (2 i + 1 - ratio) mod
(2 ratio) its two coarse neighbours have the weights (2 ratio - n) and n, out of 2 ratio. Integer samples are summed
exactly and rounded half up, so nothing depends on where a block starts. Beyond the image its edge pixels are repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from landcover.grid import Window
from landcover.raster.protocol import AnyArray, BoolArray

MAX_RATIO: Final = 100  # keeps the sum of a 16-bit sample times all weights within 32 bits


@dataclass(frozen=True, slots=True)
class _Span:
    """One axis: fine pixels start..stop-1 of a window, and the coarse pixels they depend on."""

    start: int
    stop: int
    ratio: int
    coarse_size: int

    @property
    def first(self) -> int:
        """First coarse index; -1 when the window touches the image's first edge."""
        return (2 * self.start + 1 - self.ratio) // (2 * self.ratio)

    @property
    def last(self) -> int:
        """Coarse index after the last one; one beyond the image at its last edge."""
        return (2 * self.stop - 1 - self.ratio) // (2 * self.ratio) + 2

    @property
    def loaded(self) -> tuple[int, int]:
        """First coarse index and number, cut to the image."""
        first = max(self.first, 0)
        return first, min(self.last, self.coarse_size) - first

    @property
    def pad(self) -> tuple[int, int]:
        """Coarse pixels to repeat before and after the loaded ones."""
        return max(-self.first, 0), max(self.last - self.coarse_size, 0)

    def taps(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each fine pixel: index of the lower neighbour among the padded ones, weight of the upper one."""
        position = 2 * np.arange(self.start, self.stop) + 1 - self.ratio
        return position // (2 * self.ratio) - self.first, position % (2 * self.ratio)

    def containing(self) -> npt.NDArray[np.int64]:
        """For each fine pixel: index, among the loaded ones, of the coarse pixel it lies in."""
        return np.arange(self.start, self.stop) // self.ratio - self.loaded[0]


def _spans(window: Window, ratio: tuple[int, int], shape: tuple[int, int]) -> tuple[_Span, _Span]:
    return (
        _Span(window.row, window.row_stop, ratio[0], shape[0]),
        _Span(window.col, window.col_stop, ratio[1], shape[1]),
    )


def coarse_window(window: Window, ratio: tuple[int, int], shape: tuple[int, int]) -> Window:
    """The coarse pixels that a fine window depends on.

    Args:
        window: on the fine grid.
        ratio: fine pixels per coarse pixel, down and across.
        shape: rows and columns of the coarse image.
    """
    (top, rows), (left, cols) = (span.loaded for span in _spans(window, ratio, shape))
    return Window(top, left, rows, cols)


def _blend_rows(image_RC: AnyArray, span: _Span) -> AnyArray:
    lower, weight = span.taps()
    upper_weight = weight.astype(image_RC.dtype)[:, None]
    blended_RC: AnyArray = image_RC[lower] * (image_RC.dtype.type(2 * span.ratio) - upper_weight)
    blended_RC += image_RC[lower + 1] * upper_weight
    return blended_RC


def _blend_cols(image_RC: AnyArray, span: _Span) -> AnyArray:
    """As ``_blend_rows``, phase by phase: within a phase, neighbours and results are regular slices."""
    lower, weight = span.taps()
    blended_RC = np.empty((image_RC.shape[0], lower.size), image_RC.dtype)
    number = image_RC.dtype.type
    for phase in range(min(span.ratio, lower.size)):
        result_RC = blended_RC[:, phase :: span.ratio]
        first, count = int(lower[phase]), result_RC.shape[1]
        np.multiply(image_RC[:, first : first + count], number(2 * span.ratio - weight[phase]), out=result_RC)
        result_RC += image_RC[:, first + 1 : first + 1 + count] * number(weight[phase])
    return blended_RC


def _weighted_sum(coarse_RC: AnyArray, spans: tuple[_Span, _Span], dtype: np.dtype[Any]) -> AnyArray:
    padded_RC = np.pad(coarse_RC, (spans[0].pad, spans[1].pad), mode="edge").astype(dtype)
    return _blend_cols(_blend_rows(padded_RC, spans[0]), spans[1])


def _accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if np.issubdtype(dtype, np.integer):
        return np.dtype(np.uint32 if dtype.kind == "u" and dtype.itemsize <= np.uint16().itemsize else np.int64)
    return np.dtype(np.float64)


def spread(coarse_RC: AnyArray, window: Window, *, ratio: tuple[int, int], shape: tuple[int, int]) -> AnyArray:
    """Fine pixels of a window, each with the value of the coarse pixel it lies in; arguments as in ``upsample``."""
    rows, cols = _spans(window, ratio, shape)
    return coarse_RC[np.ix_(rows.containing(), cols.containing())]


def upsample(
    coarse_RC: AnyArray, window: Window, *, ratio: tuple[int, int], shape: tuple[int, int], valid_RC: BoolArray
) -> AnyArray:
    """Fine pixels of a window, bilinear; nodata is never mixed into data.

    A fine pixel that would depend on an invalid coarse pixel takes the value of the coarse pixel it lies in.

    Args:
        coarse_RC: (row, col), the coarse pixels of ``coarse_window(window, ratio, shape)``.
        window: on the fine grid.
        ratio: fine pixels per coarse pixel, down and across, 1 to ``MAX_RATIO``.
        shape: rows and columns of the whole coarse image.
        valid_RC: (row, col), True where the coarse pixel is data.

    Returns:
        (row, col) of the window, same dtype.
    """
    spans = _spans(window, ratio, shape)
    clean_RC = coarse_RC if valid_RC.all() else np.where(valid_RC, coarse_RC, coarse_RC.dtype.type(0))
    total_RC = _weighted_sum(clean_RC, spans, _accumulator(coarse_RC.dtype))
    parts = total_RC.dtype.type(4 * ratio[0] * ratio[1])
    if total_RC.dtype.kind == "f":
        total_RC /= parts
    else:
        total_RC += parts // 2
        total_RC //= parts
    fine_RC = total_RC.astype(coarse_RC.dtype)
    if not valid_RC.all():
        touched_RC = _weighted_sum(~valid_RC, spans, np.dtype(np.uint32)) > 0
        np.copyto(fine_RC, spread(coarse_RC, window, ratio=ratio, shape=shape), where=touched_RC)
    return fine_RC
