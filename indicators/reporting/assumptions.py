"""What a result rests on, so that two reports can prove that they used the same, or say what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landcover.identity import canonical_sha256


@dataclass(frozen=True, slots=True)
class Assumption:
    """An object that a result depends on: a legend, a crosswalk, a matrix, a table, a policy, a map.

    Attributes:
        name: what it is here, English, for example "transition matrix" or "crosswalk of the initial map".
        id: short name of the object.
        version: changes whenever its content changes.
        sha256: hex digest of its canonical JSON, or of its file; empty where there is none.
        note: one English sentence more, maybe empty.
    """

    name: str
    id: str
    version: str
    sha256: str
    note: str = ""

    @classmethod
    def of(cls, name: str, document: Mapping[str, Any], note: str = "") -> Assumption:
        """The assumption that an object with this document (``to_document()``) was used."""
        return cls(name, str(document["id"]), str(document["version"]), canonical_sha256(document), note)

    @property
    def identity(self) -> str:
        """``id@version#sha256``, as objects name themselves."""
        return f"{self.id}@{self.version}#{self.sha256}"
