"""What the service refuses by itself: what is malformed, too large, too slow, misdirected, or not there yet."""

from __future__ import annotations

from landcover.errors import ConfigError, DataError, SteppeError


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


class KeyInvalid(ConfigError):
    """The Idempotency-Key is empty, too long, or holds something else than visible ASCII."""

    slug = "idempotency-key"


class KeyInUse(ConfigError):
    """A request with the same Idempotency-Key is being answered."""

    slug = "idempotency-key-in-use"


class CallbackUnavailable(ConfigError):
    """The service cannot tell subscribers where results are."""

    slug = "callback-unavailable"


class ResultNotReady(ConfigError):
    """The job has no results yet."""

    slug = "result-not-ready"


class OutputNotFound(ConfigError):
    """The job has no such output."""

    slug = "no-such-output"


class TookTooLong(SteppeError):
    """The work takes longer than an answer may be waited for."""

    slug = "took-too-long"
