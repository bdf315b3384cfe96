"""Make the int8 variant of an exported graph: static quantisation, calibrated on real windows.

Weights become int8 with one scale per output channel, activations uint8: the pair that processors with VNNI multiply
in one instruction. Only what lies between the first and the last layer with weights is quantised. What comes before
(scale, offset, clip, square root, normalisation) and after (temperature, softmax) stays float32: digital numbers span
16 bits, and eight bits of a probability would be no probability.

The graph stays within the standard operators (QuantizeLinear and DequantizeLinear, "QDQ"), so that the service's check
of graphs holds for it too; runtimes fuse the pairs into integer kernels when they load it. Sums of integers do not
depend on their order, so an answer cannot depend on the batch.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.operators.direct_q8 import QDQDirect8BitOp
from onnxruntime.quantization.registry import QDQRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from landcover.errors import ConfigError, ParityError
from models.export import Batch, open_session, run_alike
from models.upsampling import SOFTMAX_TOTAL, merge_upsampling, split_softmax

WEIGHTED: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators with weights; the first and the last of them bound what is quantised."""

CARRIED: Final = frozenset(
    {
        *("Add", "Mul", "Concat", "Relu", "Clip", "LeakyRelu", "Sigmoid", "MaxPool", "AveragePool"),
        *("GlobalAveragePool", "Resize", "DepthToSpace", "Pad", "Slice", "Split", "Transpose", "Reshape"),
        *("Squeeze", "Unsqueeze"),
    }
)
"""Operators that have integer kernels, quantised between weighted ones: values need not become float in between."""


MERGED: Final = 2
"""Stages of the decoder, the finest, that are merged (`models.upsampling`) before they are quantised. A merged stage is
a sum of two roundings to 8 bits; in the coarser stages that moves more pixels into another class than it saves time."""


class Method(StrEnum):
    """How the range of an activation follows from what was seen of it."""

    MINMAX = "minmax"
    """Everything that was seen."""

    PERCENTILE = "percentile"
    """All but the share above ``percentile``: outliers are clipped, the rest gets finer steps."""

    ENTROPY = "entropy"
    """The range whose quantised distribution is closest to the one seen (Kullback-Leibler)."""


_METHODS: Final = {
    Method.MINMAX: CalibrationMethod.MinMax,
    Method.PERCENTILE: CalibrationMethod.Percentile,
    Method.ENTROPY: CalibrationMethod.Entropy,
}


@dataclass(frozen=True, slots=True)
class QuantiseChoice:
    """Options of the quantisation.

    Attributes:
        method: How activations get their range.
        percentile: For that method, share in percent of the values that the range covers.
        per_channel: One scale per output channel of a weight, else one per weight.
        float_first: How many of the first weighted layers stay float32. They see reflectance itself, in which a step of
            eight bits is much; later layers see features.
        float_last: How many of the last weighted layers stay float32.
    """

    method: Method = Method.PERCENTILE
    percentile: float = 99.99
    per_channel: bool = True
    float_first: int = 0
    float_last: int = 0

    def __post_init__(self) -> None:
        """Refuse a percentile that is none, and numbers of layers that are none.

        Raises:
            ConfigError: With the value.
        """
        for name, layers in (("float_first", self.float_first), ("float_last", self.float_last)):
            if type(layers) is not int or layers < 0:  # a configuration file may say anything, such as true
                raise ConfigError(f"{name} is {layers!r}; give a number of layers, 0 or more")
        if not 50 < self.percentile <= 100:  # noqa: PLR2004 - a share of all values in percent
            raise ConfigError(f"percentile is {self.percentile:g}; give one above 50 and at most 100")


def quantise_graph(
    content: bytes, windows: Sequence[NDArray[np.generic]], choice: QuantiseChoice | None = None
) -> bytes:
    """Quantise a float32 graph.

    Args:
        content: Bytes of the exported ONNX file, as the network has it (`models.export.Export.plain`).
        windows: Batches NBHW of digital numbers from training scenes; the ranges are taken from them.
        choice: Options; default: the measured best.

    Returns:
        Bytes of the int8 ONNX file; same input, output, dynamic axes and ``metadata_props``.

    Raises:
        ConfigError: There are no windows, or the graph has no layer to quantise.
    """
    choice = choice or QuantiseChoice()
    if not windows:
        raise ConfigError("quantising needs windows of training scenes to calibrate on, none were given")
    model = onnx.load_model_from_string(merge_upsampling(content, last=MERGED))
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"  # the tool picks nodes by name, which a graph need not have
    with tempfile.TemporaryDirectory(prefix="steppe-int8-") as folder, _quiet(), _rearranging_bytes():
        prepared, target = Path(folder, "prepared.onnx"), Path(folder, "int8.onnx")
        # Shapes only: the exporter has folded normalisation layers and constants already.
        quant_pre_process(model, prepared, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _Windows(model.graph.input[0].name, windows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=sorted(WEIGHTED | CARRIED),
            nodes_to_quantize=_chosen_nodes(onnx.load_model(prepared), choice),
            per_channel=choice.per_channel,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=_METHODS[choice.method],
            extra_options={"CalibStridedMinMax": 1, "CalibPercentile": choice.percentile},
        )
        quantised = onnx.load_model(target)
    return split_softmax(_finished(quantised, {entry.key: entry.value for entry in model.metadata_props}))


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a quantised graph is from the float32 one.

    Attributes:
        mean: mean absolute difference of a probability.
        largest: largest absolute difference of a probability.
        agreement: share of the pixels that get the same class, 0..1.
    """

    mean: float
    largest: float
    agreement: float


def compare_graphs(content: bytes, quantised: bytes, batches: Iterable[NDArray[np.generic]]) -> Difference:
    """Run both graphs on real windows, each batch as it is and window by window.

    Args:
        content: bytes of the float32 graph.
        quantised: bytes of the quantised graph.
        batches: windows NBHW of digital numbers.

    Raises:
        ParityError: the quantised graph's answer depends on the batch, or is not finite.
    """
    exact, coarse = open_session(content), open_session(quantised)
    total, largest, same, pixels, values = 0.0, 0.0, 0, 0, 0
    for dn_NBHW in batches:
        expected, answer = (run_alike(session, Batch(dn_NBHW)) for session in (exact, coarse))
        if not np.isfinite(answer).all():
            raise ParityError("the int8 graph answers values that are not finite; nothing was written")
        gaps_NKHW = np.abs(answer - expected)
        total += float(gaps_NKHW.sum(dtype=np.float64))
        largest = max(largest, float(gaps_NKHW.max()))
        same_NHW = answer.argmax(axis=1) == expected.argmax(axis=1)
        same, pixels, values = same + int(same_NHW.sum()), pixels + same_NHW.size, values + gaps_NKHW.size
    if not pixels:
        raise ConfigError("comparing the int8 graph needs windows of real scenes, none were given")
    return Difference(total / values, largest, same / pixels)


class _Windows(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no type information
    """Hands out the windows in pieces, as the calibration asks for them."""

    def __init__(self, name: str, windows: Sequence[NDArray[np.generic]]) -> None:
        self._name = name
        self._windows = windows
        self._rest = iter(windows)

    def __len__(self) -> int:
        return len(self._windows)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._rest = iter(self._windows[start_index:end_index])

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        window_NBHW = next(self._rest, None)
        return None if window_NBHW is None else {self._name: window_NBHW}


def _chosen_nodes(model: onnx.ModelProto, choice: QuantiseChoice) -> list[str]:
    """Names of the weighted nodes, and of the carried ones that lie between two of them.

    Raises:
        ConfigError: There are none.
    """
    nodes = list(model.graph.node)
    floats = _float_tensors(model)
    weighted = [
        index for index, node in enumerate(nodes) if node.op_type in WEIGHTED and SOFTMAX_TOTAL not in node.output
    ]
    # Nodes are in topological order: the first weighted ones are the network's stem, the last one its head.
    weighted = weighted[choice.float_first : max(len(weighted) - choice.float_last, 0)]
    if not weighted:
        raise ConfigError("the graph has no convolution or matrix product to quantise; publish it without int8")
    after = _reached([(node.input, node.output) for node in nodes], weighted)
    last = len(nodes) - 1
    before = _reached([(node.output, node.input) for node in reversed(nodes)], [last - index for index in weighted])
    between = {
        index
        for index in after & {last - index for index in before}
        if nodes[index].op_type in CARRIED and nodes[index].output[0] in floats
    }
    return [nodes[index].name for index in sorted({*weighted, *between})]


def _reached(edges: Iterable[tuple[Iterable[str], Iterable[str]]], starts: Iterable[int]) -> set[int]:
    """Numbers of the nodes that something flows to from the starts.

    Args:
        edges: Names of the tensors that flow in and out, one pair per node, in the order of the flow.
        starts: Numbers of the first nodes; they count when they are reached from another one.
    """
    sources, tensors, found = set(starts), set[str](), set[int]()
    for index, (incoming, outgoing) in enumerate(edges):
        if not tensors.isdisjoint(incoming):
            found.add(index)
        if index in found or index in sources:
            tensors.update(name for name in outgoing if name)
    return found


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """Names of the float32 tensors; sizes and indices, which steer a resize, are integers and must stay exact."""
    return {
        info.name
        for info in (*model.graph.value_info, *model.graph.output)
        if info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }


def _finished(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Without the traces of the tools, and with the metadata of the graph it came from."""
    model.graph.ClearField("value_info")
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@contextlib.contextmanager
def _rearranging_bytes() -> Generator[None]:
    """The tool knows that DepthToSpace moves values about and changes none, as it knows of Transpose."""
    before = QDQRegistry.get("DepthToSpace")
    QDQRegistry["DepthToSpace"] = QDQDirect8BitOp
    try:
        yield
    finally:
        if before is None:
            del QDQRegistry["DepthToSpace"]
        else:
            QDQRegistry["DepthToSpace"] = before


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """The calibration prints its progress on standard output, which belongs to the caller."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
