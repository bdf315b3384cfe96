"""Merged upsampling and split softmax against the graphs they replace, in ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.upsampling import merge_upsampling, split_softmax

DRAW = np.random.default_rng(0)


def graph(*, skip=True, bias=True, scale=2, mode="nearest", kernel=3, other_user=False, upsampled_first=True, stages=1):
    """A decoder: a pooled image is enlarged, joined with a finer one, and convolved; ``stages`` times."""
    tensors, nodes, channels = {"scales": np.array([1, 1, scale, scale], np.float32)}, [], 3
    for level in range(1, stages + 1):
        side = [2**level] * 2
        nodes.append(helper.make_node("AveragePool", ["x"], [f"pool{level}"], kernel_shape=side, strides=side))
    coarse = f"pool{stages}"
    for stage in range(stages):
        where = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if mode == "nearest" else {}
        nodes.append(helper.make_node("Resize", [coarse, "", "scales"], [f"up{stage}"], mode=mode, **where))
        joined, width = f"up{stage}", channels
        if skip:
            finer = f"pool{stages - 1 - stage}" if stage < stages - 1 else "x"
            both = [joined, finer] if upsampled_first else [finer, joined]
            nodes.append(helper.make_node("Concat", both, [f"cat{stage}"], axis=1))
            joined, width = f"cat{stage}", channels + 3
        tensors[f"w{stage}"] = DRAW.normal(size=(4, width, kernel, kernel), scale=0.3).astype(np.float32)
        tensors[f"b{stage}"] = DRAW.normal(size=4).astype(np.float32)
        weights = [f"w{stage}", *([f"b{stage}"] if bias else [])]
        nodes.append(helper.make_node("Conv", [joined, *weights], [f"c{stage}"], pads=[kernel // 2] * 4))
        coarse, channels = f"r{stage}", 4
        nodes.append(helper.make_node("Relu", [f"c{stage}"], [coarse]))
    if other_user:
        nodes[-1] = helper.make_node("Add", [f"c{stages - 1}", "total"], [coarse])
        nodes.insert(-1, helper.make_node("ReduceSum", ["up0"], ["total"], keepdims=0))
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    output = helper.make_tensor_value_info(coarse, TensorProto.FLOAT, ["n", 4, "oh", "ow"])
    stored = [numpy_helper.from_array(values, name) for name, values in tensors.items()]
    made = helper.make_graph(nodes, "decoder", [image], [output], stored)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.helper.set_model_props(model, {"key": "value"})
    return model.SerializeToString()


def answer(content, side=(10, 14), batch=2):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    values = np.random.default_rng(1).normal(size=(batch, 3, *side)).astype(np.float32)
    return session.run(None, {"x": values})[0]


def operators(content):
    return [node.op_type for node in onnx.load_model_from_string(content).graph.node]


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
@pytest.mark.parametrize("skip", [True, False], ids=["skip", "no-skip"])
@pytest.mark.parametrize("side", [(10, 14), (2, 2), (4, 18)], ids=str)
def test_a_merged_stage_answers_the_same(skip, bias, side):
    content = graph(skip=skip, bias=bias)
    merged = merge_upsampling(content)
    assert "Resize" not in operators(merged)
    assert "DepthToSpace" in operators(merged)
    np.testing.assert_allclose(answer(merged, side), answer(content, side), atol=2e-5)


def test_stages_follow_each_other_and_the_finest_are_the_last():
    content = graph(stages=3)
    expected = answer(content, (16, 24))
    for last, left in ((None, 0), (0, 3), (1, 2), (2, 1), (9, 0)):
        merged = merge_upsampling(content, last=last)
        assert operators(merged).count("Resize") == left
        np.testing.assert_allclose(answer(merged, (16, 24)), expected, atol=2e-5)
    first_resize = operators(merge_upsampling(content, last=2)).index("Resize")
    assert first_resize < operators(merge_upsampling(content, last=2)).index("DepthToSpace")


@pytest.mark.parametrize(
    "other",
    [
        {"mode": "linear"},
        {"scale": 3, "skip": False},
        {"kernel": 5},
        {"other_user": True},
        {"upsampled_first": False},
    ],
    ids=str,
)
def test_anything_else_stays_as_it_is(other):
    content = graph(**other)
    assert merge_upsampling(content) == content


def test_what_somebody_else_looks_at_stays():
    model = onnx.load_model_from_string(graph())
    model.graph.output.append(helper.make_tensor_value_info("up0", TensorProto.FLOAT, ["n", 3, "h", "w"]))
    assert merge_upsampling(model.SerializeToString()) == model.SerializeToString()
    model = onnx.load_model_from_string(graph())
    model.graph.input.append(helper.make_tensor_value_info("w0", TensorProto.FLOAT, [4, 6, 3, 3]))
    assert merge_upsampling(model.SerializeToString()) == model.SerializeToString()


def test_metadata_stay_and_old_weights_go():
    merged = onnx.load_model_from_string(merge_upsampling(graph()))
    assert {entry.key: entry.value for entry in merged.metadata_props} == {"key": "value"}
    names = {tensor.name for tensor in merged.graph.initializer}
    assert "w0" not in names
    assert {"b0", "w0_coarse", "w0_skip"} <= names
    coarse = next(numpy_helper.to_array(t) for t in merged.graph.initializer if t.name == "w0_coarse")
    assert coarse.shape == (16, 3, 2, 2)


def softmax(axis):
    nodes = [helper.make_node("Softmax", ["x"], ["p"], axis=axis)]
    shape = ["n", 3, "h", "w"]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "p")]
    made = helper.make_graph(nodes, "softmax", values[:1], values[1:])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


def test_a_split_softmax_answers_the_same_also_for_large_logits():
    content = softmax(1)
    split = split_softmax(content)
    assert operators(split) == ["ReduceMax", "Sub", "Exp", "Conv", "Div"]
    np.testing.assert_allclose(answer(split), answer(content), atol=1e-6)
    logits = np.array([-1e4, 0, 1e4, 300, 299, -1e4], np.float32).reshape(1, 3, 2, 1)
    feed = {"x": logits}
    ours, theirs = (onnxruntime.InferenceSession(each).run(None, feed)[0] for each in (split, content))
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_split_softmax_answers_a_window_alike_in_every_batch():
    session = onnxruntime.InferenceSession(split_softmax(softmax(1)), providers=["CPUExecutionProvider"])
    logits = np.random.default_rng(0).normal(size=(3, 3, 37, 41)).astype(np.float32)
    batched = session.run(None, {"x": logits})[0]
    for index, alone in enumerate(logits):
        np.testing.assert_array_equal(session.run(None, {"x": alone[None]})[0][0], batched[index])


def test_a_softmax_over_another_axis_stays():
    content = softmax(3)
    assert split_softmax(content) == content
