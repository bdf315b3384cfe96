"""Boundary IoU against erosion one class at a time, straight from the paper."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from landcover.boundaries import boundary_band, boundary_counts, boundary_iou
from landcover.errors import ConfigError, DataError

NONE = 255


def patches(seed, shape=(37, 53), classes=4, side=9, unlabelled=0.0):
    """Rectangles of classes, as a map has them, some pixels without a class."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (-(-shape[0] // side), -(-shape[1] // side)))
    index_HW = np.kron(coarse, np.ones((side, side), int))[: shape[0], : shape[1]].astype(np.uint8)
    index_HW[rng.random(shape) < unlabelled] = NONE
    return index_HW


def band_by_erosion(mask_HW, open_HW, width):
    """Pixels of a mask that ``width`` erosions by 3 x 3 take away; what is open or outside takes nothing away."""
    kept_HW = binary_erosion(mask_HW | open_HW, np.ones((3, 3)), iterations=width, border_value=1)
    return mask_HW & ~kept_HW


def counts_by_erosion(truth_HW, predicted_HW, classes, width):
    open_HW = truth_HW == NONE
    rows = []
    for number in range(classes):
        bands = [
            band_by_erosion((index_HW == number) & ~open_HW, open_HW, width) for index_HW in (truth_HW, predicted_HW)
        ]
        rows.append([(bands[0] & bands[1]).sum(), (bands[0] | bands[1]).sum()])
    return np.array(rows).T


@pytest.mark.parametrize("width", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("unlabelled", [0.0, 0.02, 0.5])
def test_counts_agree_with_erosion(width, unlabelled):
    truth_HW, predicted_HW = patches(1, unlabelled=unlabelled), patches(2, side=7)
    found = boundary_counts(truth_HW, predicted_HW, 4, width)
    np.testing.assert_array_equal(found, counts_by_erosion(truth_HW, predicted_HW, 4, width))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_small_scenes(shape):
    truth_HW, predicted_HW = patches(3, shape, side=1), patches(4, shape, side=1)
    found = boundary_counts(truth_HW, predicted_HW, 4, 3)
    np.testing.assert_array_equal(found, counts_by_erosion(truth_HW, predicted_HW, 4, 3))


def test_a_perfect_map_scores_one_where_there_is_a_boundary():
    truth_HW = patches(5, unlabelled=0.1)
    truth_HW[truth_HW == 2] = 1
    assert boundary_iou(boundary_counts(truth_HW, truth_HW, 5)) == (1.0, 1.0, None, 1.0, None)


def test_one_class_everywhere_has_no_boundary():
    truth_HW = np.zeros((20, 20), np.uint8)
    truth_HW[5:8] = NONE
    assert not boundary_band(truth_HW).any()
    assert boundary_iou(boundary_counts(truth_HW, truth_HW, 2)) == (None, None)


def test_a_ragged_outline_costs_more_than_plain_iou_shows():
    truth_HW = np.zeros((100, 100), np.uint8)
    truth_HW[:, 50:] = 1
    moved_HW = np.roll(truth_HW, 2, axis=1)
    moved_HW[:, :2] = 0
    plain = (truth_HW & moved_HW).sum() / (truth_HW | moved_HW).sum()
    assert plain == 0.96
    assert boundary_iou(boundary_counts(truth_HW, moved_HW, 2, 3))[1] == pytest.approx(1 / 5)


def test_counts_of_scenes_add_up():
    pairs = [(patches(seed, unlabelled=0.1), patches(seed + 10)) for seed in range(3)]
    total = sum(boundary_counts(*pair, 4) for pair in pairs)
    assert boundary_iou(total) == pytest.approx([total[0, k] / total[1, k] for k in range(4)])
    assert total.dtype == np.int64


def test_what_is_not_usable_is_refused():
    with pytest.raises(ConfigError, match="0 pixels"):
        boundary_band(np.zeros((3, 3), np.uint8), 0)
    with pytest.raises(DataError, match=r"\(3, 3\).*\(3, 4\)"):
        boundary_counts(np.zeros((3, 3), np.uint8), np.zeros((3, 4), np.uint8), 2)
