"""The one way out of the service: files, JSON documents and callbacks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final

import httpcore2

from landcover.staging import os_errors
from serving.fetch.budget import Budget
from serving.fetch.decoding import decoded
from serving.fetch.dialling import Dialler
from serving.fetch.errors import NotJson, SourceTooLarge, Upstream, UpstreamTimeout
from serving.fetch.line import Answer, Ask, Line, patiently, refuse_status
from serving.fetch.ranged import Identity, RangedFile, RangePolicy, content_range, exactly
from serving.fetch.sources import ByteSource, DownloadedFile, identity_of
from serving.fetch.urls import HostList, Url, parse_url
from serving.strictjson import parse_json

MAX_JSON_BYTES: Final = 8 * 1024**2
"""A page of 100 STAC Items has about two million."""

JSON_DEPTH: Final = 40
"""Levels of arrays and objects; a STAC Item with a MultiPolygon has eight."""

_JSON: Final = "application/json"
_ACCEPT: Final = "application/geo+json, application/json"
_OK: Final = 200
_PARTIAL: Final = 206
_NO_SUCH_RANGE: Final = 416
_SUCCESS: Final = tuple(range(200, 300))
_DEFAULT_POLICY: Final = RangePolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that was fetched.

    Attributes:
        url: where it came from, after redirects.
        path: where it is.
        size: bytes.
        sha256: lower-case hexadecimal digest.
        etag: the host's name for the content, or None.
    """

    url: Url
    path: Path
    size: int
    sha256: str
    etag: str | None


class Fetcher:
    """Fetches from allowed hosts at public addresses. Threads may share it.

    No proxy, no netrc, no cookies and no credentials: an address alone decides what is read. Redirects are followed by
    hand, each hop checked like the first address.

    Args:
        hosts: which hosts may be asked.
        dialler: how they are reached; the default is the only one the service uses.
        tls: certificate authorities; default: the system's.
    """

    def __init__(self, hosts: HostList, *, dialler: Dialler | None = None, tls: SSLContext | None = None) -> None:
        self.hosts = hosts
        self._dialler = dialler or Dialler.of_system()
        self._tls = tls or httpcore2.default_ssl_context()

    def with_host(self, url: Url) -> Fetcher:
        """The same, with one more host."""
        return Fetcher(self.hosts.with_host(url), dialler=self._dialler, tls=self._tls)

    def check(self, text: str) -> Url:
        """Whether an address may be asked for; no network is used.

        Raises:
            UrlInvalid: when it cannot be understood.
            UrlScheme: when it is not https.
            UrlBlocked: when its host is not allowed.
        """
        url = parse_url(text)
        self.hosts.check(url)
        return url

    def verify(self, text: str, budget: Budget) -> Url:
        """As ``check``, and the host's name is resolved; nothing is asked of the host itself.

        Raises:
            DataError: see ``check``; also ``UrlBlocked`` when an address is not public.
            Upstream: when the name cannot be resolved.
        """
        url = self.check(text)
        try:
            self._dialler.addresses(url.host, budget.limits.connect_s)
        except httpcore2.TimeoutException as error:
            raise UpstreamTimeout(f"the name {url.host} was not resolved in time; try again later") from error
        except httpcore2.NetworkError as error:
            raise Upstream(f"the name {url.host} cannot be resolved; check it") from error
        return url

    def fetch_file(self, text: str, path: Path, budget: Budget) -> Fetched:
        """Fetch a whole file; a part of one never stays behind.

        Args:
            text: the address.
            path: where to write it; replaced when it is there.
            budget: what may be spent.

        Raises:
            DataError: when the address must not be asked, has nothing, or has too much.
            Upstream: when the host fails.
            DiskFull: when there is no room.
        """
        url = self.check(text)
        with self._line(budget) as line:
            return patiently(budget, lambda until: _download(line, url, path, budget, until))

    def fetch_json(
        self,
        text: str,
        budget: Budget,
        *,
        question: Mapping[str, Any] | None = None,
        max_bytes: int = MAX_JSON_BYTES,
    ) -> tuple[Url, Any]:
        """Fetch a JSON document, strictly read and not too deep.

        Args:
            text: the address.
            budget: what may be spent.
            question: sent with POST, for hosts that answer questions; None = GET.
            max_bytes: most bytes of the document.

        Returns:
            the address it came from, after redirects, and its value.

        Raises:
            NotJson: when it is something else.
            DataError: when the address must not be asked, has nothing, or has too much.
            Upstream: when the host fails.
        """
        url = self.check(text)
        ask = Ask(headers={"Accept": _ACCEPT}) if question is None else _post(question, {"Accept": _ACCEPT})
        with self._line(budget) as line:
            found, content = patiently(budget, lambda until: _small(line, url, ask, budget, until, max_bytes))
        try:
            return found, parse_json(content, depth=JSON_DEPTH)
        except ValueError as error:
            raise NotJson(f"{found.host} answered no JSON that is read: {error}") from error

    def post_json(self, text: str, document: Mapping[str, Any], budget: Budget) -> int:
        """Tell somebody something, once: no redirect is followed and nothing is repeated. The answer is not read.

        Returns:
            the HTTP status, 200 to 299.

        Raises:
            DataError: when the address must not be asked, or is not there.
            Upstream: when the host fails or refuses.
        """
        url = self.check(text)
        with self._line(budget) as line, budget.waiting() as until, line.ask(url, _post(document), until) as answer:
            refuse_status(answer, *_SUCCESS)
            return answer.status

    def open(self, text: str, path: Path, budget: Budget, *, policy: RangePolicy = _DEFAULT_POLICY) -> ByteSource:
        """Open a file for reading in pieces; it is fetched whole where the host does not answer ranges.

        Args:
            text: the address.
            path: where to put the file if it has to be fetched whole; removed when the source is closed.
            budget: what may be spent, by all reads together.
            policy: how requests are cut.

        Raises:
            DataError: when the address must not be asked, has nothing, or has too much.
            Upstream: when the host fails.
            DiskFull: when there is no room.
        """
        url = self.check(text)
        line = self._line(budget)
        try:
            source = patiently(budget, lambda until: _begin(line, url, path, budget, policy, until))
        except BaseException:
            line.close()
            raise
        if not isinstance(source, RangedFile):
            line.close()
        return source

    def _line(self, budget: Budget) -> Line:
        return Line(self.hosts, self._dialler, self._tls, budget)


def _post(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Ask:
    content = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    return Ask(method="POST", headers={"Content-Type": _JSON, **(headers or {})}, content=content, redirects=0)


def _small(line: Line, url: Url, ask: Ask, budget: Budget, until: float, max_bytes: int) -> tuple[Url, bytes]:
    """A document that fits into the memory."""
    content = bytearray()
    with line.ask(url, ask, until) as answer:
        refuse_status(answer, _OK)
        for piece in _counted(answer, budget):
            content += piece
            if len(content) > max_bytes:
                raise SourceTooLarge(f"the document on {url.host} has more than {max_bytes:,} bytes, the limit")
        return answer.url, bytes(content)


def _counted(answer: Answer, budget: Budget) -> Iterator[bytes]:
    """The pieces of a body, unpacked and accounted for."""
    if answer.length is not None:
        budget.check_size(answer.length)
    for piece in decoded(answer.body, answer.coding):
        budget.take(len(piece))
        yield piece


def _download(line: Line, url: Url, path: Path, budget: Budget, until: float) -> Fetched:
    with line.ask(url, Ask(), until) as answer:
        refuse_status(answer, _OK)
        return _save(answer, path, budget)


def _save(answer: Answer, path: Path, budget: Budget) -> Fetched:
    """Write a body to a file, which is removed again when that fails."""
    digest, size = hashlib.sha256(), 0
    try:
        with os_errors(path), path.open("wb") as file:
            for piece in _counted(answer, budget):
                digest.update(piece)
                size += file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Fetched(url=answer.url, path=path, size=size, sha256=digest.hexdigest(), etag=answer.headers.get("etag"))


def _begin(line: Line, url: Url, path: Path, budget: Budget, policy: RangePolicy, until: float) -> ByteSource:
    """The first answer decides how a source is read."""
    with line.ask(url, Ask(headers={"Range": f"bytes=0-{policy.block - 1}"}), until) as answer:
        if answer.status == _OK or answer.headers.get("content-range") == "bytes */0":
            return _whole(answer, url, path, budget)
        if answer.status == _NO_SUCH_RANGE:
            raise Upstream(f"{url.host} refuses to send the beginning of the file")
        refuse_status(answer, _OK, _PARTIAL)
        first, stop, total = content_range(answer)
        if total is None or (first, stop) != (0, min(policy.block, total)):
            raise Upstream(f"{url.host} answered another range than the one it was asked for, or no size")
        headers = answer.headers
        identity = Identity(size=total, etag=headers.get("etag"), modified=headers.get("last-modified"), asked=str(url))
        start = exactly(answer, stop, budget)
        return RangedFile(line, budget, answer.url, identity, start=start, policy=policy)


def _whole(answer: Answer, url: Url, path: Path, budget: Budget) -> DownloadedFile:
    etag, size = answer.headers.get("etag"), 0
    if answer.status == _NO_SUCH_RANGE:  # there is no first byte of an empty file
        path.write_bytes(b"")
    else:
        size = _save(answer, path, budget).size
    identity = identity_of(str(url), size, etag, answer.headers.get("last-modified"))
    return DownloadedFile(path, size=size, etag=etag, identity=identity)
