"""Where a source is: the ways in which a request can point at pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from serving.fetch.errors import UrlInvalid
from serving.fetch.urls import parse_url


class Kind(StrEnum):
    """What a reference points into."""

    URL = "url"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to one source, as it is kept with a job.

    Attributes:
        kind: what it points into.
        place: an https URL, or a path relative to a configured folder, with slashes and never out of it.
    """

    kind: Kind
    place: str

    def __post_init__(self) -> None:
        """Refuse what points nowhere, or out of its folder.

        Raises:
            DataError: one of the nouns of ``serving.fetch.errors``.
        """
        if self.kind is Kind.URL:
            parse_url(self.place)
        if self.kind is Kind.FOLDER:
            _check_relative(self.place)

    @property
    def shown(self) -> str:
        """What may be told about it: of a URL no query, because that may hold a token."""
        return self.place.partition("?")[0] if self.kind is Kind.URL else self.place

    def path_in(self, root: Path) -> Path:
        """The file of a ``FOLDER`` reference; links are followed, and must stay in the folder.

        Raises:
            UrlInvalid: when it leads out of the folder.
        """
        folder = root.resolve()
        path = (folder / self.place).resolve()
        if not path.is_relative_to(folder):
            raise _out()
        return path

    def to_json(self) -> Mapping[str, str]:
        """As it is kept."""
        return {"kind": self.kind.value, "place": self.place}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Reference:
        """Back from ``to_json``."""
        return cls(Kind(kept["kind"]), kept["place"])


def _check_relative(place: str) -> None:
    path = PurePosixPath(place)
    odd = "\\" in place or "\0" in place or ":" in path.parts[0] if path.parts else True
    if odd or path.is_absolute() or ".." in path.parts or place.startswith("~"):
        raise _out()


def _out() -> UrlInvalid:
    return UrlInvalid("a path is relative to its folder and stays in it; write it from the folder, without ..")
