"""Each term against torch, segmentation-models-pytorch or brute force; their sum against the sum."""

import math

import jsonargparse
import pytest
import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.losses._functional import softmax_focal_loss_with_logits
from torch.nn import functional

from landcover.errors import ConfigError
from training import losses
from training.loss_terms import count_pixels, cross_entropy, dice, distillation, focal, lovasz
from training.losses import LossChoice, SegmentationLoss
from training.scenes import IGNORE

CLASSES = 7
TERMS = tuple(term for term in losses.TERMS if term != "change")  # which has labels of its own, and tests at the end
CLASS_WEIGHTS = [1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 0.1]
NOTHING = dict.fromkeys(TERMS, 0.0)
ALL = LossChoice(**dict.fromkeys(TERMS, 1.0))


def only(term, **options):
    return LossChoice(**{**NOTHING, term: 1.0}, **options)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    logits = (3 * torch.randn(2, CLASSES, 6, 5, generator=generator)).requires_grad_()
    labels = torch.randint(CLASSES - 1, (2, 6, 5), generator=generator)  # the last class does not occur
    labels[0, :2] = IGNORE
    teacher = torch.softmax(torch.randn(2, CLASSES, 6, 5, generator=generator), dim=1)
    return logits, labels, teacher


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS])
def test_cross_entropy_is_torchs(batch, weights, smoothing):
    logits, labels, _ = batch
    got = SegmentationLoss(LossChoice(label_smoothing=smoothing, class_weights=weights))(logits, labels)
    weight = None if weights is None else torch.tensor(weights)
    wanted = functional.cross_entropy(logits, labels, weight=weight, ignore_index=IGNORE, label_smoothing=smoothing)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_is_that_of_segmentation_models(batch, gamma):
    logits, labels, _ = batch
    got = SegmentationLoss(only("focal", focal_gamma=gamma))(logits, labels)
    known = labels != IGNORE
    wanted = softmax_focal_loss_with_logits(logits.movedim(1, -1)[known], labels[known], gamma=gamma)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-4)


@pytest.mark.parametrize("weights", [None, CLASS_WEIGHTS])
def test_focal_at_gamma_0_is_cross_entropy(batch, weights):
    logits, labels, _ = batch
    got = SegmentationLoss(only("focal", focal_gamma=0.0), weights)(logits, labels)
    assert got.item() == pytest.approx(SegmentationLoss(LossChoice(), weights)(logits, labels).item(), rel=1e-5)


def test_dice_is_that_of_segmentation_models(batch):
    logits, labels, _ = batch
    got = SegmentationLoss(only("dice"))(logits, labels)
    # There the mean goes over all classes, and one that does not occur adds 0; here it goes over those that occur.
    wanted = smp.losses.DiceLoss("multiclass", ignore_index=IGNORE)(logits, labels) * CLASSES / (CLASSES - 1)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_lovasz_is_that_of_its_author(batch):
    logits, labels, _ = batch
    got = SegmentationLoss(only("lovasz"))(logits, labels)
    wanted = smp.losses.LovaszLoss("multiclass", ignore_index=IGNORE)(logits, labels)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)
    mine, theirs = torch.autograd.grad(got, logits), torch.autograd.grad(wanted, logits)
    assert torch.allclose(mine[0], theirs[0], atol=1e-6)


def test_lovasz_of_hard_answers_is_one_minus_iou():
    """At the corners of the cube the extension is the set function itself, with weights as with counts."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(3, (1, 8, 8), generator=generator)
    answer = torch.randint(3, (1, 8, 8), generator=generator)
    weight = torch.rand(1, 8, 8, generator=generator)
    logits = 200.0 * functional.one_hot(answer, 3).movedim(-1, 1)
    iou = [
        (weight * ((labels == k) & (answer == k))).sum() / (weight * ((labels == k) | (answer == k))).sum()
        for k in range(3)
    ]
    got = SegmentationLoss(only("lovasz"))(logits, labels, weight_NHW=weight)
    assert got.item() == pytest.approx(1 - torch.stack(iou).mean().item(), abs=1e-5)


def test_distillation_is_divergence_plus_the_teachers_entropy(batch):
    logits, labels, teacher = batch
    got = SegmentationLoss(only("distillation"))(logits, labels, teacher_NKHW=teacher)
    divergence = functional.kl_div(logits.log_softmax(1), teacher, reduction="none").sum(1)
    entropy = -(teacher * teacher.log()).sum(1)
    wanted = (divergence + entropy)[labels != IGNORE].mean()
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_a_silent_teacher_does_not_dilute_distillation(batch):
    logits, labels, teacher = batch
    silent = teacher.clone()
    silent[1] = 0
    got = SegmentationLoss(only("distillation"))(logits, labels, teacher_NKHW=silent)
    wanted = SegmentationLoss(only("distillation"))(logits[:1], labels[:1], teacher_NKHW=teacher[:1])
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_unsure_pixels_do_not_count(batch):
    logits, labels, teacher = batch
    sure = teacher.amax(1) >= 0.4
    got = SegmentationLoss(LossChoice(min_confidence=0.4))(logits, labels, teacher_NKHW=teacher)
    wanted = functional.cross_entropy(logits, labels.masked_fill(~sure, IGNORE), ignore_index=IGNORE)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("term", TERMS)
def test_an_integer_weight_repeats_the_pixel(batch, term):
    logits, labels, teacher = batch
    loss = SegmentationLoss(only(term), CLASS_WEIGHTS)
    weight = torch.randint(0, 4, labels.shape, generator=torch.Generator().manual_seed(2))
    got = loss(logits, labels, teacher_NKHW=teacher, weight_NHW=weight.float())
    times = weight.flatten()

    def repeat(raster_NKHW):
        return raster_NKHW.movedim(1, -1).flatten(0, -2).repeat_interleave(times, 0).T[None, :, None]

    flat = labels.flatten().repeat_interleave(times)[None, None]
    wanted = loss(repeat(logits), flat, teacher_NKHW=repeat(teacher))
    assert got.item() == pytest.approx(wanted.item(), rel=1e-4)


@pytest.mark.parametrize("term", TERMS)
def test_what_is_ignored_has_no_part(batch, term):
    """Label 255, weight 0 and a class of weight 0 are one thing: no value, no gradient."""
    logits, labels, teacher = batch
    choice = only(term, class_weights=[0.0, *[1.0] * (CLASSES - 1)])
    weight = torch.ones(labels.shape)
    weight[1, 3:] = 0
    ignored = (labels == IGNORE) | (weight == 0) | (labels == 0)
    loss = SegmentationLoss(choice)(logits, labels, teacher_NKHW=teacher, weight_NHW=weight)
    loss.backward()
    assert loss.item() > 0
    assert (logits.grad.abs().sum(1)[ignored] == 0).all()
    assert (logits.grad.abs().sum(1)[~ignored] > 0).any()
    wanted = SegmentationLoss(only(term))(logits, labels.masked_fill(ignored, IGNORE), teacher_NKHW=teacher)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("ignored", ["labels", "weights"])
def test_nothing_to_learn_gives_zero_gradient(batch, ignored):
    logits, labels, teacher = batch
    weight = torch.zeros(labels.shape) if ignored == "weights" else None
    labels = torch.full_like(labels, IGNORE) if ignored == "labels" else labels
    loss = SegmentationLoss(ALL)(logits, labels, teacher_NKHW=teacher, weight_NHW=weight)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("gamma", [0.3, 2.0])
def test_extreme_logits_stay_finite(gamma):
    labels = torch.tensor([[[0, 1, 2, IGNORE]]])
    logits = torch.zeros(1, 3, 1, 4)
    logits[0, 0] = 1e4  # sure and right, sure and wrong twice, sure of an ignored pixel
    logits.requires_grad_()
    teacher = torch.full((1, 3, 1, 4), 1 / 3)
    choice = LossChoice(**dict.fromkeys(TERMS, 1.0), focal_gamma=gamma, label_smoothing=0.1)
    SegmentationLoss(choice)(logits, labels, teacher_NKHW=teacher).backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    "term",
    [
        lambda pixels, _: cross_entropy(pixels, smoothing=0.1),
        lambda pixels, _: focal(pixels, torch.rand(4).double(), gamma=1.5),
        lambda pixels, _: dice(pixels),
        lambda pixels, _: lovasz(pixels),
        distillation,
    ],
    ids=["cross_entropy", "focal", "dice", "lovasz", "distillation"],
)
def test_gradients_are_those_of_finite_differences(term):
    torch.manual_seed(5)
    logits = torch.randn(1, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[[0, 1, IGNORE], [2, 2, 0]]])
    weight = torch.rand(1, 2, 3, dtype=torch.float64)
    teacher = torch.softmax(torch.randn(1, 4, 2, 3, dtype=torch.float64), 1)

    def value(logits):
        torch.manual_seed(6)
        return term(count_pixels(logits, labels, weight), teacher)

    assert torch.autograd.gradcheck(value, (logits,))


def test_terms_add_with_their_weights(batch):
    logits, labels, teacher = batch
    weights = dict(zip(TERMS, (0.5, 2.0, 1.5, 0.25, 3.0), strict=True))
    got = SegmentationLoss(LossChoice(**weights))(logits, labels, teacher_NKHW=teacher)
    parts = [w * SegmentationLoss(only(t))(logits, labels, teacher_NKHW=teacher) for t, w in weights.items()]
    assert got.item() == pytest.approx(sum(part.item() for part in parts), rel=1e-5)


def test_autocast_and_bfloat16_change_only_the_logits(batch):
    logits, labels, teacher = batch
    coarse = logits.detach().bfloat16()
    wanted = SegmentationLoss(ALL)(coarse.float(), labels, teacher_NKHW=teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = SegmentationLoss(ALL)(coarse, labels, teacher_NKHW=teacher)
    assert got.dtype == torch.float32
    assert got.item() == wanted.item()


def test_channels_last_and_contiguous_logits_agree(batch):
    logits, labels, teacher = batch
    turned = logits.detach().contiguous(memory_format=torch.channels_last)
    losses = [SegmentationLoss(ALL)(x, labels, teacher_NKHW=teacher).item() for x in (logits, turned)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_without_a_teacher_the_message_says_what_to_do(batch):
    logits, labels, _ = batch
    for choice in (LossChoice(distillation=0.5), LossChoice(min_confidence=0.2)):
        with pytest.raises(ConfigError, match="teacher's probabilities"):
            SegmentationLoss(choice)(logits, labels)


def test_a_rule_without_its_weights_is_refused_when_used(batch):
    logits, labels, _ = batch
    choice = LossChoice(class_weights="balanced")
    with pytest.raises(ConfigError, match="'balanced' need the pixels"):
        SegmentationLoss(choice)(logits, labels)
    assert SegmentationLoss(choice, [1.0] * CLASSES)(logits, labels).item() > 0


def test_class_weights_must_fit_the_classes(batch):
    logits, labels, _ = batch
    with pytest.raises(ConfigError, match="3 class weights for 7 classes"):
        SegmentationLoss(LossChoice(class_weights=[1.0, 2.0, 3.0]))(logits, labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cross_entropy": 0.0}, "all of cross_entropy, focal"),
        ({"dice": -1.0}, "loss.dice"),
        ({"lovasz": math.nan}, "loss.lovasz"),
        ({"focal_gamma": -0.5}, "loss.focal_gamma"),
        ({"label_smoothing": 1.0}, "loss.label_smoothing"),
        ({"min_confidence": 1.5}, "loss.min_confidence"),
        ({"largest_class_weight": 0.5}, "loss.largest_class_weight"),
        ({"class_weights": [1.0, -1.0]}, "class weights"),
        ({"class_weights": [0.0, 0.0]}, "class weights"),
    ],
)
def test_senseless_choices_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        LossChoice(**options)


@pytest.mark.parametrize("weights", ["balanced", "sqrt", "effective", [1.0, 2.0], None])
def test_a_config_can_say_it(weights):
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--loss", type=LossChoice)
    given = {"cross_entropy": 0.5, "lovasz": 1, "class_weights": weights}
    choice = parser.instantiate(parser.parse_object({"loss": given})).loss
    assert choice == LossChoice(cross_entropy=0.5, lovasz=1.0, class_weights=weights)


def test_a_large_batch_keeps_the_slope_of_one_pixel():
    """Differences of consecutive IoU values in float32 would be wrong by 0.7 % here."""
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(1, 2, 600, 600, generator=generator)
    labels = torch.randint(2, (1, 600, 600), generator=generator)
    slopes = []
    for dtype in (torch.float32, torch.float64):
        x = logits.to(dtype, copy=True).requires_grad_()
        lovasz(count_pixels(x, labels)).backward()
        slopes.append(x.grad.double())
    assert (slopes[0] - slopes[1]).norm() < 1e-5 * slopes[1].norm()


STABLE = 1


def changes(logits, changed, weight=None):
    """The term from sigmoids: "changed" is the log-odds of all other classes together."""
    probability = torch.softmax(logits.double(), 1)
    said = torch.cat([probability[:, :STABLE], probability[:, STABLE + 1 :]], 1).sum(1)[changed != IGNORE]
    truth = changed[changed != IGNORE].double()
    weight = torch.ones_like(truth) if weight is None else weight[changed != IGNORE].double()
    entropy = (functional.binary_cross_entropy(said, truth, reduction="none") * weight).sum() / weight.sum()
    dices = [
        1 - 2 * (p * t * weight).sum() / ((p + t) * weight).sum() for p, t in ((said, truth), (1 - said, 1 - truth))
    ]
    return entropy + sum(dices) / 2


@pytest.mark.parametrize("weighted", [False, True])
def test_change_asks_only_whether(batch, weighted):
    logits, labels, _ = batch
    changed = torch.randint(0, 2, labels.shape, generator=torch.Generator().manual_seed(4)).to(torch.uint8)
    changed[1, 4:] = IGNORE
    weight = torch.rand(labels.shape, generator=torch.Generator().manual_seed(5)) if weighted else None
    loss = SegmentationLoss(only("change"), stable=STABLE)
    nameless = torch.full_like(labels, IGNORE)
    got = loss(logits, nameless, changed_NHW=changed, weight_NHW=weight)
    assert got.item() == pytest.approx(changes(logits, changed, weight).item(), rel=1e-5)
    assert loss(logits, labels, changed_NHW=changed, weight_NHW=weight).item() == got.item()
    got.backward()
    assert logits.grad.abs().sum(1)[1, 4:].max() == 0


def test_change_without_a_mask_or_a_stable_class_is_refused(batch):
    logits, labels, _ = batch
    with pytest.raises(ConfigError, match="legend with the class 'stable'"):
        SegmentationLoss(only("change"))
    with pytest.raises(ConfigError, match="two dates with a change mask"):
        SegmentationLoss(only("change"), stable=STABLE)(logits, labels)
