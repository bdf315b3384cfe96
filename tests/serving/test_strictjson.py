"""Strict JSON: a document means one thing, or is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.strictjson import Malformed, Unusable, check_depth, parse_json

DEPTH = 64

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.booleans())
def test_good_documents_are_read_as_they_are(document, plain):
    assert parse_json(json.dumps(document, ensure_ascii=plain).encode(), depth=DEPTH) == document


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"[1,]",
        b"'a'",
        b'"\x01"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "\\u0062": 2}}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1),
        b"9" * 5000,
        b"[" * 500_000,
        b'"' + b"\\" * 900_001,
    ],
    ids=range(19),
)
def test_malformed(content):
    with pytest.raises(Malformed):
        parse_json(content, depth=DEPTH)


@pytest.mark.parametrize(
    "content",
    [b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"-1e999", b"9" * 4000, b"1" * 21,
     b'"\\ud800"', b'{"\\udc00": 1}', b'["\\u0000"]', b'{"a": {"b": ["x", "\\ud83d"]}}'],
)  # fmt: skip
def test_unusable(content):
    with pytest.raises(Unusable):
        parse_json(content, depth=DEPTH)


def read(content):
    return parse_json(content, depth=DEPTH)


def test_what_only_looks_bad():
    assert read(b"[" * DEPTH + b"]" * DEPTH) is not None
    assert read(b'"' + b"[" * 1000 + b'"') == "[" * 1000
    assert read(b'["\\"[", ' + b"[]," * 1000 + b"1]")
    assert read(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"
    assert read(b'"\\\\u0000"') == "\\u0000"
    assert read(b"1" * 18) == int("1" * 18)


def test_the_depth_of_what_was_read_before():
    document = read(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)
    check_depth(document, DEPTH)
    check_depth("text", 1)
    with pytest.raises(Malformed):
        check_depth(document, DEPTH - 1)
