"""The terms that a segmentation loss is made of, as functions of the counted pixels.

Every term honours a weight per pixel; a pixel of weight 0 changes neither the value nor the gradient. Every term is 0,
with a gradient of 0, where no pixel counts.

Axes: N batch, K class, H row, W column, P pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.scenes import IGNORE

SMALLEST: Final = 1e-12
"""Divisors are at least this, so that nothing divided by nothing is 0."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """What the network says of each pixel, what is known of it, and how much that counts.

    Attributes:
        log_NKHW: Logarithms of the class probabilities.
        labels_NHW: int64 class indices; 0 where there is no label.
        weight_NHW: Weight of the pixel, 0 where it does not count.
    """

    log_NKHW: Tensor
    labels_NHW: Tensor
    weight_NHW: Tensor

    def log_of_label(self) -> Tensor:
        """Logarithm NHW of the probability of each pixel's own class."""
        # Not functional.nll_loss: on CUDA its two-dimensional form refuses to run with deterministic algorithms.
        return self.log_NKHW.gather(1, self.labels_NHW[:, None])[:, 0]


def count_pixels(logits_NKHW: Tensor, labels_NHW: Tensor, weight_NHW: Tensor | None = None) -> Pixels:
    """The pixels of a batch; those without a label weigh 0.

    Args:
        logits_NKHW: Logits, float32 or float64.
        labels_NHW: int64 class indices, `IGNORE` where nothing is known.
        weight_NHW: Weight of each label, 0 or more; none for 1.

    Returns:
        The pixels, with the logits' dtype.
    """
    known_NHW = labels_NHW != IGNORE
    weight = known_NHW.to(logits_NKHW.dtype)
    return Pixels(
        log_NKHW=torch.log_softmax(logits_NKHW, dim=1),
        labels_NHW=labels_NHW.masked_fill(~known_NHW, 0),
        weight_NHW=weight if weight_NHW is None else weight * weight_NHW.to(weight.dtype),
    )


def cross_entropy(pixels: Pixels, class_weights_K: Tensor | None = None, *, smoothing: float = 0.0) -> Tensor:
    """Weighted mean of -log p(label), as `torch.nn.CrossEntropyLoss` has it.

    Args:
        pixels: The pixels.
        class_weights_K: One weight per class; none for 1.
        smoothing: Share of each label that is spread over all classes (Szegedy et al. 2016,
            https://arxiv.org/abs/1512.00567, section 7), with the class weights on the spread part as torch does it.

    Returns:
        A scalar.
    """
    weight_NHW = _with_classes(pixels, class_weights_K)
    loss = (1 - smoothing) * _mean(-pixels.log_of_label(), weight_NHW)
    if not smoothing:
        return loss
    log_NKHW = pixels.log_NKHW if class_weights_K is None else pixels.log_NKHW * class_weights_K.view(-1, 1, 1)
    spread = -(log_NKHW.mean(dim=1) * pixels.weight_NHW).sum() / weight_NHW.sum().clamp_min(SMALLEST)
    return loss + smoothing * spread


def focal(pixels: Pixels, class_weights_K: Tensor | None = None, *, gamma: float) -> Tensor:
    """Cross-entropy in which sure pixels count less: -(1 - p)^gamma log p.

    Lin et al. 2017, https://arxiv.org/abs/1708.02002, equation 5, with the softmax probability of the label as p and
    the class weight as alpha. At gamma 0 it is the cross-entropy.

    Args:
        pixels: The pixels.
        class_weights_K: One weight per class; none for 1.
        gamma: How much less sure pixels count, 0 or more.

    Returns:
        A scalar: the weighted mean over the pixels.
    """
    log_NHW = pixels.log_of_label()
    # Not 0: below gamma 1 the slope there is infinite.
    doubt_NHW = (-torch.expm1(log_NHW)).clamp_min(SMALLEST)
    return _mean(-(doubt_NHW**gamma) * log_NHW, _with_classes(pixels, class_weights_K))


def dice(pixels: Pixels) -> Tensor:
    """1 minus the soft Dice coefficient of the whole batch, a mean over the classes that occur in it.

    The coefficient of a class is 2 sum(p y) / (sum(p) + sum(y)), p its probability and y 1 where it is the label
    (Milletari et al. 2016, https://arxiv.org/abs/1606.04797, with plain sums in the denominator).

    Args:
        pixels: The pixels.

    Returns:
        A scalar from 0 to 1.
    """
    said_K = (pixels.log_NKHW.exp() * pixels.weight_NHW[:, None]).sum(dim=(0, 2, 3))
    labels_P, weight_P = pixels.labels_NHW.flatten(), pixels.weight_NHW.flatten()
    right_P = pixels.log_of_label().exp().flatten() * weight_P
    both_K = torch.zeros_like(said_K).index_add(0, labels_P, right_P)
    true_K = torch.zeros_like(said_K).index_add(0, labels_P, weight_P)
    return _mean(1 - 2 * both_K / (said_K + true_K).clamp_min(SMALLEST), (true_K > 0).to(said_K.dtype))


def lovasz(pixels: Pixels) -> Tensor:
    """The Lovasz extension of 1 - IoU of the whole batch, a mean over the classes that occur in it.

    Berman et al. 2018, https://arxiv.org/abs/1705.08790. There every pixel counts 1; here it counts
    its weight, which leaves the set function submodular: an integer weight is the same as repeating the pixel.

    Args:
        pixels: The pixels.

    Returns:
        A scalar from 0 to 1.
    """
    counted_NHW = pixels.weight_NHW > 0
    weight_P, labels_P = pixels.weight_NHW[counted_NHW], pixels.labels_NHW[counted_NHW]
    classes_C = torch.bincount(labels_P, minlength=pixels.log_NKHW.shape[1]).nonzero()[:, 0]
    p_CP = pixels.log_NKHW.movedim(1, -1)[counted_NHW].exp().T[classes_C]
    is_class_CP = labels_P == classes_C[:, None]
    errors_CP, order_CP = torch.where(is_class_CP, 1 - p_CP, p_CP).sort(dim=1, descending=True)
    slope_CP = _jaccard_slope(is_class_CP.gather(1, order_CP), weight_P[order_CP])
    return (errors_CP * slope_CP).sum() / max(1, len(classes_C))


def distillation(pixels: Pixels, teacher_NKHW: Tensor) -> Tensor:
    """Cross-entropy with a teacher's probabilities, a weighted mean over the pixels that the teacher speaks of.

    Hinton et al. 2015, https://arxiv.org/abs/1503.02531, at temperature 1: it differs from the Kullback-Leibler
    divergence by a constant only.

    Args:
        pixels: The pixels.
        teacher_NKHW: Probabilities that sum to 1, or all 0 where the teacher says nothing.

    Returns:
        A scalar.
    """
    speaks_NHW = teacher_NKHW.amax(dim=1) > 0
    return _mean(-(teacher_NKHW * pixels.log_NKHW).sum(dim=1), pixels.weight_NHW * speaks_NHW)


def change(pixels: Pixels, changed_NHW: Tensor, *, stable: int, weight_NHW: Tensor | None = None) -> Tensor:
    """Cross-entropy plus soft Dice of "changed", which is every class but one, against that one.

    It takes pixels whose change nobody can name, too: all it asks is that the classes of change have the probability.

    Args:
        pixels: The pixels; of their labels only the probabilities are used.
        changed_NHW: 1 for changed, 0 for not, `IGNORE` where nobody knows.
        stable: Index of the class that means "no change".
        weight_NHW: Weight of each pixel, 0 or more; none for 1.

    Returns:
        A scalar.
    """
    known_NHW = changed_NHW != IGNORE
    others = [index for index in range(pixels.log_NKHW.shape[1]) if index != stable]
    either = [pixels.log_NKHW[:, stable], pixels.log_NKHW[:, others].logsumexp(dim=1)]
    weight = known_NHW.to(pixels.log_NKHW.dtype)
    two = Pixels(
        log_NKHW=torch.stack(either, dim=1),
        labels_NHW=changed_NHW.masked_fill(~known_NHW, 0).long(),
        weight_NHW=weight if weight_NHW is None else weight * weight_NHW.to(weight.dtype),
    )
    return cross_entropy(two) + dice(two)


def _jaccard_slope(is_class_CP: Tensor, weight_CP: Tensor) -> Tensor:
    """How much each pixel, in order of falling error, adds to 1 - IoU (algorithm 1 of the paper).

    The differences of consecutive values are written out: subtracting two float32 numbers close to each other would
    cost a patch of 600 x 600 pixels almost 1 % of its slopes.
    """
    inside_CP = weight_CP * is_class_CP
    outside_CP = weight_CP - inside_CP
    total_C1 = inside_CP.sum(dim=1, keepdim=True)
    union_CP = total_C1 + outside_CP.cumsum(dim=1)
    left_CP = (total_C1 - inside_CP.cumsum(dim=1)).clamp_min(0)
    before_CP = (union_CP - outside_CP).clamp_min(SMALLEST)
    return (inside_CP + outside_CP * left_CP / before_CP) / union_CP.clamp_min(SMALLEST)


def _with_classes(pixels: Pixels, class_weights_K: Tensor | None) -> Tensor:
    return pixels.weight_NHW if class_weights_K is None else pixels.weight_NHW * class_weights_K[pixels.labels_NHW]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp_min(SMALLEST)
