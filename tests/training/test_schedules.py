"""Learning rates against written formulas and PyTorch's own scheduler."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from landcover.errors import ConfigError
from training.schedules import OptimiserChoice, build_optimizer, build_schedule, warmup_cosine


def rates(choice, total):
    """Learning rate of every step, as a training would take them."""
    optimizer = build_optimizer([nn.Parameter(torch.zeros(2, 2))], choice)
    schedule = build_schedule(optimizer, choice, total=total)
    seen = []
    for _ in range(total):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(seen)


def test_cosine_is_the_written_formula():
    choice = OptimiserChoice(learning_rate=0.2, warmup_steps=10)
    wanted = [0.2 * (step + 1) / 10 for step in range(10)]
    wanted += [0.1 * (1 + math.cos(math.pi * (step - 10) / 90)) for step in range(10, 100)]
    np.testing.assert_allclose(rates(choice, 100), wanted, rtol=1e-12)
    assert warmup_cosine(100, warmup=10, total=100) == pytest.approx(0)


def test_constant_stays_after_the_warm_up():
    found = rates(OptimiserChoice(learning_rate=0.2, warmup_steps=4, schedule="constant"), 10)
    np.testing.assert_allclose(found, [0.05, 0.1, 0.15, *[0.2] * 7])


def test_one_cycle_rises_for_the_warm_up_and_falls_to_nothing():
    found = rates(OptimiserChoice(learning_rate=0.5, warmup_steps=20, schedule="one-cycle"), 100)
    assert found[0] == pytest.approx(0.5 / 25)
    assert found.argmax() == 19
    assert found.max() == pytest.approx(0.5)
    assert found[-1] == pytest.approx(0.5 / 25 / 1e4)
    assert np.diff(found[:20]).min() > 0
    assert np.diff(found[20:]).max() < 0
    assert rates(OptimiserChoice(warmup_steps=0, schedule="one-cycle"), 100).argmax() == 29


@pytest.mark.parametrize("name", ["cosine", "one-cycle", "constant"])
def test_a_restored_schedule_goes_on_and_its_state_is_plain(name, tmp_path):
    choice = OptimiserChoice(warmup_steps=3, schedule=name)

    def fresh():
        optimizer = build_optimizer([nn.Parameter(torch.zeros(2, 2))], choice)
        return optimizer, build_schedule(optimizer, choice, total=20)

    optimizer, schedule = fresh()
    for _ in range(7):
        optimizer.step()
        schedule.step()
    torch.save([optimizer.state_dict(), schedule.state_dict()], tmp_path / "state.pt")
    again, resumed = fresh()
    optimizer_state, schedule_state = torch.load(tmp_path / "state.pt", weights_only=True)
    again.load_state_dict(optimizer_state)
    resumed.load_state_dict(schedule_state)
    for _ in range(13):
        assert again.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
        for one, its in ((optimizer, schedule), (again, resumed)):
            one.step()
            its.step()


def test_bias_and_norm_do_not_decay_and_frozen_weights_are_left_out():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    network[2].weight.requires_grad_(requires_grad=False)
    decayed, free = build_optimizer(network.parameters(), OptimiserChoice(weight_decay=0.3)).param_groups
    assert [parameter.shape for parameter in decayed["params"]] == [(4, 3, 3, 3)]
    assert {parameter.ndim for parameter in free["params"]} == {1}
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "constant"])
def test_loaded_weights_learn_at_their_share_of_the_rate(schedule):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    choice = OptimiserChoice(pretrained_rate=0.2, weight_decay=0.3, warmup_steps=5, schedule=schedule)
    optimizer = build_optimizer(network.parameters(), choice, pretrained=network[0].parameters())
    steps = build_schedule(optimizer, choice, total=20)
    for _ in range(19):
        rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        for loaded in network[0].parameters():
            assert rates[id(loaded)] == pytest.approx(0.2 * rates[id(network[1].weight)])
        optimizer.step()
        steps.step()
    decays = [group["weight_decay"] for group in optimizer.param_groups]
    assert sorted(decays) == [0.0, 0.0, 0.3, 0.3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0}, "above 0"),
        ({"learning_rate": math.nan}, "above 0"),
        ({"weight_decay": -1}, "weight_decay must be 0 or more"),
        ({"pretrained_rate": -0.1}, "pretrained_rate must be 0 or more"),
        ({"warmup_steps": -1}, "warmup_steps must be 0 or more"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        OptimiserChoice(**options)


def test_one_cycle_needs_steps_to_fall():
    with pytest.raises(ConfigError, match="the whole training has 10 steps"):
        rates(OptimiserChoice(warmup_steps=10, schedule="one-cycle"), 10)
