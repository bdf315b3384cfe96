"""What can go wrong between a command and a service."""

from __future__ import annotations

from landcover.errors import ConfigError, RasterUnreadable, SteppeError


class ServiceUnreachable(SteppeError):
    """The service does not answer."""

    slug = "service-unreachable"


class ServiceRefused(SteppeError):
    """The service answered with a problem.

    Args:
        message: what it said.
        kind: last part of the problem's type.
        exit_code: of the error's class in the service.
    """

    slug = "service-refused"

    def __init__(self, message: str, *, kind: str = "", exit_code: int = SteppeError.exit_code) -> None:
        super().__init__(message)
        self.kind, self.exit_code = kind, exit_code


class AnswerNotUnderstood(SteppeError):
    """What answers is no Steppe service, or another version of it."""

    slug = "answer-not-understood"


class TransferDamaged(SteppeError):
    """A file arrives otherwise than the service says that it is."""

    slug = "transfer-damaged"


class KeyUnusable(ConfigError):
    """The API key cannot be read, is none, or would be sent where others can read it."""

    slug = "key-unusable"


class SceneNotSendable(RasterUnreadable):
    """A scene on this machine is not one file that a service takes."""

    slug = "scene-not-sendable"
