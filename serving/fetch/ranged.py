"""Reading a file on a web host piece by piece: few requests, one content, never more than was asked for."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from threading import Condition
from types import TracebackType
from typing import Final, Self

from serving.fetch.budget import Budget
from serving.fetch.errors import SourceChanged, Upstream
from serving.fetch.line import Answer, Ask, Line, patiently, refuse_status
from serving.fetch.sources import check_range, identity_of
from serving.fetch.urls import Url

_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")
_PARTIAL: Final = 206
_WHOLE: Final = 200
_NO_SUCH_RANGE: Final = 416
_RUNS: Final = 16
"""Places that reads may go on from; more threads than that do not read one file."""
_PRECONDITION_FAILED: Final = 412


@dataclass(frozen=True, slots=True, kw_only=True)
class RangePolicy:
    """How a file is cut into requests.

    Attributes:
        block: bytes of a cached piece; requests begin and end at its multiples.
        max_request: most bytes of one request.
        max_ahead: most bytes fetched beyond what was asked for, once reads follow each other.
        cache: most bytes kept.
    """

    block: int = 64 * 1024
    max_request: int = 8 * 1024**2
    max_ahead: int = 1024**2
    cache: int = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What tells one content from another at the same address.

    Attributes:
        size: bytes in all.
        etag: the host's name for the content, or None.
        modified: header Last-Modified, or None.
        asked: the address, before redirects.
    """

    size: int
    etag: str | None
    modified: str | None
    asked: str

    def conditions(self) -> dict[str, str]:
        """Headers that make the host refuse to serve other content; it is compared all the same."""
        if self.etag and not self.etag.startswith("W/"):  # a weak one never matches, RFC 9110, section 8.8.3.2
            return {"If-Match": self.etag, "If-Range": self.etag}
        return {"If-Unmodified-Since": self.modified} if self.modified else {}

    def check(self, answer: Answer, size: int | None) -> None:
        """Compare an answer's headers.

        Raises:
            SourceChanged: when they tell of other content.
        """
        etag, modified = answer.headers.get("etag"), answer.headers.get("last-modified")
        same_name = etag == self.etag if etag and self.etag else modified in {None, self.modified} or not self.modified
        if not same_name or size not in {None, self.size}:
            raise changed(answer.url)


def changed(url: Url) -> SourceChanged:
    """The error of a source that was replaced."""
    return SourceChanged(f"the file on {url.host} was replaced while it was read; start again")


def content_range(answer: Answer) -> tuple[int, int, int | None]:
    """First byte, byte after the last one, and size of the whole (None = not said), from a partial answer.

    Raises:
        Upstream: when there is no such header, or it is impossible.
    """
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if match and match[1] and match[2]:
        first, stop = int(match[1]), int(match[2]) + 1
        total = None if match[3] == "*" else int(match[3])
        if first < stop and (total is None or stop <= total):
            return first, stop, total
    raise Upstream(f"{answer.url.host} answered a range without saying which")


class RangedFile:
    """A file on a host that answers ranges. See ``sources.ByteSource``.

    Args:
        line: connections; closed with the file.
        budget: what may be spent.
        url: the address, after redirects.
        identity: what was found there.
        start: the first bytes, as they came with the first answer.
        policy: how requests are cut.
    """

    def __init__(
        self, line: Line, budget: Budget, url: Url, identity: Identity, *, start: bytes, policy: RangePolicy
    ) -> None:
        self._line = line
        self._budget = budget
        self._url = url
        self._identity = identity
        self._policy = policy
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._coming: set[int] = set()
        self._changed = Condition()
        self._runs: OrderedDict[int, int] = OrderedDict({0: 0})
        self._closed = False
        self.requests = 1
        whole = len(start) == identity.size
        self._keep(0, start if whole else start[: len(start) // policy.block * policy.block])

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._identity.size

    @property
    def etag(self) -> str | None:
        """The host's name for this content, or None."""
        return self._identity.etag

    @property
    def identity(self) -> str:
        """See ``sources.identity_of``."""
        found = self._identity
        return identity_of(found.asked, found.size, found.etag, found.modified)

    def read(self, offset: int, length: int) -> bytes:
        """See ``ByteSource.read``.

        Raises:
            ValueError: when a number is negative, or the source is closed.
            Upstream: when the host fails or the content was replaced.
            SourceTooLarge: when the budget is spent.
        """
        check_range(offset, length)
        stop = min(offset + length, self.size)
        if offset >= stop:
            return b""
        block = self._policy.block
        first, last = offset // block, (stop - 1) // block
        ahead = self._look_ahead(offset, stop)
        parts: list[bytes] = []
        while first + len(parts) <= last:
            parts += self._take(first + len(parts), last, ahead)
        content = b"".join(parts)
        return content[offset - first * block : stop - first * block]

    def close(self) -> None:
        """Close the connections and forget what was read."""
        with self._changed:
            self._closed = True
            self._blocks.clear()
            self._changed.notify_all()
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look_ahead(self, offset: int, stop: int) -> int:
        """Bytes to fetch beyond ``stop``: twice as many each time that reads follow each other.

        Several threads may each read on from a place of its own. A run is kept as where it goes on, and how far ahead.
        """
        with self._changed:
            run = next((end for end in self._runs if end <= offset <= end + self._policy.block), None)
            step = 0 if run is None else max(2 * self._runs.pop(run), 2 * self._policy.block)
            self._runs[stop] = ahead = min(step, self._policy.max_ahead)
            if len(self._runs) > _RUNS:
                self._runs.popitem(last=False)
            return ahead

    def _take(self, index: int, last: int, ahead: int) -> list[bytes]:
        """One or more blocks from ``index`` on, none beyond ``last``; fetched by one thread, however many want them."""
        with self._changed:
            while index not in self._blocks and index in self._coming and not self._closed:
                self._changed.wait()
            if self._closed:
                raise ValueError("the source is closed")
            if index in self._blocks:
                self._blocks.move_to_end(index)
                return [self._blocks[index]]
            stop = self._claim(index, last, ahead)
        try:
            content = self._fetch(index, stop)
        finally:
            with self._changed:
                self._coming.difference_update(range(index, stop))
                self._changed.notify_all()
        block = self._policy.block
        with self._changed:
            self._keep(index, content)
        return [content[at : at + block] for at in range(0, len(content), block)][: last - index + 1]

    def _claim(self, index: int, last: int, ahead: int) -> int:
        """Mark blocks from ``index`` on as coming, up to one that is there or coming; returns where they stop."""
        block = self._policy.block
        limit = min((last + 1) * block + ahead, index * block + self._policy.max_request, self.size)
        stop = index + 1
        while stop * block < limit and stop not in self._blocks and stop not in self._coming:
            stop += 1
        self._coming.update(range(index, stop))
        return stop

    def _keep(self, index: int, content: bytes) -> None:
        block = self._policy.block
        for number, at in enumerate(range(0, len(content), block), start=index):
            self._blocks[number] = content[at : at + block]
        while len(self._blocks) * block > max(self._policy.cache, block):
            self._blocks.popitem(last=False)

    def _fetch(self, index: int, stop: int) -> bytes:
        start, end = index * self._policy.block, min(stop * self._policy.block, self.size)
        self._budget.check_size(end - start)
        return patiently(self._budget, lambda until: self._ask(start, end, until))

    def _ask(self, start: int, end: int, until: float) -> bytes:
        headers = {"Range": f"bytes={start}-{end - 1}", **self._identity.conditions()}
        self.requests += 1
        with self._line.ask(self._url, Ask(headers=headers), until) as answer:
            self._check_status(answer)
            first, stop, total = content_range(answer)
            self._identity.check(answer, total)
            if (first, stop) != (start, end):
                raise Upstream(f"{answer.url.host} answered another range than the one it was asked for")
            return exactly(answer, end - start, self._budget)

    def _check_status(self, answer: Answer) -> None:
        if answer.status in {_PRECONDITION_FAILED, _NO_SUCH_RANGE}:
            raise changed(answer.url)
        if answer.status == _WHOLE:
            self._identity.check(answer, answer.length)
            raise Upstream(f"{answer.url.host} stopped answering ranges in the middle of a file; try again later")
        refuse_status(answer, _PARTIAL)


def exactly(answer: Answer, length: int, budget: Budget) -> bytes:
    """The body of a partial answer.

    Raises:
        Upstream: when it is longer, shorter or packed: offsets in a packed body are none of the file's.
        SourceTooLarge: when the budget is spent.
    """
    if answer.coding:
        raise Upstream(f"{answer.url.host} packs ranges, which cannot be read")
    content = bytearray()
    for piece in answer.body:
        budget.take(len(piece))
        content += piece
        if len(content) > length:
            break
    if len(content) != length:
        raise Upstream(f"{answer.url.host} sent a range of another length than it said", passing=True)
    return bytes(content)
