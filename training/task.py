"""The segmentation task: one step for training, validation and test.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix

from landcover.legends import get_legend
from landcover.sensors import get_product
from models.graph import SceneNet
from models.networks import build_network
from training.datasets import IGNORE
from training.losses import DistillationLoss

type Stage = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """Which network.

    Attributes:
        name: Name in `models.networks.NETWORKS`.
        options: Options of the network.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputChoice:
    """What goes into the network.

    Attributes:
        bands: Band names in input order.
        mean: Mean of the square root of reflectance, one per band.
        std: Standard deviation of the same.
        product: Product id of `landcover.sensors` whose digital numbers the network takes.
    """

    bands: list[str]
    mean: list[float]
    std: list[float]
    product: str = "sentinel-2-l1c"


@dataclass(frozen=True, slots=True)
class LossChoice:
    """Options of `DistillationLoss`, see there."""

    hard_weight: float = 1.0
    soft_weight: float = 0.0
    class_weights: list[float] | None = None
    min_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class OptimiserChoice:
    """Options of AdamW and its schedule.

    Attributes:
        learning_rate: Largest learning rate.
        weight_decay: Weight decay, on convolution weights only.
        warmup_steps: Steps of linear warm-up.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 100


class LandCoverTask(LightningModule):
    """Digital numbers to classes of a legend.

    Everything that export needs is a hyper-parameter and travels in the checkpoint.

    Args:
        network: Which network.
        inputs: Bands, their statistics and their product.
        legend: Legend id of the classes.
        loss: What is minimised.
        optimiser: How it is minimised.
    """

    def __init__(
        self,
        network: NetworkChoice,
        inputs: InputChoice,
        *,
        legend: str = "unccd7",
        loss: LossChoice | None = None,
        optimiser: OptimiserChoice | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.inputs = inputs
        self.legend = get_legend(legend)
        self.optimiser = optimiser or OptimiserChoice()
        self.scene_net = build_scene_net(network, inputs, classes=len(self.legend.classes))
        self.loss = DistillationLoss(**asdict(loss or LossChoice()))
        self.confusion = nn.ModuleDict(
            {
                f"{stage}_confusion": MulticlassConfusionMatrix(len(self.legend.classes), ignore_index=IGNORE)
                for stage in ("train", "val", "test")
            }
        )

    def forward(self, dn_NBHW: Tensor) -> Tensor:
        """Logits NKHW in float32 of digital numbers NBHW in float32."""
        logits: Tensor = self.scene_net(dn_NBHW.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def model_step(self, batch: Mapping[str, Any], stage: Stage) -> Tensor:
        """The step that training, validation and test share.

        Args:
            batch: ``image`` NBHW, ``mask`` NHW, ``teacher`` NKHW.
            stage: Which of the three.

        Returns:
            The loss.
        """
        logits_NKHW = self(batch["image"])
        loss: Tensor = self.loss(logits_NKHW, batch["mask"], batch["teacher"])
        self._confusion(stage).update(logits_NKHW.argmax(dim=1), batch["mask"])
        self.log(f"{stage}/loss", loss, on_epoch=True, prog_bar=True, batch_size=len(batch["image"]))
        return loss

    def _confusion(self, stage: Stage) -> MulticlassConfusionMatrix:
        return cast("MulticlassConfusionMatrix", self.confusion[f"{stage}_confusion"])

    def training_step(self, batch: Mapping[str, Any], batch_idx: int) -> Tensor:  # noqa: ARG002 (Lightning's signature)
        """One training step."""
        return self.model_step(batch, "train")

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:  # noqa: ARG002
        """One validation step."""
        self.model_step(batch, "val")

    def test_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:  # noqa: ARG002
        """One test step."""
        self.model_step(batch, "test")

    def on_train_epoch_end(self) -> None:
        """Log the scores of the epoch."""
        self._log_scores("train")

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the epoch."""
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        """Log the scores."""
        self._log_scores("test")

    def _log_scores(self, stage: Stage) -> None:
        metric = self._confusion(stage)
        accuracy, iou_K = scores(metric.compute())
        metric.reset()
        present_K = ~iou_K.isnan()
        self.log(f"{stage}/overall_accuracy", accuracy, prog_bar=True)
        self.log(f"{stage}/mean_iou", iou_K[present_K].mean() if present_K.any() else torch.nan, prog_bar=True)
        for land_class, iou in zip(self.legend.classes, iou_K, strict=True):
            self.log(f"{stage}/iou/{land_class.name}", iou)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW (https://arxiv.org/abs/1711.05101) with a warm-up and a cosine to 0, step by step."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.optimiser.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.optimiser.learning_rate)
        total = int(self.trainer.estimated_stepping_batches)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warmup_cosine(step, warmup=self.optimiser.warmup_steps, total=total)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def build_scene_net(network: NetworkChoice, inputs: InputChoice, *, classes: int) -> SceneNet:
    """The module that takes digital numbers, with fresh weights.

    Args:
        network: Which network.
        inputs: Bands, their statistics and their product.
        classes: Number of classes.

    Returns:
        The network behind its normalisation.
    """
    radiometry = get_product(inputs.product).radiometry
    body = build_network(network.name, len(inputs.bands), classes, **network.options)
    return SceneNet(
        body.to(memory_format=torch.channels_last),  # faster than rows-last on CPU and on tensor cores
        scale=radiometry.scale,
        offset=radiometry.offset,
        mean=inputs.mean,
        std=inputs.std,
    )


def warmup_cosine(step: int, *, warmup: int, total: int) -> float:
    """Share of the largest learning rate at a step.

    Args:
        step: Steps done.
        warmup: Steps of the linear rise.
        total: Steps in all.

    Returns:
        A value from 0 to 1: a rise over the warm-up, then a half cosine to 0.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return 0.5 * (1 + math.cos(math.pi * done))


def scores(confusion_KK: Tensor) -> tuple[Tensor, Tensor]:
    """Overall accuracy and intersection over union.

    Args:
        confusion_KK: Pixel counts, rows are the labels, columns the map.

    Returns:
        Overall accuracy, and IoU per class: NaN for a class that the labels do not have.
    """
    counts = confusion_KK.double()
    right_K = counts.diagonal()
    labelled_K = counts.sum(dim=1)
    iou_K = right_K / (labelled_K + counts.sum(dim=0) - right_K)
    iou_K[labelled_K == 0] = torch.nan
    return right_K.sum() / counts.sum(), iou_K
