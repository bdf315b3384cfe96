"""One step for three stages, scores against scikit-learn, and a checkpoint that holds the averaged weights."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from landcover.errors import ConfigError
from models.pretrained import PretrainedChoice, PretrainedUnusable
from training.averaging import WarmAverage
from training.class_weights import class_weights
from training.losses import LossChoice
from training.scenes import IGNORE, SourceFacts
from training.task import CLASS_WEIGHTS_KEY, InputChoice, LandCoverTask, NetworkChoice, NothingToLearn, scores

BANDS = ["B02", "B03", "B04", "B08"]
PIXELS = [100, 200, 50, 0, 10, 300, 40]
PRODUCT = "sentinel-2-l1c"


def inputs(**other):
    return InputChoice(**{"bands": BANDS, "mean": [0.3] * 4, "std": [0.1] * 4, **other})


def tiny(**options):
    return LandCoverTask(NetworkChoice("plain-tiny", {"width": 4}), inputs(), **options)


@pytest.fixture
def task():
    torch.manual_seed(0)
    return tiny(loss=LossChoice(cross_entropy=0.5, distillation=0.5))


@pytest.fixture
def batch():
    torch.manual_seed(0)
    mask = torch.randint(7, (2, 16, 16))
    mask[:, :3] = IGNORE
    teacher = torch.softmax(torch.randn(2, 7, 16, 16), dim=1)
    return {"image": torch.randint(0, 8000, (2, 4, 16, 16)).float(), "mask": mask, "teacher": teacher}


def trained_with(task, **facts):
    """A trainer that only says what data there is."""
    known = {"bands": tuple(BANDS), "product_id": PRODUCT, "legend_id": "unccd7", **facts}
    data = SimpleNamespace(facts=SourceFacts(**known), class_pixels=lambda: PIXELS)
    task._trainer = SimpleNamespace(datamodule=data, ckpt_path=None, estimated_stepping_batches=10, strategy=None)
    return task


@pytest.mark.parametrize("stage", ["train", "val", "test"])
def test_all_stages_take_the_same_step(task, batch, stage, monkeypatch):
    logged = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: value}))
    loss = task.model_step(batch, stage)
    wanted = task.loss(task(batch["image"]), batch["mask"], teacher_NKHW=batch["teacher"])
    assert loss.item() == pytest.approx(wanted.item())
    task._log_scores(stage)
    assert logged[f"{stage}/loss"] is loss
    predicted = task(batch["image"]).argmax(1)[batch["mask"] != IGNORE]
    wanted = accuracy_score(batch["mask"][batch["mask"] != IGNORE], predicted)
    assert logged[f"{stage}/overall_accuracy"].item() == pytest.approx(wanted)


def test_scores_equal_scikit_learns():
    draw = np.random.default_rng(0)
    truth, guess = draw.integers(0, 4, 500), draw.integers(0, 4, 500)
    truth[truth == 3] = 2  # class 3 is mapped but never labelled
    confusion = torch.zeros(5, 5, dtype=torch.int64)
    np.add.at(confusion.numpy(), (truth, guess), 1)
    accuracy, iou = scores(confusion)
    assert accuracy.item() == pytest.approx(accuracy_score(truth, guess))
    wanted = jaccard_score(truth, guess, labels=[0, 1, 2], average=None)
    np.testing.assert_allclose(iou[:3], wanted)
    assert iou[3:].isnan().all()


def test_gradient_reaches_every_weight(task, batch, monkeypatch):
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    task.model_step(batch, "train").backward()
    assert all(math.isfinite(p.grad.abs().sum()) and p.grad.abs().sum() > 0 for p in task.parameters())


def test_a_batch_may_have_label_weights_and_no_teacher(batch, monkeypatch):
    task = tiny()
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    del batch["teacher"]
    plain = task.model_step(batch, "train")
    batch["weight"] = torch.ones(2, 16, 16)
    torch.testing.assert_close(task.model_step(batch, "train"), plain)
    batch["weight"][0] = 0
    first_ignored = {**batch, "weight": torch.ones(1, 16, 16), "image": batch["image"][1:], "mask": batch["mask"][1:]}
    torch.testing.assert_close(task.model_step(batch, "train"), task.model_step(first_ignored, "train"))


def test_class_without_labels_is_absent_from_the_mean(task, batch, monkeypatch):
    logged = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: value}))
    batch["mask"][batch["mask"] == 6] = IGNORE
    task.model_step(batch, "val")
    task._log_scores("val")
    *names, absent = (f"val/iou/{entry.name}" for entry in task.legend.classes)
    assert logged[absent].isnan()
    others = [logged[name] for name in names]
    assert logged["val/mean_iou"].item() == pytest.approx(torch.stack(others).mean().item())
    task._confusion("val").update(torch.zeros(1, 2, 2), torch.full((1, 2, 2), IGNORE))
    task._log_scores("val")
    assert math.isnan(logged["val/mean_iou"])
    assert math.isnan(logged["val/overall_accuracy"])


def test_two_dates_are_twice_the_bands_with_the_same_statistics():
    task = LandCoverTask(NetworkChoice("plain-tiny"), inputs(dates=2), legend="degradation3")
    assert task(torch.zeros(1, 8, 16, 16)).shape == (1, 3, 16, 16)
    assert task.scene_net.normalise.mean.shape == (1, 8, 1, 1)


@pytest.mark.parametrize("rule", ["balanced", "sqrt"])
def test_class_weights_come_from_the_training_labels_and_stay_in_the_checkpoint(rule):
    task = trained_with(tiny(loss=LossChoice(class_weights=rule)))
    average = WarmAverage()
    average.setup(task.trainer, task, "fit")
    wanted = torch.tensor(class_weights(rule, PIXELS).values)
    torch.testing.assert_close(task.loss.class_weights_K, wanted)
    torch.testing.assert_close(average._average_model.module.loss.class_weights_K, wanted)
    checkpoint = {}
    task.on_save_checkpoint(checkpoint)
    other = tiny(loss=LossChoice(class_weights=rule))
    other.on_load_checkpoint(checkpoint)
    assert torch.equal(other.loss.class_weights_K, task.loss.class_weights_K)
    assert checkpoint[CLASS_WEIGHTS_KEY] == task.loss.class_weights_K.tolist()


def test_labels_are_counted_once_and_only_for_a_fit():
    task = trained_with(tiny(loss=LossChoice(class_weights="sqrt")))
    counted = []
    task.trainer.datamodule.class_pixels = lambda: counted.append(1) or PIXELS
    for stage in ("validate", "test", "fit", "fit"):
        task.setup(stage)
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"bands": ("B02", "B03", "B08", "B04")}, "the data has bands"),
        ({"dates": 2}, "the data has dates 2 but the model is told 1"),
        ({"product_id": "sentinel-2-l2a"}, "the data has product sentinel-2-l2a"),
        ({"legend_id": "ipcc6"}, "the data has legend ipcc6"),
    ],
)
@pytest.mark.parametrize("stage", ["fit", "validate", "test"])
def test_data_that_the_model_was_not_told_of_is_refused(facts, message, stage):
    with pytest.raises(ConfigError, match=message):
        trained_with(tiny(), **facts).setup(stage)


def test_only_an_encoder_takes_pretrained_weights():
    task = trained_with(tiny(pretrained=PretrainedChoice("nix.pth")))
    with pytest.raises(PretrainedUnusable, match="only a unet"):
        task.setup("fit")


def test_average_starts_from_pretrained_weights_and_a_resumed_fit_reads_none(tmp_path):
    torch.manual_seed(1)
    network = NetworkChoice("unet", {"encoder": "resnet18"})
    given = LandCoverTask(network, inputs()).scene_net.network.body.encoder.state_dict()
    torch.save(given, tmp_path / "encoder.pth")
    choice = PretrainedChoice(str(tmp_path / "encoder.pth"), bands=BANDS)
    task = trained_with(LandCoverTask(network, inputs(), pretrained=choice))
    average = WarmAverage()
    average.setup(task.trainer, task, "fit")
    started = average._average_model.module.scene_net.network.body.encoder.state_dict()
    assert all(torch.equal(started[name], value) for name, value in given.items())
    resumed = trained_with(LandCoverTask(network, inputs(), pretrained=PretrainedChoice("gone.pth")))
    resumed.trainer.ckpt_path = "last.ckpt"
    resumed.setup("fit")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"mean": [0.3]}, r"inputs.mean has 1 numbers for 4 bands"),
        ({"std": [0.1] * 8}, r"inputs.std has 8 numbers for 4 bands"),
        ({"std": [0.1, 0.1, 0.0, 0.1]}, "above 0 in every band"),
        ({"dates": 3}, r"inputs.dates is 3, expected 1 or 2"),
    ],
)
def test_inputs_that_do_not_belong_together_are_refused(other, message):
    with pytest.raises(ConfigError, match=message):
        inputs(**other)


def test_unsupported_classes_are_never_answered_and_not_learned(batch, monkeypatch):
    torch.manual_seed(0)
    task = tiny(loss=LossChoice(cross_entropy=0.5, distillation=0.5), unsupported=["wetland", "water"])
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    probabilities = task.scene_net.probabilities(batch["image"])
    assert torch.all(probabilities[:, [3, 6]] == 0)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, 16, 16))
    kept = [0, 1, 2, 4, 5]
    labels = batch["mask"].clone()
    labels[(labels == 3) | (labels == 6)] = IGNORE
    index = torch.full((256,), IGNORE)
    index[kept] = torch.arange(5)
    teacher = batch["teacher"][:, kept] / batch["teacher"][:, kept].sum(dim=1, keepdim=True)
    wanted = task.loss(task(batch["image"])[:, kept], index[labels], teacher_NKHW=teacher)
    torch.testing.assert_close(task.model_step(batch, "val"), wanted)
    counted = task._confusion("val").compute()
    assert counted[3].sum() == (batch["mask"] == 3).sum()  # scores do not hide them


@pytest.mark.parametrize("names", [["marsh"], list(tiny().legend.names)])
def test_unsupported_classes_that_cannot_be_are_one_clear_sentence(names):
    with pytest.raises(ConfigError, match="at least one must be supported"):
        tiny(unsupported=names)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("change-lite0", {"dates": 2}, "judges the contrast of two dates"),
        ("change-lite0", {}, "judges the contrast of two dates"),
        ("siamese-lite0", {}, "compares the bands of two dates and nothing else, inputs say dates 1$"),
        ("siamese-lite0", {"dates": 2, "contrast": True}, "inputs say dates 2 and contrast"),
    ],
)
def test_networks_of_two_dates_ask_for_them(name, given, message):
    with pytest.raises(ConfigError, match=message):
        LandCoverTask(NetworkChoice(name), inputs(**given))


def test_an_epoch_without_labels_is_refused():
    task = trained_with(tiny())
    task.trainer.num_training_batches = 3
    with pytest.raises(NothingToLearn, match="not one pixel of 3 batches has a label"):
        task.on_train_epoch_end()
