"""What the service refuses before a route has seen it: what is malformed, too large, too slow or misdirected."""

from __future__ import annotations

from landcover.errors import DataError


class MalformedRequest(DataError):
    """The request breaks the rules of HTTP."""

    slug = "malformed-request"


class HeadTooLarge(DataError):
    """The header fields of the request are too large."""

    slug = "head-too-large"


class UrlTooLong(DataError):
    """The address of the request is too long."""

    slug = "url-too-long"


class MethodRefused(DataError):
    """The service does not know this method."""

    slug = "method-refused"


class WrongHost(DataError):
    """The request is meant for another host."""

    slug = "wrong-host"


class CrossOrigin(DataError):
    """A page of another site made a browser send this."""

    slug = "cross-origin"


class RequestTooSlow(DataError):
    """The request, or the rest of its body, did not come in time."""

    slug = "request-too-slow"


class BodyTooLarge(DataError):
    """The body is larger than this address takes."""

    slug = "body-too-large"


class MalformedJson(DataError):
    """The body is not JSON as RFC 8259 and RFC 7493 have it."""

    slug = "malformed-json"


class UnusableJson(DataError):
    """The body is JSON, but a value in it cannot be used."""

    slug = "unusable-json"
