"""The callback that ties a training to its folder and makes its checkpoints say where they come from."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from training.datamodule import SceneData
from training.inference import SITES_KEY
from training.resume import RUN_KEY
from training.run_folder import RunFolder, RunRecord


class RunKeeper(Callback):
    """Writes the record of a run, and its identity into every checkpoint.

    Args:
        run: Where the training writes.
        record: What it is started with.
    """

    def __init__(self, run: RunFolder, record: RunRecord) -> None:
        self._run = run
        self._record = record

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: ARG002
        """Write the record before the first step; a resumed run writes the same again."""
        if stage == "fit" and trainer.is_global_zero:
            self._run.write_record(self._record)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Stay stopped: a run that was killed after early stopping had decided must not train on."""
        stoppers = (callback for callback in trainer.callbacks if isinstance(callback, EarlyStopping))  # type: ignore[attr-defined] # set by Lightning's connector
        trainer.should_stop = trainer.should_stop or any(stopper.stopped_epoch for stopper in stoppers)

    def on_save_checkpoint(
        self,
        trainer: Trainer,
        pl_module: LightningModule,  # noqa: ARG002
        checkpoint: dict[str, Any],
    ) -> None:
        """Say which run wrote the checkpoint, and which sites it was trained on."""
        checkpoint[RUN_KEY] = self._record.identity
        data = trainer.datamodule  # type: ignore[attr-defined] # set by Lightning's connector
        if isinstance(data, SceneData):
            checkpoint[SITES_KEY] = sorted({scene.info.site for scene in data.scenes("train")})
