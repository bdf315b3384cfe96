"""The worst windows, one per site, and pictures a person can read."""

import numpy as np
import pytest
import torch

from landcover.grid import Window
from tests.training.memory import BANDS, MemorySource, memory_scene
from training.report.examples import ExampleBook, colour_bands, true_colour, worst_window
from training.scenes import IGNORE, SourceFacts

FACTS = MemorySource(()).facts()


def zeros(shape=(64, 96)):
    return np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)


def test_the_worst_window_has_the_largest_share_of_wrong_pixels():
    truth_HW, predicted_HW = zeros()
    predicted_HW[40:50, 70:80] = 1
    predicted_HW[:5, :10] = 1
    assert worst_window(truth_HW, predicted_HW, 32) == (Window(32, 64, 32, 32), 100 / 1024)


def test_shares_are_of_labelled_pixels_and_mostly_unlabelled_windows_are_left_out():
    truth_HW, predicted_HW = zeros((32, 64))
    truth_HW[:12, :32] = IGNORE  # 640 of 1024 are left
    truth_HW[:20, 32:] = IGNORE  # too few are left
    predicted_HW[:] = IGNORE - 1
    predicted_HW[16:, :32] = 0
    window, share = worst_window(truth_HW, predicted_HW, 32)
    assert window == Window(0, 0, 32, 32)
    assert share == 4 * 32 / 640


def test_the_last_window_ends_with_the_scene_and_small_scenes_are_one_window():
    truth_HW, predicted_HW = zeros((70, 50))
    predicted_HW[69, 49] = 3
    assert worst_window(truth_HW, predicted_HW, 32)[0] == Window(38, 18, 32, 32)
    assert worst_window(truth_HW, predicted_HW, 999)[0] == Window(0, 0, 70, 50)


def test_a_perfect_scene_has_no_example():
    assert worst_window(*zeros(), 32) is None


def offer(book, site, wrong, name=None):
    scene = memory_scene(name or site, site, shape=(20, 20))
    truth_HW, predicted_HW = zeros((20, 20))
    predicted_HW.ravel()[:wrong] = 1
    book.offer(scene, truth_HW, predicted_HW)


def test_a_book_keeps_the_worst_window_of_the_worst_sites():
    book = ExampleBook(FACTS, count=3)
    for site, wrong in (("a", 40), ("b", 10), ("c", 20), ("d", 30), ("a", 4), ("c", 50), ("e", 5)):
        offer(book, site, wrong, f"{site}{wrong}")
    assert [(example.site, example.scene, example.error_share) for example in book.examples] == [
        ("c", "c50", 0.125),
        ("a", "a40", 0.1),
        ("d", "d30", 0.075),
    ]
    example = book.examples[0]
    assert example.pictures_DHWC.shape == (1, 20, 20, 3)
    assert np.count_nonzero(example.predicted_HW) == 50


def test_books_of_folds_are_joined():
    books = [ExampleBook(FACTS, count=2) for _ in range(2)]
    offer(books[0], "a", 10)
    offer(books[1], "b", 30)
    offer(books[1], "a", 20)
    joined = ExampleBook(FACTS, count=2)
    for fold, book in enumerate(books):
        joined.add(book.examples, fold=fold)
    assert [(example.site, example.fold) for example in joined.examples] == [("b", 1), ("a", 1)]


def test_an_example_owns_its_pixels():
    book = ExampleBook(FACTS, side=16)
    scene = memory_scene("a", shape=(400, 16))
    truth_HW, predicted_HW = zeros((400, 16))
    predicted_HW[100] = 2
    book.offer(scene, truth_HW, predicted_HW)
    (example,) = book.examples
    assert example.truth_HW.base is None
    assert example.predicted_HW.base is None
    assert example.window == Window(96, 0, 16, 16)


@pytest.mark.parametrize(
    ("bands", "product", "expected"),
    [
        (BANDS, "sentinel-2-l2a", (2, 1, 0)),
        (("B08", "B11", "B04", "B02", "B03"), "sentinel-2-l1c", (2, 4, 3)),
        (("SR_B5", "SR_B4", "SR_B3", "SR_B2"), "landsat-8-c2-l2", (1, 2, 3)),
        (("blue", "nir", "Red", "green"), "sentinel-2-l2a", (2, 3, 0)),
        (("B08", "B11", "B12", "B04"), "sentinel-2-l2a", (0, 1, 2)),
        (("B08",), "sentinel-2-l2a", (0, 0, 0)),
    ],
)
def test_true_colour_bands(bands, product, expected):
    assert colour_bands(SourceFacts(bands, product, "unccd7")) == expected


def test_pictures_span_the_whole_range_and_keep_hues():
    draw = np.random.default_rng(0)
    image_BHW = draw.integers(500, 2500, (4, 40, 40))
    image_BHW[1] = 800  # no green at all varies
    image_BHW[:, :2] = 0
    (colours_HWC,) = true_colour(image_BHW, FACTS)
    assert (colours_HWC[:2] == 0).all()
    assert colours_HWC[2:, :, 0].max() == 255
    assert (colours_HWC[2:, :, 1] == 0).all()
    red = image_BHW[2, 2:].ravel()
    order = np.argsort(red)
    assert (np.diff(colours_HWC[2:, :, 0].ravel()[order].astype(int)) >= 0).all()


def test_water_is_not_stretched_into_noise():
    image_BHW = 300 + np.random.default_rng(1).integers(0, 20, (4, 40, 40))
    assert true_colour(image_BHW, FACTS).max() < 50


def test_two_dates_are_stretched_alike():
    facts = MemorySource((), dates=2).facts()
    image_BHW = np.random.default_rng(2).integers(200, 1200, (8, 30, 30))
    image_BHW[4:] += 1000
    older, younger = true_colour(image_BHW, facts)
    assert older.mean() + 60 < younger.mean()


def test_an_empty_window_is_black():
    assert not true_colour(torch.zeros(4, 5, 6).numpy(), FACTS).any()
