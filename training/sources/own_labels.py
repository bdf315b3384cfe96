"""Label rasters to class indices: codes, pictures or one-hot bands, through a crosswalk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landcover.crosswalk_files import read_crosswalk
from landcover.crosswalks import Crosswalk, get_crosswalk
from landcover.errors import ConfigError, UnmappedCodes
from landcover.legends import CLASS_NODATA, LEGENDS, get_legend
from landcover.lookup import HIGHEST, LOWEST
from training.sources.own_choices import RasterLabels
from training.sources.own_errors import LabelFormat, StrayCodes
from training.sources.own_rasters import Companion, RasterHeader

type Codes = NDArray[np.int32]

_RGB_BANDS: Final = (3, 4)
_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How the numbers of label rasters become class indices of a legend.

    Attributes:
        crosswalk: From the codes in the files to the legend.
        choice: What the config says.
    """

    crosswalk: Crosswalk
    choice: RasterLabels

    @classmethod
    def of(cls, choice: RasterLabels, legend: str, root: Path) -> LabelRule:
        """The rule of a config.

        Args:
            choice: What the config says.
            legend: Legend of the source.
            root: Folder that a crosswalk file is relative to.

        Raises:
            ConfigError: Legend or crosswalk are not known, or the crosswalk leads to another legend.
        """
        if choice.crosswalk is None:
            return cls(get_crosswalk(choice.legend or legend, legend), choice)
        crosswalk = read_crosswalk(root / choice.crosswalk)
        if crosswalk.target_legend != legend:
            raise ConfigError(
                f"crosswalk {crosswalk.id!r} leads to {crosswalk.target_legend!r}, the legend of the source is "
                f"{legend!r}; choose another crosswalk or another legend"
            )
        return cls(crosswalk, choice)

    @property
    def source_codes(self) -> tuple[int, ...]:
        """Codes of the files' legend, in its order; in numeric order for a legend that only its crosswalk knows."""
        if self.crosswalk.source_legend in LEGENDS:
            return get_legend(self.crosswalk.source_legend).codes
        return tuple(sorted(code for code, _ in self.crosswalk.mapping))

    def indices(self, numbers_BHW: NDArray[Any], nodata: float | None, name: str) -> NDArray[np.uint8]:
        """Class indices.

        Args:
            numbers_BHW: Numbers as in the file.
            nodata: Nodata value that the file declares.
            name: File name for messages.

        Returns:
            uint8 (row, col), 0..K-1 of the legend, 255 without a label.

        Raises:
            StrayCodes: Values that the crosswalk does not have, with their pixels.
            LabelFormat: Values that are no codes.
        """
        codes_HW, none_HW = self._codes(numbers_BHW, nodata, name)
        none_HW = none_HW | np.isin(codes_HW, self.choice.nodata)
        target_HW = np.full(codes_HW.shape, CLASS_NODATA, dtype=np.uint8)
        try:
            target_HW[~none_HW] = self.crosswalk.apply(codes_HW[~none_HW])
        except UnmappedCodes as error:
            raise self._stray(codes_HW[~none_HW], name) from error
        return get_legend(self.crosswalk.target_legend).decode(target_HW)

    def _codes(self, numbers_BHW: NDArray[Any], nodata: float | None, name: str) -> tuple[Codes, NDArray[np.bool_]]:
        """Codes of the files' legend, and where there is none."""
        if self.choice.encoding == "rgb":
            return _from_colors(numbers_BHW, self.choice.colors, name)
        if self.choice.encoding == "one-hot":
            return _from_one_hot(numbers_BHW, self.source_codes, name)
        return _from_numbers(numbers_BHW[0], nodata, name)

    def _stray(self, codes: Codes, name: str) -> StrayCodes:
        known = [*(code for code, _ in self.crosswalk.mapping), *self.crosswalk.nodata_codes]
        values, pixels = np.unique(codes[~np.isin(codes, known)], return_counts=True)
        counts = {str(value): int(count) for value, count in zip(values.tolist(), pixels.tolist(), strict=True)}
        listed = ", ".join(f"{value}: {count}" for value, count in list(counts.items())[:_LISTED])
        return StrayCodes(
            f"labels {name!r} hold codes that crosswalk {self.crosswalk.id!r} does not have (code: pixels): {listed}; "
            "correct them, choose another legend, or list them under rasters.nodata",
            counts,
        )


def check_format(header: RasterHeader, rule: LabelRule, companion: Companion) -> None:
    """Refuse a label file whose bands are not what the encoding says.

    Raises:
        LabelFormat: Saying what it looks like.
    """
    name, classes = companion.path.name, len(rule.source_codes)
    wanted = {"codes": (1,), "rgb": _RGB_BANDS, "one-hot": (classes,)}[rule.choice.encoding]
    if header.bands not in wanted:
        raise LabelFormat(
            f"labels {name!r} {_look(header, classes)}; expected {rule.choice.encoding} in {wanted[0]} band(s)"
        )
    if header.dtype.startswith("complex"):
        raise LabelFormat(f"labels {name!r} hold {header.dtype} numbers; expected codes of an integer type")
    mapped = {code for code, to in rule.crosswalk.mapping if to != CLASS_NODATA}
    if header.nodata in mapped and rule.choice.encoding == "codes":
        raise LabelFormat(
            f"labels {name!r} declare the nodata value {header.nodata:g}, which is a class of "
            f"{rule.crosswalk.source_legend!r}; remove the declaration, for example with gdal_edit -unsetnodata"
        )


def _look(header: RasterHeader, classes: int) -> str:
    if header.bands in _RGB_BANDS and header.dtype == "uint8" and ("red" in header.colors or header.bands != classes):
        return "are an RGB picture: set rasters.encoding to rgb and give rasters.colors"
    if header.bands == classes:
        return f"have {header.bands} bands, one for each class: set rasters.encoding to one-hot"
    return f"have {header.bands} bands of {header.dtype}"


def _from_numbers(numbers_HW: NDArray[Any], nodata: float | None, name: str) -> tuple[Codes, NDArray[np.bool_]]:
    """Codes from integers, or from floats that are whole numbers; NaN and a declared nodata are no label."""
    none_HW = np.asarray(numbers_HW == nodata)
    if np.issubdtype(numbers_HW.dtype, np.floating):
        none_HW = none_HW | np.isnan(numbers_HW)
        broken_HW = ~none_HW & (numbers_HW != np.rint(numbers_HW))
        if broken_HW.any():
            raise LabelFormat(
                f"labels {name!r} hold {int(broken_HW.sum())} numbers that are no codes, such as "
                f"{numbers_HW[broken_HW][0]:g}; expected whole numbers: labels must not be interpolated"
            )
        numbers_HW = np.where(none_HW, 0, numbers_HW)
    limits = np.clip(numbers_HW.astype(np.int64), LOWEST - 1, HIGHEST + 1)
    return limits.astype(np.int32), none_HW


def _from_colors(numbers_BHW: NDArray[Any], colors: dict[str, int], name: str) -> tuple[Codes, NDArray[np.bool_]]:
    red, green, blue = (numbers_BHW[band].astype(np.int32) for band in range(3))
    packed_HW = (red << 16) | (green << 8) | blue
    keys = {int(color[1:], 16): code for color, code in colors.items()}
    table = np.array(sorted(keys), dtype=np.int32)
    place_HW = np.searchsorted(table, packed_HW).clip(max=len(table) - 1)
    stray_HW = table[place_HW] != packed_HW
    if stray_HW.any():
        values, pixels = np.unique(packed_HW[stray_HW], return_counts=True)
        counts = {f"#{int(values[at]):06X}": int(pixels[at]) for at in np.argsort(-pixels)[:_LISTED]}
        listed = ", ".join(f"{color}: {count}" for color, count in counts.items())
        raise StrayCodes(
            f"labels {name!r} hold colours that rasters.colors does not have (colour: pixels): {listed}", counts
        )
    codes = np.array([keys[int(key)] for key in table], dtype=np.int32)
    return codes[place_HW], np.zeros(packed_HW.shape, dtype=np.bool_)


def _from_one_hot(numbers_BHW: NDArray[Any], codes: tuple[int, ...], name: str) -> tuple[Codes, NDArray[np.bool_]]:
    """Codes by the one band that is 1; no label where all are 0."""
    total_HW = (numbers_BHW != 0).sum(axis=0)
    wrong_HW = ((numbers_BHW != 0) & (numbers_BHW != 1)).any(axis=0) | (total_HW > 1)
    if wrong_HW.any():
        raise LabelFormat(
            f"labels {name!r} are not one-hot in {int(wrong_HW.sum())} pixels; expected bands of 0 and 1 with one 1"
        )
    return np.array(codes, dtype=np.int32)[numbers_BHW.argmax(axis=0)], total_HW == 0
