"""Which band of a file is which band of the model: by name, never by position alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from landcover.errors import BandCount, BandMapping
from landcover.sensors import canonical_band_name


def band_key(name: str) -> str:
    """What two spellings of the same band have in common; unknown names are compared without regard to case."""
    return canonical_band_name(name) or name.strip().casefold()


def _listed(names: Sequence[str | None]) -> str:
    return ", ".join(name or "unnamed" for name in names)


def _check_given(stated: Sequence[str | None], given: Sequence[str], name: str) -> None:
    if len(given) != len(stated):
        raise BandMapping(
            f"{len(given)} band names were given ({_listed(given)}), but {name!r} has {len(stated)} bands "
            f"({_listed(stated)}; an alpha band does not count); give one name for each"
        )
    for position, (own, said) in enumerate(zip(stated, given, strict=True), start=1):
        if own and canonical_band_name(own) and band_key(own) != band_key(said):
            raise BandMapping(
                f"band {position} of {name!r} is named {own!r} in the file, but {said!r} was given; "
                "leave the names out, or correct them"
            )


def _refuse_duplicates(keys: Sequence[str | None], checked: Sequence[str], name: str) -> None:
    counts = Counter(keys)
    repeated = [band for band in checked if counts[band_key(band)] > 1]
    if repeated:
        raise BandMapping(f"{name!r} has more than one band named {_listed(repeated)}; each name must occur once")


def select_bands(
    stated: Sequence[str | None], wanted: Sequence[str], given: Sequence[str] | None, *, name: str
) -> tuple[int, ...]:
    """Positions of the wanted bands in the file.

    Args:
        stated: for each data band of the file its own description, or None.
        wanted: the model's band names, in its order.
        given: names the caller gives to the file's bands, in file order, or None.
        name: file name for messages.

    Returns:
        for each wanted band its position (from 0) among the data bands.

    Raises:
        BandMapping: when names are missing, doubled, contradictory or not as many as the bands.
        BandCount: when there are no names, and too few bands.
    """
    if given is not None:
        _check_given(stated, given, name)
    names = list(given) if given is not None else list(stated)
    keys = [band_key(band) if band else None for band in names]
    _refuse_duplicates(keys, wanted if given is None else given, name)
    missing = [band for band in wanted if band_key(band) not in keys]
    if missing and not any(keys) and len(names) < len(wanted):
        raise BandCount(
            f"{name!r} has {len(names)} bands (an alpha band does not count); the model wants {len(wanted)}: "
            f"{_listed(wanted)}"
        )
    if missing and not any(keys):
        raise BandMapping(
            f"{name!r} has {len(names)} bands without names; the model wants {_listed(wanted)}: "
            "say which band is which with --bands, in file order"
        )
    if missing:
        raise BandMapping(
            f"{name!r} has no band {_listed(missing)}; it has {_listed(names)}, the model wants {_listed(wanted)}"
        )
    return tuple(keys.index(band_key(band)) for band in wanted)
