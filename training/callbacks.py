"""What happens beside training: pictures of what the model makes of the validation scenes.

Axes: B band, H row, W column, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from landcover.legends import Legend
from training.report.examples import true_colour
from training.scenes import IGNORE, SourceFacts
from training.task import LandCoverTask

GREY: Final = 128


class ValidationPictures(Callback):
    """Writes image, labels and map side by side for the first patches of each validation.

    The pictures lie in ``previews/`` of the log folder, one per patch and epoch.

    Args:
        count: Patches to draw.
        every_n_epochs: Epochs from one drawing to the next.
    """

    def __init__(self, *, count: int = 4, every_n_epochs: int = 1) -> None:
        super().__init__()
        self._count = count
        self._every_n_epochs = every_n_epochs

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,  # noqa: ARG002 (Lightning's signature)
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,  # noqa: ARG002
    ) -> None:
        """Draw the first patch of a batch."""
        due = batch_idx < self._count and trainer.current_epoch % self._every_n_epochs == 0
        if trainer.log_dir is None or not due or not isinstance(pl_module, LandCoverTask):
            return
        folder = Path(trainer.log_dir) / "previews"
        folder.mkdir(parents=True, exist_ok=True)
        site = str(batch["site"][0]).replace("/", "_")  # blocks of a scene have a slash in their names
        name = f"{site}-{batch_idx:02d}-epoch-{trainer.current_epoch:03d}.png"
        Image.fromarray(draw_patch(pl_module, batch).permute(1, 2, 0).numpy()).save(folder / name)


def draw_patch(task: LandCoverTask, batch: Mapping[str, Any]) -> Tensor:
    """Image (of every date), labels and map of the first patch of a batch, side by side.

    Args:
        task: The task, as it is at this moment.
        batch: ``image`` NBHW and ``mask`` NHW.

    Returns:
        uint8 (3, H, 3 W), with two dates (3, H, 4 W).
    """
    with torch.no_grad():
        overview = batch["overview"][:1] if "overview" in batch else None
        index_HW = task(batch["image"][:1], overview).argmax(dim=1)[0]
    inputs = task.inputs
    facts = SourceFacts(tuple(inputs.bands), inputs.product, task.legend.id, dates=inputs.dates)
    dates_DHWC = true_colour(batch["image"][0].cpu().numpy(), facts)
    panels = (
        *torch.from_numpy(dates_DHWC).permute(0, 3, 1, 2),
        colour_map(batch["mask"][0], task.legend),
        colour_map(index_HW, task.legend),
    )
    return torch.cat(panels, dim=2)


def colour_map(index_HW: Tensor, legend: Legend) -> Tensor:
    """Class indices in the colours of the legend, grey where there is none.

    Args:
        index_HW: Class indices, `IGNORE` where there is none.
        legend: The legend.

    Returns:
        uint8 CHW.
    """
    table_XC = torch.full((IGNORE + 1, 3), GREY, dtype=torch.uint8)
    table_XC[: len(legend.classes)] = torch.tensor([land_class.rgb for land_class in legend.classes])
    return table_XC[index_HW.cpu().long()].permute(2, 0, 1)
