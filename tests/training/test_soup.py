"""The mean of checkpoints against numpy, what it keeps of them, and what does not mix."""

import hashlib

import numpy as np
import pytest
import torch

from landcover.errors import OutputNotWritable
from serving.cli import main as steppe
from tests.training.verdicts import write_checkpoint
from training.checkpoints import read_checkpoint
from training.inference import SITES_KEY, CheckpointUnreadable, TrainedOn, load_task, refuse_trained_on
from training.origins import origins
from training.soup import NotAlike, average, main

pytestmark = pytest.mark.filterwarnings("ignore::jsonargparse._deprecated.JsonargparseDeprecationWarning")

BANDS = ("B02", "B03")


def part(path, *, sites=(), seed=0, **options):
    """A checkpoint as ``steppe train fit`` leaves it."""
    write_checkpoint(path, bands=options.pop("bands", BANDS), seed=seed, **options)
    stored = torch.load(path, weights_only=True) | {"loops": {}, "global_step": 40, "epoch": 3}
    stored["state_dict"]["scene_net.network.counter"] = torch.tensor(seed)
    torch.save(stored | ({SITES_KEY: list(sites)} if sites else {}), path)
    return path


def test_weights_are_means_and_sites_are_added(tmp_path):
    paths = [part(tmp_path / f"{seed}.ckpt", seed=seed, sites=["a", f"s{seed}"]) for seed in range(3)]
    stored = [read_checkpoint(path)["state_dict"] for path in paths]
    found = average(paths)
    for name, value in found["state_dict"].items():
        assert value.dtype == stored[0][name].dtype
        if value.is_floating_point():
            wanted = np.mean([one[name].double().numpy() for one in stored], axis=0)
            np.testing.assert_allclose(value.numpy(), wanted, rtol=1e-6, atol=1e-8)
        else:
            assert value == stored[0][name]
    assert found[SITES_KEY] == ["a", "s0", "s1", "s2"]
    assert found["averaged_from"] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    again = average(paths[::-1])["state_dict"]
    assert all(torch.equal(value, found["state_dict"][name]) for name, value in again.items() if value.ndim)


def test_the_result_is_a_checkpoint_like_any_other(tmp_path, capsys):
    paths = []
    for seed in range(2):
        paths.append(part(tmp_path / f"{seed}.ckpt", seed=seed, sites=[f"s{seed}"]))
        stored = torch.load(paths[-1], weights_only=True)
        del stored["state_dict"]["scene_net.network.counter"]
        torch.save(stored, paths[-1])
    output = tmp_path / "new" / "mean.ckpt"
    assert steppe(["train", "average", *map(str, paths), "-o", str(output)]) == 0
    assert "the mean of 2 checkpoints" in capsys.readouterr().out
    parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert origins(output) == {"checkpoint_averaged_from_sha256": parts}
    assert origins(paths[0]) == {}
    parts = [load_task(path).state_dict() for path in paths]
    for name, value in load_task(output).state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (parts[0][name] + parts[1][name]) / 2)

    class Held:
        class info:  # noqa: N801 (a stand-in)
            site = "s1"

    with pytest.raises(TrainedOn, match="'s1'"):
        refuse_trained_on(output, [Held])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"bands": ("B02", "B04")}, "another inputs"),
        ({"legend": "ipcc6"}, "another legend"),
    ],
)
def test_other_networks_do_not_mix(tmp_path, other, message):
    paths = [part(tmp_path / "a.ckpt"), part(tmp_path / "b.ckpt", **other)]
    with pytest.raises(NotAlike, match=message):
        average(paths)


def test_other_weights_do_not_mix(tmp_path):
    paths = [part(tmp_path / "a.ckpt"), part(tmp_path / "b.ckpt")]
    stored = torch.load(paths[1], weights_only=True)
    del stored["state_dict"]["scene_net.network.counter"]
    torch.save(stored, paths[1])
    with pytest.raises(NotAlike, match=r"b\.ckpt has other weights than"):
        average(paths)


def test_bad_input_is_said(tmp_path):
    path = part(tmp_path / "a.ckpt")
    with pytest.raises(NotAlike, match=r"1 checkpoint\(s\) given"):
        main([str(path), "-o", str(tmp_path / "mean.ckpt")])
    with pytest.raises(CheckpointUnreadable, match="no checkpoint nowhere"):
        average([path, tmp_path / "nowhere.ckpt"])
    before = path.read_bytes()
    with pytest.raises(OutputNotWritable, match=r"'a\.ckpt' exists; give the average a name of its own"):
        main([str(path), str(path), "-o", str(path)])
    assert path.read_bytes() == before
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputNotWritable):
        main([str(path), str(path), "-o", str(tmp_path / "file" / "mean.ckpt")])
