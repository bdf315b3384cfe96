"""Tiles as PNG."""

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from landcover.errors import WrongUse
from landcover.legends import LEGENDS, get_legend
from serving.tiles.drawing import draw, draw_legend, empty


@pytest.mark.parametrize("legend_id", LEGENDS)
def test_colours_are_those_of_the_legend_and_nothing_is_transparent(legend_id):
    legend = get_legend(legend_id)
    index_HW = np.random.default_rng(0).integers(0, len(legend) + 1, (256, 256)).astype(np.uint8)
    index_HW[index_HW == len(legend)] = 255
    image = Image.open(BytesIO(draw(index_HW, legend)))
    assert image.mode == "P"
    rgba_HWC = np.asarray(image.convert("RGBA"))
    colours = np.array([[*entry.rgb, 255] for entry in legend.classes])
    seen_HW = index_HW != 255
    assert (rgba_HWC[seen_HW] == colours[index_HW[seen_HW]]).all()
    assert (rgba_HWC[~seen_HW, 3] == 0).all()


def test_tiles_are_small():
    index_HW = np.kron(np.arange(64).reshape(8, 8) % 7, np.ones((32, 32))).astype(np.uint8)
    assert len(draw(index_HW, get_legend("unccd7"))) < 700
    assert len(empty()) < 200
    assert np.asarray(Image.open(BytesIO(empty())).convert("RGBA"))[..., 3].max() == 0


def test_a_legend_is_drawn():
    image = Image.open(BytesIO(draw_legend(get_legend("unccd7"), "en")))
    colours = {colour for _, colour in image.getcolors(1 << 20)}
    assert {entry.rgb for entry in get_legend("unccd7").classes} <= colours
    with pytest.raises(WrongUse, match="zh"):
        draw_legend(get_legend("unccd7"), "zh")


def test_nothing_loads_morecantile_before_the_first_tile():
    """It takes a quarter of a second, and `steppe --help` shall not."""
    words = (
        "import sys, serving.cli, serving.api.app, serving.tiles.classifying as _; print('morecantile' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
