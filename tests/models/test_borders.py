"""Borders that are repeated, against padding by hand."""

import torch
from torch import nn
from torch.nn import functional

from models.borders import replicate_borders
from models.networks import build_network


def test_coarse_layers_repeat_their_border_and_fine_ones_keep_zeros():
    torch.manual_seed(0)
    fine, halving, coarse, point = (
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(3, 3, 3, stride=2, padding=1),
        nn.Conv2d(3, 4, 5, padding=2),
        nn.Conv2d(4, 4, 1),
    )
    net = nn.Sequential(fine, halving, coarse, point)
    inputs = torch.randn(2, 2, 32, 64)
    halved = halving(fine(inputs))
    expected = point(functional.conv2d(functional.pad(halved, [2] * 4, mode="replicate"), coarse.weight, coarse.bias))
    names = list(net.state_dict())
    replicate_borders(net.train(), 2, coarseness=2)
    torch.testing.assert_close(net(inputs), expected)
    assert net.training
    assert list(net.state_dict()) == names
    assert [layer.padding_mode for layer in net] == ["zeros", "zeros", "replicate", "zeros"]


def test_a_unet_takes_the_option_and_knows_the_coarseness_of_its_layers():
    changed = {}
    for coarseness in (0, 16, 32):
        net = build_network("unet-lite0", 3, 5, decoder_channels=(16, 8, 8, 8, 8), replicate_from=coarseness)
        changed[coarseness] = {
            name for name, layer in net.named_modules() if getattr(layer, "padding_mode", "zeros") == "replicate"
        }
    assert not changed[0]
    assert changed[32] < changed[16]
    assert all("encoder" in name for name in changed[32])
    assert {"body.decoder.blocks.0.conv1.0", "body.decoder.blocks.0.conv2.0"} <= changed[16]


def test_a_constant_coarse_image_has_no_border_any_more():
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2))
    with_zeros = layer(torch.ones(1, 1, 8, 8))
    replicate_borders(layer, 1, coarseness=1)
    without = layer(torch.ones(1, 1, 8, 8))
    assert with_zeros.std() > 0.01
    torch.testing.assert_close(without, without[..., :1, :1].expand_as(without))
