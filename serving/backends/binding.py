"""Buffers that a session reads and writes in place: allocated once, bound once, used by one call at a time.

ONNX Runtime otherwise allocates, copies and frees on the device in every call. A buffer on the host is page-locked
where the device offers such memory: it copies to and from it without a detour.

https://onnxruntime.ai/docs/performance/tune-performance/iobinding.html

Axes of the first input and of the output: batch, channel, row, column.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from serving.backends.protocol import Port

type Shapes = tuple[tuple[int, ...], ...]
"""Shape of every input."""

CUDA: Final = "CUDAExecutionProvider"
"""Whose memory the buffers are in, for TensorRT too."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """Where buffers lie.

    Attributes:
        runtime: ONNX Runtime's package.
        device: its name of the device, ``cuda`` or ``cpu``.
        page_locked: its description of memory on the host that the device copies from directly; None where there is
            none, then ordinary memory is taken.
    """

    runtime: Any
    device: str
    page_locked: Any | None = None

    @classmethod
    def of_gpu(cls, runtime: Any) -> Memory:
        """Memory of the first GPU, and page-locked memory on the host.

        Python has no device type for page-locked memory; ONNX Runtime hands it out by the description that the device
        itself gives (``memory_info`` of ``OrtValue.ortvalue_from_shape_and_type``,
        https://onnxruntime.ai/docs/api/python/api_summary.html).
        """
        try:
            kind = runtime.OrtDeviceMemoryType.HOST_ACCESSIBLE
            found = [device.memory_info(kind) for device in runtime.get_ep_devices() if device.ep_name == CUDA]
            page_locked = next((info for info in found if info is not None and info.device_id == 0), None)
        except (AttributeError, RuntimeError) as error:
            _log.debug("no page-locked memory: %s", error)
            page_locked = None
        if page_locked is None:
            _log.info("ONNX Runtime offers no page-locked memory here; copies to the GPU take longer")
        return cls(runtime, "cuda", page_locked)

    def on_device(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """A buffer on the device, an OrtValue."""
        return self.runtime.OrtValue.ortvalue_from_shape_and_type(shape, np.dtype(dtype).type, self.device, 0)

    def on_host(self, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[NDArray[Any], Any]:
        """A buffer on the host: an array, and the OrtValue that is the same memory."""
        if self.page_locked is not None:
            value = self.runtime.OrtValue.ortvalue_from_shape_and_type(
                shape, np.dtype(dtype).type, memory_info=self.page_locked
            )
            array = value.numpy()
            if array.ctypes.data == value.data_ptr():  # older versions hand out a copy
                return array, value
        array = np.empty(shape, dtype)
        return array, self.runtime.OrtValue.ortvalue_from_numpy(array)


class Slot:
    """The buffers of one call.

    Args:
        session: of these very shapes.
        inputs: the graph's inputs.
        shapes: shape of each of them.
        output: the graph's output; it has the batch, rows and columns of the first input.
        memory: where buffers lie.
    """

    def __init__(self, session: Any, inputs: Sequence[Port], shapes: Shapes, output: Port, *, memory: Memory) -> None:
        self._session, self._binding = session, session.io_binding()
        self._staged: list[tuple[NDArray[Any], Any, Any]] = []
        for port, shape in zip(inputs, shapes, strict=True):
            array, host = memory.on_host(shape, port.dtype)
            value = memory.on_device(shape, port.dtype)
            self._binding.bind_ortvalue_input(port.name, value)
            self._staged.append((array, host, value))
        batch, _, height, width = shapes[0]
        self._answer, self._host = memory.on_host((batch, int(output.channels), height, width), output.dtype)
        # The runtime copies the answer from the device to the host at the end of a run.
        self._binding.bind_ortvalue_output(output.name, self._host)

    def run(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Answers of a batch that may be smaller than the session's; it is filled up with its last window.

        Args:
            arrays: one per input, of the types and channels of the graph.
        """
        for (staged, _, value), array in zip(self._staged, arrays, strict=True):
            staged[: len(array)] = array
            staged[len(array) :] = array[-1:]
            value.update_inplace(staged)
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        return self._answer[: len(arrays[0])].copy()  # the next run writes to the same place
