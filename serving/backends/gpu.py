"""NVIDIA GPUs: ONNX Runtime's CUDA and TensorRT providers, with fixed shapes and buffers that are bound once.

Every shape of window has a session of its own, whose batch never changes: a smaller batch is filled up and the answer
cut. Shapes that vary make the CUDA provider's memory grow (https://github.com/microsoft/onnxruntime/issues/22297) and
TensorRT build its engine again. Fixed shapes also let the runtime compute all sizes in advance, so that nothing is left
for the processor, which `session.disable_cpu_ep_fallback` turns into an error.

https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.precision import Precision
from serving.backends.binding import Memory, Shapes, Slot
from serving.backends.gpudevice import cudnn_version, device_name
from serving.backends.ort import port_of
from serving.backends.protocol import DeviceLost, RuntimeUnfit, first_line

PROVIDERS: Final = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
"""Name on the command line to ONNX Runtime's name."""

_LOST: Final = re.compile(
    r"\b(CUDA|CUDNN|CUBLAS|CUFFT) (failure|error)\b|\bcudaError|\bCU(DA|DNN|BLAS)_(ERROR|STATUS)_", re.IGNORECASE
)
_NO_MEMORY: Final = re.compile(r"out of memory|failed to allocate memory|ALLOC_FAILED", re.IGNORECASE)
"""What ONNX Runtime passes on of CUDA and its libraries."""

_log = logging.getLogger(__name__)

PARALLEL_CALLS: Final = 2
"""While the GPU computes one batch, another is copied; each has buffers of its own."""

KEPT: Final = 2
"""Sessions held: that of the scene's windows, and that of the golden sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSettings:
    """What only GPUs need.

    Attributes:
        batch: windows of every run.
        cache: folder for TensorRT's engines, which take minutes to build; None builds them anew in every process.
    """

    batch: int = 1
    cache: Path | None = None


class GpuBackend:
    """One graph, as a session for each shape that comes.

    Args:
        content: bytes of the ONNX file.
        provider: ``cuda`` or ``tensorrt``.
        precision: ``fp16`` for half precision; others follow from the graph.
        settings: batch and folders.
        runtime: what stands in for ONNX Runtime's package.

    Raises:
        RuntimeUnfit: when the provider does not start or does not take the graph.
        GraphRefused: when the graph takes no windows.
    """

    def __init__(
        self,
        content: bytes,
        provider: str,
        precision: Precision,
        settings: GpuSettings,
        *,
        runtime: Any | None = None,
    ) -> None:
        runtime = runtime or _onnxruntime()
        self.provider, self.parallel = provider, PARALLEL_CALLS
        self._precision, self._settings, self._runtime = precision, settings, runtime
        self._digest = hashlib.sha256(content).hexdigest()
        self._content = _converted(content) if (provider, precision) == ("cuda", Precision.FP16) else content
        runtime.preload_dlls()  # finds CUDA and cuDNN where their wheels put them
        # With free dimensions nothing is built or planned yet; this tells whether the provider starts at all.
        session = self._open(None)
        self.inputs = tuple(map(port_of, session.get_inputs()))
        self.outputs = tuple(map(port_of, session.get_outputs()))
        self._dimensions = tuple(tuple(node.shape) for node in session.get_inputs())
        fixed = self._dimensions[0][0]
        self._batch = fixed if isinstance(fixed, int) else settings.batch
        self._slots: OrderedDict[Shapes, SimpleQueue[Slot]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def traits(self) -> Mapping[str, str | int]:
        """What kernels are picked by: the shape of a run, the device and its libraries."""
        return {"windows of a run": self._batch, "GPU": device_name(), "cuDNN": cudnn_version()}

    @property
    def lasting(self) -> bool:
        """TensorRT times its kernels when it builds an engine; another process takes the same ones only from a file."""
        return self.provider != "tensorrt" or self._settings.cache is not None

    def run(self, arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """The first output; see `serving.backends.protocol.Backend.run`."""
        self._check(arrays)
        windows, others = arrays[0], list(arrays[1:])
        slots = self._ready(((self._batch, *windows.shape[1:]), *(other.shape for other in others)))
        answers = []
        for first in range(0, len(windows), self._batch):
            slot = slots.get()
            try:
                answers.append(slot.run([windows[first : first + self._batch], *others]))
            except Exception as error:  # onnxruntime raises its own classes, which derive from Exception directly
                if _is_out_of_memory(error):
                    raise RuntimeUnfit("it has no memory left for a run") from error
                if _is_lost(error):
                    raise _lost(error) from error
                raise
            finally:
                slots.put(slot)
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def _check(self, arrays: Sequence[NDArray[np.generic]]) -> None:
        """Buffers would take what the graph does not."""
        expected = [(port.dtype, port.channels) for port in self.inputs]
        found = [(str(array.dtype), array.shape[1]) for array in arrays]
        if found != expected:
            names = ", ".join(port.name for port in self.inputs)
            raise ValueError(f"the inputs {names} are (type, channels) {expected}, not {found}")

    def _ready(self, shapes: Shapes) -> SimpleQueue[Slot]:
        """The free slots of the session of these shapes."""
        with self._lock:
            slots = self._slots.get(shapes)
            if slots is None:
                session, memory = self._open(shapes), Memory.of_gpu(self._runtime)
                slots = self._slots[shapes] = SimpleQueue()
                for _ in range(self.parallel):
                    slots.put(Slot(session, self.inputs, shapes, self.outputs[0], memory=memory))
                while len(self._slots) > KEPT:
                    self._slots.popitem(last=False)
            self._slots.move_to_end(shapes)
        return slots

    def _open(self, shapes: Shapes | None) -> Any:
        """A session of these shapes; without shapes, one that only tells what the graph takes."""
        options = self._runtime.SessionOptions()
        options.log_severity_level = 3  # errors: why a provider does not start
        if shapes is not None:
            for name, length in self._lengths(shapes).items():
                options.add_free_dimension_override_by_name(name, length)
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        try:
            session = self._runtime.InferenceSession(
                self._content, options, providers=self._providers(shapes), enable_fallback=0
            )
        except Exception as error:  # onnxruntime raises its own classes, which derive from Exception directly
            if _is_lost(error):
                raise _lost(error) from error
            raise RuntimeUnfit(_reason(error)) from error
        # A provider whose libraries or driver are missing is passed over with a line in the log and no exception,
        # https://github.com/microsoft/onnxruntime/issues/17801
        first = session.get_providers()[0]
        if first != PROVIDERS[self.provider]:
            raise RuntimeUnfit(
                f"it did not start, {_named(first)!r} runs instead; ONNX Runtime has written the reason to standard "
                "error, mostly a library or a driver that is missing"
            )
        return session

    def _lengths(self, shapes: Shapes) -> dict[str, int]:
        """Lengths of the graph's free dimensions by their names."""
        return {
            name: length
            for dimensions, shape in zip(self._dimensions, shapes, strict=True)
            for name, length in zip(dimensions, shape, strict=True)
            if isinstance(name, str)
        }

    def _providers(self, shapes: Shapes | None) -> list[tuple[str, dict[str, str]]]:
        """TensorRT leaves to CUDA what it does not know, such as 16-bit integers."""
        cuda = PROVIDERS["cuda"], CUDA_OPTIONS
        if self.provider == "cuda":
            return [cuda]
        return [(PROVIDERS["tensorrt"], self._tensorrt_options(shapes)), cuda]

    def _tensorrt_options(self, shapes: Shapes | None) -> dict[str, str]:
        options = {"device_id": "0", "trt_fp16_enable": str(int(self._precision is Precision.FP16))}
        if shapes is None or self._settings.cache is None:
            return options
        # The provider's name of an engine does not depend on the weights, so every graph has a folder of its own:
        # https://github.com/LeelaChessZero/lc0/pull/2214
        form = "-".join(["x".join(map(str, shape)) for shape in shapes])
        folder = self._settings.cache / self._digest / f"{self._runtime.__version__}-{self._precision}-{form}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RuntimeUnfit(f"the folder for its engines, STEPPE_TENSORRT_CACHE, fails: {error.strerror}") from error
        return options | {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}


CUDA_OPTIONS: Final = {
    "device_id": "0",
    # Memory for what is asked, not the next power of two: shapes are fixed, so nothing more will be asked.
    "arena_extend_strategy": "kSameAsRequested",
    # The same algorithms in every run, so that a map can be made again; an exhaustive search takes what is faster now.
    "cudnn_conv_algo_search": "HEURISTIC",
    # Single floats: tensor-float-32 keeps 10 bits of mantissa and would be another map.
    "use_tf32": "0",
}


def installed() -> set[str]:
    """Providers of this module that ONNX Runtime was built with; whether they start is another question."""
    built_with = _onnxruntime().get_available_providers()
    return {name for name, ort_name in PROVIDERS.items() if ort_name in built_with}


def _onnxruntime() -> Any:
    import onnxruntime  # noqa: PLC0415 - slow to import, and not needed where another runtime is taken

    return onnxruntime


def _converted(content: bytes) -> bytes:
    from serving.backends.half import half_graph  # noqa: PLC0415 - loads more of ONNX than other precisions need

    try:
        return half_graph(content)
    except Exception as error:  # the converter raises whatever it meets
        raise RuntimeUnfit(f"the graph cannot be brought to half precision ({first_line(error)})") from error


def _named(ort_name: str) -> str:
    names = {ort_name: name for name, ort_name in PROVIDERS.items()} | {"CPUExecutionProvider": "cpu"}
    return names.get(ort_name, ort_name)


def _is_out_of_memory(error: Exception) -> bool:
    return _NO_MEMORY.search(str(error)) is not None


def _is_lost(error: Exception) -> bool:
    """Whether the device itself failed; a process cannot use it any more after most such errors, CUDA says."""
    return _LOST.search(str(error)) is not None and not _is_out_of_memory(error)


def _lost(error: Exception) -> DeviceLost:
    """ONNX Runtime's own words name the host and places in its source: for the log alone."""
    _log.error("the GPU has failed: %s", first_line(error))
    return DeviceLost("the GPU has failed")


def _reason(error: Exception) -> str:
    line = first_line(error)
    if "fallback to CPU EP has been explicitly disabled" in line:
        return "it has no kernel for an operator of the graph, which would run on the processor"
    return line
