"""What can be wrong with an address, and what can go wrong at the other end.

Messages name the host at most: the path and the query of an address may hold somebody's token.
"""

from __future__ import annotations

from landcover.errors import DataError, SteppeError


class UrlInvalid(DataError):
    """The address is no https URL that is understood in only one way."""

    slug = "url-invalid"


class UrlScheme(DataError):
    """The address has another scheme than https, or none."""

    slug = "url-scheme"


class UrlBlocked(DataError):
    """The address leads to a host, a port or a network that is not fetched from."""

    slug = "url-blocked"


class SourceNotFound(DataError):
    """The host has nothing at the address."""

    slug = "source-not-found"


class SourceTooLarge(DataError):
    """What the address leads to is larger than the request may fetch."""

    slug = "source-too-large"


class Upstream(SteppeError):
    """The host that was fetched from failed, or answered what is no answer.

    Args:
        message: what happened.
        passing: whether asking again may help.
        retry_after_s: seconds after which the host wants to be asked again, where it says so.
        status: HTTP status of the host's answer, where there was one.
    """

    slug = "upstream"

    def __init__(
        self, message: str, *, passing: bool = False, retry_after_s: int | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.passing = passing
        self.retry_after_s = retry_after_s
        self.status = status


class UpstreamTls(Upstream):
    """The host could not prove who it is."""

    slug = "upstream-tls"


class UpstreamTimeout(Upstream):
    """The host took longer than the request may wait."""

    slug = "upstream-timeout"


class SourceChanged(Upstream):
    """What the address leads to was replaced while it was read."""

    slug = "source-changed"


class NotJson(Upstream):
    """The host answered something else than the JSON that was expected."""

    slug = "upstream-document"
