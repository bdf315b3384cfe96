"""One sentence from what jsonargparse and Lightning say of a configuration that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from landcover.errors import ConfigError, SteppeError, WrongUse

_NOISE: Final = (
    "Does not validate against any of",
    "Subtypes:",
    "Errors:",
    "Expected a <class 'NoneType'>",
    "Problem with given class_path",
    "Given value type:",
)
_KEY: Final = re.compile(r'Parser key "(?P<key>[^"]+)":')
_CLASS: Final = re.compile(r"<class '(?:\w+\.)*(?P<name>\w+)'>|typing\.(?P<hint>\w+)")
_NESTED: Final = re.compile(r"NestedArg\(key='(?P<key>[^']+)', val=.*?\)")
LONGEST_VALUE: Final = 60
"""Characters; a longer "Given value" is a whole branch of the configuration, which the user has before them."""

LONGEST: Final = 400


def refused(error: BaseException) -> SteppeError:
    """The noun for a configuration that a library refused.

    An error of this project inside it is given back as it is, with its own exit code.

    Args:
        error: What the library raised.
    """
    own = next((cause for cause in _causes(error) if isinstance(cause, SteppeError)), None)
    if own is not None:
        return own
    text = sentence_of(error)
    if text.startswith(("unrecognized arguments", "the following arguments are required", "expected", "argument ")):
        return WrongUse(f"{text}; `steppe train --help` shows how it is used")
    return ConfigError(f"the configuration cannot be used: {text}")


def sentence_of(error: BaseException) -> str:
    """What is wrong and where, without jsonargparse's page of everything that was tried.

    Args:
        error: What the library raised.
    """
    keys: list[str] = []
    said: list[str] = []
    for line in str(error).splitlines():
        text = line.strip().removeprefix("- ")
        found = _KEY.match(text)
        if found:
            keys.append(found["key"])
            text = text[found.end() :].strip()
        text = _NESTED.sub(r"\g<key>", text)
        if text and not text.startswith(_NOISE) and not _long_value(text):
            said.append(_CLASS.sub(lambda found: found["name"] or found["hint"], text))
    where = ".".join(keys)
    what = "; ".join(dict.fromkeys(said)) or type(error).__name__
    return (f"{where}: {what}" if where else what)[:LONGEST].rstrip(". ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _long_value(text: str) -> bool:
    return text.startswith("Given value:") and len(text) > LONGEST_VALUE
