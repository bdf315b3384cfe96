"""Schemas of inputs in the words that a process description may use: ``schema.yaml`` of 18-062r2.

That is the schema object of OpenAPI 3.0, which lacks some words of the JSON Schema that pydantic writes. What is made
here means the same to readers of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_NULL: Final = {"type": "null"}


def plain(part: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema that stands for itself: without references, and without the words that OpenAPI 3.0 has not.

    Args:
        part: a schema, or what stands in the place of one, such as a boolean.
        definitions: schemas that references name.
    """
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        named = definitions[part["$ref"].rpartition("/")[2]]
        return plain({**named, **{key: value for key, value in part.items() if key != "$ref"}}, definitions)
    return _rewritten({key: _member(key, value, definitions) for key, value in part.items() if key != "discriminator"})


def _member(key: str, value: Any, definitions: Mapping[str, Any]) -> Any:
    if key in {"anyOf", "oneOf", "allOf", "prefixItems"}:
        return [plain(one, definitions) for one in value]
    if key == "properties":
        return {name: plain(one, definitions) for name, one in value.items()}
    if key in {"items", "not", "additionalProperties"}:
        return plain(value, definitions)
    return value


def _rewritten(schema: dict[str, Any]) -> dict[str, Any]:
    schema = _without_null(schema)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "exclusiveMinimum" in schema:  # a number to JSON Schema, a flag beside minimum to OpenAPI 3.0
        least = schema.pop("exclusiveMinimum")
        schema |= {"minimum": least, "not": {"enum": [least]}}
    return schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A member that is not wanted is left out, not null."""
    choices = schema.get("anyOf", [])
    if _NULL not in choices:
        return schema
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    wanted = [choice for choice in choices if choice != _NULL]
    return {**rest, **wanted[0]} if len(wanted) == 1 else {**rest, "anyOf": wanted}
