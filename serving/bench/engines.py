"""Every way in which a model may run on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from landcover.manifest import Manifest
from landcover.precision import ARITHMETICS, Precision
from serving.engine import ABLE, PROVIDERS, installed


class Kind(NamedTuple):
    """A runtime and a precision."""

    provider: str
    precision: Precision

    @property
    def title(self) -> str:
        """For tables."""
        return f"{self.provider} {self.precision}"


def engine_kinds(manifest: Manifest, providers: Sequence[str] = ()) -> list[Kind]:
    """What is installed and has the arithmetic, ONNX Runtime in fp32 on processors first.

    Whether it works shows when it is loaded: a processor may lack the instructions, a runtime an operator.

    Args:
        manifest: the model's.
        providers: only these; empty = all.
    """
    present = [name for name in reversed(PROVIDERS) if name in installed() and name in (providers or PROVIDERS)]
    precisions = (Precision.FP32, *sorted(ARITHMETICS), *manifest.variants)
    return [
        Kind(provider, precision) for provider in present for precision in precisions if provider in ABLE[precision]
    ]
