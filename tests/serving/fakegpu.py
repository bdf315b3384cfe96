"""ONNX Runtime with a GPU that is not there: the real one on the processor behind the same objects, and a diary.

What the fake is strict about is what the real package is strict about: buffers are bound by name, have the session's
type and shape, are filled with arrays of their own size, and those on the device are not read as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import onnxruntime

CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"


@dataclass
class Diary:
    """Everything that was asked of the runtime."""

    sessions: list = field(default_factory=list)
    """Each session with its options and providers."""
    buffers: list = field(default_factory=list)
    """(place, shape, type) of each buffer."""
    runs: list = field(default_factory=list)
    """The first input of each run, as the device had it."""
    most_at_once: int = 0


class Value:
    """An OrtValue."""

    def __init__(self, array, place):
        self._array, self.place = array, place

    def numpy(self):
        return self._array.copy() if self.place == "cuda" else self._array

    def data_ptr(self):
        return self._array.ctypes.data

    def update_inplace(self, array):
        assert self.place == "cuda"
        assert array.flags.c_contiguous
        assert array.dtype == self._array.dtype
        if array.shape != self._array.shape:
            raise RuntimeError("The input size of numpy arrays does not match the size of the OrtValue")
        self._array[...] = array


class Binding:
    def __init__(self, session):
        self.session, self.inputs, self.outputs, self.synchronised = session, {}, {}, True
        self.running = False

    def bind_ortvalue_input(self, name, value):
        assert value.place == "cuda"
        self.inputs[name] = value

    def bind_ortvalue_output(self, name, value):
        self.outputs[name] = value

    def synchronize_outputs(self):
        for value, answer in self.pending:
            value._array[...] = answer
        self.pending = []


class FakeGpu:
    """The package ``onnxruntime``, as `serving.backends.gpu` uses it.

    Args:
        starts: providers whose libraries are there.
        page_locked: whether it offers page-locked memory: "yes", "no", or "copies" as an older version, whose OrtValues
            hand out copies.
        on_cpu: whether an operator has no kernel on the GPU.
    """

    __version__ = onnxruntime.__version__

    def __init__(self, *, starts=(CUDA, TENSORRT), page_locked="yes", on_cpu=False):
        self.diary, self._starts, self._page_locked, self._on_cpu = Diary(), starts, page_locked, on_cpu
        self._under_way = 0
        self.preloaded = False
        self.OrtDeviceMemoryType = SimpleNamespace(HOST_ACCESSIBLE="host accessible")
        self.OrtValue = SimpleNamespace(
            ortvalue_from_shape_and_type=self._allocate, ortvalue_from_numpy=lambda array: self._value(array, "cpu")
        )

    def preload_dlls(self):
        self.preloaded = True

    def get_ep_devices(self):
        locked = SimpleNamespace(device_id=0) if self._page_locked != "no" else None
        return [
            SimpleNamespace(ep_name=CPU, memory_info=lambda _: SimpleNamespace(device_id=0)),
            SimpleNamespace(ep_name=CUDA, memory_info=lambda kind: locked if kind == "host accessible" else None),
        ]

    def SessionOptions(self):  # noqa: N802 (the package's name)
        return Options()

    def InferenceSession(self, content, options, *, providers, enable_fallback):  # noqa: N802
        assert self.preloaded
        assert not enable_fallback
        asked = [name for name, _ in providers]
        assert set(asked) <= {CUDA, TENSORRT}  # naming the processor would contradict disable_cpu_ep_fallback
        started = [*[name for name in asked if name in self._starts], CPU]
        strict = options.entries.get("session.disable_cpu_ep_fallback") == "1"
        if strict and (self._on_cpu or started == [CPU]):
            raise RuntimeError(
                "[ONNXRuntimeError] : 1 : FAIL : This session contains graph nodes that are assigned to the default "
                "CPU EP, but fallback to CPU EP has been explicitly disabled by the user."
            )
        session = Session(self, content, options, started)
        self.diary.sessions.append(SimpleNamespace(options=options, providers=dict(providers), session=session))
        return session

    def _allocate(self, shape, dtype, device="cpu", device_id=0, *, memory_info=None):
        assert device_id == 0
        place = "page-locked" if memory_info else device
        assert not (memory_info and device != "cpu")
        assert memory_info is None or self._page_locked != "no"
        return self._value(np.full(shape, 77, dtype), place)

    def _value(self, array, place):
        self.diary.buffers.append((place, array.shape, array.dtype.name))
        copies = place == "page-locked" and self._page_locked == "copies"
        return Value(array, "cuda") if copies else Value(array, place)


class Options:
    """Session options that are also those of the real session."""

    def __init__(self):
        self.real = onnxruntime.SessionOptions()
        self.real.enable_mem_pattern = False
        self.entries, self.lengths = {}, {}
        self.log_severity_level = None

    def add_free_dimension_override_by_name(self, name, length):
        self.lengths[name] = length
        self.real.add_free_dimension_override_by_name(name, length)

    def add_session_config_entry(self, name, value):
        self.entries[name] = value


class Session:
    def __init__(self, fake, content, options, started):
        self._fake, self._providers = fake, started
        self._real = onnxruntime.InferenceSession(content, options.real, providers=[CPU])

    def get_providers(self):
        return self._providers

    def get_inputs(self):
        return self._real.get_inputs()

    def get_outputs(self):
        return self._real.get_outputs()

    def io_binding(self):
        return Binding(self)

    def run_with_iobinding(self, binding):
        diary = self._fake.diary
        assert binding.session is self
        assert not binding.running, "two calls share their buffers"
        binding.running = True
        self._fake._under_way += 1
        diary.most_at_once = max(diary.most_at_once, self._fake._under_way)
        feeds = {node.name: binding.inputs[node.name]._array.copy() for node in self.get_inputs()}
        for node in self.get_inputs():  # the real one warns or fails, by the kind of graph
            assert list(feeds[node.name].shape) == node.shape, "the session is of another shape"
        diary.runs.append(feeds[self.get_inputs()[0].name])
        (answer,) = self._real.run(None, feeds)
        (node,) = self.get_outputs()
        output = binding.outputs[node.name]
        assert output._array.shape == answer.shape
        binding.pending = [(output, answer)]  # copied when the device is waited for
        self._fake._under_way -= 1
        binding.running = False
