"""Exported graphs that compute the same with fewer products: enlarging and convolving as one, softmax by its parts.

A decoder repeats every pixel twice each way and then convolves with 3 x 3 weights. Of the nine pixels that such a
kernel sees only four differ, so each of the four pixels that a coarse one becomes is a 2 x 2 convolution of the coarse
image, whose weights are sums of the old ones: 4/9 of the products, and nothing is enlarged before it is convolved (the
sub-pixel convolution of Shi et al. 2016, https://arxiv.org/abs/1609.05158, read backwards). Results differ by the
rounding of single floats, which the parity check of the export bounds.

Axes of weights: M output channel, C input channel, H row, W column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

FACTOR: Final = 2
"""What one stage enlarges by."""

SOFTMAX_TOTAL: Final = "softmax_total"
"""Output of the convolution that adds the parts of a split softmax. It is no layer of the network."""

_FROM: Final = ((slice(0, 1), slice(1, 3)), (slice(0, 2), slice(2, 3)))
"""Lines of a 3 x 3 kernel that fall on the first and on the second of two coarse pixels, for an even and an odd line of
the enlarged image: an even one sees the pixel before and its own, an odd one its own and the pixel behind."""

_CROP: Final[Mapping[str, NDArray[np.generic]]] = MappingProxyType(
    {
        "merged_crop_start": np.array([1, 1], np.int64),
        "merged_crop_stop": np.array([-1, -1], np.int64),
        "merged_crop_axes": np.array([2, 3], np.int64),
    }
)
"""Inputs of a Slice that takes a line off every border."""

_SIDES: Final = (64, 96)
"""Sides of the windows that tell what is repeated; multiples of what networks ask for."""


class _Stage(NamedTuple):
    """Enlarging and convolving, as the exporter writes it.

    Attributes:
        resize: enlarges by `FACTOR`, nearest neighbour.
        concat: joins what was enlarged, first, with what came from the encoder; None where there is nothing to join.
        conv: the convolution.
        channels: of what is enlarged.
    """

    resize: NodeProto
    concat: NodeProto | None
    conv: NodeProto
    channels: int

    @property
    def replaced(self) -> list[NodeProto]:
        """Its nodes."""
        return [node for node in (self.resize, self.concat, self.conv) if node is not None]


def merge_upsampling(content: bytes, *, last: int | None = None) -> bytes:
    """Write every "enlarge by repeating, then convolve 3 x 3" as one convolution of the coarse image.

    Args:
        content: Bytes of an exported float32 graph.
        last: How many of the stages to rewrite, the finest; all of them by default.

    Returns:
        Bytes of a graph with the same inputs, outputs and ``metadata_props``; the same bytes where nothing matches.
    """
    model = onnx.load_model_from_string(content)
    stages = _stages(model)
    stages = stages if last is None else stages[max(len(stages) - last, 0) :]
    if not stages:
        return content
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    new: dict[int, list[NodeProto]] = {}
    tensors: dict[str, NDArray[np.generic]] = {}
    gone: set[int] = set()
    for stage in stages:
        nodes, more = _merged(stage, weights)
        gone |= {id(node) for node in stage.replaced}
        new[id(stage.conv)] = nodes
        tensors |= more
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in tensors.items())
    _set_nodes(
        model,
        [
            node
            for old in model.graph.node
            for node in new.get(id(old), [] if id(old) in gone else [old])  # where the convolution was
        ],
    )
    return _finished(model)


def unmerged(weights: Mapping[str, NDArray[np.generic]], name: str) -> NDArray[np.float32] | None:
    """The 3 x 3 weights, MCHW, that `merge_upsampling` replaced; None where it did not.

    Args:
        weights: All weights of a graph, by name.
        name: Of the weights in the graph that was not merged.
    """
    coarse = weights.get(f"{name}_coarse")
    if coarse is None:
        return None
    outputs, inputs = coarse.shape[0] // FACTOR**2, coarse.shape[1]
    phases = coarse.astype(np.float64).reshape(outputs, FACTOR, FACTOR, inputs, 2, 2)
    # By lines, then by columns: the first line is that of an even fine line alone, the last that of an odd one, and the
    # middle one is in the even line's second sum. Axes of lines: output, column's phase, input, 3, 2.
    even, odd = phases[:, 1], phases[:, 0]
    lines = np.stack([even[..., 0, :], even[..., 1, :] - odd[..., 1, :], odd[..., 1, :]], axis=-2)
    even, odd = lines[:, 1], lines[:, 0]
    kernel = np.stack([even[..., 0], even[..., 1] - odd[..., 1], odd[..., 1]], axis=-1)
    skip = weights.get(f"{name}_skip")
    joined = kernel if skip is None else np.concatenate([kernel, skip], axis=1)
    result: NDArray[np.float32] = joined.astype(np.float32)
    return result


def split_softmax(content: bytes) -> bytes:
    """Write a softmax over channels, the graph's answer, as exponential, sum and quotient.

    ONNX Runtime moves the channels of a softmax to the end and back again, which takes a tenth of a U-Net's time. The
    sum is a convolution with ones: its order is the same in every batch, which that of a ReduceSum is not.

    Args:
        content: Bytes of an exported graph.

    Returns:
        Bytes of a graph with the same inputs, outputs and ``metadata_props``; the same bytes where its answer is no
        such softmax.
    """
    model = onnx.load_model_from_string(content)
    (answer,) = model.graph.output
    classes = answer.type.tensor_type.shape.dim[1].dim_value
    nodes = list(model.graph.node)
    softmax = next(node for node in nodes if answer.name in node.output)
    if softmax.op_type != "Softmax" or _attribute(softmax, "axis", -1) != 1 or not classes:
        return content
    axis, ones, largest, shifted, powers = (
        f"softmax_{part}" for part in ("axis", "ones", "largest", "shifted", "powers")
    )
    place = nodes.index(softmax)
    nodes[place : place + 1] = [
        helper.make_node("ReduceMax", [softmax.input[0], axis], [largest], keepdims=1),
        helper.make_node("Sub", [softmax.input[0], largest], [shifted]),  # so that no power is too large for a float
        helper.make_node("Exp", [shifted], [powers]),
        helper.make_node("Conv", [powers, ones], [SOFTMAX_TOTAL], kernel_shape=[1, 1]),
        helper.make_node("Div", [powers, SOFTMAX_TOTAL], [answer.name]),
    ]
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([1], np.int64), axis),
            numpy_helper.from_array(np.ones((1, classes, 1, 1), np.float32), ones),
        ]
    )
    _set_nodes(model, nodes)
    return _finished(model)


def _stages(model: onnx.ModelProto) -> list[_Stage]:
    """Stages whose parts nobody else uses, from coarse to fine; none in a graph with inner graphs or open weights."""
    if _is_unlike_an_export(model):
        return []
    users: defaultdict[str, list[NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            users[name].append(node)
    for output in model.graph.output:  # whoever runs the graph
        users[output.name].append(NodeProto())
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    channels = _repeated(model)
    enlarging = [node for node in model.graph.node if channels.keys() & node.output]
    found = [_stage(resize, channels[resize.output[0]], users, weights) for resize in enlarging]
    return [stage for stage in found if stage is not None]


def _stage(
    resize: NodeProto, channels: int, users: Mapping[str, list[NodeProto]], weights: Mapping[str, tuple[int, ...]]
) -> _Stage | None:
    """What begins with a node that enlarges, if it is a stage."""
    after = _only_user(users, resize.output[0])
    if after is None or after.op_type != "Concat":
        concat, conv = None, after
    elif len(after.input) == 2 and after.input[0] == resize.output[0]:  # noqa: PLR2004 (what is joined)
        concat, conv = after, _only_user(users, after.output[0])
    else:
        return None
    return _Stage(resize, concat, conv, channels) if conv is not None and _is_plain(conv, weights) else None


def _is_unlike_an_export(model: onnx.ModelProto) -> bool:
    """Graphs within the graph see names that no list of inputs has; weights that are inputs are whatever is given."""
    inner = any(each.HasField("g") or each.graphs for node in model.graph.node for each in node.attribute)
    given = {value.name for value in model.graph.input}
    return inner or any(tensor.name in given for tensor in model.graph.initializer)


def _only_user(users: Mapping[str, list[NodeProto]], name: str) -> NodeProto | None:
    nodes = users.get(name, [])
    return nodes[0] if len(nodes) == 1 else None


def _is_plain(conv: NodeProto, weights: Mapping[str, tuple[int, ...]]) -> bool:
    """A 3 x 3 convolution with one pixel of zeros around, whose weights are in the graph."""
    return (
        conv.op_type == "Conv"
        and weights.get(conv.input[1], ())[2:] == (3, 3)
        and all(name in weights for name in conv.input[1:])
        and _attribute(conv, "group", 1) == 1
        and _attribute(conv, "pads", []) == [1, 1, 1, 1]
        and _attribute(conv, "strides", [1, 1]) == [1, 1]
        and _attribute(conv, "dilations", [1, 1]) == [1, 1]
        and _attribute(conv, "auto_pad", b"NOTSET") == b"NOTSET"
    )


def _repeated(model: onnx.ModelProto) -> dict[str, int]:
    """Outputs of nodes that repeat every pixel `FACTOR` times each way, with their channels.

    Sizes in an exported graph follow from formulas of the window's, which no inference of shapes can follow; so it is
    run on noise of two sizes.
    """
    resizes = [
        node for node in model.graph.node if node.op_type == "Resize" and _attribute(node, "mode", b"") == b"nearest"
    ]
    if not resizes:
        return {}
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.ClearField("output")
    ends = [name for node in resizes for name in (node.input[0], node.output[0])]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(ends))
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    runs = [dict(zip(names, session.run(None, _noise(session, side)), strict=True)) for side in _SIDES]
    return {
        node.output[0]: runs[0][node.input[0]].shape[1]
        for node in resizes
        if all(_is_repeated(run[node.input[0]], run[node.output[0]]) for run in runs)
    }


def _is_repeated(coarse: NDArray[np.generic], fine: NDArray[np.generic]) -> bool:
    return np.array_equal(fine, coarse.repeat(FACTOR, axis=-2).repeat(FACTOR, axis=-1))


def _noise(session: onnxruntime.InferenceSession, side: int) -> dict[str, NDArray[np.generic]]:
    """One window of noise; an input of a fixed size has that."""
    generator = np.random.default_rng(0)
    noise = {}
    for port in session.get_inputs():
        sizes = zip(port.shape, (1, None, side, side), strict=True)
        shape = [size if isinstance(size, int) else instead or 1 for size, instead in sizes]
        dtype = {"float": "float32"}.get(kind := port.type.removeprefix("tensor(")[:-1], kind)
        noise[port.name] = generator.integers(1, 5000, shape).astype(dtype)
    return noise


def _merged(
    stage: _Stage, weights: Mapping[str, NDArray[np.generic]]
) -> tuple[list[NodeProto], dict[str, NDArray[np.generic]]]:
    """What takes the place of a stage: nodes, and their weights by name; two uses of one convolution share these."""
    kernel, *bias = stage.conv.input[1:]
    name = stage.conv.output[0]
    kernel_MCHW = weights[kernel].astype(np.float64)
    skip = None if stage.concat is None else stage.concat.input[1]
    coarse, fine, enlarged = f"{name}_coarse", f"{name}_fine", name if skip is None else f"{name}_enlarged"
    new = {f"{kernel}_coarse": _phases(kernel_MCHW[:, : stage.channels]).astype(np.float32), **_CROP}
    coarse_bias = [] if skip is not None else [f"{one}_coarse" for one in bias]
    new |= {f"{one}_coarse": weights[one].repeat(FACTOR**2) for one in bias if skip is None}
    nodes = [
        helper.make_node(
            "Conv",
            [stage.resize.input[0], f"{kernel}_coarse", *coarse_bias],
            [coarse],
            kernel_shape=[2, 2],
            pads=[1, 1, 1, 1],
        ),
        helper.make_node("DepthToSpace", [coarse], [fine], blocksize=FACTOR, mode="CRD"),
        helper.make_node("Slice", [fine, *_CROP], [enlarged]),
    ]
    if skip is not None:
        new[f"{kernel}_skip"] = kernel_MCHW[:, stage.channels :].astype(np.float32)
        inputs = [skip, f"{kernel}_skip", *bias]
        nodes += [
            helper.make_node("Conv", inputs, [f"{name}_skip"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("Add", [f"{name}_skip", enlarged], [name]),
        ]
    return nodes, new


def _phases(kernel_MCHW: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 2 x 2 kernels of the four fine pixels of a coarse one, (4 * M, C, 2, 2), in the order of DepthToSpace.

    A convolution of the coarse image with one pixel around has a line more than the image. An even fine line is that of
    the two coarse lines that end with its own, an odd one that of the two that begin with it, which is one further
    down; so the odd line is laid first, and one fine line at each border is cut off again.
    """
    outputs, inputs = kernel_MCHW.shape[:2]
    phases = np.empty((outputs, FACTOR, FACTOR, inputs, 2, 2))
    for row in range(FACTOR):
        for col in range(FACTOR):
            for down, rows in enumerate(_FROM[row]):
                for right, cols in enumerate(_FROM[col]):
                    phases[:, 1 - row, 1 - col, :, down, right] = kernel_MCHW[:, :, rows, cols].sum(axis=(2, 3))
    return phases.reshape(outputs * FACTOR**2, inputs, 2, 2)


def _attribute(node: NodeProto, name: str, default: object) -> object:
    return next((helper.get_attribute_value(each) for each in node.attribute if each.name == name), default)


def _set_nodes(model: onnx.ModelProto, nodes: Iterable[NodeProto]) -> None:
    copies = []
    for node in nodes:  # the graph's own are gone once the field is cleared
        copies.append(NodeProto())
        copies[-1].CopyFrom(node)
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _finished(model: onnx.ModelProto) -> bytes:
    """Without what nothing leads to the output any more."""
    wanted = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    _set_nodes(model, reversed(kept))
    tensors = [
        numpy_helper.from_array(numpy_helper.to_array(t), t.name) for t in model.graph.initializer if t.name in wanted
    ]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    model.graph.ClearField("value_info")
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
