"""Requests that a service on the open network gets sooner or later, and what each must be answered.

A case names the part of the service that it needs. Cases whose part is not in ``PRESENT`` are written down for the day
when it is: put its name there, and they run.

Texts in braces stand for what a test provides, see ``bytes_of``: ``{scene}`` a good scene, ``{key}`` a good key,
``{other}`` another one, ``{revoked}``, ``{expired}``, ``{tiles}`` a key that only reads tiles, ``{job}`` a job of
``{key}``, ``{ended}`` one that has ended, ``{gone}`` one that was removed, ``{running}`` one that does not end.
"""

from __future__ import annotations

from dataclasses import dataclass

PRESENT = frozenset({"door", "classify", "models", "keys", "tokens", "processes", "jobs", "v2", "tiles"})
"""Parts of the service that exist. Others: retirement."""

RUN = "/processes/classify/execution"
JSON = "Content-Type: application/json"
TIFF = "Content-Type: image/tiff"
CHUNKED = "Transfer-Encoding: chunked"
ALICE = "X-API-Key: {key}"
BOB = "X-API-Key: {other}"


@dataclass(frozen=True)
class Case:
    """One request.

    Attributes:
        number: of the list that it comes from (shared with the raster corpus, which ends at 90).
        name: what is wrong.
        status: every status that will do.
        slug: last part of the problem type; None = any, or the answer is no problem.
        part: of the service that it needs.
        method, path, fields: of the head; a ``Host`` field replaces the usual one.
        body: bytes, or text with braces.
        pieces: sent after the rest, one by one.
        closed: against a server that asks for keys.
        slow: is answered when patience ends, not at once.
        header: header fields that the answer must have.
        not_in: texts that the answer must not have.
    """

    number: int
    name: str
    status: tuple[int, ...]
    slug: str | None = None
    part: str = "door"
    method: str = "GET"
    path: str = "/models"
    fields: tuple[str, ...] = ()
    body: bytes | str = b""
    pieces: tuple[bytes, ...] = ()
    closed: bool = False
    slow: bool = False
    header: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()
    raw: bytes | None = None

    @property
    def id(self) -> str:
        """Number and name, for the test's name."""
        return f"{self.number} {self.name}"


def bytes_of(case, **texts):
    """The bytes of a case's request; ``texts`` stand in for what is in braces."""
    if case.raw is not None:
        return case.raw
    filled = [_filled(one, texts) for one in (f"{case.method} {case.path} HTTP/1.1", *case.fields)]
    if not any(line.lower().startswith(b"host:") for line in filled):
        filled.insert(1, b"Host: 127.0.0.1")
    body = case.body if isinstance(case.body, bytes) else _filled(case.body, texts)
    framed = any(line.lower().startswith((b"content-length:", b"transfer-encoding:")) for line in filled)
    if body and not framed:
        filled.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*filled, b"", b""]) + body


def _filled(text, texts):
    content = text.encode("utf-8", "surrogateescape")
    for name, value in texts.items():
        content = content.replace(b"{" + name.encode() + b"}", value if isinstance(value, bytes) else value.encode())
    return content


def _post(number, name, body, status, slug, **more):
    """A JSON body for a process."""
    given = {"part": "processes", "method": "POST", "path": RUN, "fields": (JSON,)} | more
    return Case(number, name, status if isinstance(status, tuple) else (status,), slug, body=body, **given)


def _get(number, name, path, status, slug=None, part="tiles", **more):
    return Case(number, name, status if isinstance(status, tuple) else (status,), slug, part=part, path=path, **more)


def _inputs(members):
    return '{"inputs": {%s}}' % members  # noqa: UP031 - braces


_JSON = [
    _post(91, "lists 100 000 deep", b"[" * 100_000, 400, "malformed-json"),
    _post(91, "objects 100 000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "malformed-json"),
    _post(92, "5000 digits", _inputs('"threshold": ' + "9" * 5000), 400, "malformed-json"),
    _post(92, "4000 digits", _inputs('"threshold": ' + "9" * 4000), 422, "unusable-json"),
    _post(93, "NaN", _inputs('"threshold": NaN'), 422, "unusable-json"),
    _post(93, "Infinity", _inputs('"threshold": -Infinity'), 422, "unusable-json"),
    _post(93, "1e999", _inputs('"threshold": 1e999'), 422, "unusable-json"),
    _post(94, "half a surrogate pair", _inputs('"model": "\\ud800"'), 422, "unusable-json"),
    _post(94, "NUL", _inputs('"model": "tiny\\u0000"'), 422, "unusable-json"),
    _post(94, "text that runs backwards", _inputs('"model": "tiny\\u202e"'), 422, None),
    _post(95, "no UTF-8", b'{"inputs": "\xff"}', 400, "malformed-json"),
    _post(95, "byte order mark", b"\xef\xbb\xbf{}", 400, "malformed-json"),
    _post(95, "UTF-16", '{"inputs": {}}'.encode("utf-16"), 400, "malformed-json"),
    _post(95, "another character set", b"{}", 400, "malformed-json", fields=(f"{JSON}; charset=latin1",)),
    _post(96, "a member twice", b'{"inputs": {}, "inputs": {}}', 400, "malformed-json"),
    _post(97, "an unknown member", b'{"inputs": {}, "inptus": {}}', 422, "inputs"),
    _post(98, "64 MB announced", b"", 413, "body-too-large", fields=(JSON, "Content-Length: 67108864")),
    _post(98, "2 MB in pieces", b"", 413, "body-too-large", fields=(JSON, CHUNKED),
          pieces=(b"40000\r\n" + b" " * 0x40000 + b"\r\n",) * 8),
    _post(104, "JSON without type", b"{}", 415, "media-type", fields=()),
    _post(104, "JSON as text", b"{}", 415, "media-type", fields=("Content-Type: text/plain",)),
    _post(104, "an answer in XML", b'{"inputs": {}}', 406, "not-acceptable", fields=(JSON, "Accept: application/xml")),
    _post(104, "CSV wanted", b'{"inputs": {"scene": "AA"}}', 406, "not-acceptable", fields=(JSON, "Accept: text/csv")),
]  # fmt: skip

_UPLOAD = {"part": "classify", "method": "POST", "path": "/classify"}
_HTTP = [
    Case(99, "a compressed body", (415,), "media-type", fields=(TIFF, "Content-Encoding: gzip"), body=b"\x1f\x8b" * 9,
         **_UPLOAD),
    Case(100, "multipart without boundary", (415,), "media-type", fields=("Content-Type: multipart/form-data",),
         body=b"--x\r\n\r\n", **_UPLOAD),
    Case(100, "multipart of 5000 parts", (415,), "media-type",
         fields=("Content-Type: multipart/form-data; boundary=x",),
         body=b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 5000, **_UPLOAD),
    Case(101, "an upload without end", (413,), "raster-too-large", fields=(TIFF, CHUNKED),
         pieces=(b"80000\r\nII*\0" + b" " * 0x7FFFC + b"\r\n",) * 4, **_UPLOAD),
    Case(101, "an upload of 400 MB announced", (413,), "raster-too-large", fields=(TIFF, "Content-Length: 419430400"),
         **_UPLOAD),
    Case(102, "two lengths", (400,), "malformed-request", fields=(TIFF, "Content-Length: 2", "Content-Length: 3"),
         body=b"abc", **_UPLOAD),
    Case(102, "length and pieces", (400,), "malformed-request", fields=(TIFF, "Content-Length: 2", CHUNKED),
         body=b"2\r\nab\r\n0\r\n\r\n", **_UPLOAD),
    Case(102, "pieces and length", (400,), "malformed-request", fields=(TIFF, CHUNKED, "Content-Length: 2"),
         body=b"2\r\nab\r\n0\r\n\r\n", **_UPLOAD),
    Case(102, "a negative length", (400,), "malformed-request", fields=(TIFF, "Content-Length: -1"), body=b"ab",
         **_UPLOAD),
    Case(102, "a piece of impossible size", (400,), None, fields=(TIFF, CHUNKED), body=b"FFFFFFFFFFFFFFFFF\r\nab\r\n",
         **_UPLOAD),
    Case(103, "a path as file name", (200,), fields=(TIFF, 'Content-Disposition: attachment; filename="../../x"'),
         body="{scene}", not_in=("../",), **_UPLOAD),
    Case(104, "a scene declared as JSON", (415,), "media-type", fields=(JSON,), body="{scene}", **_UPLOAD),
    Case(104, "a map as a spreadsheet", (406,), "not-acceptable", fields=(TIFF, "Accept: application/vnd.ms-excel"),
         body="{scene}", **_UPLOAD),
    Case(104, "models as pictures", (406,), "not-acceptable", part="models", fields=("Accept: image/png",)),
    Case(104, "an Accept of nonsense", (406,), "not-acceptable", part="models", fields=("Accept: ;;,,q=;",)),
    Case(105, "a header of 64 kB", (431,), "head-too-large", fields=("X-Long: " + "x" * 65_536,)),
    Case(105, "1000 header fields", (431,), "head-too-large", fields=tuple(f"X-{n}: {'y' * 60}" for n in range(1000))),
    Case(105, "an address of 16 kB", (414,), "url-too-long", path="/models/" + "x" * 16_384),
    Case(105, "a query of 16 kB", (414,), "url-too-long", path="/models?" + "x" * 16_384),
    Case(106, "half a head", (408,), "request-too-slow", raw=b"GET /models HTTP/1.1\r\nHost: 127", slow=True),
    Case(106, "a byte of a body", (408,), None, fields=(TIFF, "Content-Length: 100"), body=b"I", slow=True, **_UPLOAD),
    Case(128, "TRACE", (405,), "method-refused", method="TRACE"),
    Case(128, "CONNECT", (405,), "method-refused", raw=b"CONNECT x.org:443 HTTP/1.1\r\nHost: x.org:443\r\n\r\n"),
    Case(128, "a method of its own", (400, 405), None, method="BREW"),
    Case(128, "another method by header", (200,), fields=("X-HTTP-Method-Override: DELETE",)),
    Case(128, "another host", (421,), "wrong-host", fields=("Host: evil.example.org",), not_in=("evil",)),
    Case(128, "a forwarded host", (200,), fields=("X-Forwarded-Host: evil.example.org", "Forwarded: host=evil"),
         not_in=("evil",)),
    Case(128, "a forwarded address", (200,), fields=("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"),
         not_in=("203.0.113.9", "https://127")),
    Case(128, "an absolute address of another host", (200, 421), path="http://evil.example.org/models",
         not_in=("evil",)),
    Case(128, "no host", (400,), "malformed-request", raw=b"GET /models HTTP/1.1\r\n\r\n"),
    Case(128, "TLS on a plain port", (400,), "malformed-request", raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"),
    Case(129, "a script in the path", (404,), "not-found", path="/<script>alert(1)</script>", not_in=("<script",),
         header=("x-content-type-options",)),
    Case(129, "a script in a query", (422,), "invalid-request", **_UPLOAD | {"path": "/classify?m%3Cscript%3E=1"},
         fields=(TIFF,), body=b"II*\0", not_in=("<script",), header=("x-content-type-options",)),
    Case(129, "a form of another site", (403,), "cross-origin", fields=(TIFF, "Origin: https://evil.example.org"),
         body="{scene}", not_in=("evil",), **_UPLOAD),
]  # fmt: skip

_NAMES = ["..%2Fx", "a%2Fb", "..", "%20", "tiny%00", "x" * 300, "TINY", "t%D1%96ny", "%ED%A0%80", "%FF", "~root", "-rf"]
_MODELS = [
    *(_get(116, f"model {name[:20]}", f"/models/{name}", 404, None, "models", not_in=("root/",)) for name in _NAMES),
    *(
        Case(116, f"classify by {name[:20]}", (404, 422), None, fields=(TIFF,), body="{scene}",
             **_UPLOAD | {"path": f"/classify?model={name}"})
        for name in _NAMES
    ),
    *(
        _get(117, f"version {version}", f"/models/tiny/versions/{version}", 404, None, "models")
        for version in ("0", "-1", "9.9.9", "..%2F..", "latest%2B1")
    ),
    _get(117, "a retired version", "/models/tiny/versions/0.0.1", 410, None, "retirement"),
]  # fmt: skip

_SOURCE = "/sources/demo.tif"
_TMS = f"{_SOURCE}/tiles/WebMercatorQuad"
_TILE = f"{_TMS}/0/0/0.png"
_TILES = [
    *(
        _get(109, f"zoom {zoom}", f"{_TMS}/{zoom}/0/0.png", 422, "invalid-request")
        for zoom in ("-1", "31", "1000000000", "1_0", "%2B5", "9" * 25)
    ),
    _get(110, "x outside", f"{_TMS}/2/4/0.png", 404, "tile-outside"),
    _get(110, "y outside", f"{_TMS}/0/0/1.png", 404, "tile-outside"),
    *(
        _get(111, f"x is {x}", f"{_TMS}/2/{x}/0.png", (404, 422))
        for x in ("1.5", "a", "%00", "%F0%9F%98%80", "%2e%2e", "NaN")
    ),
    _get(112, "an unknown grid", f"{_SOURCE}/tiles/Nonsense/0/0/0.png", 404),
    _get(112, "an unknown format", f"{_TMS}/0/0/0.exe", (404, 406, 422)),
    _get(112, "17 times the size", f"{_TMS}/0/0/0@17x.png", (404, 422)),
    *(
        _get(113, f"point {point}", f"{_SOURCE}/point/{point}", (404, 422))
        for point in ("500,0", "0,95", "NaN,0", "0", "0,0,0", "1e400,0")
    ),
    _get(127, "no key", _TILE, 401, "unauthorized", closed=True),
    _get(127, "a good key in the address", _TILE + "?access_token={tiles}", (200, 204), closed=True),
    _get(127, "two keys", _TILE + "?access_token={tiles}", 400, "ambiguous-credentials",
         closed=True, fields=(ALICE,)),
]  # fmt: skip

_UUID = "00000000-0000-4000-8000-000000000000"
_SQUARE = "[[0,0],[0,1],[1,1],[1,0],[0,0]]"


def _area(ring, more=""):
    return _inputs(f'"area": {{"type": "Polygon", "coordinates": [{ring}]}}{more}')


_PROCESSES = [
    *(
        _post(113, f"box {box[:24]}", _inputs(f'"bbox": [{box}]'), status, None)
        for box, status in (
            ("10,10,0,0", 422), ("1,1,1,1", 422), ("1,2,3", 422), ("1,2,3,4,5", 422), ("500,0,501,1", 422),
            ("-180,-90,180,90", (413, 422)),
        )
    ),
    *(
        _post(114, f"polygon {name}", _area(ring), (413, 422), None)
        for name, ring in (
            ("that crosses itself", "[[0,0],[1,1],[1,0],[0,1],[0,0]]"),
            ("of a million corners", "[" + "[0,0]," * 30_000 + "[0,0]]"),
            ("that is not closed", "[[0,0],[0,1],[1,1]]"),
            ("of nothing", "[]"),
            ("in text", '"a"'),
        )
    ),
    *(
        _post(115, f"dates {dates[:30]}", _area(_SQUARE, f', "datetime": "{dates}"'), 422, None)
        for dates in ("0000-01-01T00:00:00Z", "9999-12-31T00:00:00Z/..", "2024-06-30T23:59:60Z", "2024-01-01T00:00:00",
                      "2024-02-01T00:00:00Z/2024-01-01T00:00:00Z", "1900-01-01T00:00:00Z/2000-01-01T00:00:00Z", "x")
    ),
    *(
        _post(119, f"{name} {value}", _inputs(f'"{name}": {value}'), 422, None)
        for name, value in (("threshold", "-1"), ("threshold", "2"), ("batch", "0"), ("batch", "1000000000"))
    ),
    *(
        _post(124, f"callback to {address}",
              _inputs('"upload": "x"')[:-1] + f', "subscriber": {{"successUri": "{address}"}}}}', 422, None)
        for address in ("http://127.0.0.1/", "https://169.254.169.254/", "file:///etc/passwd", "https://[::1]/")
    ),
    _post(123, "an empty idempotency key", _inputs('"upload": "x"'), 400, None, fields=(JSON, "Idempotency-Key: ")),
    _post(123, "an idempotency key of 10 kB", _inputs('"upload": "x"'), 400, None,
          fields=(JSON, f"Idempotency-Key: {'k' * 10_000}")),
]  # fmt: skip

_ALICES = {"part": "jobs", "closed": True, "fields": (ALICE,)}
_BOBS = {"part": "jobs", "closed": True, "fields": (BOB,)}
_JOBS = [
    *(
        _get(120, f"job {job[:20]}", f"/jobs/{job}", 404, None, "jobs")
        for job in ("1", "..%2F1", "x" * 300, _UUID, "%00", "'%20OR%201=1--", _UUID.upper() + "0")
    ),
    _get(120, "somebody else's job", "/jobs/{job}", 404, "no-such-job", **_BOBS),
    _get(120, "somebody else's result", "/jobs/{ended}/results", 404, "no-such-job", **_BOBS),
    _get(120, "a removed job", "/jobs/{gone}", 410, "job-gone", **_ALICES),
    _get(121, "removing it again", "/jobs/{gone}", 410, "job-gone", method="DELETE", **_ALICES),
    _get(121, "dismissing somebody else's", "/jobs/{job}", 404, "no-such-job", method="DELETE", **_BOBS),
    _get(122, "the result of a running job", "/jobs/{running}/results", 404, "result-not-ready", **_ALICES),
    _get(122, "the result of a removed job", "/jobs/{gone}/results", 410, "job-gone", **_ALICES),
    _get(125, "a forged page", "/jobs?page=forged", (400, 422), None, "jobs"),
    _get(125, "no jobs a page", "/jobs?limit=0", 422, None, "jobs"),
    _get(125, "a page of a billion", "/jobs?limit=1000000000", (200, 422), None, "jobs"),
    _get(127, "jobs with a key for tiles", "/jobs", 403, "scope-missing", "jobs", closed=True,
         fields=("X-API-Key: {tiles}",)),
]  # fmt: skip

_SECRET = "a" * 52
_KEYS = [
    _get(127, f"key: {name}", "/models", status, slug, "keys", closed=True, fields=fields)
    for name, status, slug, fields in (
        ("none", 401, "unauthorized", ()),
        ("wrong", 401, "unauthorized", (f"X-API-Key: stp_abcdefgh_{_SECRET}",)),
        ("empty", 401, "unauthorized", ("X-API-Key: ",)),
        ("revoked", 401, "unauthorized", ("X-API-Key: {revoked}",)),
        ("expired", 401, "unauthorized", ("X-API-Key: {expired}",)),
        ("cut", 401, "unauthorized", ("X-API-Key: {cut}",)),
        ("by Basic", 401, "unauthorized", ("Authorization: Basic dXNlcjpwYXNz",)),
        ("not ASCII", 401, "unauthorized", ("X-API-Key: stp_\udcff\udcfe",)),
        ("two", 400, "ambiguous-credentials", (ALICE, BOB)),
        ("two in two headers", 400, "ambiguous-credentials", (ALICE, "Authorization: Bearer {other}")),
        ("good", 200, None, (ALICE,)),
        ("good by Bearer", 200, None, ("Authorization: Bearer {key}",)),
        ("the same twice", 200, None, (ALICE, "Authorization: Bearer {key}")),
        ("a session's cookie", 401, "unauthorized", ("Cookie: X-API-Key={key}",)),
    )
] + [
    _get(127, "key in the address", "/models?access_token={key}", 401, "unauthorized", "keys", closed=True),
    Case(127, "key for tiles", (403,), "scope-missing", fields=(TIFF, "X-API-Key: {tiles}"), body="{scene}",
         closed=True, **_UPLOAD),
    Case(127, "no key, and a body that is not read", (401,), "unauthorized", fields=(TIFF, "Content-Length: 1000000"),
         closed=True, **_UPLOAD),
]  # fmt: skip

_INFER = {"part": "v2", "method": "POST", "path": "/v2/models/tiny/infer"}
_BINARY = "Content-Type: application/octet-stream"
_V2 = [
    Case(91, "v2: lists 100 000 deep", (400,), None, fields=(JSON,), body=b"[" * 100_000, **_INFER),
    Case(92, "v2: 5000 digits", (400, 422), None, fields=(JSON,), body=b'{"inputs": ' + b"9" * 5000 + b"}", **_INFER),
    Case(93, "v2: NaN", (400, 422), None, fields=(JSON,), body=b'{"inputs": [NaN]}', **_INFER),
    Case(96, "v2: a member twice", (400,), None, fields=(JSON,), body=b'{"inputs": [], "inputs": []}', **_INFER),
    Case(99, "v2: a compressed body", (415,), None, fields=(JSON, "Content-Encoding: gzip"), body=b"\x1f", **_INFER),
    Case(101, "v2: 400 MB announced", (413,), None, fields=(_BINARY, "Content-Length: 419430400"), **_INFER),
    Case(102, "v2: a header longer than the body", (400,), None, body=b"{}",
         fields=(_BINARY, "Inference-Header-Content-Length: 1000"), **_INFER),
    Case(106, "v2: a byte of a body", (408,), None, fields=(JSON, "Content-Length: 9"), body=b"{", slow=True, **_INFER),
    *(
        Case(116, f"v2: model {name[:20]}", (404,), None, fields=(JSON,), body=b'{"inputs": []}',
             **_INFER | {"path": f"/v2/models/{name}/infer"})
        for name in ("..%2Fx", "TINY", "x" * 300, "tiny%00")
    ),
    Case(127, "v2: no key", (401,), None, fields=(JSON, "Content-Length: 1000000"), closed=True, **_INFER),
    Case(127, "v2: tiles key", (403,), None, fields=(JSON, "X-API-Key: {tiles}"), body=b"{}", closed=True, **_INFER),
]  # fmt: skip

REQUESTS = [*_JSON, *_HTTP, *_MODELS, *_TILES, *_PROCESSES, *_JOBS, *_V2, *_KEYS]
"""All cases; attacks with tokens (126) are made at run time, see ``tests.serving.access.tokens.attacks``."""


def present():
    """The cases whose part of the service exists."""
    return [case for case in REQUESTS if case.part in PRESENT]
