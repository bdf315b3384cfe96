"""Finding the files of mask bands (clouds, scene classification) that came with the bands, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from landcover.errors import RasterUnreadable
from landcover.raster.band_files import SUFFIXES, image_folders

# ..._SCL_20m.jp2, SCL.tif, MSK_CLASSI_B00.jp2, ..._QA_PIXEL.TIF
_TOKEN: Final = re.compile(r"(?:.*_)?(?P<mask>SCL|QA60|QA_PIXEL)(?:_\d{2}m)?|(?P<flags>MSK_CLASSI)_B00", re.IGNORECASE)


def mask_of(path: Path) -> str | None:
    """The mask that a file name speaks of, one of the names of ``landcover.quality.MASKS``; None when of none."""
    match = _TOKEN.fullmatch(path.stem)
    return (match["mask"] or match["flags"]).upper() if match and path.suffix.lower() in SUFFIXES else None


def mask_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every mask file that belongs to the granule that a folder is of, finest resolution first, with the mask's name.

    Raises:
        BandMapping: when a SAFE product holds several granules.
        RasterUnreadable: when a folder cannot be listed.
    """
    granule = folder.absolute()
    if re.fullmatch(r"R\d0m", granule.name):
        granule = granule.parent
    if granule.name == "IMG_DATA":
        granule = granule.parent
    masks = [granule / "QI_DATA", *sorted(granule.glob("GRANULE/*/QI_DATA"))]
    try:
        for place in [folder, *image_folders(granule), *filter(Path.is_dir, masks)]:
            for path in sorted(place.iterdir()):
                mask = mask_of(path)
                if mask and path.is_file():
                    yield mask, path
    except OSError as error:
        raise RasterUnreadable(f"folder {folder.name!r} cannot be listed: {error.strerror}") from error
