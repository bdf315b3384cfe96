"""The arrays of a request: views of its bytes where they are binary, checked against what the model takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.api.inference.contract import MOST_SIDE, OVERVIEW, STEP, WINDOWS, Contract, Tensor
from serving.api.inference.message import Given, Message
from serving.api.problems import InferenceInvalid, InferenceTooLarge

type Numbers = NDArray[np.generic]


def check_message(message: Message, contract: Contract, most_pixels: int) -> None:
    """Refuse a request by what it declares.

    Raises:
        InferenceInvalid: it does not fit the model.
        InferenceTooLarge: it is more than is allowed.
    """
    _check_names([given.name for given in message.inputs], contract)
    for given in message.inputs:
        _check_given(given, contract.inputs[given.name])
        if given.name == WINDOWS:
            _check_windows(given.shape, most_pixels)
    for wanted in message.outputs:
        if wanted.name not in contract.outputs:
            raise InferenceInvalid(
                f"output {wanted.name!r} is not one of the model's; there is {', '.join(contract.outputs)}"
            )


def read_arrays(message: Message, contract: Contract, payload: memoryview) -> dict[str, Numbers]:
    """The inputs by name.

    Args:
        message: checked by :func:`check_message`.
        contract: of the model.
        payload: what follows the JSON in the body.

    Raises:
        InferenceInvalid: the numbers are not those that were declared.
    """
    declared = sum(given.size or 0 for given in message.inputs)
    if declared != len(payload):
        raise InferenceInvalid(
            f"{len(payload):,} bytes follow the request's JSON, its inputs declare {declared:,} by 'binary_data_size'"
        )
    arrays, start = {}, 0
    for given in message.inputs:
        tensor = contract.inputs[given.name]
        if given.size is None:
            arrays[given.name] = _from_json(given, tensor)
        else:
            arrays[given.name] = _from_bytes(given, tensor, payload[start : start + given.size])
            start += given.size
    return arrays


def _check_names(names: Sequence[str], contract: Contract) -> None:
    if len(names) == len(contract.inputs) == len(set(names)) and set(names) == set(contract.inputs):
        return
    wanted = " and ".join(map(repr, contract.inputs))
    if OVERVIEW in contract.inputs and OVERVIEW not in names:
        wanted += "; the overview is of the scene that the windows are from, or send the scenes to the degradation job"
    raise InferenceInvalid(f"the request has the inputs {', '.join(map(repr, names))}; the model takes {wanted}")


def _check_given(given: Given, tensor: Tensor) -> None:
    if given.datatype != tensor.datatype:
        raise InferenceInvalid(f"input {given.name!r} is {given.datatype}; the model takes {tensor.datatype}")
    fits = len(given.shape) == len(tensor.shape) and all(
        expected in {-1, length} for length, expected in zip(given.shape, tensor.shape, strict=True)
    )
    if not fits:
        bands = tensor.parameters.get("bands")
        raise InferenceInvalid(
            f"input {given.name!r} has the shape {list(given.shape[:8])}; the model takes {list(tensor.shape)} "
            f"({tensor.parameters['axes']}), bands {bands}"
        )
    expected = math.prod(given.shape) * tensor.dtype.itemsize
    if given.size is not None and given.size != expected:
        raise InferenceInvalid(
            f"input {given.name!r} declares {given.size:,} bytes; its shape and type make {expected:,}"
        )


def _check_windows(shape: Sequence[int], most_pixels: int) -> None:
    count, _, height, width = shape
    if height % STEP or width % STEP or max(height, width) > MOST_SIDE:
        raise InferenceInvalid(
            f"windows have {height} rows and {width} columns; both are to be multiples of {STEP}, at most {MOST_SIDE}: "
            "cut or mirror the scene to that"
        )
    if count * height * width > most_pixels:
        raise InferenceTooLarge(
            f"the request has {count * height * width:,} pixels, the limit is {most_pixels:,}; send fewer windows"
        )


def _from_bytes(given: Given, tensor: Tensor, content: memoryview) -> Numbers:
    array = np.frombuffer(content, tensor.dtype).reshape(given.shape)
    # Runtimes want numbers at multiples of their size; in large bodies they are there (serving.api.inference.body).
    return array if array.flags.aligned else array.copy()


def _from_json(given: Given, tensor: Tensor) -> Numbers:
    try:
        found: NDArray[Any] = np.array(given.data)
    except ValueError as error:  # rows of different lengths
        raise InferenceInvalid(f"input {given.name!r}: its lists have different lengths") from error
    if found.shape not in {given.shape, (math.prod(given.shape),)}:
        raise InferenceInvalid(
            f"input {given.name!r}: 'data' has {found.size:,} numbers in the shape {list(found.shape[:8])}; declared "
            f"is {list(given.shape)}"
        )
    _check_numbers(found, given, tensor)
    return found.astype(tensor.dtype).reshape(given.shape)


def _check_numbers(found: NDArray[Any], given: Given, tensor: Tensor) -> None:
    kinds = "iu" if tensor.dtype.kind in "iu" else "iuf"
    limits = np.iinfo(tensor.dtype) if tensor.dtype.kind in "iu" else np.finfo(tensor.dtype)
    if found.dtype.kind not in kinds or found.min() < limits.min or found.max() > limits.max:
        what = "whole numbers" if kinds == "iu" else "numbers"
        raise InferenceInvalid(f"input {given.name!r}: expected are {what} from {limits.min} to {limits.max}")
