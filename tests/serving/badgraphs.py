"""Changes to a good graph that make it one that must be refused."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.bundles import tiny_graph


def changed(change):
    """The bytes of the tiny graph after a change."""
    model = onnx.load_model_from_string(tiny_graph())
    change(model)
    return model.SerializeToString()


def external_initializer(model):
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def external_in_subgraph(model):
    inner = onnx.TensorProto(name="c", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    inner.external_data.add(key="location", value="weights.bin")
    branch = helper.make_graph([helper.make_node("Constant", [], ["v"], value=inner)], "b", [], [])
    model.graph.node.append(helper.make_node("If", ["scale"], ["v"], then_branch=branch, else_branch=branch))


def custom_domain(model):
    model.graph.node[1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def local_function(model):
    model.functions.append(helper.make_function("", "Twice", ["x"], ["y"], [], [helper.make_opsetid("", 18)]))


def not_a_number(model):
    """It answers NaN."""
    for tensor in model.graph.initializer:
        if tensor.name == "b1":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full(8, np.nan, np.float32), "b1"))


def four_tebibytes(model):
    """It makes a tensor of 2^40 numbers, of which it uses the mean."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [2**40])
    model.graph.initializer.append(shape)
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [0])
    model.graph.initializer.append(axes)
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0])
    # The size follows from the input, or it would be made while the graph is loaded.
    nodes = [
        helper.make_node("Shape", ["dn"], ["size"], start=0, end=1),
        helper.make_node("Mul", ["size", "shape"], ["much"]),
        helper.make_node("ConstantOfShape", ["much"], ["huge"], value=zero),
        helper.make_node("ReduceMean", ["huge", "axes"], ["mean"], keepdims=1),
        helper.make_node("Add", ["logits", "mean"], ["shifted"]),
    ]
    at = next(index for index, node in enumerate(model.graph.node) if node.op_type == "Softmax")
    model.graph.node[at].input[0] = "shifted"
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*rest[:at], *nodes, *rest[at:]])


def unknown_opset(model):
    """It is written in an operator set that no runtime has."""
    model.opset_import[0].version = 999


def channels_last(model):
    """Its input is a picture with its channels last."""
    for axis, value in enumerate((None, None, None, 4)):
        dimension = model.graph.input[0].type.tensor_type.shape.dim[axis]
        dimension.Clear()
        if value is None:
            dimension.dim_param = f"d{axis}"
        else:
            dimension.dim_value = value
