"""The average of weights against a plain loop, and where it starts."""

from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import LightningModule
from torch import nn

from landcover.errors import ConfigError
from training.averaging import WarmAverage, warm_decay


class Module(LightningModule):
    """Is filled in setup, as a network with pretrained weights is."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.filled = 0

    def setup(self, stage):  # noqa: ARG002 (Lightning's signature)
        if not self.filled:
            nn.init.constant_(self.net[0].weight, 7.0)
        self.filled += 1


def train(average, module, steps):
    """Weights after every step, and the callback told of each of them."""
    torch.manual_seed(0)
    seen = []
    for step in range(steps):
        module.net(torch.randn(4, 3))  # moves the statistics of the normalisation
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter))
        average.on_train_batch_end(SimpleNamespace(global_step=step + 1), module, None, None, step)
        seen.append({name: value.clone() for name, value in module.state_dict().items()})
    return seen


@pytest.mark.parametrize(("decay", "ramp"), [(0.0, 10), (0.5, 10), (0.99, 10), (0.99, 2)])
def test_average_is_that_of_a_plain_loop(decay, ramp):
    module, average = Module(), WarmAverage(decay, ramp)
    average.setup(SimpleNamespace(), module, "fit")
    seen = train(average, module, 40)
    wanted = {name: value.double() for name, value in seen[0].items()}
    for count, weights in enumerate(seen[1:], start=1):
        kept = min(decay, (1 + count) / (ramp + count))
        wanted = {name: kept * wanted[name] + (1 - kept) * weights[name].double() for name in wanted}
    found = average._average_model.module.state_dict()
    for name in ("net.0.weight", "net.0.bias", "net.1.weight", "net.1.running_mean", "net.1.running_var"):
        torch.testing.assert_close(found[name].double(), wanted[name], rtol=1e-4, atol=1e-5)
    assert found["net.1.num_batches_tracked"] == 40


def test_average_starts_from_what_setup_filled_in():
    module, average = Module(), WarmAverage()
    average.setup(SimpleNamespace(), module, "fit")
    assert (average._average_model.module.net[0].weight == 7.0).all()


def test_memory_grows_with_the_updates():
    assert warm_decay(0, 0.99, 10) == 0.1
    assert warm_decay(10**6, 0.99, 10) == 0.99
    assert warm_decay(90, 0.99, 10) == pytest.approx(0.91)
    mean = 0.0
    for count, value in enumerate((5.0, 1.0, 3.0)):
        mean += (1 - (warm_decay(count - 1, 1, 2) if count else 0)) * (value - mean)
    assert mean == pytest.approx(3.0)  # at ramp 2 all steps weigh alike


@pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5])
def test_impossible_decay_is_refused(decay):
    with pytest.raises(ConfigError, match="decay of the weight average"):
        WarmAverage(decay)
    with pytest.raises(ConfigError, match="ramp of the weight average must be above 1, got 1"):
        WarmAverage(0.9, ramp=1)
