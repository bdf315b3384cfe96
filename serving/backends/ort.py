"""ONNX Runtime on processors; on GPUs it is `serving.backends.gpu`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from serving.backends.protocol import Ahead, GraphRefused, Port, first_line, port, settled

if TYPE_CHECKING:
    import onnxruntime

PROVIDER: Final = "CPUExecutionProvider"
CPU_FLAGS: Final = Path("/proc/cpuinfo")
VNNI: Final = re.compile(r"\b(avx512_vnni|avx_vnni|amx_int8)\b")
"""Instructions that add products of 8 bits in 32 bits."""


class OrtBackend:
    """One session.

    Args:
        content: bytes of the ONNX file.
        threads: threads of all calls together.
        ahead: what it is going to be asked; waited for, because a session's threads cannot be changed.

    Raises:
        GraphRefused: when the runtime cannot load the graph, or it takes no windows.
    """

    provider: Final = "cpu"
    traits: Final[Mapping[str, str | int]] = MappingProxyType({})
    lasting: Final = True

    def __init__(self, content: bytes, threads: int, *, ahead: Ahead | None = None) -> None:
        import onnxruntime  # noqa: PLC0415 - slow to import, and not needed where another runtime is taken

        self.parallel = (ahead or settled()).result().at_once(threads)
        try:
            self._session = onnxruntime.InferenceSession(
                content, _options(threads // self.parallel), providers=[PROVIDER]
            )
        except Exception as error:  # onnxruntime raises its own classes, which derive from Exception directly
            raise GraphRefused(first_line(error)) from error
        # It keeps the file's bytes to build itself anew on another provider, which this service never asks for.
        self._session._model_bytes = None  # noqa: SLF001
        self.inputs = tuple(map(port_of, self._session.get_inputs()))
        self.outputs = tuple(map(port_of, self._session.get_outputs()))
        self._names = tuple(port.name for port in self.inputs)

    def run(self, arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """The first output; see `serving.backends.protocol.Backend.run`."""
        result: NDArray[np.float32] = self._session.run(None, dict(zip(self._names, arrays, strict=False)))[0]
        return result


@cache
def adds_bytes_exactly(flags: Path = CPU_FLAGS) -> bool:
    """Whether the processor adds products of 8 bits without saturating; False where it does not say."""
    try:
        return VNNI.search(flags.read_text(encoding="ascii", errors="replace")) is not None
    except OSError:
        return os.uname().machine in {"aarch64", "arm64"}  # their kernels widen before they add


def _options(threads: int) -> onnxruntime.SessionOptions:
    import onnxruntime  # noqa: PLC0415 - as above

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # The planned layout of intermediates would be allocated beside the arena that the first call filled: 70 MB more
    # for a window of 512, and no faster.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    if not adds_bytes_exactly():
        # Such processors saturate when they add products of 8 bits, unless they are told to take the slower way, which
        # halves the speed (benchmarks/README.md).
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def port_of(node: onnxruntime.NodeArg) -> Port:
    """An input or output of a session.

    Raises:
        GraphRefused: when it has not the axes of windows.
    """
    dtype = {"float": "float32", "double": "float64"}.get(inner := node.type.removeprefix("tensor(")[:-1], inner)
    return port(node.name, dtype, node.shape)
