"""Random numbers for augmentation, all from a generator that is handed in."""

from __future__ import annotations

import math

import torch


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A number between two limits."""
    return low + (high - low) * torch.rand((), generator=generator).item()


def log_normal(deviation: float, generator: torch.Generator) -> float:
    """A factor around 1 whose logarithm has this standard deviation."""
    return math.exp(deviation * torch.randn((), generator=generator).item())


def chance(share: float, generator: torch.Generator) -> bool:
    """True in this share of calls."""
    return torch.rand((), generator=generator).item() < share


def below(limit: int, generator: torch.Generator) -> int:
    """A whole number from 0 to below the limit."""
    return int(torch.randint(limit, (), generator=generator).item())
