"""What a command leaves in a service while it works there, and takes away when it goes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from serving.client.answers import Status, read_as
from serving.client.line import Line, headers_of


@dataclass(slots=True)
class Stay:
    """Uploads and job of one command; use as a context manager.

    Attributes:
        line: to the service.
        keep: whether they stay when the command goes; not when it is interrupted.
        uploads: ids.
        job: id, when there is one.
        left: what could not be removed, for people.
    """

    line: Line
    keep: bool
    uploads: list[str] = field(default_factory=list)
    job: str | None = None
    left: list[str] = field(default_factory=list)
    _key: str = field(default_factory=lambda: str(uuid.uuid4()))
    _asked: tuple[str, Mapping[str, Any]] | None = None

    def start(self, process: str, body: Mapping[str, Any]) -> str:
        """Make a job; asked again after a lost connection, the service finds the same one by its key.

        Raises:
            SteppeError: when the service does not take it.
        """
        path = f"processes/{process}/execution"
        self._asked = path, body
        told = self.line.ask("POST", path, json=body, headers=headers_of(idempotency_key=self._key))
        self.job = read_as(Status, told).jobID
        return self.job

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        if self.keep and not interrupted:
            return
        if self.job is None and interrupted:
            self._find()
        if self.job is not None:
            gone = self._remove(f"jobs/{self.job}", f"job {self.job}")
            if interrupted and error is not None:
                error.add_note("the job was dismissed" if gone else f"job {self.job} could not be dismissed")
        for upload in self.uploads:
            self._remove(f"uploads/{upload}", f"upload {upload}")

    def _find(self) -> None:
        """A job whose making was interrupted may have been made."""
        if self._asked is not None:
            path, body = self._asked
            told = self.line.last_word("POST", path, json=body, headers=headers_of(idempotency_key=self._key))
            self.job = None if told is None else read_as(Status, told).jobID

    def _remove(self, path: str, what: str) -> bool:
        if self.line.last_word("DELETE", path) is not None:
            return True
        self.left.append(what)
        return False
