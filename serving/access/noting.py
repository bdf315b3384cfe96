"""Keep the last use of keys, beside the requests: those must not wait for whoever writes to the database."""

from __future__ import annotations

from typing import Final

from serving.access.authenticator import Authenticator
from serving.rounds import Rounds

EVERY_S: Final = 2.0
"""Seconds between two notes."""


class UseNotes(Rounds):
    """Writes down which keys were used; what cannot be written keeps nobody out.

    Args:
        authenticator: knows them.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        super().__init__("steppe-key-use", every_s=EVERY_S, trouble="the last use of keys is not noted", last=True)
        self._authenticator = authenticator

    def round(self) -> None:
        """Write it down now.

        Raises:
            StoreUnavailable: when the database cannot be reached.
        """
        self._authenticator.note_use()
