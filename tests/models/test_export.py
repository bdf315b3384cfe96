"""The exported graph against torch: dynamic sizes, digital numbers in, calibrated probabilities out."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame

from landcover.errors import ParityError
from models.export import Batch, check_parity, export_graph, open_session, stamp_graph
from models.graph import SceneNet
from models.networks import build_network

pytestmark = [pytest.mark.train, pytest.mark.slow]
BANDS, CLASSES = 3, 5


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    body = build_network("unet-resnet18", BANDS, CLASSES, decoder_channels=(32, 24, 16, 8, 8))
    net = SceneNet(body, scale=1e-4, offset=0.0, mean=[0.3] * BANDS, std=[0.1] * BANDS)
    net.train()  # give the running statistics something else than their start values
    with torch.no_grad():
        for _ in range(3):
            net(torch.randint(1, 5000, (2, BANDS, 64, 64)).float())
    return net


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 9000, shape).astype(np.uint16)


@pytest.fixture(scope="module")
def exported(net):
    return export_graph(net, numbers(2, BANDS, 64, 64), temperature=1.7, metadata={"key": "value"})


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 64, 96), (2, 160, 32)])
def test_any_batch_and_window_size_equals_torch(net, exported, shape):
    batch, height, width = shape
    dn = numbers(batch, BANDS, height, width, seed=7)
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"dn": dn})
    with torch.inference_mode():
        logits = net.eval()(torch.from_numpy(dn.astype(np.float32)))
    expected = torch.softmax(logits / 1.7, dim=1).numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-4)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)


def test_the_graph_stands_alone(exported):
    model = onnx.load_model_from_string(exported.content)
    assert {node.domain for node in model.graph.node} == {""}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"key": "value"}
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT16
    assert exported.parity < 1e-4


def test_the_sample_is_what_torch_answers(net, exported):
    with torch.inference_mode():
        logits = net.eval()(torch.from_numpy(exported.sample.dn_NBHW.astype(np.float32)))
    np.testing.assert_allclose(
        exported.sample_probabilities_NKHW, torch.softmax(logits / 1.7, dim=1).numpy(), atol=1e-6
    )


class Other(torch.nn.Module):
    """Answers something else than the exported graph."""

    def forward(self, dn):
        return torch.full((len(dn), CLASSES, *dn.shape[2:]), 1 / CLASSES)


class Undefined(Other):
    """Answers NaN, which compares with nothing."""

    def forward(self, dn):
        return super().forward(dn) * torch.nan


@pytest.mark.parametrize("graph", [Other(), Undefined()], ids=["other", "nan"])
def test_a_graph_of_another_network_is_refused(exported, graph):
    with pytest.raises(ParityError, match="ONNX Runtime and torch differ"):
        check_parity(exported.content, graph, Batch(numbers(2, BANDS, 64, 64)))


def test_a_class_that_is_never_answered_has_no_probability_in_the_graph():
    torch.manual_seed(1)
    options = {"scale": 1e-4, "offset": 0.0, "mean": [0.3] * BANDS, "std": [0.1] * BANDS}
    net = SceneNet(build_network("plain-tiny", BANDS, CLASSES), unsupported=[2], **options)
    made = export_graph(net, numbers(2, BANDS, 64, 64), temperature=0.5)
    answer = onnxruntime.InferenceSession(made.content).run(None, {"dn": numbers(1, BANDS, 64, 64, seed=3)})[0]
    assert np.all(answer[:, 2] == 0)
    assert np.isfinite(answer).all()


def test_same_padding_is_exported_as_constant_padding():
    """Networks of timm's EfficientNet-lite family pad by the size of their input; windows are multiples of 32."""
    torch.manual_seed(1)
    layers = [
        Conv2dSame(BANDS, 6, kernel_size=3, stride=2),
        torch.nn.ReLU(),
        Conv2dSame(6, 8, kernel_size=5, stride=2, groups=2),
        Conv2dSame(8, CLASSES, kernel_size=3, stride=2, dilation=2),
    ]
    net = SceneNet(torch.nn.Sequential(*layers), scale=1e-4, offset=0.0, mean=[0.3] * BANDS, std=[0.1] * BANDS)
    export = export_graph(net, numbers(2, BANDS, 64, 128))
    assert export.parity < 1e-5  # check_parity compares with the network as it is, in two sizes
    model = onnx.load_model_from_string(export.content)
    pads = [
        list(a.ints) for node in model.graph.node for a in node.attribute if node.op_type == "Conv" and a.name == "pads"
    ]
    assert pads == [[0, 0, 1, 1], [1, 1, 2, 2], [1, 1, 2, 2]]


def test_a_stamp_changes_the_metadata_and_nothing_else(exported):
    stamped = stamp_graph(exported.content, {"a": "b"})
    assert {entry.key: entry.value for entry in onnx.load_model_from_string(stamped).metadata_props} == {"a": "b"}
    dn = numbers(1, BANDS, 32, 32)
    first, second = (open_session(content).run(None, {"dn": dn})[0] for content in (exported.content, stamped))
    assert np.array_equal(first, second)
