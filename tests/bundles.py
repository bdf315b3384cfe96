"""Small but real bundles, made without torch: an ONNX graph with random convolutions over digital numbers."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from landcover.bundle import write_bundle
from landcover.legends import get_legend
from landcover.manifest import BandStatistics, Manifest
from landcover.overview import SIDE
from landcover.precision import Precision, Variant
from landcover.sensors import Radiometry

BANDS = ("B02", "B03", "B04", "B08")
CLASSES = 7


def tiny_graph(bands=4, classes=CLASSES, *, seed=0, dtype=TensorProto.UINT16):
    """DN -> reflectance -> 5 x 5 convolution, 3 x 3 convolution -> softmax; context of 3 pixels, any size."""
    random = np.random.default_rng(seed)
    weights = {
        "scale": np.float32(1e-4),
        "w1": random.normal(0, 0.6, (8, bands, 5, 5)).astype(np.float32),
        "b1": random.normal(0, 0.2, 8).astype(np.float32),
        "w2": random.normal(0, 1.5, (classes, 8, 3, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["dn"], ["dn_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["dn_float", "scale"], ["reflectance"]),
        helper.make_node("Conv", ["reflectance", "w1", "b1"], ["h1"], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["h1"], ["h1r"]),
        helper.make_node("Conv", ["h1r", "w2"], ["logits"], pads=[1, 1, 1, 1]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("dn", dtype, ["n", bands, "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", classes, "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def reference_answer(graph, dn_NBHW):
    """What the graph answers by ONNX's own slow reference implementation."""
    return ReferenceEvaluator(onnx.load_model_from_string(graph)).run(None, {"dn": dn_NBHW})[0]


def tiny_manifest(**changes):
    """A complete manifest for ``tiny_graph``."""
    legend = get_legend("unccd7")
    manifest = Manifest(
        name="tiny",
        version="0.1.0",
        title="Tiny model for tests",
        description="Random weights.",
        architecture="tiny",
        legend_id=legend.id,
        legend_version=legend.version,
        bands=BANDS,
        product="sentinel-2-l1c",
        levels=("L1C", "L2A"),
        radiometry=Radiometry(1e-4, 0.0),
        dtype="uint16",
        nodata=0,
        gsd_m=10.0,
        tile_size=64,
        overlap=32,
        batch_size=2,
        temperature=1.25,
        total_parameters=1300,
        memory_size=5200,
        value_scaling=tuple({"type": "scale", "value": 10000} for _ in BANDS),
        statistics={band: BandStatistics(mean=1500, std=700, p01=100, p50=1400, p99=5000) for band in BANDS},
        licence="Apache-2.0",
        attribution="Contains modified Copernicus Sentinel data",
        created="2026-11-01T00:00:00Z",
        scores={"overall_accuracy": 0.5},
        provenance={"training_data": "none", "onnx": "1.23.2"},
    )
    return replace(manifest, **changes)


def tiny_sample(graph, *, bands=4, seed=1, int8=None, dtype=np.uint16):
    """Golden input and outputs as the bytes of an npz file."""
    dn = np.random.default_rng(seed).integers(1, 5000, (2, bands, 32, 32)).astype(dtype)
    answers = {"probabilities_NKHW": reference_answer(graph, dn)}
    if int8 is not None:
        answers["probabilities_int8_NKHW"] = reference_answer(int8, dn)
    buffer = BytesIO()
    np.savez_compressed(buffer, dn_NBHW=dn, **answers)
    return buffer.getvalue()


def tiny_overview_graph(*, bands=8, classes=CLASSES, seed=0):
    """``tiny_graph`` that sees an overview of the scene, too: the brighter the scene, the more every pixel counts."""
    model = onnx.load_model_from_string(tiny_graph(bands=bands, classes=classes, seed=seed))
    nodes = list(model.graph.node)
    nodes[2].input[0] = "weighed"
    brightness = [
        helper.make_node("Cast", ["overview"], ["overview_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["overview_float"], ["mean"]),
        helper.make_node("Mul", ["mean", "scale"], ["brightness"]),
        helper.make_node("Mul", ["reflectance", "brightness"], ["weighed"]),
    ]
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:2], *brightness, *nodes[2:]])
    model.graph.input.append(helper.make_tensor_value_info("overview", TensorProto.UINT16, [1, bands, SIDE, SIDE]))
    onnx.checker.check_model(model)
    return model.SerializeToString()


def tiny_int8_graph(*, seed=0):
    """``tiny_graph`` with weights rounded to 8 bits by one scale each, in operators that ONNX's reference has."""
    model = onnx.load_model_from_string(tiny_graph(seed=seed))
    for tensor in list(model.graph.initializer):
        if tensor.name in {"w1", "w2"}:
            _round_weight(model.graph, tensor)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _round_weight(graph, tensor):
    values = numpy_helper.to_array(tensor)
    scale = np.float32(np.abs(values).max() / 127)
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(np.round(values / scale).astype(np.int8), f"{name}_q"))
    graph.initializer.append(numpy_helper.from_array(np.asarray(scale), f"{name}_s"))
    graph.node.insert(0, helper.make_node("Mul", [f"{name}_f", f"{name}_s"], [name]))
    graph.node.insert(0, helper.make_node("Cast", [f"{name}_q"], [f"{name}_f"], to=TensorProto.FLOAT))


def int8_bundle(root, *, int8=None, sample=None, **changes):
    """A bundle with the int8 variant."""
    graph, int8 = tiny_graph(), int8 if int8 is not None else tiny_int8_graph()
    variant = Variant(
        overall_accuracy=0.5,
        macro_iou=0.4,
        fp32_overall_accuracy=0.5,
        fp32_macro_iou=0.4,
        agreement_percent=99.0,
        pixels=1000,
    )
    manifest = tiny_manifest(**({"variants": {Precision.INT8: variant}} | changes))
    sample = sample if sample is not None else tiny_sample(graph, int8=int8)
    files = {"model.onnx": graph, "model.int8.onnx": int8, "sample.npz": sample, "card.md": b"# Tiny\n"}
    return write_bundle(root, manifest, files)


def tiny_bundle(root, *, graph=None, sample=None, **changes):
    """Write a bundle below ``root`` and return it."""
    manifest = tiny_manifest(**changes)
    graph = graph if graph is not None else tiny_graph(bands=len(manifest.bands))
    sample = sample if sample is not None else tiny_sample(graph, bands=len(manifest.bands))
    files = {"model.onnx": graph, "sample.npz": sample, "card.md": b"# Tiny\n\nRandom weights.\n"}
    return write_bundle(root, manifest, files)


def pair_bundle(root, **changes):
    """A bundle that says from two dates and an overview of their scene which way land changed."""
    legend, graph = get_legend("degradation3"), tiny_overview_graph(classes=3, seed=7)
    random = np.random.default_rng(1)
    seen = {
        "dn": random.integers(1, 5000, (1, 8, 32, 32)).astype(np.uint16),
        "overview": random.integers(1, 5000, (1, 8, SIDE, SIDE)).astype(np.uint16),
    }
    answer = ReferenceEvaluator(onnx.load_model_from_string(graph)).run(None, seen)[0]
    buffer = BytesIO()
    np.savez_compressed(buffer, dn_NBHW=seen["dn"], overview_1BHW=seen["overview"], probabilities_NKHW=answer)
    facts = {"name": "pair", "legend_id": legend.id, "legend_version": legend.version, "dates": 2, "overview": True}
    return tiny_bundle(root, graph=graph, sample=buffer.getvalue(), **(facts | changes))
