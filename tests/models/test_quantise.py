"""The int8 variant against the graph it comes from, and what must not be quantised in it."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from landcover.errors import ConfigError, ParityError
from models.export import export_graph, open_session
from models.graph import SceneNet
from models.networks import build_network
from models.quantise import MERGED, Method, QuantiseChoice, compare_graphs, quantise_graph
from models.upsampling import SOFTMAX_TOTAL, split_softmax
from serving.graphcheck import check_graph
from tests.bundles import tiny_graph, tiny_manifest

pytestmark = pytest.mark.train
BANDS, CLASSES = 3, 5


def numbers(*shape, seed=0):
    """Digital numbers with structure of some pixels, so that neighbours say something about each other."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(300, 6000, (*shape[:2], shape[2] // 8, shape[3] // 8))
    return (coarse.repeat(8, axis=2).repeat(8, axis=3) + draw.integers(0, 300, shape)).astype(np.uint16)


@pytest.fixture(scope="module")
def content():
    """A U-Net with upsampling, skip connections and normalisation layers; random weights, sharpened answers."""
    torch.manual_seed(0)
    body = build_network("unet-resnet18", BANDS, CLASSES, decoder_channels=(32, 24, 16, 8, 8))
    net = SceneNet(body, scale=1e-4, offset=0.0, mean=[0.5] * BANDS, std=[0.15] * BANDS)
    net.train()
    with torch.no_grad():
        for seed in range(3):
            net(torch.from_numpy(numbers(4, BANDS, 64, 64, seed=seed).astype(np.float32)))
    return export_graph(net, numbers(2, BANDS, 64, 64), temperature=0.05, metadata={"stac_item": "{}"}).plain


@pytest.fixture(scope="module")
def windows():
    return [numbers(1, BANDS, 64, 64, seed=seed) for seed in range(10, 16)]


@pytest.fixture(scope="module")
def quantised(content, windows):
    return quantise_graph(content, windows, QuantiseChoice(method=Method.MINMAX))


def test_it_answers_nearly_the_same_on_windows_it_was_not_calibrated_on(content, quantised):
    difference = compare_graphs(content, quantised, [numbers(3, BANDS, 96, 64, seed=30)])
    assert difference.agreement > 0.9
    assert 0 < difference.mean < 0.02
    assert difference.mean < difference.largest <= 1


def test_every_convolution_has_integer_weights_and_the_file_is_smaller(content, quantised):
    model = onnx.load_model_from_string(quantised)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    producers = {node.output[0]: node for node in model.graph.node}
    *convolutions, total = [node for node in model.graph.node if node.op_type == "Conv"]
    assert total.output[0] == SOFTMAX_TOTAL
    assert len(convolutions) > 25
    for node in convolutions:
        source = producers[node.input[1]]
        assert source.op_type == "DequantizeLinear"
        weight, scale = tensors[source.input[0]], tensors[source.input[1]]
        assert weight.data_type == TensorProto.INT8
        assert numpy_helper.to_array(scale).shape == (weight.dims[0],)  # one per output channel
        assert producers[node.input[0]].op_type == "DequantizeLinear"
    assert len(quantised) < len(content) / 3


def test_what_scales_and_what_calibrates_stays_float(quantised):
    model = onnx.load_model_from_string(quantised)
    producers = {output: node for node in model.graph.node for output in node.output}
    for name in ("Cast", "Clip", "Sqrt", "Exp"):
        (node,) = (node for node in model.graph.node if node.op_type == name)
        for tensor in node.input:
            assert tensor not in producers or producers[tensor].op_type != "DequantizeLinear"
    # Between the last convolution and the answer: dequantised logits, temperature, softmax in its parts.
    steps, node = [], producers["probabilities"]
    while node.op_type not in {"Conv", "DequantizeLinear"}:
        steps.append(node.op_type)
        node = producers[node.input[0]]
    assert steps == ["Div", "Exp", "Sub", "Div"]


def test_a_graph_whose_softmax_is_split_already_is_quantised_alike(content, windows, quantised):
    again = quantise_graph(split_softmax(content), windows, QuantiseChoice(method=Method.MINMAX))
    dn = numbers(1, BANDS, 64, 64, seed=8)
    one, other = (open_session(each).run(None, {"dn": dn})[0] for each in (quantised, again))
    np.testing.assert_array_equal(one, other)


def test_only_the_finest_stages_are_merged_and_their_bytes_only_rearranged(quantised):
    model = onnx.load_model_from_string(quantised)
    producers = {output: node for node in model.graph.node for output in node.output}
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    counts = {name: sum(node.op_type == name for node in model.graph.node) for name in ("Resize", "DepthToSpace")}
    assert counts == {"Resize": 3, "DepthToSpace": MERGED}
    for node in model.graph.node:
        if node.op_type == "DepthToSpace":
            before = producers[node.input[0]]
            after = next(each for each in model.graph.node if node.output[0] in each.input)
            assert (before.op_type, after.op_type) == ("DequantizeLinear", "QuantizeLinear")
            assert tensors[before.input[1]] == tensors[after.input[1]]


def test_the_services_check_takes_it_and_sizes_stay_dynamic(quantised):
    model = onnx.load_model_from_string(quantised)
    assert {node.domain for node in model.graph.node} == {""}
    assert {entry.key: entry.value for entry in model.metadata_props} == {"stac_item": "{}"}
    onnx.helper.set_model_props(model, {})
    check_graph(model.SerializeToString(), tiny_manifest())
    session = open_session(quantised)
    for shape in ((1, 32, 32), (3, 64, 160)):
        dn = numbers(shape[0], BANDS, *shape[1:], seed=4)
        (answer,) = session.run(None, {"dn": dn})
        assert answer.shape == (shape[0], CLASSES, *shape[1:])
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)


def test_the_fused_integer_kernels_and_the_standards_arithmetic_agree(content, quantised):
    """With optimisation the runtime multiplies integers, without it follows the standard's float definition.

    A sum may be rounded to one of two neighbouring steps, which must change less than rounding to steps at all does.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(quantised, options, providers=["CPUExecutionProvider"])
    dn = numbers(2, BANDS, 64, 64, seed=5)
    (slow,) = plain.run(None, {"dn": dn})
    (fast,) = open_session(quantised).run(None, {"dn": dn})
    assert np.abs(slow - fast).mean() < compare_graphs(content, quantised, [dn]).mean / 2
    assert (slow.argmax(axis=1) == fast.argmax(axis=1)).mean() > 0.98


def test_nodes_without_names_are_told_apart():
    """The scaling before the first convolution must stay float although the tool picks nodes by name."""
    quantised = quantise_graph(tiny_graph(), [numbers(1, 4, 32, 32)], QuantiseChoice(method=Method.MINMAX))
    model = onnx.load_model_from_string(quantised)
    producers = {output: node for node in model.graph.node for output in node.output}
    (scaling,) = (node for node in model.graph.node if node.op_type == "Mul")
    assert producers[scaling.input[0]].op_type == "Cast"


@pytest.mark.parametrize(
    ("choice", "float_convolutions"),
    [
        (QuantiseChoice(method=Method.MINMAX, float_first=1), 1),
        (QuantiseChoice(method=Method.MINMAX, float_first=1, float_last=1), 2),
    ],
)
def test_first_and_last_layer_can_stay_float(content, windows, choice, float_convolutions):
    model = onnx.load_model_from_string(quantise_graph(content, windows[:2], choice))
    floats = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    *convolutions, _ = [node for node in model.graph.node if node.op_type == "Conv"]  # the last one is of the softmax
    kept = [index for index, node in enumerate(convolutions) if node.input[1] in floats]
    assert kept == [0, len(convolutions) - 1][:float_convolutions]


@pytest.mark.parametrize("layers", [True, -1, 1.5])
def test_numbers_of_float_layers_that_are_none_are_refused(layers):
    with pytest.raises(ConfigError, match="give a number of layers"):
        QuantiseChoice(float_first=layers)


def test_a_graph_that_would_stay_float_altogether_is_refused(content, windows):
    with pytest.raises(ConfigError, match="no convolution or matrix product"):
        quantise_graph(content, windows[:1], QuantiseChoice(float_first=50, float_last=50))


def test_percentile_clips_outliers_and_minmax_does_not(capsys):
    """One glaring pixel in the calibration must not eat the steps of all others."""
    content = tiny_graph()
    window = np.random.default_rng(0).integers(200, 3000, (1, 4, 64, 64)).astype(np.uint16)
    glaring = window.copy()
    glaring[0, :, 0, 0] = 65535
    ranges = {}
    for method in (Method.MINMAX, Method.PERCENTILE):
        choice = QuantiseChoice(method=method, percentile=99.0)
        ranges[method] = compare_graphs(content, quantise_graph(content, [glaring], choice), [window]).mean
    assert ranges[Method.PERCENTILE] < ranges[Method.MINMAX] / 2
    assert capsys.readouterr().out == ""  # the tool's own chatter


def test_a_graph_without_layers_and_calibration_without_windows_are_refused(windows):
    node = helper.make_node("Softmax", ["dn"], ["p"], axis=1)
    shape = ["n", BANDS, "h", "w"]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("dn", "p")]
    graph = helper.make_graph([node], "none", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    with pytest.raises(ConfigError, match="no convolution or matrix product"):
        quantise_graph(model.SerializeToString(), [windows[0].astype(np.float32)])
    with pytest.raises(ConfigError, match="none were given"):
        quantise_graph(tiny_graph(), [])
    with pytest.raises(ConfigError, match="none were given"):
        compare_graphs(tiny_graph(), tiny_graph(), [])


def test_values_that_are_not_finite_are_refused():
    model = onnx.load_model_from_string(tiny_graph())
    for tensor in model.graph.initializer:
        if tensor.name == "b1":
            tensor.CopyFrom(numpy_helper.from_array(np.full(8, np.nan, np.float32), "b1"))
    with pytest.raises(ParityError, match="not finite"):
        compare_graphs(tiny_graph(), model.SerializeToString(), [numbers(1, 4, 32, 32)])


def test_matrix_products_are_quantised_too():
    """A per-pixel network can be a chain of matrix products."""
    draw = np.random.default_rng(0)
    weights = {
        "w1": draw.normal(size=(4, 16)).astype(np.float32),
        "w2": draw.normal(size=(16, 5)).astype(np.float32),
        "scale": np.float32(1e-3),
    }
    nodes = [
        helper.make_node("Cast", ["dn"], ["f"], to=TensorProto.FLOAT, name="cast"),
        helper.make_node("Mul", ["f", "scale"], ["r"], name="mul"),
        helper.make_node("Transpose", ["r"], ["t"], perm=[0, 2, 3, 1], name="to_last"),
        helper.make_node("MatMul", ["t", "w1"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["hr"], name="relu"),
        helper.make_node("MatMul", ["hr", "w2"], ["l"], name="second"),
        helper.make_node("Transpose", ["l"], ["lt"], perm=[0, 3, 1, 2], name="to_first"),
        helper.make_node("Softmax", ["lt"], ["probabilities"], axis=1, name="softmax"),
    ]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("dn", TensorProto.UINT16, ["n", 4, "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 5, "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    windows = [numbers(1, 4, 32, 32, seed=seed) for seed in range(3)]
    quantised = quantise_graph(content, windows, QuantiseChoice(method=Method.MINMAX))
    integers = [
        t.name for t in onnx.load_model_from_string(quantised).graph.initializer if t.data_type == TensorProto.INT8
    ]
    assert sum(name.startswith(("w1", "w2")) and "zero_point" not in name for name in integers) == 2
    assert compare_graphs(content, quantised, [numbers(2, 4, 32, 32, seed=9)]).agreement > 0.9
