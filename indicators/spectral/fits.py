"""Numbers of one scene that its indices were fitted with, kept together to be used on another scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from indicators.spectral.ddi import DdiModel
from indicators.spectral.fvc import FvcModel
from landcover.errors import ConfigError

KIND: Final = "steppe-spectral-fit"
VERSION: Final = "1"


class SceneFitInvalid(ConfigError):
    """A file holds no numbers of a fit."""

    slug = "spectral-fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFit:
    """What was fitted.

    Attributes:
        ddi: numbers of DDI and its classes, or None.
        fvc: numbers of fractional vegetation cover, or None.
    """

    ddi: DdiModel | None = None
    fvc: FvcModel | None = None

    @property
    def identities(self) -> dict[str, str]:
        """``id@version#sha256`` of each, by name."""
        models = {"ddi": self.ddi, "fvc": self.fvc}
        return {name: model.identity for name, model in models.items() if model is not None}

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": KIND,
            "version": VERSION,
            "ddi": None if self.ddi is None else self.ddi.to_document(),
            "fvc": None if self.fvc is None else self.fvc.to_document(),
        }

    @classmethod
    def from_document(cls, document: object) -> Self:
        """The numbers of ``to_document``.

        Raises:
            SceneFitInvalid: when it is none.
            ConfigError: when the numbers cannot be used.
        """
        if not isinstance(document, Mapping) or (document.get("id"), document.get("version")) != (KIND, VERSION):
            raise SceneFitInvalid(f"the file holds no {KIND!r} of version {VERSION!r}; keep one with --fit")
        ddi, fvc = document.get("ddi"), document.get("fvc")
        return cls(
            ddi=None if ddi is None else DdiModel.from_document(ddi),
            fvc=None if fvc is None else FvcModel.from_document(fvc),
        )
