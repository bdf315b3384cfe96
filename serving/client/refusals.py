"""Problem documents of a service as errors of this process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2

from landcover.errors import SteppeError
from serving.client.errors import AnswerNotUnderstood, ServiceRefused
from serving.sentence import sentence

MEDIA_TYPE: Final = "application/problem+json"

_INPUT: Final = re.compile(
    r"\bthe (?:input|query parameter) "
    r"(?P<name>bands|level|model|product|crs|language|mask_clouds|min_area|mosaic|name|resolution)\b"
)
_DATE: Final = re.compile(r"\bthe input (before|after)_datetime\b")
_OUTPUT: Final = re.compile(r"\bthe output (confidence|probabilities|uncertainty|quality)\b")
_UNAUTHORIZED: Final = "unauthorized"


def refusal_of(
    response: httpx2.Response, *, has_key: bool, look_up: Callable[[str], object]
) -> ServiceRefused | AnswerNotUnderstood:
    """What an answer that is no success means.

    Args:
        response: the answer, read.
        has_key: whether a key was shown.
        look_up: asks the service what a problem type means, for its exit code.
    """
    document = problem_in(response)
    if document is None:
        return AnswerNotUnderstood(
            f"what answers at --server says {response.status_code} in a way that no Steppe service does; correct the "
            "address"
        )
    kind = str(document.get("type", "")).rpartition("/")[2]
    detail = document.get("detail") or document.get("title") or f"the service answered {response.status_code}"
    words = _key_words(has_key=has_key) if kind == _UNAUTHORIZED else options_in(sentence(str(detail)))
    return ServiceRefused(words, kind=kind, exit_code=exit_code_of(kind, look_up))


def options_in(text: str) -> str:
    """A message of the service with the options of the command line for the members of requests that it names."""
    text = _OUTPUT.sub(r"--\1", _DATE.sub(r"--\1-date", text.replace("the input area", "--bbox or --aoi")))
    return _INPUT.sub(lambda match: f"--{match['name'].replace('_', '-')}", text)


def problem_in(response: httpx2.Response) -> dict[str, Any] | None:
    """The problem document of an answer, or None."""
    if response.headers.get("content-type", "").partition(";")[0].strip() != MEDIA_TYPE:
        return None
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def exit_code_of(kind: str, look_up: Callable[[str], object]) -> int:
    """The exit code of a problem type: of the error's class where this process knows it, else the service knows."""
    for error in _classes(SteppeError):
        if error.slug == kind:
            return error.exit_code
    told = look_up(kind)
    return told if isinstance(told, int) and 0 < told < 126 else SteppeError.exit_code  # noqa: PLR2004 - shells' own


def _classes(root: type[SteppeError]) -> Iterator[type[SteppeError]]:
    yield root
    for derived in root.__subclasses__():
        yield from _classes(derived)


def _key_words(*, has_key: bool) -> str:
    if has_key:
        return "the service does not know the API key, or its time is over; give one that is valid there"
    return "the service wants an API key; give it in STEPPE_API_KEY or --key-file"
