"""Export a trained network as one self-contained ONNX graph, and refuse when it does not agree with the network.

The graph takes the product's digital numbers, as stored, and answers calibrated probabilities. Batch, height and
width stay dynamic. Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn import functional

from landcover.errors import ParityError
from models.graph import SceneNet
from models.upsampling import merge_upsampling, split_softmax

OPSET: Final = 18
"""ONNX operator set: old enough for every runtime in use, new enough for the exporter to need no conversion."""

PARITY_TOLERANCE: Final = 1e-4
"""Largest probability difference between torch and ONNX Runtime, both float32 on a CPU. Sums of a few thousand
products in another order differ by about 1e-6; a wrong layer differs by far more than 1e-4."""


class Batch(NamedTuple):
    """Windows of a scene, and its overview for a network that takes it; in the product's dtype.

    Attributes:
        dn_NBHW: digital numbers.
        overview_1BHW: digital numbers of the overview (`landcover.overview`), or none.
    """

    dn_NBHW: NDArray[np.generic]
    overview_1BHW: NDArray[np.generic] | None = None

    def tensors(self) -> tuple[Tensor, ...]:
        """Arguments of the module that was exported."""
        return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in self if array is not None)

    def window(self, index: int) -> Batch:
        """One of the windows, alone."""
        return self._replace(dn_NBHW=self.dn_NBHW[index : index + 1])


@dataclass(frozen=True, slots=True)
class Export:
    """A graph that was compared with its network.

    Attributes:
        content: bytes of the ONNX file.
        plain: bytes of the same graph as the network has it, which an int8 variant is made of.
        sample: golden input in the product's dtype.
        sample_probabilities_NKHW: what torch answers on it, float32.
        parity: largest probability difference seen between torch and ONNX Runtime.
    """

    content: bytes
    plain: bytes
    sample: Batch
    sample_probabilities_NKHW: NDArray[np.float32]
    parity: float


class _ServedGraph(nn.Module):
    """What is exported: cast, scale, normalise, network, temperature, softmax."""

    def __init__(self, net: SceneNet, temperature: float) -> None:
        super().__init__()
        self.net = net
        self.temperature = temperature

    def forward(self, dn: Tensor) -> Tensor:
        return self.net.probabilities(dn.to(torch.float32), self.temperature)


class _ServedPair(_ServedGraph):
    """The same for a network that looks at the scene's overview, too."""

    def forward(self, dn: Tensor, overview: Tensor) -> Tensor:  # type: ignore[override]  # one input more
        return self.net.probabilities(dn.to(torch.float32), self.temperature, overview.to(torch.float32))


def export_graph(
    net: SceneNet,
    sample_dn_NBHW: NDArray[np.generic],
    *,
    overview_1BHW: NDArray[np.generic] | None = None,
    probes: Iterable[Batch] = (),
    temperature: float = 1.0,
    metadata: Mapping[str, str] | None = None,
) -> Export:
    """Export, then compare with torch in several batch and window sizes.

    Args:
        net: trained network with its normalisation; a copy is switched to evaluation.
        sample_dn_NBHW: at least two windows of digital numbers, sides a multiple of 64; becomes the golden input.
        overview_1BHW: overview of their scene, for a network that takes it.
        probes: further batches to compare on, for example real windows that must not be published.
        temperature: softmax temperature.
        metadata: strings for the graph's ``metadata_props``.

    Raises:
        ParityError: when ONNX Runtime and torch disagree, or the answer depends on the batch size.
    """
    served = _ServedGraph if overview_1BHW is None else _ServedPair
    graph = served(copy.deepcopy(net).float().cpu().eval(), temperature)
    sample = Batch(np.ascontiguousarray(sample_dn_NBHW), overview_1BHW)
    two = sample._replace(dn_NBHW=sample.dn_NBHW[:2])
    plain = _with_metadata(_to_onnx(_with_fixed_padding(graph), two.tensors()), metadata or {})
    content = split_softmax(merge_upsampling(plain))
    with torch.inference_mode():
        expected: NDArray[np.float32] = graph(*sample.tensors()).numpy().copy()
    parity = max(check_parity(content, graph, batch) for batch in (sample, *probes))
    return Export(content, plain, sample, expected, parity)


def check_parity(content: bytes, graph: nn.Module, batch: Batch) -> float:
    """Compare an exported graph with torch, over batch sizes and window sizes.

    Args:
        content: bytes of the ONNX file.
        graph: the module it came from, evaluation mode; takes digital numbers, answers probabilities.
        batch: at least two windows.

    Returns:
        Largest absolute difference of a probability.

    Raises:
        ParityError: when the difference is above ``PARITY_TOLERANCE`` or not finite, or a window's answer changes
            with the batch it is in.
    """
    session = open_session(content)
    batched = run_alike(session, batch)
    half = batch._replace(dn_NBHW=batch.dn_NBHW[:, :, : batch.dn_NBHW.shape[2] // 2, :])
    worst = 0.0
    for windows, answer in ((batch, batched), (half, session.run(None, graph_inputs(session, half))[0])):
        with torch.inference_mode():
            expected = graph(*windows.tensors()).numpy()
        difference = float(np.abs(answer - expected).max())
        if not difference <= PARITY_TOLERANCE:  # also refuses NaN
            height, width = windows.dn_NBHW.shape[2:]
            raise ParityError(
                f"ONNX Runtime and torch differ by {difference:.2e} on windows of {height} x {width}, allowed is "
                f"{PARITY_TOLERANCE:.0e}; nothing was written"
            )
        worst = max(worst, difference)
    return worst


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """An exported graph on the CPU, exact in every precision.

    Args:
        content: bytes of the ONNX file.
    """
    options = onnxruntime.SessionOptions()
    # Processors without VNNI saturate when they add products of 8 bits, unless they are told to take the slower way.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def graph_inputs(session: onnxruntime.InferenceSession, batch: Batch) -> dict[str, NDArray[np.generic]]:
    """What a graph is fed, by name; an overview only where it takes one.

    Args:
        session: an exported graph.
        batch: windows.

    Raises:
        ParityError: when the graph takes an overview and there is none.
    """
    names = [each.name for each in session.get_inputs()]
    given = [array for array in batch if array is not None]
    if len(given) < len(names):
        raise ParityError("the graph takes an overview of the scene beside its windows, and none was given")
    return dict(zip(names, given, strict=False))


def run_alike(session: onnxruntime.InferenceSession, batch: Batch) -> NDArray[np.float32]:
    """Run a batch, and each of its windows alone.

    Args:
        session: an exported graph.
        batch: windows.

    Returns:
        Probabilities NKHW of the batch.

    Raises:
        ParityError: when a window's answer changes with the batch it is in, by a single bit.
    """
    batched: NDArray[np.float32] = session.run(None, graph_inputs(session, batch))[0]
    count = len(batch.dn_NBHW)
    for index in range(count):
        alone = session.run(None, graph_inputs(session, batch.window(index)))[0]
        if not np.array_equal(alone[0], batched[index], equal_nan=True):
            raise ParityError(f"window {index} gets another answer alone than in a batch of {count}")
    return batched


def stamp_graph(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """The same graph with other ``metadata_props``.

    Args:
        content: bytes of an ONNX file.
        metadata: replaces what is there.
    """
    model = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(model, dict(metadata))
    stamped: bytes = model.SerializeToString()
    return stamped


class _FixedPadding(nn.Module):
    """A "same" convolution whose padding does not look at the size of its input.

    With "same" padding as TensorFlow defines it, the padding follows from the input's size, which as a formula of a
    dynamic height takes the exporter longer with every layer (over ten minutes for an EfficientNet-lite). Sides of
    windows are multiples of 32, so every layer's input is a multiple of its stride, and then the padding is constant:
    (k - 1) * dilation + 1 - stride, the odd pixel at the lower right.
    """

    def __init__(self, same: Conv2dSame) -> None:
        super().__init__()
        self.same = same
        sizes = zip(same.kernel_size, same.dilation, same.stride, strict=True)
        rows, cols = (max((kernel - 1) * dilation + 1 - stride, 0) for kernel, dilation, stride in sizes)
        self.padding = (cols // 2, cols - cols // 2, rows // 2, rows - rows // 2)

    def forward(self, features: Tensor) -> Tensor:
        same, padded = self.same, functional.pad(features, self.padding)
        return functional.conv2d(padded, same.weight, same.bias, same.stride, 0, same.dilation, same.groups)


def _with_fixed_padding(graph: nn.Module) -> nn.Module:
    """A copy for the exporter, with constant padding; the parity check compares it with the network as it is."""
    copied = copy.deepcopy(graph)
    for module in list(copied.modules()):
        for name, child in module.named_children():
            if isinstance(child, Conv2dSame):
                setattr(module, name, _FixedPadding(child))
    return copied


def _to_onnx(graph: nn.Module, sample: tuple[Tensor, ...]) -> onnx.ModelProto:
    dynamic: list[dict[int, str]] = [{0: "batch", 2: "height", 3: "width"}, {}]  # an overview has one shape
    with warnings.catch_warnings():
        # The exporter warns about its own internals; what counts is the parity check that follows.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph,
            sample,
            dynamo=True,
            opset_version=OPSET,
            input_names=["dn", "overview"][: len(sample)],
            output_names=["probabilities"],
            dynamic_shapes=tuple(dynamic[: len(sample)]),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ParityError("torch returned no ONNX program; nothing was written")
    return program.model_proto


def _with_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    # The exporter notes file paths of the source on every node; a published graph carries none of them.
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
