"""Run a bundle's graph on arrays.

The engine knows arrays and bundles. It knows nothing of rasters, windows, legends or HTTP, and it normalises nothing:
the graph takes digital numbers and answers calibrated probabilities.
"""

from __future__ import annotations

import logging
import os
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from landcover.bundle import Bundle
from landcover.errors import BundleInvalid, ModelOutputInvalid, ProviderUnavailable
from landcover.precision import Precision
from serving.graphcheck import check_graph

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Name on the command line to ONNX Runtime's name."""

SELF_TEST_TOLERANCE: Final = {"cpu": 1e-3, "cuda": 2e-2}
"""Largest probability difference to the golden output. CPU: kernels differ between processors in the last bits.
CUDA: tensor-float-32 convolutions keep 10 bits of mantissa."""

VARIANT_TOLERANCE: Final = 5e-3
"""Largest mean probability difference of a variant to its golden output. Kernels round a sum to one of two neighbouring
steps of 8 bits, so single pixels may differ by much and the mean by little; a wrong kernel moves the mean."""

PARALLEL_CALLS: Final = {"cpu": 2, "cuda": 1}
"""Two calls with half the threads each are 14 % faster than one with all of them (benchmarks/README.md): the threads of
a call wait for each other after every operator, two calls do not. More calls would take more memory for little. A GPU
takes one at a time."""

_log = logging.getLogger(__name__)


class Engine:
    """One loaded graph on one execution provider.

    Args:
        bundle: the model; its bytes are checked against the manifest while loading.
        provider: ``auto`` (CUDA where the runtime offers it, else CPU), ``cpu`` or ``cuda``.
        threads: threads inside one call; default: the processors this process may use.
        precision: which variant of the model.

    Raises:
        VariantMissing: when the bundle does not have that variant.
        BundleInvalid: when the graph is altered, reaches outside itself, or disagrees with the manifest.
        ProviderUnavailable: when an explicitly named provider is missing or did not take the graph.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        provider: str = "auto",
        threads: int | None = None,
        precision: Precision = Precision.FP32,
    ) -> None:
        self.bundle = bundle
        self.precision = precision
        content = bundle.read(bundle.manifest.model_file(precision))
        check_graph(content, bundle.manifest)
        wanted = _choose_provider(provider)
        self.threads = threads or len(os.sched_getaffinity(0))
        self.parallel = min(PARALLEL_CALLS[wanted], self.threads)
        """Calls of :meth:`run` that are meant to be under way at the same time."""
        self._session = _create_session(content, wanted, self.threads // self.parallel, bundle)
        self.provider = _provider_in_force(self._session)
        if self.provider != wanted:
            message = f"provider {wanted!r} did not take {bundle.manifest.identifier}, {self.provider!r} runs instead"
            if provider != "auto":
                raise ProviderUnavailable(f"{message}; use --provider {self.provider} to accept that")
            _log.warning(message)
        self._check_signature()

    @property
    def classes(self) -> int:
        """Number of classes K in the output."""
        return len(self.bundle.manifest.legend.classes)

    @property
    def model_sha256(self) -> str:
        """Digest of the graph that runs."""
        manifest = self.bundle.manifest
        return manifest.files[manifest.model_file(self.precision)].sha256

    def run(
        self, dn_NBHW: NDArray[np.generic], overview_1BHW: NDArray[np.generic] | None = None
    ) -> NDArray[np.float32]:
        """Class probabilities of a batch.

        Args:
            dn_NBHW: digital numbers (batch, band, row, col), bands in the manifest's order (of the older date first,
                where it takes two) and its dtype; rows and columns multiples of 32.
            overview_1BHW: overview of the windows' scene (`landcover.overview`), for a model that takes one.

        Returns:
            float32 probabilities (batch, class, row, col) that sum to 1 over the classes.

        Raises:
            ModelOutputInvalid: when the array does not fit the model or the answer is not finite.
        """
        try:
            given = [array for array in (dn_NBHW, overview_1BHW) if array is not None]
            (probabilities,) = self._session.run(None, dict(zip(self._inputs, given, strict=False)))
        except Exception as error:  # onnxruntime raises its own classes, which derive from Exception directly
            raise ModelOutputInvalid(
                f"model {self.bundle.manifest.identifier} cannot run on an array of shape {dn_NBHW.shape} and type "
                f"{dn_NBHW.dtype}: {str(error).splitlines()[0]}"
            ) from error
        result: NDArray[np.float32] = probabilities
        # The sum is finite exactly when all values are, and costs one pass without a temporary array.
        if not np.isfinite(result.sum()):
            raise ModelOutputInvalid(f"model {self.bundle.manifest.identifier} answered values that are not finite")
        return result

    def self_test(self) -> float:
        """Run the golden sample.

        Returns:
            Difference to the golden probabilities: the largest one, of a variant in other numbers the mean.

        Raises:
            BundleInvalid: when the model does not reproduce its golden output.
        """
        sample = self.bundle.sample(self.precision)
        answer = self.run(sample.dn_NBHW, sample.overview_1BHW)
        if answer.shape != sample.probabilities_NKHW.shape:
            raise BundleInvalid(
                f"model {self.bundle.manifest.identifier} answers shape {answer.shape} on its golden sample, expected "
                f"{sample.probabilities_NKHW.shape}"
            )
        differences_NKHW = np.abs(answer - sample.probabilities_NKHW)
        if self.precision is Precision.FP32:
            difference, allowed = float(differences_NKHW.max()), SELF_TEST_TOLERANCE[self.provider]
        else:
            difference, allowed = float(differences_NKHW.mean()), VARIANT_TOLERANCE
        if not difference <= allowed:  # also refuses NaN in the file
            raise BundleInvalid(
                f"model {self.bundle.manifest.identifier} ({self.precision}) on {self.provider} differs from its "
                f"golden output by {difference:.4f}, allowed is {allowed}; do not use it on this machine"
            )
        return difference

    def _check_signature(self) -> None:
        """The graph's own input and output must be what the manifest promises."""
        manifest = self.bundle.manifest
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        expected = 2 if manifest.overview else 1
        if len(inputs) != expected or len(outputs) != 1:
            raise BundleInvalid(
                f"model {manifest.identifier}: the graph has {len(inputs)} inputs and {len(outputs)} outputs, expected "
                f"are {expected} and 1"
            )
        self._inputs = tuple(each.name for each in inputs)
        promised = (*[(f"tensor({manifest.dtype})", manifest.channels)] * expected, self.classes)
        found = (*[(each.type, each.shape[1]) for each in inputs], outputs[0].shape[1])
        if found != promised:
            raise BundleInvalid(
                f"model {manifest.identifier}: the graph has (type, channels) of its inputs and classes {found}, the "
                f"manifest promises {promised}"
            )


def _choose_provider(provider: str) -> str:
    """The provider to try; raises when an explicit one is not built in."""
    available = {name for name, ort_name in PROVIDERS.items() if ort_name in onnxruntime.get_available_providers()}
    if provider == "auto":
        return "cuda" if "cuda" in available else "cpu"
    if provider not in PROVIDERS:
        raise ProviderUnavailable(f"provider {provider!r} is not known; use auto, {' or '.join(PROVIDERS)}")
    if provider not in available:
        raise ProviderUnavailable(
            f"provider {provider!r} is not in this installation (it has {', '.join(sorted(available))}); install "
            "steppe[serve-gpu] or use --provider cpu"
        )
    return provider


def _create_session(content: bytes, provider: str, threads: int, bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # The planned layout of intermediates would be allocated beside the arena that the first call filled: 70 MB more
    # for a window of 512, and no faster.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    # Processors without VNNI saturate when they add products of 8 bits, unless they are told to take the slower way.
    options.add_session_config_entry("session.x64quantprecision", "1")
    if provider == "cuda":
        onnxruntime.preload_dlls()  # finds CUDA and cuDNN where their wheels put them
    try:
        session = onnxruntime.InferenceSession(content, options, providers=[PROVIDERS[provider]])
    except Exception as error:  # onnxruntime raises its own classes, which derive from Exception directly
        raise BundleInvalid(
            f"model {bundle.manifest.identifier}: ONNX Runtime cannot load the graph: {str(error).splitlines()[0]}"
        ) from error
    # It keeps the file's bytes to build itself anew on another provider, which this service never asks for.
    session._model_bytes = None  # noqa: SLF001
    return session


def _provider_in_force(session: onnxruntime.InferenceSession) -> str:
    """Name of the provider that really has the graph; ONNX Runtime falls back to CPU without an error."""
    first = session.get_providers()[0]
    return next((name for name, ort_name in PROVIDERS.items() if ort_name == first), first)
