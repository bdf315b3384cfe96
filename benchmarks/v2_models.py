"""Small models for benchmarks of batching: one bound by the weights that a call reads, one by its arithmetic."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from landcover.bundle import Bundle
from tests.bundles import BANDS, CLASSES, tiny_bundle, tiny_sample

SIDE = 32
HIDDEN = 2048
COARSE = 4


def dense_graph(seed: int = 0) -> bytes:
    """A few dense layers over a whole 32 x 32 patch: class shares of 8 x 8 blocks, 13 million weights.

    A call reads 51 MB of weights, whatever its batch.
    """
    random = np.random.default_rng(seed)
    pixels = len(BANDS) * SIDE * SIDE
    sizes = (pixels, HIDDEN, HIDDEN, CLASSES * COARSE * COARSE)
    weights = {
        "scale": np.float32(1e-4),
        **{
            f"w{index}": random.normal(0, (2 / rows) ** 0.5, (rows, cols)).astype(np.float32)
            for index, (rows, cols) in enumerate(pairwise(sizes))
        },
        "flat": np.array([0, -1]),
        "blocks": np.array([-1, CLASSES, COARSE, COARSE]),
        "scales": np.array([1, 1, SIDE // COARSE, SIDE // COARSE], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["dn"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["reflectance"]),
        helper.make_node("Reshape", ["reflectance", "flat"], ["a0"]),
        helper.make_node("MatMul", ["a0", "w0"], ["b0"]),
        helper.make_node("Relu", ["b0"], ["a1"]),
        helper.make_node("MatMul", ["a1", "w1"], ["b1"]),
        helper.make_node("Relu", ["b1"], ["a2"]),
        helper.make_node("MatMul", ["a2", "w2"], ["b2"]),
        helper.make_node("Reshape", ["b2", "blocks"], ["coarse"]),
        helper.make_node("Softmax", ["coarse"], ["shares"], axis=1),
        helper.make_node("Resize", ["shares", "", "scales"], ["probabilities"], mode="nearest"),
    ]
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("dn", TensorProto.UINT16, ["n", len(BANDS), "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", CLASSES, "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def write_small_models(root: Path) -> dict[str, Bundle]:
    """Bundles by name: ``dense`` (32 x 32 only) and ``tiny`` (two small convolutions, any size)."""
    return {
        "dense": tiny_bundle(root, name="dense", graph=(graph := dense_graph()), sample=tiny_sample(graph)),
        "tiny": tiny_bundle(root),
    }
