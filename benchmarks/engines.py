"""Every way in which a model runs on this machine."""

from __future__ import annotations

import sys

from landcover.bundle import Bundle
from landcover.errors import BundleInvalid, ProviderUnavailable
from landcover.precision import ARITHMETICS, Precision
from serving.engine import ABLE, PROVIDERS, Engine, installed


def working_engines(bundle: Bundle) -> dict[tuple[str, Precision], Engine]:
    """Engines of all providers and precisions, ONNX Runtime in fp32 on processors first; those that fail are named."""
    engines = {}
    for provider in reversed([name for name in PROVIDERS if name in installed()]):
        for precision in (Precision.FP32, *sorted(ARITHMETICS), *bundle.manifest.variants):
            if provider not in ABLE[precision]:
                continue
            try:
                engines[provider, precision] = Engine(bundle, provider=provider, precision=precision)
            except (BundleInvalid, ProviderUnavailable) as error:
                sys.stderr.write(f"left out: {error}\n")
    return engines
