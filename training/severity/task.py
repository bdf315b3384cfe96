"""The task: learn the distribution of the bare fraction from field plots.

Axes: N batch, B band, C cover fraction, M ensemble member, H row, W column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torchmetrics import MeanSquaredError

from landcover.errors import ConfigError
from landcover.sensors import get_product
from models.graph import Normalise, SceneNet
from models.severity import CoverEstimate, CoverNetwork, SeverityLevels
from training.inference import CheckpointUnreadable
from training.schedules import OptimiserChoice, build_optimizer, schedule_of_run
from training.severity.data import FieldCoverData


@dataclass(frozen=True, slots=True)
class EnsembleChoice:
    """Size of the network.

    Attributes:
        members: Networks in the ensemble.
        width: Channels of each hidden layer of a member.
        depth: Hidden layers.
    """

    members: int = 5
    width: int = 32
    depth: int = 3

    def __post_init__(self) -> None:
        """Refuse empty networks.

        Raises:
            ConfigError: A number is below 1.
        """
        if min(self.members, self.width, self.depth) < 1:
            raise ConfigError(f"members, width and depth must be 1 or more, got {asdict(self)}")


@dataclass(frozen=True, slots=True)
class CoverInputs:
    """What goes in and what is estimated.

    Attributes:
        bands: Band names in input order.
        product: Product id of `landcover.sensors` whose digital numbers the network takes.
        others: Number of further cover fractions in the data.
    """

    bands: list[str]
    product: str = "landsat-8-c2-l2"
    others: int = 2


@dataclass(frozen=True, slots=True)
class CoverLoss:
    """What is minimised: CRPS of the bare fraction, plus squared errors.

    Attributes:
        mean: Weight of the squared error of the expected bare fraction.
        others: Weight of the squared errors of the further cover fractions.
    """

    mean: float = 1.0
    others: float = 1.0


@dataclass(frozen=True, slots=True)
class GainNoise:
    """Random changes of reflectance in training: what calibration, sun angle and atmosphere leave.

    Attributes:
        shared: Standard deviation of the logarithm of a gain that all bands of a plot share.
        band: The same of each band by itself.
    """

    shared: float = 0.03
    band: float = 0.01


class SeverityTask(LightningModule):
    """Digital numbers to the distribution of the bare fraction.

    Args:
        inputs: Bands and product.
        network: Size of the network.
        loss: What is minimised.
        noise: Random changes of the inputs.
        optimiser: How it is minimised.
    """

    def __init__(
        self,
        inputs: CoverInputs,
        *,
        network: EnsembleChoice | None = None,
        loss: CoverLoss | None = None,
        noise: GainNoise | None = None,
        optimiser: OptimiserChoice | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.inputs = inputs
        self.network = network or EnsembleChoice()
        self.optimiser = optimiser or OptimiserChoice()
        self._loss = loss or CoverLoss()
        self._noise = noise or GainNoise()
        self.normalise = Normalise(**self._normalisation())
        self.cover = CoverNetwork(len(inputs.bands), others=inputs.others, **asdict(self.network))
        self.error = MeanSquaredError(squared=False)
        self._threads = torch.get_num_threads()

    def _normalisation(self) -> dict[str, Any]:
        """Square roots as they are: the network standardises its features by itself."""
        radiometry, bands = get_product(self.inputs.product).radiometry, len(self.inputs.bands)
        return {"scale": radiometry.scale, "offset": radiometry.offset, "mean": [0.0] * bands, "std": [1.0] * bands}

    def severity_net(self, bounds: Sequence[float]) -> SceneNet:
        """The network that is published.

        Args:
            bounds: Bare fractions between neighbouring levels.
        """
        return SceneNet(SeverityLevels(self.cover, bounds), **self._normalisation())

    def setup(self, stage: str) -> None:
        """Before a fit, the features' mean and deviation from the training plots; a checkpoint brings its own."""
        data = getattr(self.trainer, "datamodule", None)
        if stage != "fit" or not isinstance(data, FieldCoverData):
            return
        given = (list(data.columns.bands), data.product.id, len(data.columns.others))
        wanted = (list(self.inputs.bands), self.inputs.product, self.inputs.others)
        if given != wanted:
            raise ConfigError(f"the data has bands, product and other fractions {given}, the model is told {wanted}")
        self.cover.features.fit(self.normalise(data.training_image()))
        if data.hold_out.fold is None:
            self.trainer.limit_val_batches = 0  # nothing is held out; an empty loader would be warned about

    def on_fit_start(self) -> None:
        """One thread: a step takes 3 milliseconds, and threads that wait for each other took ten times that."""
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)

    def on_fit_end(self) -> None:
        """As many threads as before."""
        torch.set_num_threads(self._threads)

    def forward(self, dn_NBHW: Tensor) -> CoverEstimate:
        """Estimates of digital numbers given as float32."""
        estimate: CoverEstimate = self.cover(self.normalise(dn_NBHW))
        return estimate

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> Tensor:  # noqa: ARG002 (Lightning's signature)
        """One training step: every member is scored by itself, so that they stay different."""
        roots_NBHW = self.normalise(batch["image"]) * self._gain(batch["image"])
        loss = self._score(self.cover(roots_NBHW), batch["cover"])
        self.log("train/loss", loss, on_epoch=True, prog_bar=True, batch_size=batch["image"].shape[2])
        return loss

    def validation_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:  # noqa: ARG002
        """Loss and root mean square error of the expected bare fraction."""
        estimate = self(batch["image"])
        plots = batch["image"].shape[2]
        self.log("val/loss", self._score(estimate, batch["cover"]), batch_size=plots)
        self.error(estimate.mean().flatten(), batch["cover"][:, 0].flatten())
        self.log("val/rmse", self.error, prog_bar=True, batch_size=plots)

    def _gain(self, image_NBHW: Tensor) -> Tensor:
        """Factor on the square roots of reflectance."""
        band = torch.randn_like(image_NBHW) * self._noise.band
        shared = torch.randn_like(image_NBHW[:, :1]) * self._noise.shared
        return torch.exp((band + shared) / 2)

    def _score(self, estimate: CoverEstimate, cover_NCHW: Tensor) -> Tensor:
        bare_NHW = cover_NCHW[:, 0]
        loss = estimate.crps(bare_NHW).mean()
        loss = loss + self._loss.mean * (estimate.member_means() - bare_NHW.unsqueeze(1)).square().mean()
        for number, other_NMHW in enumerate(estimate.others, start=1):
            loss = loss + self._loss.others * (other_NMHW - cover_NCHW[:, number : number + 1]).square().mean()
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW and its schedule, which moves on after every step."""
        optimizer = build_optimizer(self.parameters(), self.optimiser)
        schedule = schedule_of_run(optimizer, self.optimiser, self.trainer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def load_severity_task(checkpoint: Path) -> SeverityTask:
    """A trained task in evaluation mode.

    Args:
        checkpoint: File that ``steppe train fit`` wrote; weights and plain values are read, never code.

    Raises:
        CheckpointUnreadable: It is not there, or not a checkpoint of this task.
    """
    if not checkpoint.is_file():
        raise CheckpointUnreadable(
            f"there is no checkpoint {checkpoint.name!r}; give the file `steppe train fit` wrote"
        )
    try:
        task = SeverityTask.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)
    except (RuntimeError, KeyError, EOFError, TypeError, ValueError, AttributeError, UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointUnreadable(f"{checkpoint.name} is no checkpoint of a severity model: {reason}") from error
    return task.eval()
