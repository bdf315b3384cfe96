"""The answer to a request: JSON, and the binary numbers after it, in pieces that are never joined."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.postprocess import class_codes, confidence_percent
from serving.api.inference.contract import CLASSES, CONFIDENCE, PROBABILITIES, Contract, Tensor
from serving.api.inference.message import Message
from serving.api.problems import InferenceTooLarge

_CHUNK: Final = 16_384
"""Numbers written at once: Python runs nothing else meanwhile."""

_BYTES_PER_NUMBER: Final = 24
"""Of a number in JSON, at most."""

MOST_JSON: Final = 1_048_576
"""Numbers of an answer in JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent.

    Attributes:
        pieces: the body, in order.
        header: bytes of its JSON where binary numbers follow, else None.
    """

    pieces: list[bytes | memoryview]
    header: int | None

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.pieces))


def is_light(message: Message) -> bool:
    """Whether the answer is what the model gave, byte for byte."""
    return all(wanted.binary and wanted.name == PROBABILITIES for wanted in message.outputs)


def expected_bytes(message: Message, contract: Contract, shape: tuple[int, ...]) -> int:
    """About what the answer to windows of a shape takes, that of the model itself included.

    Raises:
        InferenceTooLarge: it would be too much JSON.
    """
    count, _, height, width = shape
    pixels = count * height * width
    total = pixels * contract.outputs[PROBABILITIES].shape[1] * 4
    for wanted in message.outputs:
        if wanted.binary and wanted.name == PROBABILITIES:
            continue
        tensor = contract.outputs[wanted.name]
        numbers = pixels * max(1, tensor.shape[1])
        if not wanted.binary and numbers > MOST_JSON:
            raise InferenceTooLarge(
                f"{wanted.name} would be {numbers:,} numbers of JSON, the limit is {MOST_JSON:,}; ask for binary "
                "tensors by the parameter 'binary_data_output', or send fewer windows"
            )
        total += numbers * (tensor.dtype.itemsize if wanted.binary else _BYTES_PER_NUMBER)
    return total


def write(
    message: Message, contract: Contract, dn_NBHW: NDArray[np.generic], probabilities_NKHW: NDArray[np.float32]
) -> Answer:
    """The answer; takes time unless :func:`is_light`."""
    text: list[bytes] = []
    binary: list[bytes | memoryview] = []
    for wanted in message.outputs:
        tensor = contract.outputs[wanted.name]
        array = np.ascontiguousarray(_OUTPUTS[wanted.name](contract, dn_NBHW, probabilities_NKHW), tensor.dtype)
        text += [b", " if text else b"", _described(tensor, array.shape)]
        if wanted.binary:
            text.append(b', "parameters": {"binary_data_size": %d}}' % array.nbytes)
            binary.append(array.reshape(-1).view(np.uint8).data)
        else:
            text += _data(array)
    identifier = b"" if message.id is None else b', "id": ' + json.dumps(message.id).encode()
    header = b"".join([contract.head, identifier, b', "outputs": [', *text, b"]}"])
    return Answer([header, *binary], len(header) if binary else None)


def _described(tensor: Tensor, shape: tuple[int, ...]) -> bytes:
    lengths = ", ".join(map(str, shape))
    return f'{{"name": "{tensor.name}", "datatype": "{tensor.datatype}", "shape": [{lengths}]'.encode()


def _data(array: NDArray[Any]) -> Iterator[bytes]:
    yield b', "data": ['
    numbers = array.reshape(-1)
    for start in range(0, len(numbers), _CHUNK):
        yield (b", " if start else b"") + json.dumps(numbers[start : start + _CHUNK].tolist()).encode()[1:-1]
    yield b"]}"


def _probabilities(
    _contract: Contract, _dn_NBHW: NDArray[np.generic], probabilities_NKHW: NDArray[np.float32]
) -> NDArray[Any]:
    return probabilities_NKHW


def _classes(contract: Contract, dn_NBHW: NDArray[np.generic], probabilities_NKHW: NDArray[np.float32]) -> NDArray[Any]:
    legend, valid_NHW = contract.manifest.legend, contract.valid(dn_NBHW)
    return np.stack([class_codes(*pair, legend) for pair in zip(probabilities_NKHW, valid_NHW, strict=True)])


def _confidence(
    contract: Contract, dn_NBHW: NDArray[np.generic], probabilities_NKHW: NDArray[np.float32]
) -> NDArray[Any]:
    valid_NHW = contract.valid(dn_NBHW)
    return np.stack([confidence_percent(*pair) for pair in zip(probabilities_NKHW, valid_NHW, strict=True)])


_OUTPUTS: Final[Mapping[str, Callable[[Contract, NDArray[np.generic], NDArray[np.float32]], NDArray[Any]]]] = {
    PROBABILITIES: _probabilities,
    CLASSES: _classes,
    CONFIDENCE: _confidence,
}
"""What makes each output."""
