"""Say in the words of requests what the rooms below say in the words of the command line.

One sentence has to do for both, and the command line has more options than requests have names; here each option gets
the name under which a request has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

INPUT: Final = "input"
"""What parameters are called in requests to processes."""

PARAMETER: Final = "query parameter"
"""What they are called where they stand in the address."""

_AREA: Final = "the input area"
_OUTPUTS: Final = ("confidence", "probabilities", "uncertainty", "quality")
_PHRASES: Final = {
    "give both images to steppe degradation": "execute the process degradation with both images",
    "--bbox or --aoi": _AREA,
    "--aoi or --bbox": _AREA,
    "--aoi-crs or --bbox-crs": "the crs of the input area",
    "--bbox-crs": "the crs of the input area",
    "--aoi-crs": "the crs of the input area",
    "--bbox": _AREA,
    "--aoi": _AREA,
    "--before-date": "the input before_datetime",
    "--after-date": "the input after_datetime",
    "--provider": "STEPPE_PROVIDER",
    "--precision": "STEPPE_PRECISION",
    **{f"--{name}": f"the output {name}" for name in _OUTPUTS},
    "BEFORE": "before",
    "AFTER": "after",
}
_IN_ADDRESSES: Final = frozenset({"bands", "level", "model", "product"})
"""Options that requests may have in the address."""

_IN_PROCESSES: Final = frozenset(
    {"baseline", "crs", "language", "mask-clouds", "min-area", "mosaic", "name", "period", "resolution"}
)
"""Options that only requests to processes have."""

_EDGE: Final = r"[\w./'-]"
_OPTION: Final = re.compile(
    rf"(?<!{_EDGE})(?P<phrase>{'|'.join(map(re.escape, sorted(_PHRASES, key=len, reverse=True)))})(?![\w'-])"
    rf"|(?<!{_EDGE})--(?P<option>{'|'.join(sorted(_IN_ADDRESSES | _IN_PROCESSES))})(?![\w'-])"
)


def spoken(text: str, called: str = INPUT) -> str:
    """A message for those who send requests.

    Args:
        text: the message; names of files in it, which stand in quotes, stay as they are.
        called: what parameters are called where the caller gave them, ``INPUT`` or ``PARAMETER``.
    """
    return _OPTION.sub(_naming(called), text)


def _naming(called: str) -> Callable[[re.Match[str]], str]:
    # Whoever sends a file as it is has few parameters; the others are those of a process.
    elsewhere = " of the process classify" if called == PARAMETER else ""

    def name(match: re.Match[str]) -> str:
        if (phrase := match["phrase"]) is not None:
            words = _PHRASES[phrase]
            return words + elsewhere if words.startswith("the ") else words
        option = match["option"].replace("-", "_")
        return f"the {called} {option}" if option in _IN_ADDRESSES else f"the {INPUT} {option}{elsewhere}"

    return name
