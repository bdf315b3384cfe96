"""Schemas of 18-062r2 as JSON Schema, as far as Steppe's documents use them."""

from __future__ import annotations

import jsonschema

LINK = {
    "type": "object",
    "required": ["href"],
    "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "hreflang", "title")},
}
LINKS = {"type": "array", "items": LINK}
LANDING_PAGE = {
    "type": "object",
    "required": ["links"],
    "properties": {"title": {"type": "string"}, "description": {"type": "string"}, "links": LINKS},
}
CONF_CLASSES = {
    "type": "object",
    "required": ["conformsTo"],
    "properties": {"conformsTo": {"type": "array", "items": {"type": "string", "format": "uri"}}},
}
_DESCRIPTION = {
    "title": {"type": "string"},
    "description": {"type": "string"},
    "keywords": {"type": "array", "items": {"type": "string"}},
}
PROCESS_SUMMARY = {
    "type": "object",
    "required": ["id", "version"],
    "properties": {
        **_DESCRIPTION,
        "id": {"type": "string"},
        "version": {"type": "string"},
        "jobControlOptions": {"type": "array", "items": {"enum": ["sync-execute", "async-execute", "dismiss"]}},
        "outputTransmission": {"type": "array", "items": {"enum": ["value", "reference"]}},
        "links": LINKS,
    },
}
PROCESS_LIST = {
    "type": "object",
    "required": ["processes", "links"],
    "properties": {"processes": {"type": "array", "items": PROCESS_SUMMARY}, "links": LINKS},
}
_SUB = {"$ref": "#/$defs/schema"}
_COUNT = {"type": "integer", "minimum": 0}
SCHEMA = {
    **_SUB,
    "$defs": {
        "schema": {
            "type": "object",
            "properties": {
                **{key: {"type": "string"} for key in ("title", "description", "format", "pattern")},
                **{key: {"type": "string"} for key in ("contentMediaType", "contentEncoding", "contentSchema")},
                **{key: {"type": "number"} for key in ("minimum", "maximum", "multipleOf")},
                **{key: {"type": "boolean"} for key in ("exclusiveMinimum", "exclusiveMaximum", "uniqueItems")},
                **{key: {"type": "boolean"} for key in ("nullable", "readOnly", "writeOnly", "deprecated")},
                **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
                **dict.fromkeys(("minProperties", "maxProperties"), _COUNT),
                **{key: {"type": "array", "items": _SUB} for key in ("allOf", "anyOf", "oneOf")},
                **dict.fromkeys(("items", "not"), _SUB),
                "type": {"enum": ["array", "boolean", "integer", "number", "object", "string"]},
                "enum": {"type": "array", "minItems": 1},
                "required": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
                "properties": {"type": "object", "additionalProperties": _SUB},
                "additionalProperties": {"anyOf": [_SUB, {"type": "boolean"}]},
                "default": {},
                "example": {},
            },
            "additionalProperties": False,
        }
    },
}
"""What a process description may use to describe a value: less than JSON Schema, and no other words."""

_SCHEMA = {"type": "object"}
INPUT_DESCRIPTION = {
    "type": "object",
    "required": ["schema"],
    "properties": {
        **_DESCRIPTION,
        "minOccurs": {"type": "integer"},
        "maxOccurs": {"oneOf": [{"type": "integer"}, {"enum": ["unbounded"]}]},
        "schema": _SCHEMA,
    },
}
OUTPUT_DESCRIPTION = {
    "type": "object",
    "required": ["schema"],
    "properties": {**_DESCRIPTION, "schema": _SCHEMA},
}
PROCESS = {
    **PROCESS_SUMMARY,
    "required": ["id", "version", "inputs", "outputs"],
    "properties": {
        **PROCESS_SUMMARY["properties"],
        "inputs": {"type": "object", "additionalProperties": INPUT_DESCRIPTION},
        "outputs": {"type": "object", "additionalProperties": OUTPUT_DESCRIPTION},
    },
}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$"}
STATUS_INFO = {
    "type": "object",
    "required": ["jobID", "status", "type"],
    "properties": {
        "processID": {"type": "string"},
        "type": {"enum": ["process"]},
        "jobID": {"type": "string"},
        "status": {"enum": ["accepted", "running", "successful", "failed", "dismissed"]},
        "message": {"type": "string"},
        **dict.fromkeys(("created", "started", "finished", "updated"), _TIME),
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "links": LINKS,
    },
}
JOB_LIST = {
    "type": "object",
    "required": ["jobs", "links"],
    "properties": {"jobs": {"type": "array", "items": STATUS_INFO}, "links": LINKS},
}
_QUALIFIED = {
    "type": "object",
    "required": ["value"],
    "properties": {
        "value": {},
        "mediaType": {"type": "string"},
        "encoding": {"type": "string"},
        "schema": {},
    },
    "additionalProperties": False,
}
RESULTS = {"type": "object", "additionalProperties": {"oneOf": [_QUALIFIED, LINK]}}
EXCEPTION = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
}


def check(document, schema):
    """The document, which must be as the schema has it."""
    jsonschema.Draft202012Validator(schema).validate(document)
    return document
