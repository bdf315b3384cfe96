"""Tokens that stand for a place in one job list.

A token is the number of a row, hidden and signed (the synthetic-IV construction, as in RFC 5297, on HMAC-SHA256): the
number would tell how many jobs others have, and a signed one can neither be made up nor taken to another list.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from serving.jobs.store import PageInvalid

_NUMBER: Final = 8
_MAC: Final = 16


class PageTokens:
    """Makes and reads tokens.

    Args:
        secret: known to all processes of the service, and to nobody else.
    """

    def __init__(self, secret: bytes) -> None:
        self._sign = hmac.digest(secret, b"page token: sign", "sha256")
        self._hide = hmac.digest(secret, b"page token: hide", "sha256")

    def make(self, place: int, name: bytes) -> str:
        """The token of a place in the list of that name."""
        number = place.to_bytes(_NUMBER)
        mac = self._mac(number, name)
        return base64.urlsafe_b64encode(mac + self._masked(number, mac)).decode()

    def read(self, token: str, name: bytes) -> int:
        """The place that a token stands for.

        Raises:
            PageInvalid: when it was not made for this list.
        """
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raw = b""
        mac, hidden = raw[:_MAC], raw[_MAC:]
        if len(hidden) == _NUMBER:
            number = self._masked(hidden, mac)
            if hmac.compare_digest(mac, self._mac(number, name)):
                return int.from_bytes(number)
        raise PageInvalid("the page token does not belong to this list; begin again at the first page")

    def _mac(self, number: bytes, name: bytes) -> bytes:
        return hmac.digest(self._sign, number + name, "sha256")[:_MAC]

    def _masked(self, number: bytes, mac: bytes) -> bytes:
        mask = hmac.digest(self._hide, mac, "sha256")
        return bytes(left ^ right for left, right in zip(number, mask, strict=False))
