"""What training minimises: a weighted sum of terms that compare the network with labels and with a teacher.

Axes: N batch, K class, H row, W column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn

from landcover.errors import ConfigError
from training.loss_terms import Pixels, change, count_pixels, cross_entropy, dice, distillation, focal, lovasz
from training.scenes import IGNORE

TERMS: Final = ("cross_entropy", "focal", "dice", "lovasz", "distillation", "change")


@dataclass(frozen=True, slots=True)
class LossChoice:
    """How much of each term is minimised; the formulas are in `training.loss_terms`.

    Attributes:
        cross_entropy: Weight of the cross-entropy with the labels.
        focal: Weight of the focal loss.
        dice: Weight of the soft Dice loss.
        lovasz: Weight of the Lovasz-softmax loss.
        distillation: Weight of the cross-entropy with the teacher's probabilities.
        change: Weight of the cross-entropy and Dice of "changed or not", for two dates with a change mask.
        focal_gamma: How much less sure pixels count in the focal loss, 0 or more.
        class_weights: One weight per class, or a rule of `training.class_weights` that computes them from the training
            labels. They hold for cross-entropy and focal; dice and Lovasz take every class that occurs alike. A class
            of weight 0 is ignored by every term.
        largest_class_weight: Limit of what a rule computes, 1 or more.
        label_smoothing: Share of each label that cross-entropy spreads over all classes, from 0 to below 1.
        min_confidence: Pixels whose teacher is less sure than this (0..1) are ignored by every term.
    """

    cross_entropy: float = 1.0
    focal: float = 0.0
    dice: float = 0.0
    lovasz: float = 0.0
    distillation: float = 0.0
    change: float = 0.0
    focal_gamma: float = 2.0
    class_weights: list[float] | Literal["balanced", "sqrt", "effective"] | None = None
    largest_class_weight: float | None = None
    label_smoothing: float = 0.0
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no loss.

        Raises:
            ConfigError: naming the field and what it may be.
        """
        self._check_terms()
        _check_range("focal_gamma", self.focal_gamma, 0, math.inf)
        _check_range("label_smoothing", self.label_smoothing, 0, math.nextafter(1, 0))
        _check_range("min_confidence", self.min_confidence, 0, 1)
        if self.largest_class_weight is not None:
            _check_range("largest_class_weight", self.largest_class_weight, 1, math.inf)
        if isinstance(self.class_weights, list):
            _check_class_weights(self.class_weights)

    def _check_terms(self) -> None:
        weights = {name: getattr(self, name) for name in TERMS}
        for name, weight in weights.items():
            _check_range(name, weight, 0, math.inf)
        if not any(weights.values()):
            raise ConfigError(f"loss: all of {', '.join(TERMS)} are 0; give at least one of them a weight above 0")

    @property
    def needs_teacher(self) -> bool:
        """Whether the data must have a teacher's probabilities."""
        return self.distillation > 0 or self.min_confidence > 0


@dataclass(frozen=True, slots=True)
class _Marks:
    """What a batch may have beside its labels."""

    teacher_NKHW: Tensor | None
    changed_NHW: Tensor | None
    weight_NHW: Tensor | None

    def teacher(self) -> Tensor:
        if self.teacher_NKHW is None:
            raise _no_teacher()
        return self.teacher_NKHW.float()

    def changed(self) -> Tensor:
        if self.changed_NHW is None:
            raise ConfigError(
                "loss.change needs two dates with a change mask, which the data set does not have; set it to 0"
            )
        return self.changed_NHW


class SegmentationLoss(nn.Module):
    """The chosen terms, added with their weights.

    It is computed in float32, under autocast too.

    Args:
        choice: What is minimised.
        class_weights: One weight per class, 0 or more: what the rule in the choice came to. None takes the choice's own
            list; a rule without its result can be constructed, for a checkpoint that only predicts, but not used.
        stable: Index of the class that means "no change", where there is one.

    Raises:
        ConfigError: The class weights are no weights, or the term ``change`` has no class that means "no change".
    """

    def __init__(
        self, choice: LossChoice, class_weights: Sequence[float] | None = None, *, stable: int | None = None
    ) -> None:
        super().__init__()
        self.choice = choice
        if choice.change and stable is None:
            raise ConfigError("loss.change needs a legend with the class 'stable', such as degradation3; set it to 0")
        self._stable = stable
        if class_weights is None and isinstance(choice.class_weights, list):
            class_weights = choice.class_weights
        if class_weights is not None:
            _check_class_weights(class_weights)
        self.class_weights_K: Tensor | None
        weights_K = None if class_weights is None else torch.tensor(list(class_weights), dtype=torch.float32)
        # Not persistent: they follow from the config and the data, and averaging of weights must not touch them.
        self.register_buffer("class_weights_K", weights_K, persistent=False)

    def forward(
        self,
        logits_NKHW: Tensor,
        labels_NHW: Tensor,
        *,
        teacher_NKHW: Tensor | None = None,
        weight_NHW: Tensor | None = None,
        changed_NHW: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch.

        Args:
            logits_NKHW: Logits of any float type.
            labels_NHW: int64 class indices, `IGNORE` where nothing is known.
            teacher_NKHW: float32 probabilities that sum to 1, or all 0 where the teacher says nothing.
            weight_NHW: float32 weight of each label, 0 or more; every term honours it.
            changed_NHW: 1 where a person saw a change, 0 where not, `IGNORE` where nobody looked.

        Returns:
            A float32 scalar; 0 with a gradient of 0 where no pixel counts.

        Raises:
            ConfigError: The choice needs a teacher or a change mask and there is none, or class weights that do not
                fit the classes.
        """
        self._check_batch(logits_NKHW.shape[1], teacher_NKHW)
        marks = _Marks(teacher_NKHW, changed_NHW, weight_NHW)
        with torch.autocast(logits_NKHW.device.type, enabled=False):
            labels_NHW = self._believed(labels_NHW, teacher_NKHW)
            pixels = count_pixels(logits_NKHW.float(), labels_NHW, weight_NHW)
            terms = [
                weight * self._term(name, pixels, marks) for name in TERMS if (weight := getattr(self.choice, name))
            ]
            return torch.stack(terms).sum()

    def _term(self, name: str, pixels: Pixels, marks: _Marks) -> Tensor:
        match name:
            case "cross_entropy":
                return cross_entropy(pixels, self.class_weights_K, smoothing=self.choice.label_smoothing)
            case "focal":
                return focal(pixels, self.class_weights_K, gamma=self.choice.focal_gamma)
            case "dice":
                return dice(pixels)
            case "lovasz":
                return lovasz(pixels)
            case "change":
                return change(pixels, marks.changed(), stable=self._stable or 0, weight_NHW=marks.weight_NHW)
        return distillation(pixels, marks.teacher())

    def _believed(self, labels_NHW: Tensor, teacher_NKHW: Tensor | None) -> Tensor:
        """Labels without those of classes that weigh nothing and those that the teacher doubts."""
        if self.class_weights_K is not None:
            known_NHW = labels_NHW != IGNORE
            weight_NHW = self.class_weights_K[labels_NHW.masked_fill(~known_NHW, 0)]
            labels_NHW = labels_NHW.masked_fill(weight_NHW == 0, IGNORE)
        if self.choice.min_confidence > 0 and teacher_NKHW is not None:
            labels_NHW = labels_NHW.masked_fill(teacher_NKHW.amax(dim=1) < self.choice.min_confidence, IGNORE)
        return labels_NHW

    def _check_batch(self, classes: int, teacher_NKHW: Tensor | None) -> None:
        if self.choice.needs_teacher and teacher_NKHW is None:
            raise _no_teacher()
        if self.class_weights_K is not None and len(self.class_weights_K) != classes:
            raise ConfigError(
                f"{len(self.class_weights_K)} class weights for {classes} classes; give one per class of the legend"
            )
        if isinstance(self.choice.class_weights, str) and self.class_weights_K is None:
            raise ConfigError(
                f"class weights {self.choice.class_weights!r} need the pixels of each training class; "
                "use data that counts them, or give one number per class"
            )


def _no_teacher() -> ConfigError:
    return ConfigError(
        "loss.distillation and loss.min_confidence need a teacher's probabilities, which the data set does not have; "
        "set both to 0 or add probabilities to the data"
    )


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        limit = f"from {low} to {high:g}" if math.isfinite(high) else f"of at least {low}"
        raise ConfigError(f"loss.{name} is {value}; a number {limit} is expected")


def _check_class_weights(weights: Sequence[float]) -> None:
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not any(weights):
        raise ConfigError(f"class weights {list(weights)}: numbers of at least 0, not all 0, are expected")
