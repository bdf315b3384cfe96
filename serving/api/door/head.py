"""What a request's head must be like, before anything is done for it."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from serving.api.door.rules import HEAD_BYTES, URL_BYTES, Rules
from serving.api.problems import UnsupportedMediaType
from serving.api.refusals import (
    BodyTooLarge,
    CrossOrigin,
    HeadTooLarge,
    MalformedRequest,
    MethodRefused,
    UrlTooLong,
    WrongHost,
)

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_VERSIONS: Final = frozenset({"1.0", "1.1", "2"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?")


def check_head(scope: Scope, rules: Rules) -> None:
    """Check size, method, address, host, origin and what is said of the body.

    Raises:
        MethodRefused: for a method that nothing here answers.
        UrlTooLong: for an address longer than any that is needed.
        HeadTooLarge: for more header fields than any client needs.
        MalformedRequest: when the head contradicts itself or lacks its host.
        WrongHost: when it is meant for another host.
        CrossOrigin: when a page of another site made a browser send it.
        UnsupportedMediaType: when the body is compressed as a whole.
        BodyTooLarge: when the body is said to be larger than its address takes.
    """
    headers = Headers(scope=scope)
    if scope["method"] not in METHODS:
        raise MethodRefused(f"the method is not one that the service knows; it knows {', '.join(METHODS)}")
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URL_BYTES:
        raise UrlTooLong(f"the address has more than {URL_BYTES:,} bytes; send what is long in the body")
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > HEAD_BYTES:
        raise HeadTooLarge(f"the header fields have more than {HEAD_BYTES:,} bytes; send fewer")
    if scope["http_version"] not in _VERSIONS:
        raise MalformedRequest("the request is of a version of HTTP that the service does not speak; send HTTP/1.1")
    _check_host(scope, headers, rules)
    _check_origin(scope, headers, rules)
    _check_body(scope, headers, rules)


def _check_host(scope: Scope, headers: Headers, rules: Rules) -> None:
    given = headers.getlist("host")
    if not given and scope["http_version"] == "1.0":
        return
    match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        raise MalformedRequest("the request needs exactly one Host header with a name or address, as HTTP/1.1 asks for")
    name = (match["name"] or "").lower().rstrip(".")
    if match["v6"] or _is_address(name) or name == "localhost" or name.endswith(".localhost") or name in rules.hosts:
        return
    # A page on the web can make its own name lead to this machine, and so call a service that listens for this machine
    # only, whose owner may need no key: such a service must be called by an address or a name that was set.
    server = scope.get("server") or ("",)
    if rules.only_hosts or (_is_address(server[0]) and ip_address(server[0]).is_loopback):
        raise WrongHost("the service is not known under the name in the Host header; STEPPE_HOSTS lists its names")


def _check_origin(scope: Scope, headers: Headers, rules: Rules) -> None:
    """A form on any page can send a POST without asking; only scripts must ask first (CORS)."""
    if scope["method"] in _SAFE_METHODS:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None and site is None:
        return  # not a browser
    if site in {"same-origin", "none"} or (origin is not None and rules.allows_origin(origin)):
        return
    if site is None and origin is not None and urlsplit(origin).netloc == headers.get("host"):
        return
    raise CrossOrigin("a page of another site sent the request; STEPPE_CORS_ORIGINS lists the sites that may")


def _check_body(scope: Scope, headers: Headers, rules: Rules) -> None:
    lengths, codings = headers.getlist("content-length"), headers.getlist("transfer-encoding")
    if (codings and codings != ["chunked"]) or len(lengths) + len(codings) > 1:
        raise MalformedRequest("the length of the body is given twice or in an unknown way; send one Content-Length")
    if lengths and not (lengths[0].isascii() and lengths[0].isdecimal()):
        raise MalformedRequest("the Content-Length is no number of bytes; send the length of the body")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("the body is compressed as a whole; send it as it is, without Content-Encoding")
    largest = rules.largest_body(scope["path"])
    if largest is not None and lengths and int(lengths[0][:20]) > largest:
        raise BodyTooLarge(f"the body has more than {largest:,} bytes, the limit here; send less, or upload a file")


@lru_cache(maxsize=256)  # the same few in every request; parsing takes as long as the rest of the check
def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
