"""What training minimises: agreement with the labels and with the teacher's probabilities.

Axes: N batch, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from landcover.errors import ConfigError
from training.datasets import IGNORE


class DistillationLoss(nn.Module):
    """Cross-entropy with hard labels plus cross-entropy with a teacher's probabilities.

    hard_weight * CE(label) + soft_weight * CE(teacher), each a mean over the counted pixels. The second term is the
    distillation of Hinton et al. 2015 (https://arxiv.org/abs/1503.02531) at temperature 1: it differs from the
    Kullback-Leibler divergence by a constant only.

    Args:
        hard_weight: Weight of the labels.
        soft_weight: Weight of the teacher.
        class_weights: One weight per class for the labels, or none for equal weights.
        min_confidence: Pixels whose teacher is less sure than this (0..1) are not counted at all.

    Raises:
        ConfigError: Both weights are 0 or one is negative.
    """

    def __init__(
        self,
        *,
        hard_weight: float = 1.0,
        soft_weight: float = 0.0,
        class_weights: Sequence[float] | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        super().__init__()
        if min(hard_weight, soft_weight) < 0 or hard_weight + soft_weight == 0:
            raise ConfigError(f"Loss weights must be 0 or more and not both 0, got {hard_weight}, {soft_weight}.")
        self.hard_weight = hard_weight
        self.soft_weight = soft_weight
        self.min_confidence = min_confidence
        self.class_weights: Tensor | None
        weights = None if class_weights is None else torch.tensor(list(class_weights))
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, logits_NKHW: Tensor, labels_NHW: Tensor, teacher_NKHW: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            logits_NKHW: float32 logits.
            labels_NHW: int64 class indices, `IGNORE` where nothing is known.
            teacher_NKHW: float32 probabilities that sum to 1, or all 0 where the teacher says nothing.

        Returns:
            A scalar; 0 with a gradient of 0 where no pixel counts.
        """
        log_NKHW = functional.log_softmax(logits_NKHW, dim=1)
        labels_NHW = labels_NHW.masked_fill(teacher_NKHW.amax(dim=1) < self.min_confidence, IGNORE)
        counted_NHW = labels_NHW != IGNORE
        hard = functional.nll_loss(
            log_NKHW, labels_NHW, weight=self.class_weights, ignore_index=IGNORE, reduction="sum"
        )
        soft = -(teacher_NKHW * log_NKHW).sum(dim=1)[counted_NHW].sum()
        total = self.hard_weight * hard / self._weight_of(labels_NHW[counted_NHW])
        return total + self.soft_weight * soft / counted_NHW.sum().clamp_min(1)

    def _weight_of(self, labels: Tensor) -> Tensor:
        if self.class_weights is None:
            return torch.tensor(float(max(labels.numel(), 1)), device=labels.device)
        return self.class_weights[labels].sum().clamp_min(1e-6)
