"""A client of the protocol that shares nothing with the service: bytes are packed and unpacked by hand."""

from __future__ import annotations

import array
import json
import struct
import sys

CODES = {"UINT8": "B", "UINT16": "H", "INT16": "h", "FP32": "f"}


def pack(datatype, numbers):
    """Little-endian bytes of numbers."""
    packed = array.array(CODES[datatype], numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def binary_request(tensors, **more):
    """Headers and body of a request with binary inputs.

    Args:
        tensors: (name, datatype, shape, flat numbers) of each input.
        more: further members of the request.
    """
    payloads = [pack(datatype, numbers) for _, datatype, _, numbers in tensors]
    inputs = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(payload)}}
        for (name, datatype, shape, _), payload in zip(tensors, payloads, strict=True)
    ]
    header = json.dumps({"inputs": inputs, **more}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(header))}
    return headers, header + b"".join(payloads)


def tensor_of(name, dn):
    """An input for :func:`binary_request` from an array of 16-bit numbers."""
    return name, "UINT16", list(dn.shape), dn.ravel().tolist()


def read_answer(response):
    """The JSON of an answer and its tensors, name to (datatype, shape, flat numbers), whatever form they have."""
    content, length = response.content, response.headers.get("inference-header-content-length")
    header = json.loads(content if length is None else content[: int(length)])
    rest, tensors = content[int(length) :] if length else b"", {}
    for output in header["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            numbers = output["data"]
        else:
            code = CODES[output["datatype"]]
            numbers = [value for (value,) in struct.iter_unpack("<" + code, rest[:size])]
            rest = rest[size:]
        tensors[output["name"]] = output["datatype"], output["shape"], numbers
    assert rest == b""
    return header, tensors
