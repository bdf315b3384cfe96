"""A step of ``steppe train`` against a bare PyTorch loop: what the machinery around the network costs.

The training is the real one: patches cut and augmented in the same process, loss, metrics, logging, weight averaging,
guards. After every few steps of it the bare loop takes as many with a copy of the same network, the same loss,
precision and gradient clipping, on one batch that is already in memory. Both see the same machine at the same minute,
so their ratio holds even where other work comes and goes. It prints its figures as JSON.

    python -m benchmarks.train_step configs/train/s2_landcover.yaml --steps 24
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from training import cli
from training.task import LandCoverTask

_LEAST_BLOCKS = 4
"""One before the first bare block, one to warm up, two to compare."""


class Interleave(Callback):
    """Times blocks of training steps, and blocks of a bare loop between them.

    Args:
        block: Steps in a block.
        warmup: Blocks that are not counted: memory is still being found and kernels chosen.
    """

    def __init__(self, block: int = 4, warmup: int = 1) -> None:
        self._block = block
        self._warmup = warmup
        self._school: list[NDArray[np.float64]] = []
        self._bare: list[NDArray[np.float64]] = []
        self._loop: BareLoop | None = None
        self._start: NDArray[np.float64] | None = None

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ARG002 (Lightning's signature)
        batch: Any,
        batch_idx: int,
    ) -> None:
        """At the end of a block, let the bare loop take as many steps."""
        if (batch_idx + 1) % self._block:
            return
        now = clocks()
        if self._start is not None:
            self._school.append(now - self._start)
            loop, start = self._bare_loop(trainer, pl_module, batch), clocks()
            loop.run(self._block)
            self._bare.append(clocks() - start)
        self._start = clocks()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the figures."""
        school, bare = np.array(self._school[self._warmup :]), np.array(self._bare[self._warmup :])
        wall, cpu = school.sum(axis=0) / bare.sum(axis=0)
        figures = {
            "network": type(pl_module.scene_net.network).__name__,
            "parameters": sum(parameter.numel() for parameter in pl_module.parameters()),
            "precision": str(trainer.precision),
            "blocks": len(school),
            "steps_per_block": self._block,
            "seconds_per_step": round(float(np.median(school[:, 0])) / self._block, 4),
            "bare_seconds_per_step": round(float(np.median(bare[:, 0])) / self._block, 4),
            "ratio": round(float(wall), 3),
            "median_of_ratios": round(float(np.median(school[:, 0] / bare[:, 0])), 3),
            "ratio_of_processor_time": round(float(cpu), 3),
        }
        print(json.dumps(figures))

    def _bare_loop(self, trainer: Trainer, task: LightningModule, batch: Any) -> BareLoop:
        if self._loop is None:
            clip = trainer.gradient_clip_val
            self._loop = BareLoop(task, batch, bf16=trainer.precision == "bf16-mixed", clip=clip)
        return self._loop


class BareLoop:
    """What one writes without a library: forward, loss, backward, clip, step, on one batch in memory."""

    def __init__(self, task: LandCoverTask, batch: dict[str, Any], *, bf16: bool, clip: float | None) -> None:
        self._net = copy.deepcopy(task.scene_net).train()
        self._loss = copy.deepcopy(task.loss)
        self._optimizer = torch.optim.AdamW(self._net.parameters(), lr=1e-4)
        self._image = batch["image"].clone().contiguous(memory_format=torch.channels_last)
        self._mask = batch["mask"].clone()
        self._more = {f"{key}_{axes}": batch[key].clone() for key, axes in EXTRAS if key in batch}
        self._bf16 = bf16
        self._clip = clip

    def run(self, steps: int) -> None:
        """Take some steps."""
        for _ in range(steps):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._bf16):
                logits = self._net(self._image)
            loss = self._loss(logits.float(), self._mask, **self._more)
            self._optimizer.zero_grad()
            loss.backward()
            if self._clip:
                torch.nn.utils.clip_grad_norm_(self._net.parameters(), self._clip)
            self._optimizer.step()


def clocks() -> NDArray[np.float64]:
    """Seconds on the wall, and seconds of processor time of this process, which other work disturbs less."""
    return np.array([time.perf_counter(), time.process_time()])


EXTRAS = (("teacher", "NKHW"), ("weight", "NHW"))


def main() -> None:
    """Train for some steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--block", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    options, more = parser.parse_known_args()
    if options.steps < _LEAST_BLOCKS * options.block:
        parser.error(
            f"--steps {options.steps} are too few for blocks of {options.block}: at least {_LEAST_BLOCKS} blocks"
        )
    torch.set_num_threads(options.threads)
    interleave = {"class_path": "benchmarks.train_step.Interleave", "init_args": {"block": options.block}}
    with tempfile.TemporaryDirectory() as folder:
        cli.train(
            [
                "fit",
                "-c",
                options.config,
                f"--data.init_args.patches.batch_size={options.batch_size}",
                f"--data.init_args.patches.per_epoch={options.batch_size * options.steps}",
                # A loader process would cut patches for later while the bare loop is timed.
                "--data.init_args.patches.num_workers=0",
                "--trainer.accelerator=cpu",
                "--trainer.max_epochs=1",
                "--trainer.limit_val_batches=1",
                f"--trainer.default_root_dir={folder}",
                f"--trainer.callbacks+={json.dumps(interleave)}",
                *more,
            ]
        )


if __name__ == "__main__":
    main()
