"""The JSON of an inference request, checked: nothing of it is believed, least of all its sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from serving.api.inference.contract import PROBABILITIES
from serving.api.problems import InferenceInvalid

LONGEST_ID: Final = 256
MOST_TENSORS: Final = 8
LONGEST_AXIS: Final = 2**31
LARGEST_TENSOR: Final = 2**53
LONGEST_TIMEOUT_US: Final = 10**12
_SHOWN: Final = 64
_REFUSED: Final = ("shared_memory_region", "classification")
"""Parameters that would change what is meant."""


@dataclass(frozen=True, slots=True)
class Given:
    """An input as the request declares it.

    Attributes:
        name: of the tensor.
        datatype: as the protocol names it.
        shape: lengths of the axes, positive.
        data: numbers, flat or nested; None where they are binary.
        size: bytes of its binary numbers; None where they are JSON.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that the request names, and whether it is to be binary."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True)
class Message:
    """The JSON of a request.

    Attributes:
        id: returned with the answer; None where there is none.
        inputs: in the order of their binary numbers.
        outputs: in the order of the answer.
        timeout_s: seconds after which the answer is of no use; None where the request does not say.
    """

    id: str | None
    inputs: tuple[Given, ...]
    outputs: tuple[Wanted, ...]
    timeout_s: float | None


def parse(content: bytes) -> Message:
    """Read the JSON of a request.

    Raises:
        InferenceInvalid: saying what is wrong with it.
    """
    body = _object(_loads(content), "the request")
    parameters = _parameters(body, "the request")
    binary = _flag(parameters, "binary_data_output", default=False)
    return Message(
        id=_identifier(body),
        inputs=tuple(_given(entry) for entry in _list(body, "inputs")),
        outputs=_outputs(body, binary=binary),
        timeout_s=_timeout(parameters),
    )


def _loads(content: bytes) -> Any:
    try:
        return json.loads(str(content, "utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise InferenceInvalid("the request's JSON is not UTF-8") from error
    except RecursionError as error:
        raise InferenceInvalid("the request's JSON is nested too deeply; tensors have at most four axes") from error
    except ValueError as error:
        raise InferenceInvalid(
            "the request is not JSON, or its header has another length than Inference-Header-Content-Length says"
        ) from error


def _no_constant(name: str) -> NoReturn:
    raise InferenceInvalid(f"{name} is no number of JSON; send digital numbers")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InferenceInvalid("the request's JSON names a member twice")
    return found


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InferenceInvalid(f"{what} is to be a JSON object")
    return value


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    entries = body.get(name)
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_TENSORS:
        raise InferenceInvalid(f"{name!r} is to be a list of 1 to {MOST_TENSORS} tensors")
    return entries


def _parameters(body: Mapping[str, Any], what: str) -> dict[str, Any]:
    parameters = _object(body.get("parameters", {}), f"'parameters' of {what}")
    for name in _REFUSED:
        if parameters.get(name):
            raise InferenceInvalid(f"the parameter {name!r} is not offered; leave it out")
    return parameters


def _flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InferenceInvalid(f"the parameter {name!r} is to be true or false")
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _name(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InferenceInvalid(f"a tensor's {name!r} is to be a text")
    return value[:_SHOWN]


def _identifier(body: Mapping[str, Any]) -> str | None:
    value = body.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_ID or not value.isprintable():
        raise InferenceInvalid(f"'id' is to be a printable text of at most {LONGEST_ID} characters")
    return value


def _timeout(parameters: Mapping[str, Any]) -> float | None:
    value = parameters.get("timeout")
    if value is None:
        return None
    if not _is_whole(value) or not 0 < value < LONGEST_TIMEOUT_US:
        raise InferenceInvalid("the parameter 'timeout' is to be a whole number of microseconds above 0")
    return float(value) / 1e6


def _given(entry: object) -> Given:
    body = _object(entry, "every input")
    name, datatype, shape = _name(body, "name"), _name(body, "datatype"), body.get("shape")
    if not isinstance(shape, list) or not all(_is_whole(length) and 0 < length < LONGEST_AXIS for length in shape):
        raise InferenceInvalid(f"input {name!r}: 'shape' is to be a list of whole numbers above 0 and below 2^31")
    parameters = _parameters(body, f"input {name!r}")
    data, size = body.get("data"), parameters.get("binary_data_size")
    if (data is None) == (size is None):
        raise InferenceInvalid(
            f"input {name!r} needs its numbers once: either 'data', or binary after the JSON with the parameter "
            "'binary_data_size'"
        )
    if data is not None and not isinstance(data, list):
        raise InferenceInvalid(f"input {name!r}: 'data' is to be a list of numbers")
    if size is not None and not (_is_whole(size) and 0 <= size < LARGEST_TENSOR):
        raise InferenceInvalid(f"input {name!r}: 'binary_data_size' is to be a whole number of bytes")
    return Given(name, datatype, tuple(shape), data, size)


def _outputs(body: Mapping[str, Any], *, binary: bool) -> tuple[Wanted, ...]:
    if body.get("outputs") in (None, []):
        return (Wanted(PROBABILITIES, binary),)
    wanted = []
    for entry in _list(body, "outputs"):
        output = _object(entry, "every output")
        parameters = _parameters(output, "an output")
        wanted.append(Wanted(_name(output, "name"), _flag(parameters, "binary_data", default=binary)))
    if len({output.name for output in wanted}) != len(wanted):
        raise InferenceInvalid("'outputs' names a tensor twice")
    return tuple(wanted)
