"""Finding the files of single bands in a folder, by the band token in their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from landcover.errors import BandMapping, RasterUnreadable
from landcover.sensors import canonical_band_name

SUFFIXES: Final = frozenset({".jp2", ".j2k", ".tif", ".tiff"})
# ..._B02.jp2, ..._B02_10m.jp2, B8A.tif, ..._SR_B4.TIF: the band is the last token before an optional resolution.
_TOKEN: Final = re.compile(r"(?:(?P<scene>.*?)_)?(?P<band>SR_B\d{1,2}|B\d{1,2}|B8A)(?:_\d{2}m)?", re.IGNORECASE)
_LANDSAT: Final = re.compile(r"L[A-Z]\d{2}_", re.IGNORECASE)
_RESOLUTIONS: Final = ("R10m", "R20m", "R60m")


def band_of(path: Path) -> str | None:
    """The band a file name speaks of, in the product's spelling; None when it speaks of none.

    A bare ``B4`` in a Landsat name is level-1 data, not Sentinel-2's red band: it is not a band here.
    """
    match = _TOKEN.fullmatch(path.stem)
    if path.suffix.lower() not in SUFFIXES or not match:
        return None
    band = canonical_band_name(match["band"])
    return None if band and _LANDSAT.match(path.stem) and not band.startswith("SR_") else band


def scene_of(paths: Iterable[Path]) -> str | None:
    """What the names of all band files say before the band (``T33UUU_20170216T102101``); None when they differ."""
    names = {match["scene"] for path in paths if (match := _TOKEN.fullmatch(path.stem))}
    return names.pop() if len(names) == 1 else None


def image_folders(folder: Path) -> list[Path]:
    """The folder itself and where a SAFE product keeps its images below it (any level may be the given one)."""
    granules = sorted(folder.glob("GRANULE/*/IMG_DATA"))
    if len(granules) > 1:
        raise BandMapping(
            f"{folder.name!r} holds {len(granules)} granules; give the folder of one of them, below GRANULE"
        )
    roots = [folder, folder / "IMG_DATA", *granules]
    return [place for root in roots for place in (root, *(root / name for name in _RESOLUTIONS)) if place.is_dir()]


def find_band_files(folder: Path) -> dict[str, list[Path]]:
    """Every regular file that holds a band: band name -> files, several where there are several resolutions.

    Raises:
        BandMapping: when a SAFE product holds several granules.
        RasterUnreadable: when there is no such file, or the folder cannot be listed.
    """
    found: dict[str, list[Path]] = {}
    try:
        for place in image_folders(folder):
            for path in sorted(place.iterdir()):
                band = band_of(path)
                if band and path.is_file():
                    found.setdefault(band, []).append(path)
    except OSError as error:
        raise RasterUnreadable(f"folder {folder.name!r} cannot be listed: {error.strerror}") from error
    if not found:
        raise RasterUnreadable(
            f"folder {folder.name!r} holds no band files; expected names ending in a band, such as "
            "T33UUU_20170216T102101_B02.jp2, B02.tif or LC08_L2SP_..._SR_B4.TIF, or a SAFE product"
        )
    return found


def choose_band_files(found: dict[str, list[Path]], wanted: Sequence[str], folder: str) -> list[list[Path]]:
    """For each wanted band the files that hold it.

    Raises:
        BandMapping: naming the missing bands and what is there.
    """
    missing = [band for band in wanted if (canonical_band_name(band) or band) not in found]
    if missing:
        raise BandMapping(
            f"folder {folder!r} has no file for band {', '.join(missing)}; it has {', '.join(sorted(found))}, "
            f"the model wants {', '.join(wanted)}"
        )
    return [found[canonical_band_name(band) or band] for band in wanted]
