"""Bodies of answers without their content coding; every step is bounded, whatever a body would unpack to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from serving.fetch.errors import Upstream

_STEP: Final = 64 * 1024
"""Bytes unpacked at once; the caller's account is asked between steps."""

_EITHER: Final = zlib.MAX_WBITS | 32  # gzip or zlib, by their headers


def decoded(chunks: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """The pieces of a body, unpacked.

    Nothing but ``identity`` is asked for; some hosts store files packed and send them so all the same.

    Raises:
        Upstream: when the coding is not known, or the body is not what it says.
    """
    match coding.strip().lower():
        case "" | "identity":
            yield from chunks
        case "gzip" | "x-gzip" | "deflate":
            yield from _unpacked(chunks)
        case _:
            raise Upstream("the host sent a body in a coding that was not asked for")


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_EITHER)
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting:
                yield unpacker.decompress(waiting, _STEP)
                waiting = unpacker.unconsumed_tail
                if unpacker.eof and unpacker.unused_data:
                    raise Upstream("the host sent more than one packed stream in one body")
        # What the last call held back: up to one window, but a step may not say so, so it is drained in steps, too.
        while not unpacker.eof:
            piece = unpacker.decompress(b"", _STEP)
            if not piece:
                raise Upstream("the host sent a packed body that ends too early", passing=True)
            yield piece
    except zlib.error as error:
        raise Upstream("the host sent a body that cannot be unpacked") from error
