"""OpenVINO on the CPU, an optional extra: the same ONNX files, faster kernels, several times faster in 8 bits.

Every shape of window is compiled by itself and every window of a batch runs alone, so the answer cannot depend on the
batch. A scene has one shape of window; compiling takes some tenths of a second of one processor, so shapes that are
known beforehand are compiled side by side.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from landcover.precision import Precision
from serving.backends.protocol import (
    UNKNOWN,
    Ahead,
    GraphRefused,
    Port,
    RuntimeUnfit,
    first_line,
    port,
    settled,
)

if TYPE_CHECKING:
    import openvino

KEPT: Final = 2
"""Compiled shapes held in memory: that of the scene's windows, and that of the golden sample."""

CONVERTER: Final = "openvino.tools.ovc"
"""OpenVINO's converter of models, which its package loads where it is installed. It takes longer than the rest of the
package, needs telemetry, and is not used here."""

BFLOAT16: Final = "BF16"
"""OpenVINO's word for processors that multiply bfloat16."""

_PLACES: Final = ("Exception from", "Check ")
"""How lines begin that say where in its own code an error comes from."""

type Shapes = tuple[tuple[int, ...], ...]


class OpenVinoBackend:
    """One graph, compiled for each shape that comes.

    Args:
        content: bytes of the ONNX file.
        threads: threads of all calls together.
        precision: ``bf16`` for bfloat16 arithmetic; others follow from the graph.
        ahead: what it is going to be asked; for shapes that it names the graph is compiled as soon as they are known,
            by a thread of its own.

    Raises:
        GraphRefused: when the runtime cannot load the graph, or it takes no windows.
        RuntimeUnfit: when bf16 is wanted and the processor has no instructions for it.
    """

    provider: Final = "openvino"
    traits: Final[Mapping[str, str | int]] = MappingProxyType({})
    lasting: Final = True

    def __init__(
        self,
        content: bytes,
        threads: int,
        precision: Precision = Precision.FP32,
        *,
        ahead: Ahead | None = None,
    ) -> None:
        try:
            self._core = _core()
        except ImportError as error:  # installed, but not whole
            raise GraphRefused(f"it cannot be loaded ({_first_line(error)})") from error
        self._ahead, self._threads = ahead or settled(), threads
        if precision is Precision.BF16 and BFLOAT16 not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeUnfit("this processor has no bfloat16 instructions (avx512_bf16 or amx_bf16)")
        # Single floats, as ONNX Runtime takes them, unless bfloat16 is wanted; by itself OpenVINO would take that where
        # there are instructions for it, which is twice as fast and another map.
        # https://docs.openvino.ai/2025/openvino-workflow/running-inference/optimize-inference/precision-control.html
        self._arithmetic = "bf16" if precision is Precision.BF16 else "f32"
        self._compiled: OrderedDict[Shapes, Future[openvino.CompiledModel]] = OrderedDict()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._model = self._read(content)
        self.inputs, self.outputs = tuple(map(_port, self._model.inputs)), tuple(map(_port, self._model.outputs))
        # An outlook outlives a runtime that is given up; it must not keep it, nor let it compile.
        compile_ahead = weakref.WeakMethod(self._compile_ahead)
        self._ahead.add_done_callback(lambda ahead: (wanted := compile_ahead()) and wanted(ahead))

    @property
    def parallel(self) -> int:
        """Calls of :meth:`run` that are meant to be under way at the same time."""
        known = self._ahead.done() and not self._ahead.cancelled()
        return (self._ahead.result() if known else UNKNOWN).at_once(self._threads)

    def run(self, arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """The first output; see `serving.backends.protocol.Backend.run`."""
        windows, others = arrays[0], tuple(arrays[1:])
        if len(arrays) != len(self.inputs):
            raise ValueError(f"{len(arrays)} arrays for the inputs {', '.join(port.name for port in self.inputs)}")
        request = self._request(((1, *windows.shape[1:]), *(other.shape for other in others)))
        # Each answer is copied out: the request writes the next one to the same place.
        answers = [
            request.infer([windows[index : index + 1], *others], share_inputs=True)[0] for index in range(len(windows))
        ]
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def _read(self, content: bytes) -> openvino.Model:
        try:
            return self._core.read_model(content)
        except RuntimeError as error:
            raise GraphRefused(_first_line(error)) from error

    def _request(self, shapes: Shapes) -> openvino.InferRequest:
        """This thread's request for these shapes; a request takes one call at a time."""
        compiled = self._compile(shapes)
        held = getattr(self._local, "held", None)
        if held is None or held[0] is not compiled:
            self._local.held = held = compiled, compiled.create_infer_request()
        request: openvino.InferRequest = held[1]
        return request

    def _compile(self, shapes: Shapes) -> openvino.CompiledModel:
        """The graph for these shapes; whoever asks first compiles it, others wait for that."""
        future, fresh = self._promised(shapes)
        if fresh:
            self._fulfil(future, shapes)
        return future.result()

    def _compile_ahead(self, ahead: Ahead) -> None:
        """Begin to compile for what will be asked; why it failed is told to whoever asks."""
        shapes = None if ahead.cancelled() else ahead.result().shapes
        if shapes is None:
            return
        future, fresh = self._promised(shapes)
        if not fresh:
            return
        try:
            threading.Thread(target=self._fulfil, args=(future, shapes), name="steppe-compile").start()
        except RuntimeError:  # the system gives no more threads; somebody may wait for the promise already
            self._fulfil(future, shapes)

    def _promised(self, shapes: Shapes) -> tuple[Future[openvino.CompiledModel], bool]:
        """The graph for these shapes, compiled or in the making, and whether the caller has to compile it."""
        with self._lock:
            future = self._compiled.get(shapes)
            fresh = future is None
            if future is None:
                future = self._compiled[shapes] = Future()
                while len(self._compiled) > KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(shapes)
        return future, fresh

    def _fulfil(self, future: Future[openvino.CompiledModel], shapes: Shapes) -> None:
        try:
            future.set_result(self._compiled_for(shapes))
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            with self._lock:
                if self._compiled.get(shapes) is future:
                    del self._compiled[shapes]  # the next one tries again
            future.set_exception(error)

    def _compiled_for(self, shapes: Shapes) -> openvino.CompiledModel:
        with self._lock:
            model = self._model.clone()  # shares the weights, and takes a tenth of the time of reading them again
        model.reshape({port.name: list(shape) for port, shape in zip(self.inputs, shapes, strict=True)})
        options = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": self.parallel,
            "INFERENCE_PRECISION_HINT": self._arithmetic,
        }
        return self._core.compile_model(model, "CPU", options)


@cache
def _core() -> openvino.Core:
    """OpenVINO itself, loaded once and never let go.

    Its CPU plugin gives the thread that loads it a stack for signals, and takes that back when the plugin is unloaded.
    Where the last model is released by another thread, the stack is gone but still in use, and the next signal, be it
    a child process that ends, kills the process.
    """
    with _without(CONVERTER):
        import openvino  # noqa: PLC0415 (an extra)

    return openvino.Core()


@contextmanager
def _without(module: str) -> Generator[None]:
    """Let a module that is not loaded yet seem not to be installed."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # importing it is then an ImportError, by its documentation
    try:
        yield
    finally:
        sys.modules.pop(module, None)


def installed() -> bool:
    """Whether the extra is there; nothing is imported."""
    return find_spec("openvino") is not None


def _port(output: openvino.Output) -> Port:
    partial = output.get_partial_shape()
    shape = [] if partial.rank.is_dynamic else [_length(dimension) for dimension in partial]
    return port(output.get_any_name(), output.get_element_type().to_dtype().name, shape)


def _length(dimension: openvino.Dimension) -> int | str:
    return int(dimension.get_length()) if dimension.is_static else str(dimension)


def _first_line(error: Exception) -> str:
    """The first line that says what is wrong; before it OpenVINO says where in its own code that was found."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line and not line.startswith(_PLACES)), first_line(error))
