"""Why somebody may not do what was asked. The words are the same for every reason, so that guessing teaches nothing."""

from __future__ import annotations

from typing import Final

from landcover.errors import ConfigError, SteppeError

UNKNOWN_CALLER: Final = (
    "the request carries no key or token that is valid here; send an API key in the header X-API-Key, or a token in "
    "Authorization: Bearer"
)


class NotAuthenticated(SteppeError):
    """The request does not say who asks, or says it with something that is not valid."""

    slug = "unauthorized"


class AmbiguousCredentials(SteppeError):
    """The request carries two different keys or tokens."""

    slug = "ambiguous-credentials"


class ScopeMissing(SteppeError):
    """The key or token does not allow this."""

    slug = "scope-missing"


class QuotaExceeded(SteppeError):
    """The key has used up its pixels for now.

    Attributes:
        retry_after_s: seconds after which the same request would pass.
    """

    slug = "quota"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QuotaTooSmall(SteppeError):
    """The request has more pixels than the key may ever ask for at once."""

    slug = "quota-too-small"


class TooManyJobs(SteppeError):
    """The key has as many unfinished jobs as it may have."""

    slug = "too-many-jobs"


class KeyNotFound(ConfigError):
    """There is no API key of that id."""

    slug = "no-such-key"
