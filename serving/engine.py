"""Run a bundle's graph on arrays.

The engine knows arrays and bundles. It knows nothing of rasters, windows, legends or HTTP, and it normalises nothing:
the graph takes digital numbers and answers calibrated probabilities.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.augmentation import Augmentation, average_turns
from landcover.bundle import Bundle
from landcover.errors import BundleInvalid, ModelOutputInvalid, ProviderLost, ProviderUnavailable
from landcover.precision import ARITHMETICS, Precision
from landcover.processors import available_processors
from serving.backends import gpu, openvino
from serving.backends.gpu import GpuBackend, GpuSettings
from serving.backends.openvino import OpenVinoBackend
from serving.backends.ort import OrtBackend
from serving.backends.protocol import Ahead, Backend, DeviceLost, GraphRefused, RuntimeUnfit, first_line
from serving.graphcheck import check_graph

PROVIDERS: Final = ("tensorrt", "cuda", "openvino", "cpu")
"""Fastest first. ``cpu`` is ONNX Runtime's own."""

AUTO: Final = PROVIDERS[1:]
"""What ``auto`` tries of what is installed, in this order; not TensorRT, which takes minutes to build an engine."""

EXTRAS: Final = {
    "tensorrt": "steppe[serve-gpu] and TensorRT (docs/gpu.md)",
    "cuda": "steppe[serve-gpu]",
    "openvino": "steppe[openvino]",
    "cpu": "steppe[serve]",
}
"""What installs a provider."""

ABLE: Final[Mapping[Precision, frozenset[str]]] = {
    Precision.FP32: frozenset(PROVIDERS),
    # TensorRT wants the zero of 8 bits in their middle; the variant's activations have it elsewhere.
    Precision.INT8: frozenset({"cuda", "openvino", "cpu"}),
    Precision.BF16: frozenset({"openvino"}),
    Precision.FP16: frozenset({"cuda", "tensorrt"}),
}
"""Providers that have the arithmetic of a precision."""

SELF_TEST_TOLERANCE: Final = {"cpu": 1e-3, "openvino": 1e-3, "cuda": 2e-2, "tensorrt": 2e-2}
"""Largest probability difference to the golden output. CPU: kernels differ between processors in the last bits.
GPUs: libraries may take tensor-float-32 convolutions, which keep 10 bits of mantissa, whatever is asked of them."""

VARIANT_TOLERANCE: Final = 5e-3
"""Largest mean probability difference of a variant to its golden output. Kernels round a sum to one of two neighbouring
steps of 8 bits, so single pixels may differ by much and the mean by little; a wrong kernel moves the mean."""

_log = logging.getLogger(__name__)


class Engine:
    """One loaded graph on one execution provider.

    Args:
        bundle: the model; its bytes are checked against the manifest while loading.
        provider: ``cpu``, ``openvino``, ``cuda`` or ``tensorrt``; ``auto`` takes the fastest that is installed, takes
            the graph and reproduces the golden sample.
        threads: threads of all calls together; default: the processors this process may use.
        precision: which variant of the model.
        augmentation: over which turns of a batch answers are averaged.
        settings: what only GPUs need; default: the model's batch.
        ahead: what the engine is going to be asked, for which it gets ready; it answers everything else, too.

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
        augmentation: Augmentation = Augmentation.NONE,
        settings: GpuSettings | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self.bundle, self._ahead = bundle, ahead
        self._backend: Backend
        self._lost = False
        self.precision, self.augmentation = precision, augmentation
        self._settings = settings or GpuSettings(batch=bundle.manifest.batch_size)
        content = bundle.read(bundle.manifest.model_file(precision))
        check_graph(content, bundle.manifest)
        self.threads = threads or available_processors()
        *faster, last = _candidates(provider, precision)
        for wanted in faster:
            try:
                self._load(content, wanted)
                self.self_test()
            except (BundleInvalid, ModelOutputInvalid, ProviderUnavailable) as error:
                _log.warning("%s; the next provider is tried", error)
            else:
                return
        self._load(content, last)
        if precision in ARITHMETICS:  # what rounds on purpose is never believed unseen
            self.self_test()

    @property
    def provider(self) -> str:
        """Where the graph runs."""
        return self._backend.provider

    @property
    def parallel(self) -> int:
        """Calls of :meth:`run` that are meant to be under way at the same time."""
        return self._backend.parallel

    @property
    def traits(self) -> Mapping[str, str | int]:
        """What answers depend on beside model, windows, runtime and processor."""
        return self._backend.traits

    @property
    def lasting(self) -> bool:
        """Whether another process with these traits answers the same, bit for bit."""
        return self._backend.lasting

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
            ProviderUnavailable: when a GPU does not run windows of this shape.
            ProviderLost: when the GPU has failed, now or before.
        """
        return average_turns(self._answer, dn_NBHW, overview_1BHW, augmentation=self.augmentation)

    def check(self) -> None:
        """See that the device is still there: whatever it answered after it failed might be wrong.

        Raises:
            ProviderLost: when it has failed.
        """
        if self._lost:
            raise self._loss()

    def _loss(self) -> ProviderLost:
        return ProviderLost(
            f"the device of provider {self.provider!r} has failed; start the service anew, on another provider where "
            "it stays away"
        )

    def _answer(self, dn_NBHW: NDArray[np.generic], overview_1BHW: NDArray[np.generic] | None) -> NDArray[np.float32]:
        """What the graph itself answers; see :meth:`run`."""
        self.check()
        try:
            result = self._backend.run([array for array in (dn_NBHW, overview_1BHW) if array is not None])
        except DeviceLost as error:
            self._lost = True
            raise self._loss() from error
        except RuntimeUnfit as error:
            raise ProviderUnavailable(
                f"provider {self.provider!r} cannot run {self.bundle.manifest.identifier}: {error}; use another one"
            ) from error
        except Exception as error:  # onnxruntime raises its own classes, which derive from Exception directly
            raise ModelOutputInvalid(
                f"model {self.bundle.manifest.identifier} cannot run on an array of shape {dn_NBHW.shape} and type "
                f"{dn_NBHW.dtype}: {first_line(error)}"
            ) from error
        # The sum is finite exactly when all values are, and costs one pass without a temporary array.
        if not np.isfinite(result.sum()):
            raise ModelOutputInvalid(f"model {self.bundle.manifest.identifier} answered values that are not finite")
        return result

    def self_test(self) -> float:
        """Run the golden sample, which the graph answered as it is, without any augmentation.

        Returns:
            Difference to the golden probabilities: the largest one, of a variant in other numbers the mean.

        Raises:
            BundleInvalid: when the model does not reproduce its golden output.
        """
        sample = self.bundle.sample(self.precision)
        answer = self._answer(sample.dn_NBHW, sample.overview_1BHW)
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
                f"golden output by {difference:.4f}, allowed is {allowed}; "
                + ("do not use it on this machine" if self.precision is Precision.FP32 else "use --precision fp32")
            )
        return difference

    def _load(self, content: bytes, provider: str) -> None:
        """Give the graph to a provider, and see that it is there and what the manifest promises."""
        identifier, self._lost = self.bundle.manifest.identifier, False
        try:
            self._backend = self._open(content, provider)
        except RuntimeUnfit as error:
            raise ProviderUnavailable(
                f"provider {provider!r} cannot run {identifier} in {self.precision}: {error}; use another --provider "
                "or --precision fp32"
            ) from error
        except GraphRefused as error:
            raise BundleInvalid(f"model {identifier}: {provider} cannot load the graph: {error}") from error
        self._check_signature()

    def _open(self, content: bytes, provider: str) -> Backend:
        if provider in gpu.PROVIDERS:
            return GpuBackend(content, provider, self.precision, self._settings)
        if provider == "openvino":
            return OpenVinoBackend(content, self.threads, self.precision, ahead=self._ahead)
        return OrtBackend(content, self.threads, ahead=self._ahead)

    def _check_signature(self) -> None:
        """The graph's own input and output must be what the manifest promises."""
        manifest, inputs, outputs = self.bundle.manifest, self._backend.inputs, self._backend.outputs
        expected = 2 if manifest.overview else 1
        if len(inputs) != expected or len(outputs) != 1:
            raise BundleInvalid(
                f"model {manifest.identifier}: the graph has {len(inputs)} inputs and {len(outputs)} outputs, expected "
                f"are {expected} and 1"
            )
        promised = (*[(manifest.dtype, manifest.channels)] * expected, self.classes)
        found = (*[(port.dtype, port.channels) for port in inputs], outputs[0].channels)
        if found != promised:
            raise BundleInvalid(
                f"model {manifest.identifier}: the graph has (type, channels) of its inputs and classes {found}, the "
                f"manifest promises {promised}"
            )


def installed() -> set[str]:
    """Providers that are in this installation."""
    return set(filter(_is_installed, PROVIDERS))


def _is_installed(provider: str) -> bool:
    """Whether it is in this installation; ONNX Runtime is loaded only to ask it for GPUs."""
    if provider in gpu.PROVIDERS:
        return provider in gpu.installed()
    return provider == "cpu" or openvino.installed()


def _candidates(provider: str, precision: Precision) -> list[str]:
    """The providers to try, in order; raises when there is none, or an explicit one is not fit."""
    able = ABLE[precision]
    if provider not in {"auto", *PROVIDERS}:
        raise ProviderUnavailable(f"provider {provider!r} is not known; use auto, {' or '.join(PROVIDERS)}")
    wanted = AUTO if provider == "auto" else (provider,)
    if not set(wanted) & able:
        raise ProviderUnavailable(
            f"provider {provider!r} has no {precision} arithmetic, {' and '.join(sorted(able))} may have; use "
            f"--provider {min(able)} or --precision fp32"
        )
    candidates = [name for name in wanted if name in able and _is_installed(name)]
    if not candidates:
        missing = min(able & set(wanted))
        raise ProviderUnavailable(
            f"provider {missing!r} is not in this installation (it has {', '.join(sorted(installed()))}); install "
            f"{EXTRAS[missing]} or use --provider cpu" + (" with --precision fp32" if precision in ARITHMETICS else "")
        )
    return candidates
