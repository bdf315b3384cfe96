"""Pictures show the image, the labels and the map in the colours of the legend."""

import torch

from landcover.legends import get_legend
from training.callbacks import GREY, colour_map, draw_patch
from training.scenes import IGNORE
from training.task import InputChoice, LandCoverTask, NetworkChoice

BANDS = ["B02", "B03", "B04", "B08"]


def test_colours_are_the_legends():
    legend = get_legend("unccd7")
    index = torch.tensor([[0, 6, IGNORE]])
    colours = colour_map(index, legend)[:, 0].T.tolist()
    assert colours == [list(legend.classes[0].rgb), list(legend.classes[6].rgb), [GREY] * 3]


def test_patch_is_drawn_as_three_panels():
    inputs = InputChoice(bands=BANDS, mean=[0.3] * 4, std=[0.1] * 4)
    task = LandCoverTask(NetworkChoice("plain-tiny"), inputs)
    batch = {"image": torch.randint(0, 4000, (2, 4, 8, 8)).float(), "mask": torch.randint(7, (2, 8, 8))}
    picture = draw_patch(task, batch)
    assert picture.shape == (3, 8, 24)
    assert picture.dtype == torch.uint8
    assert torch.equal(picture[:, :, 8:16], colour_map(batch["mask"][0], task.legend))


def test_both_dates_are_drawn():
    inputs = InputChoice(bands=BANDS, mean=[0.3] * 4, std=[0.1] * 4, dates=2)
    task = LandCoverTask(NetworkChoice("plain-tiny"), inputs, legend="degradation3")
    batch = {"image": torch.randint(1, 4000, (1, 8, 8, 8)).float(), "mask": torch.randint(3, (1, 8, 8))}
    picture = draw_patch(task, batch)
    assert picture.shape == (3, 8, 32)
    assert not torch.equal(picture[:, :, :8], picture[:, :, 8:16])
    assert torch.equal(picture[:, :, 16:24], colour_map(batch["mask"][0], task.legend))
