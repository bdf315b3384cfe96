"""The option ``--preset``: a table of periods by its name, or one of the country's own from a file."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TYPE_CHECKING, Final

from landcover.errors import WrongUse
from serving.commands.reportoptions import refuse_empty_words

if TYPE_CHECKING:  # --help need not load it
    from indicators.condition.periods import PeriodPreset

_MOST_BYTES: Final = 1 << 20
"""More is not read, and so is no JSON."""

_DEPTH: Final = 10
_ENDING: Final = ".json"


def preset_of(text: str | None) -> PeriodPreset | None:
    """The table of periods that ``--preset`` names.

    Args:
        text: id of a preset, or a file whose name ends in ``.json``; None = no table.

    Raises:
        WrongUse: when it is neither.
        PeriodTable: when the file cannot be read, is no JSON, or its table is out of order.
    """
    from indicators.condition.presets import PRESETS  # noqa: PLC0415 - not for --help

    if text is None or text in PRESETS:
        return None if text is None else PRESETS[text]
    refuse_empty_words({"--preset": text})
    if not text.lower().endswith(_ENDING):
        raise WrongUse(
            f"--preset {text!r} is not known; choose one of {', '.join(PRESETS)}, or name a file of your own table of "
            "periods that ends in .json"
        )
    return read_preset(Path(text))


def read_preset(path: Path) -> PeriodPreset:
    """The table of periods in a file, as ``PeriodPreset.to_document`` writes it.

    Raises:
        PeriodTable: when it cannot be read, is no JSON, or is out of order.
    """
    from indicators.condition.period_documents import from_document  # noqa: PLC0415
    from indicators.condition.periods import PeriodTable  # noqa: PLC0415
    from serving.strictjson import Malformed, Unusable, parse_json  # noqa: PLC0415

    what = f"table of periods {path.name!r}"
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES)
        return from_document(parse_json(content.removeprefix(codecs.BOM_UTF8), depth=_DEPTH))
    except (Malformed, Unusable) as error:
        raise PeriodTable(f"{what} cannot be used: {error}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is none"
        raise PeriodTable(f"{what} cannot be read: {reason}") from error
    except PeriodTable as error:
        raise PeriodTable(f"{what}: {error}") from error
