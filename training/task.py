"""The segmentation task: one step for training, validation and test.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassConfusionMatrix

from landcover.errors import ConfigError, DataError
from landcover.legends import Legend, get_legend
from landcover.sensors import get_product
from models.changes import ChangeNet
from models.contrast import contrast_channels
from models.depthwise import depthwise_in_float32
from models.graph import SceneNet
from models.networks import UNet, build_network
from models.pretrained import PretrainedChoice, PretrainedUnusable, load_pretrained
from models.siamese import SiameseUNet
from training.class_weights import class_weights
from training.losses import LossChoice, SegmentationLoss
from training.scenes import IGNORE, STABLE, SourceFacts
from training.schedules import OptimiserChoice, build_optimizer, schedule_of_run

type Stage = Literal["train", "val", "test"]

CLASS_WEIGHTS_KEY: Final = "class_weights"
"""Entry of a checkpoint with the class weights that a rule came to."""

LEAST_MASS: Final = 1e-6
"""Probability below which a teacher says nothing of the classes that are left."""


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
        bands: Band names of one date, in input order.
        mean: Mean of the square root of reflectance, one per band.
        std: Standard deviation of the same, above 0.
        product: Product id of `landcover.sensors` whose digital numbers the network takes.
        dates: Dates stacked in an image, oldest first: 1, or 2 for change. Statistics are the same for each.
        contrast: The network also sees how unusual each difference of two dates is in its scene
            (`models.contrast.SceneContrast`).
    """

    bands: list[str]
    mean: list[float]
    std: list[float]
    product: str = "sentinel-2-l1c"
    dates: int = 1
    contrast: bool = False

    def __post_init__(self) -> None:
        """Refuse lists that do not belong together.

        Raises:
            ConfigError: Statistics do not fit the bands, a deviation is not above 0, dates are not 1 or 2, or there is
                no second date to contrast with.
        """
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != len(self.bands):
                raise ConfigError(
                    f"inputs.{name} has {len(values)} numbers for {len(self.bands)} bands; "
                    "give one per band of one date (`steppe train stats` computes them)"
                )
        if min(self.std, default=0.0) <= 0:
            raise ConfigError(f"inputs.std must be above 0 in every band, got {self.std}")
        if self.dates not in (1, 2):
            raise ConfigError(f"inputs.dates is {self.dates}, expected 1 or 2")
        if self.contrast and self.dates == 1:
            raise ConfigError("inputs.contrast is that of two dates; set inputs.dates to 2 or leave it out")

    @property
    def channels(self) -> int:
        """Bands of all dates."""
        return self.dates * len(self.bands)

    @property
    def network_channels(self) -> int:
        """What the network sees: bands of all dates, and their contrast."""
        return self.channels + (contrast_channels(len(self.bands)) if self.contrast else 0)


class NothingToLearn(DataError):
    """An epoch of training patches without one label."""

    slug = "nothing-to-learn"


class LandCoverTask(LightningModule):
    """Digital numbers to classes of a legend.

    Everything that export needs is a hyper-parameter and travels in the checkpoint.

    Args:
        network: Which network.
        inputs: Bands, their statistics and their product.
        legend: Legend id of the classes.
        loss: What is minimised.
        optimiser: How it is minimised.
        pretrained: Published weights that the encoder starts from; read when a fit starts, never when a checkpoint
            is loaded.
        unsupported: Names of classes that the training data cannot support: the network never answers them, the loss
            leaves their pixels out, and scores count those pixels as wrong.
    """

    def __init__(
        self,
        network: NetworkChoice,
        inputs: InputChoice,
        *,
        legend: str = "unccd7",
        loss: LossChoice | None = None,
        optimiser: OptimiserChoice | None = None,
        pretrained: PretrainedChoice | None = None,
        unsupported: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.inputs = inputs
        self.legend = get_legend(legend)
        self.unsupported = tuple(unsupported or ())
        self.optimiser = optimiser or OptimiserChoice()
        self._pretrained = pretrained
        self._is_set_up = False
        never = _indices(self.legend, self.unsupported)
        classes = len(self.legend.classes)
        self.scene_net = build_scene_net(network, inputs, classes=classes, unsupported=never)
        self._never = never
        self.loss = SegmentationLoss(loss or LossChoice(), stable=self._stable)
        # The loss refuses a class out of range; looking again costs a hundredth of a step.
        self.confusion = nn.ModuleDict(
            {
                f"{stage}_confusion": MulticlassConfusionMatrix(classes, ignore_index=IGNORE, validate_args=False)
                for stage in ("train", "val", "test")
            }
        )

    def setup(self, stage: str) -> None:
        """Check that the data fits; before a fit, weights into the encoder and class weights from the training labels.

        Weights are set once only. A resumed fit leaves the encoder alone: its checkpoint is loaded next.

        Raises:
            ConfigError: The data has other bands, dates or classes than the network.
        """
        self._check_data()
        if stage != "fit" or self._is_set_up:
            return
        self._is_set_up = True
        if not self.trainer.ckpt_path:
            self._start_from_pretrained()
        rule = self.loss.choice.class_weights
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(rule, str) and data is not None:
            names = [entry.name for entry in self.legend.classes]
            limit = self.loss.choice.largest_class_weight
            found = class_weights(rule, data.class_pixels(), largest=limit, names=names)
            if found.warning:
                rank_zero_info(f"class weights: {found.warning}")
            self._weigh_classes(found.values)

    def _check_data(self) -> None:
        """The data must be what the network takes.

        Raises:
            ConfigError: Bands, dates or classes differ.
        """
        facts = getattr(getattr(self.trainer, "datamodule", None), "facts", None)
        if facts is not None:
            check_facts(facts, self.inputs, self.legend.id)

    def _start_from_pretrained(self) -> None:
        if self._pretrained is None:
            return
        bands = list(self.inputs.bands)
        if isinstance(self.scene_net.network, UNet):  # it sees all dates at once, a siamese one by one
            bands *= self.inputs.dates
        load_pretrained(self._loaded_part(self._pretrained), self._pretrained, bands=bands)

    def _loaded_part(self, choice: PretrainedChoice) -> nn.Module:
        """What of the network starts from the chosen weights."""
        network = self.scene_net.network
        if isinstance(network, (SiameseUNet, ChangeNet)):
            return network.trunk if choice.whole else network.trunk[0]
        if isinstance(network, UNet) and not choice.whole:
            return cast("nn.Module", network.body.encoder)
        raise PretrainedUnusable(
            "only a unet, siamese or change network starts from pretrained weights, and from `whole` ones not a unet"
        )

    def _weigh_classes(self, values: Any) -> None:
        self.loss = SegmentationLoss(self.loss.choice, values, stable=self._stable).to(self.device)

    @property
    def _stable(self) -> int | None:
        """Index of the class that means "no change", in a legend that has one."""
        return self.legend.names.index(STABLE) if STABLE in self.legend.names else None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the class weights: validation of a checkpoint needs no training labels."""
        if self.loss.class_weights_K is not None:
            checkpoint[CLASS_WEIGHTS_KEY] = self.loss.class_weights_K.tolist()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Use the class weights that the checkpoint was trained with."""
        if CLASS_WEIGHTS_KEY in checkpoint and isinstance(self.loss.choice.class_weights, str):
            self._weigh_classes(checkpoint[CLASS_WEIGHTS_KEY])

    def forward(self, dn_NBHW: Tensor, overview_NBHW: Tensor | None = None) -> Tensor:
        """Logits NKHW in float32 of digital numbers NBHW in float32; of two dates also by the scene's overview."""
        logits: Tensor = self.scene_net(dn_NBHW.contiguous(memory_format=torch.channels_last), overview_NBHW)
        return logits.float()

    def model_step(self, batch: Mapping[str, Any], stage: Stage) -> Tensor:
        """The step that training, validation and test share.

        Args:
            batch: ``image`` NBHW, ``mask`` NHW; where the data has them ``teacher`` NKHW, ``weight`` NHW,
                ``changed`` NHW and ``overview`` NBHW.
            stage: Which of the three.

        Returns:
            The loss.
        """
        logits_NKHW = self(batch["image"], batch.get("overview"))
        labels_NHW, teacher_NKHW = supported(batch["mask"], batch.get("teacher"), self._never)
        loss: Tensor = self.loss(
            logits_NKHW,
            labels_NHW,
            teacher_NKHW=teacher_NKHW,
            weight_NHW=batch.get("weight"),
            changed_NHW=batch.get("changed"),
        )
        counted_NHW = batch["mask"]
        if "weight" in batch:  # a label without weight is none, as in `steppe evaluate`
            counted_NHW = counted_NHW.masked_fill(batch["weight"] == 0, IGNORE)
        self._confusion(stage).update(logits_NKHW.detach().argmax(dim=1), counted_NHW)
        self.log(
            f"{stage}/loss",
            loss,
            on_epoch=True,
            prog_bar=True,
            batch_size=len(batch["image"]),
            sync_dist=stage != "train",  # what a checkpoint is chosen by must be the same in every process
        )
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
        """Log the scores of the epoch.

        Raises:
            NothingToLearn: Not one pixel of it had a label.
        """
        if not self._confusion("train").confmat.any():
            raise NothingToLearn(
                f"not one pixel of {self.trainer.num_training_batches} batches has a label; look at the data with "
                "`steppe train check`"
            )
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
        """AdamW and its schedule, which moves on after every step."""
        loaded = self._loaded_part(self._pretrained).parameters() if self._pretrained else ()
        optimizer = build_optimizer(self.parameters(), self.optimiser, pretrained=loaded)
        schedule = schedule_of_run(optimizer, self.optimiser, self.trainer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def check_facts(facts: SourceFacts, inputs: InputChoice, legend_id: str) -> None:
    """The data must be what the network takes.

    Args:
        facts: What the data is.
        inputs: What the network is told; anything with these fields.
        legend_id: Of the network.

    Raises:
        ConfigError: Bands, dates, product or classes differ.
    """
    for name, given, wanted in (
        ("bands", list(facts.bands), list(inputs.bands)),
        ("dates", facts.dates, inputs.dates),
        ("product", facts.product_id, inputs.product),
        ("legend", facts.legend_id, legend_id),
    ):
        if given != wanted:
            raise ConfigError(f"the data has {name} {given} but the model is told {wanted}; make them the same")


def supported(labels_NHW: Tensor, teacher_NKHW: Tensor | None, never: Sequence[int]) -> tuple[Tensor, Tensor | None]:
    """Labels and teacher without the classes that are never answered.

    Args:
        labels_NHW: Class indices.
        teacher_NKHW: Probabilities, or none.
        never: Indices of those classes.

    Returns:
        Labels with `IGNORE` for them, and probabilities of the others that sum to 1 again (0 where none is left).
    """
    if not never:
        return labels_NHW, teacher_NKHW
    gone = torch.isin(labels_NHW, torch.tensor(never, device=labels_NHW.device))
    labels_NHW = labels_NHW.masked_fill(gone, IGNORE)
    if teacher_NKHW is None:
        return labels_NHW, None
    left_NKHW = teacher_NKHW.index_fill(1, torch.tensor(never, device=teacher_NKHW.device), 0)
    return labels_NHW, left_NKHW / left_NKHW.sum(dim=1, keepdim=True).clamp_min(LEAST_MASS)


def _indices(legend: Legend, names: Sequence[str]) -> tuple[int, ...]:
    unknown = sorted(set(names) - set(legend.names))
    if unknown or len(set(names)) == len(legend.names):
        raise ConfigError(
            f"unsupported classes {unknown or list(names)}: legend {legend.id!r} has {', '.join(legend.names)}, "
            "and at least one must be supported"
        )
    return tuple(legend.names.index(name) for name in names)


def _check_dates(name: str, inputs: InputChoice) -> None:
    """Numbers of channels alone do not tell dates and contrast from bands."""
    if name.startswith("change-") and not inputs.contrast:
        raise ConfigError(
            f"network {name!r} judges the contrast of two dates; set inputs.dates: 2, inputs.contrast: true"
        )
    if name.startswith("siamese-") and (inputs.dates == 1 or inputs.contrast):
        given = f"dates {inputs.dates}{' and contrast' if inputs.contrast else ''}"
        raise ConfigError(f"network {name!r} compares the bands of two dates and nothing else, inputs say {given}")


def build_scene_net(
    network: NetworkChoice, inputs: InputChoice, *, classes: int, unsupported: Sequence[int] = ()
) -> SceneNet:
    """The module that takes digital numbers, with fresh weights.

    Args:
        network: Which network.
        inputs: Bands, their statistics and their product.
        classes: Number of classes.
        unsupported: Indices of classes that are never answered.

    Returns:
        The network behind its normalisation.
    """
    _check_dates(network.name, inputs)
    radiometry = get_product(inputs.product).radiometry
    body = build_network(network.name, inputs.network_channels, classes, **network.options)
    depthwise_in_float32(body)
    return SceneNet(
        body.to(memory_format=torch.channels_last),  # faster than rows-last on CPU and on tensor cores
        scale=radiometry.scale,
        offset=radiometry.offset,
        mean=inputs.mean * inputs.dates,
        std=inputs.std * inputs.dates,
        unsupported=unsupported,
        contrast=inputs.contrast,
    )


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
