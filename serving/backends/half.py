"""The fp32 graph in IEEE half precision, for ONNX Runtime's CUDA provider, which computes in the types of the graph.

As in the int8 variant only what lies between the first and the last layer with weights is changed. Digital numbers
reach 65535, beyond half precision's 65504, and they and the probabilities need more bits than it has. (The converter
that ONNX Runtime ships also leaves out nodes by name, but rounds what flows between those.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

WEIGHTED: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators with weights; the first and the last of them bound what is changed."""

SINGLE_INPUTS: Final = {"Resize": frozenset({1, 2})}
"""Inputs that the standard has in single precision whatever the others are: the region and scales of Resize."""


def half_graph(content: bytes) -> bytes:
    """The graph with weights and activations in half precision; inputs and outputs keep their types.

    Args:
        content: bytes of the ONNX file in fp32.

    Raises:
        ValueError: when the graph has no layer with weights.
    """
    model = shape_inference.infer_shapes(onnx.load_model_from_string(content), strict_mode=True)
    weighted = [index for index, node in enumerate(model.graph.node) if node.op_type in WEIGHTED]
    if not weighted:
        raise ValueError("the graph has no layer with weights")
    changing = _Changing(model.graph)
    nodes = list(model.graph.node)
    before, inside, after = nodes[: weighted[0]], nodes[weighted[0] : weighted[-1] + 1], nodes[weighted[-1] + 1 :]
    changed = [*before, *changing.into_half(inside), *changing.back_to_single(after)]
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(changed)
    read = {name for node in changed for name in node.input}
    weights = [tensor for tensor in model.graph.initializer if tensor.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(weights)
    return bytes(model.SerializeToString())


class _Changing:
    """Names of values before and after the change."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        known = (*graph.input, *graph.value_info, *graph.output)
        self._single = {value.name for value in known if value.type.tensor_type.elem_type == TensorProto.FLOAT}
        self._single |= {name for name, tensor in self._weights.items() if tensor.data_type == TensorProto.FLOAT}
        self._halves: dict[str, str] = {}
        self._kept: set[str] = set()  # values that are there in single precision, too
        self._outputs = {value.name for value in graph.output}

    def into_half(self, nodes: list[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
        """The nodes with single precision replaced, and casts of what comes from outside."""
        for node in nodes:
            for index, name in enumerate(node.input):
                if name not in self._single or index in SINGLE_INPUTS.get(node.op_type, ()):
                    continue
                if name not in self._halves:
                    yield from self._enter(name)
                node.input[index] = self._halves[name]
            _change_attributes(node)
            for index, name in enumerate(node.output):
                if name in self._single:
                    self._halves[name] = node.output[index] = f"{name}_half"
            yield node

    def back_to_single(self, nodes: list[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
        """Casts of all that is read after the change or leaves the graph, and the nodes as they are."""
        read = {name for node in nodes for name in node.input} | self._outputs
        for name, half in self._halves.items():
            if name in read - self._kept:
                yield helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT)
        yield from nodes

    def _enter(self, name: str) -> Iterator[onnx.NodeProto]:
        """A value of single precision from outside, in half."""
        self._kept.add(name)
        half = self._halves[name] = f"{name}_half"
        if name in self._weights:
            values = numpy_helper.to_array(self._weights[name]).astype(np.float16)
            self._graph.initializer.append(numpy_helper.from_array(values, half))
        else:
            yield helper.make_node("Cast", [name], [half], to=TensorProto.FLOAT16)


def _change_attributes(node: onnx.NodeProto) -> None:
    """Single precision that a node itself asks for."""
    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        elif attribute.HasField("t") and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16)))
