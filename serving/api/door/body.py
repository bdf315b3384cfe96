"""Take a JSON body from a request, strictly. Routes call it after they know who asks."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect

from serving.api.door.strictjson import parse_json
from serving.api.problems import ClientGone, UnsupportedMediaType
from serving.api.refusals import BodyTooLarge, MalformedJson

JSON_TYPES: Final = frozenset({"application/json", "application/geo+json"})

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""Name of a model, process or the like: letters that look like others, blanks, paths and hidden ones are no names."""


class Body(BaseModel):
    """A JSON body; a member that is not known is refused, because a misspelt one would go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


async def read_json(request: Request, limit: int) -> object:
    """The JSON document in the body.

    Args:
        request: its body has not been read.
        limit: most bytes; the door has a limit of its own (``STEPPE_MAX_JSON_BYTES``).

    Raises:
        UnsupportedMediaType: when it is not declared as JSON.
        BodyTooLarge: as soon as there is more than ``limit``.
        MalformedJson: when it cannot be read.
        UnusableJson: when a value cannot be used.
        ClientGone: when the connection closed before its end.
    """
    _check_type(request)
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > limit:
                raise BodyTooLarge(f"the body has more than {limit:,} bytes, the limit here; send less")
    except ClientDisconnect as error:
        raise ClientGone("the connection closed before the whole body had arrived; send it again") from error
    return parse_json(bytes(content))


async def read_body[Model: BaseModel](request: Request, model: type[Model], limit: int) -> Model:
    """The body as a model; raises what ``read_json`` raises.

    Raises:
        RequestValidationError: when the document is not as the model has it.
    """
    document = await read_json(request, limit)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from error


def json_body(model: type[BaseModel]) -> dict[str, object]:
    """``openapi_extra`` of a route that takes its body by ``read_body``."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _check_type(request: Request) -> None:
    declared, *parameters = request.headers.get("content-type", "").lower().split(";")
    if declared.strip() not in JSON_TYPES or len(request.headers.getlist("content-type")) > 1:
        raise UnsupportedMediaType("the body is not declared as JSON; send Content-Type: application/json")
    charset = [part.partition("=")[2].strip('"') for part in map(str.strip, parameters) if part.startswith("charset=")]
    if charset and charset != ["utf-8"]:
        raise MalformedJson("the body is declared in another character set than UTF-8; send JSON in UTF-8")
