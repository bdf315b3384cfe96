"""Depthwise convolutions keep their results and leave autocast on a CPU."""

import copy

import pytest
import torch
from torch import nn

from models.depthwise import depthwise_in_float32
from models.networks import build_network

pytestmark = pytest.mark.train


@pytest.fixture
def pair():
    torch.manual_seed(0)
    network = build_network("unet-lite0", 3, 4).eval()
    changed = copy.deepcopy(network)
    depthwise_in_float32(changed)
    return network, changed


def test_without_autocast_nothing_changes(pair):
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        before, after = (network(images) for network in pair)
    assert torch.equal(before, after)
    assert [name for name, _ in pair[0].named_parameters()] == [name for name, _ in pair[1].named_parameters()]


def test_under_autocast_the_input_is_not_rounded():
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    plain = copy.deepcopy(layer)
    stack = nn.Sequential(layer)
    depthwise_in_float32(stack)
    images = torch.randn(1, 8, 16, 16)
    exact = plain(images)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, kept = plain(images), stack(images)
    assert rounded.dtype == torch.bfloat16
    assert torch.equal(kept, exact)
    half = images.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert stack(half).dtype == torch.bfloat16  # the next layer gets what it expects
    kept.sum().backward()
    exact.sum().backward()
    assert torch.equal(layer.weight.grad, plain.weight.grad)


def test_other_convolutions_stay_and_twice_is_once():
    stack = nn.Sequential(
        nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(1, 1, 3), nn.Conv2d(8, 8, 3, groups=8)
    )
    depthwise_in_float32(stack)
    kinds = [type(layer) for layer in stack]
    assert kinds[:3] == [nn.Conv2d] * 3
    assert kinds[3] is not nn.Conv2d
    depthwise_in_float32(stack)
    assert [type(layer) for layer in stack] == kinds
