"""Refuse graphs that reach outside their own bytes, before a runtime sees them.

ONNX lets a tensor live in another file and lets a node come from a custom library. Runtimes have been fooled through
both (hard links and paths below the working directory were accepted when loading from bytes), so a bundle's graph
must hold all its weights and use the standard operator sets only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import onnx
from google.protobuf.message import DecodeError

from landcover.bundle import check_stamp
from landcover.errors import BundleInvalid
from landcover.manifest import Manifest

ALLOWED_DOMAINS: Final = frozenset({"", "ai.onnx"})


def check_graph(content: bytes, manifest: Manifest) -> None:
    """Parse a graph; refuse external data, custom operators, and a manifest that is not the one it was published with.

    Args:
        content: the bytes of ``model.onnx``.
        manifest: the manifest beside it.

    Raises:
        BundleInvalid: when the bytes are no ONNX graph, reach outside themselves, or carry another manifest.
    """
    identifier = manifest.identifier
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise BundleInvalid(f"model {identifier}: model.onnx is not an ONNX graph; install the bundle again") from error
    domains = {node.domain for node in _nodes(model.graph)} | {opset.domain for opset in model.opset_import}
    if model.functions or not domains <= ALLOWED_DOMAINS:
        custom = sorted(domains - ALLOWED_DOMAINS) or ["local functions"]
        raise BundleInvalid(f"model {identifier}: the graph uses operators outside the ONNX standard: {custom}")
    if any(_is_external(tensor) for tensor in _tensors(model.graph)):
        raise BundleInvalid(f"model {identifier}: the graph keeps weights in other files, which is not allowed")
    check_stamp({entry.key: entry.value for entry in model.metadata_props}, manifest)


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _is_external(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location == onnx.TensorProto.EXTERNAL
