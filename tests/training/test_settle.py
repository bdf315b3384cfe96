"""Settling: what windows are cut and how they count, that windows come to agree with one pass, and the command."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from rasterio.transform import from_origin
from torch import nn

from landcover.borders import REACH
from landcover.errors import ConfigError, OutputNotWritable, WrongUse
from landcover.tiling import MARGIN
from models.graph import SceneNet
from serving.cli import main as steppe
from tests.training.conftest import BANDS_9, write_scene
from tests.training.memory import memory_scene
from tests.training.verdicts import write_checkpoint
from training.checkpoints import read_checkpoint
from training.guards import Diverged
from training.inference import SITES_KEY, load_task, torch_predictor
from training.origins import SETTLED_KEY
from training.settle.command import main
from training.settle.crops import BLIND, ONE_PASS_SIDE, answered, draw_crops, in_one_pass, weights
from training.settle.figures import tally
from training.settle.tuning import TuningChoice, _loss, settle

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning"),
]
BANDS, CLASSES = 4, 7


class FarSighted(nn.Module):
    """Pixel by pixel, but for what the mean of the whole window adds: neighbouring windows disagree everywhere."""

    def __init__(self):
        super().__init__()
        self.near, self.norm, self.far = (
            nn.Conv2d(BANDS, CLASSES, 1),
            nn.BatchNorm2d(CLASSES),
            nn.Linear(BANDS, CLASSES),
        )

    def forward(self, inputs_NBHW):
        far_NK = self.far(inputs_NBHW.mean(dim=(2, 3)))
        return self.norm(self.near(inputs_NBHW)) + far_NK[:, :, None, None]


def scene_net(seed=0):
    torch.manual_seed(seed)
    return SceneNet(FarSighted(), scale=1e-4, offset=0.0, mean=[0.3] * BANDS, std=[0.1] * BANDS).eval()


def smooth_scene(name, side, seed):
    """Fields of 32 pixels."""
    scene = memory_scene(name, shape=(side, side + 8), seed=seed)
    draw = np.random.default_rng(seed)
    coarse = draw.integers(100, 4000, (BANDS, side // 32 + 1, side // 32 + 2))
    fine = coarse.repeat(32, axis=1).repeat(32, axis=2)[:, :side, : side + 8]
    scene._sample["image"] = torch.from_numpy(fine.astype(np.int32))
    return scene


@pytest.fixture(scope="module")
def scenes():
    return [smooth_scene(name, side, seed) for seed, (name, side) in enumerate([("a", 400), ("b", 330), ("tiny", 40)])]


def test_scenes_get_the_margins_that_the_service_gives_them(scenes):
    whole = scenes[0].read(scenes[0].info.extent)["image"].numpy()
    ((dn_BHW, _, known_HW),) = map(astuple, answered(scenes[:1], torch_predictor(scene_net())))
    assert known_HW.all()
    right, below = dn_BHW.shape[2] - MARGIN - 408, dn_BHW.shape[1] - MARGIN - 400
    assert dn_BHW.shape[1] % 32 == dn_BHW.shape[2] % 32 == 0
    assert right >= MARGIN
    expected = np.pad(whole, [(0, 0), (MARGIN, below), (MARGIN, right)], mode="symmetric")
    np.testing.assert_array_equal(dn_BHW, expected)
    assert dn_BHW.dtype == np.uint16


def test_windows_are_cut_where_plans_cut_and_hold_the_answer_of_the_whole_scene(scenes):
    predict = torch_predictor(scene_net())
    pool = list(answered(scenes, predict))
    assert len(pool) == 2  # the tiny one is smaller than any window
    crops = draw_crops(pool, np.random.default_rng(3), pixels=4 * 256**2)
    side = crops.dn_NBHW.shape[-1]
    assert crops.known_NHW.all()
    for dn_BHW, probabilities_KHW in zip(crops.dn_NBHW.numpy(), crops.probabilities_NKHW.numpy(), strict=True):
        places = [
            (one, row, col)
            for one in pool
            for row in range(0, one.dn_BHW.shape[1] - side + 1, 32)
            for col in range(0, one.dn_BHW.shape[2] - side + 1, 32)
            if np.array_equal(one.dn_BHW[:, row : row + side, col : col + side], dn_BHW)
        ]
        assert len(places) == 1
        one, row, col = places[0]
        whole = predict(one.dn_BHW[None].astype(np.float32))[0]
        np.testing.assert_allclose(probabilities_KHW, whole[:, row : row + side, col : col + side], atol=1e-3)


def test_a_scene_as_small_as_a_window_is_enough():
    (small,) = answered([smooth_scene("small", 200, 0)], torch_predictor(scene_net()))
    assert small.least_side == 288
    sides = {draw_crops([small], np.random.default_rng(seed), pixels=1).dn_NBHW.shape[-1] for seed in range(20)}
    assert sides == {256}


def test_pixels_without_data_teach_nothing():
    scene = smooth_scene("swath", 300, 0)
    scene._sample["image"][:, :, 150:] = 0
    net = scene_net()
    (one,) = answered([scene], torch_predictor(net))
    assert not one.known_HW[:, 150 + MARGIN + REACH :][:, : 150 - 2 * REACH].any()
    crops = draw_crops([one], np.random.default_rng(0), pixels=256**2)
    losses = []
    for change in (0, 1):  # whatever is said of pixels without data
        truth = crops.probabilities_NKHW.clone()
        truth.mul_(1 - change * (~crops.known_NHW[:, None]).float())
        losses.append(_loss(net, crops._replace(probabilities_NKHW=truth), TuningChoice()).item())
    assert losses[0] == losses[1] != 0


def test_of_large_scenes_the_upper_left_is_taken():
    scene = memory_scene("wide", shape=(40, ONE_PASS_SIDE + 30))
    part = in_one_pass(scene)
    assert (part.info.height, part.info.width, part.info.site) == (40, ONE_PASS_SIDE, "wide")
    assert in_one_pass(part) is part


def test_pixels_near_the_border_count_most_and_those_at_it_nothing():
    weights_HW = weights(256)
    assert torch.equal(weights_HW, weights_HW.T)
    assert torch.equal(weights_HW, weights_HW.flip(0))
    assert (weights_HW[: BLIND + 1] == 0).all()
    line = weights_HW[128, :128]
    assert line.argmax() == 20
    assert (line[20:].diff() < 0).all()
    assert 1 < line[-1] < line[20] < 3


def test_windows_come_to_agree_and_the_answer_for_whole_scenes_stays(scenes):
    net = scene_net()
    before = torch_predictor(net)
    pool = list(answered(scenes, before))
    told = []
    choice = TuningChoice(steps=120, rate=3e-2, pixels=256**2)
    tuned = settle(net, pool, choice, lambda step, loss: told.append((step, loss)))
    assert [step for step, _ in told] == list(range(1, 121))
    assert tuned.network.far.weight.norm() < net.network.far.weight.norm()
    found = tally(scenes, before, torch_predictor(tuned), tile=256, overlap=32)
    assert found.scenes == 2
    assert found.pixels == found.labelled == 400 * 408 + 330 * 338
    assert 0 < found.seams_after < 0.95 * found.seams_before
    assert 0 < found.moved < 0.02 * found.pixels
    assert "2 scenes of several windows, 274,740 pixels" in found.lines()[0]
    assert all(
        torch.equal(one, other)
        for one, other in zip(net.state_dict().values(), scene_net().state_dict().values(), strict=True)
    )
    for name in ("running_mean", "running_var"):
        assert torch.equal(getattr(tuned.network.norm, name), getattr(net.network.norm, name))


def test_it_repeats_itself_and_another_seed_does_not(scenes):
    pool = list(answered(scenes, torch_predictor(scene_net())))
    results = [
        settle(scene_net(), pool, TuningChoice(steps=2, pixels=256**2, seed=seed), lambda *_: None)
        for seed in (0, 0, 1)
    ]
    weights = [result.network.near.weight for result in results]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"rate": -1.0}, {"temperature": float("nan")}, {"rate": float("inf")}, {"seed": -1}],
    ids=str,
)
def test_numbers_that_no_tuning_has_are_refused(wrong):
    with pytest.raises(WrongUse, match=f"{next(iter(wrong))} is .*give a"):
        TuningChoice(**wrong)


def test_a_loss_that_is_no_number_ends_it(scenes):
    pool = list(answered(scenes, torch_predictor(scene_net())))
    broken = scene_net()
    with torch.no_grad():
        broken.network.near.weight.fill_(torch.nan)
    with pytest.raises(Diverged, match="step 1 came to no number; try a lower --rate"):
        settle(broken, pool, TuningChoice(steps=1, pixels=256**2), lambda *_: None)


@pytest.fixture
def order(tmp_path, monkeypatch):
    """Three sites large enough for windows, a checkpoint, and the command's options."""
    kind = {"bands": BANDS_9, "crs": "EPSG:32631", "transform": from_origin(500000, 5000000, 10, 10)}
    for number in range(3):
        write_scene(tmp_path / "s2_landcover", f"site{number}_20200101", shape=(330, 340), **kind, seed=number)
    for name in ("val", "test"):
        write_scene(tmp_path / "s2_landcover", f"{name}_20200101", shape=(30, 33), **kind, seed=9)
    monkeypatch.setenv("STEPPE_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    source = {"class_path": "training.sources.dynamic_world.DynamicWorldSites", "init_args": {"bands": list(BANDS_9)}}
    data = {"source": source, "split": {"sites": {"train": ["site*"], "val": ["val"], "test": ["test"]}}}
    config = {"data": {"class_path": "training.datamodule.SceneData", "init_args": data}}
    Path("config.yaml").write_text(yaml.safe_dump(config))
    write_checkpoint(Path("start.ckpt"), bands=BANDS_9)
    stored = torch.load("start.ckpt", weights_only=True)
    torch.save(stored | {"loops": {}, SITES_KEY: ["elsewhere"]}, "start.ckpt")
    return ["-c", "config.yaml", "--checkpoint", "start.ckpt", "-o", "out.ckpt", "--steps", "1", "--tile", "256"]


def test_the_command_writes_a_checkpoint_like_any_other(order, capsys):
    assert steppe(["train", "settle", *order, "--replicate-from", "0", "--leave-out", "site1"]) == 0
    out = capsys.readouterr().out
    assert "1 scene of several windows, 112,198 pixels" in out
    assert "wrote out.ckpt: 1 steps on 2 scenes" in out
    stored = read_checkpoint(Path("out.ckpt"))
    assert stored[SITES_KEY] == ["elsewhere", "site0", "site2"]
    assert len(stored[SETTLED_KEY]) == 1
    before, after = (load_task(Path(name)).state_dict() for name in ("start.ckpt", "out.ckpt"))
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ([], ConfigError, r"--replicate-from 16: network 'plain-tiny' .*pass 0"),
        (["--leave-out", "site1", "nowhere"], WrongUse, "--leave-out 'nowhere' fits none of the 3"),
        (["--leave-out", "*"], WrongUse, "--leave-out leaves none of 3"),
        (["-o", "start.ckpt"], OutputNotWritable, r"'start\.ckpt' exists"),
        (["--rate", "0"], WrongUse, "rate is 0"),
        (["--replicate-from", "-1"], WrongUse, "--replicate-from is -1"),
        (["--tile", "100"], WrongUse, "--tile and --overlap: tile of 100 pixels"),
        (["--device", "abacus"], ConfigError, "device 'abacus' cannot be used: give auto or one of cpu"),
        (["--device", "meta"], ConfigError, "device 'meta' cannot be used: give auto or one of cpu"),
    ],
    ids=str,
)
def test_what_cannot_be_settled_is_said(order, options, error, message):
    with pytest.raises(error, match=message):
        main([*order, *options])
    assert not Path("out.ckpt").exists()
