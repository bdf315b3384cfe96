"""Mean and deviation of each band on the training sites: the numbers that a config's ``mean`` and ``std`` hold.

``python -m training.statistics CONFIG.yaml`` prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from landcover.sensors import get_product
from models.graph import MAX_REFLECTANCE
from training.datamodule import LandCoverData, SourceChoice
from training.datasets import SiteDataset


def band_statistics(sites: Iterable[SiteDataset], *, scale: float, offset: float) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the square root of reflectance.

    Every site weighs by the square root of its pixels, as in sampling. Pixels without image are left out.

    Args:
        sites: Sites.
        scale: Reflectance per digital number.
        offset: Reflectance at digital number 0.

    Returns:
        Mean and standard deviation, float64 of shape (B,).
    """
    moments = [_moments(site, scale=scale, offset=offset) for site in sites]
    weights = torch.tensor([weight for weight, _, _ in moments], dtype=torch.float64)
    weights = (weights / weights.sum())[:, None]
    mean_B = (weights * torch.stack([mean for _, mean, _ in moments])).sum(dim=0)
    square_B = (weights * torch.stack([square for _, _, square in moments])).sum(dim=0)
    return mean_B, (square_B - mean_B**2).sqrt()


def _moments(site: SiteDataset, *, scale: float, offset: float) -> tuple[float, Tensor, Tensor]:
    values = [_values(site.scene(when)["image"], scale=scale, offset=offset) for when in site.geo.index.index]
    values_BP = torch.cat(values, dim=1)
    return site.area**0.5, values_BP.mean(dim=1), (values_BP**2).mean(dim=1)


def _values(image_BHW: Tensor, *, scale: float, offset: float) -> Tensor:
    pixels_BP = image_BHW[:, (image_BHW != 0).any(dim=0)].double()
    return (pixels_BP * scale + offset).clamp(0, MAX_REFLECTANCE).sqrt()


def main(arguments: Sequence[str]) -> int:
    """Print the statistics of the training sites of a config.

    Args:
        arguments: Path of a LightningCLI config.

    Returns:
        Exit code.
    """
    config: dict[str, Any] = yaml.safe_load(Path(arguments[0]).read_text(encoding="utf-8"))["data"]
    data = LandCoverData(config["split"], source=SourceChoice(**config["source"]))
    radiometry = get_product(data.source.product).radiometry
    mean_B, std_B = band_statistics(data.sites("train"), scale=radiometry.scale, offset=radiometry.offset)
    for name, values in (("mean", mean_B), ("std", std_B)):
        sys.stdout.write(f"{name}: [{', '.join(f'{value:.4f}' for value in values.tolist())}]\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
