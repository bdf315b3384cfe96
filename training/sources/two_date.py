"""Pairs of images of one place at two dates, labelled degraded, stable or improved.

The images and class maps come from any source of single dates; what a change means comes from the transition matrix
(`indicators.transitions`), where there is one from a human change mask too. Nothing is resampled: the images of a place
must lie on one pixel grid.

Axes: B band, K class, S sign, H row, W column.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.errors import ConfigError, DataError, GridMismatch
from landcover.grid import Window
from landcover.legends import DEGRADATION_NODATA, get_legend
from landcover.raster.maps import read_map
from landcover.raster.pair import GRID_TOLERANCE
from training.scenes import IGNORE, Sample, Scene, SceneInfo, Source, SourceFacts
from training.sources.dynamic_world import DATA_ROOT_VARIABLE
from training.sources.own_errors import UnusableScenes
from training.sources.own_remarks import Remark
from training.sources.two_date_labels import STABLE_INDEX, SignChoice, decide, one_hot, shares, sign_masses, vote
from training.sources.two_date_pairs import NoPairs, PairFiles, find_pairs

_log = logging.getLogger(__name__)

MATRIX: Final = UNCCD7_TRANSITIONS
LEGEND: Final = get_legend("degradation3")
_UNCHANGED: Final = 0
_CHANGED: Final = 1


class ChangeMaskInvalid(GridMismatch):
    """A change mask cannot be read, does not lie on the grid of its images, or holds other values than 0 and 1."""

    slug = "change-mask"


class PairScene(Scene):
    """Two dates as one scene. Labels are worked out once, for the whole scene, because objects may cross windows.

    Args:
        pair: The two dates.
        signs: How changed pixels get their sign.
        reverse: Hand out the younger date first, with the labels of that order; for training only.
    """

    def __init__(self, pair: PairFiles, signs: SignChoice, *, reverse: bool = False) -> None:
        self._dates = (pair.younger, pair.older) if reverse else (pair.older, pair.younger)
        self._mask_path = pair.change_mask
        self._signs = signs
        self.info = _info(pair, reverse=reverse)

    def read(self, window: Window) -> Sample:
        """``image`` with the bands of both dates, ``mask``, and what else is known.

        ``changed`` if there is a change mask; ``teacher`` if the dates have one: shares of the signs; ``weight`` if
        they have one: the product of both, but 1 where a person saw no change. A pixel without image at either date
        is `IGNORE`.
        """
        first, second = (scene.read(window) for scene in self._dates)
        empty_HW = (first["image"] == 0).all(dim=0) | (second["image"] == 0).all(dim=0)
        labels = {name: raster[..., window.rows, window.cols] for name, raster in self._labels.items()}
        sample = {"image": torch.cat([first["image"], second["image"]]), **labels}
        for name in sample.keys() & {"mask", "changed"}:
            sample[name] = sample[name].masked_fill(empty_HW, IGNORE)
        return sample

    def remarks(self) -> Iterator[Remark]:
        """What both dates have to say of their files."""
        for scene in self._dates:
            yield from getattr(scene, "remarks", tuple)()

    def load(self) -> None:
        """Read both dates and work out the labels."""
        for scene in self._dates:
            scene.load()
        _ = self._labels

    @cached_property
    def _labels(self) -> Sample:
        samples = [scene.read(scene.info.extent) for scene in self._dates]
        index_HW = [sample["mask"].numpy().astype(np.uint8) for sample in samples]
        teacher_KHW = [sample["teacher"].float().numpy() for sample in samples if "teacher" in sample]
        known = len(teacher_KHW) == len(samples)
        if self._mask_path is None:
            mask_HW, evidence_SHW = self._from_matrix(index_HW, teacher_KHW)
        else:
            mask_HW, evidence_SHW = self._from_mask(self._mask_path, index_HW, teacher_KHW)
        labels = {"mask": torch.from_numpy(mask_HW)}
        if known:
            labels["teacher"] = torch.from_numpy(evidence_SHW).half()
        if all("weight" in sample for sample in samples):
            labels["weight"] = samples[0]["weight"] * samples[1]["weight"]
        if self._mask_path is not None:  # outside the mask everything is stable
            changed_HW = labels["mask"] != STABLE_INDEX
            labels["changed"] = changed_HW.to(torch.uint8)
            if "weight" in labels:
                labels["weight"] = labels["weight"].masked_fill(~changed_HW, 1.0)
        return labels

    def _from_matrix(
        self, index_HW: list[NDArray[np.uint8]], teacher_KHW: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Labels are the matrix of both class maps, changed or not."""
        signs_HW = MATRIX.degradation(*(MATRIX.legend.encode(index) for index in index_HW))
        mask_HW = LEGEND.decode(np.where(signs_HW == DEGRADATION_NODATA, LEGEND.nodata, signs_HW))
        known = len(teacher_KHW) == len(index_HW)
        evidence = teacher_KHW if known else [one_hot(index, len(MATRIX.legend)) for index in index_HW]
        return mask_HW, shares(sign_masses(MATRIX, *evidence, changed=False))

    def _from_mask(
        self, path: Path, index_HW: list[NDArray[np.uint8]], teacher_KHW: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Labels are the sign of the change inside the mask and stable outside."""
        changed_HW = self._read_mask(path)
        if self._signs.evidence == "probabilities" and len(teacher_KHW) != len(index_HW):
            raise ConfigError("signs.evidence is probabilities, but the images have none; take labels")
        use_labels = self._signs.evidence == "labels"
        evidence = [one_hot(index, len(MATRIX.legend)) for index in index_HW] if use_labels else teacher_KHW
        shares_SHW = shares(vote(sign_masses(MATRIX, *evidence, changed=True), changed_HW, self._signs))
        stable_S11 = np.array(LEGEND.codes)[:, None, None] == 0
        return decide(shares_SHW, changed_HW, self._signs), np.where(changed_HW, shares_SHW, stable_S11)

    def _read_mask(self, path: Path) -> NDArray[np.bool_]:
        try:
            mask_HW, grid = read_map(path)
        except DataError as error:
            raise ChangeMaskInvalid(f"change mask of {self.info.site}: {error}") from error
        wanted = self.info.grid
        fits = mask_HW.shape == (self.info.height, self.info.width)
        if not fits or (wanted is not None and not wanted.aligned_with(grid, tolerance_px=GRID_TOLERANCE)):
            raise ChangeMaskInvalid(f"change mask {path.name} does not lie on the pixel grid of {self.info.name}")
        strange = sorted(set(np.unique(mask_HW).tolist()) - {_UNCHANGED, _CHANGED})
        if strange:
            raise ChangeMaskInvalid(f"change mask {path.name} holds {strange[0]}; expected 0 unchanged and 1 changed")
        changed_HW: NDArray[np.bool_] = mask_HW == _CHANGED
        return changed_HW


class TwoDateSites(Source):
    """The oldest and the youngest image of every place that has images of at least two days.

    Args:
        source: Source of single dates with classes of UNCCD-7; scene names hold the date (20180328, 2018-03-28).
        change_masks: File of the human change mask of a place, ``{site}`` for its name, relative to ``root``; 1 is
            changed, 0 is not. Places without one are left out. None takes the matrix of the class maps everywhere.
        root: Folder of data sets; the environment variable STEPPE_DATA overrides it.
        signs: How changed pixels get their sign, inside change masks.
        reverse: Add every pair with its dates exchanged, for training only.
    """

    def __init__(
        self,
        source: Source,
        *,
        change_masks: str | None = None,
        root: str = "../shared/data",
        signs: SignChoice | None = None,
        reverse: bool = False,
    ) -> None:
        self._source = source
        self._change_masks = change_masks
        self._root = root
        self._signs = signs or SignChoice()
        self._reverse = reverse
        if change_masks is not None and "{site}" not in change_masks:
            raise ConfigError(
                f"change_masks {change_masks!r} does not say where a site's name goes; write {{site}} there"
            )

    def facts(self) -> SourceFacts:
        """Bands and product of the single dates; where the labels come from.

        Raises:
            ConfigError: The classes of the single dates are not those of the matrix.
        """
        single = self._source.facts()
        if single.legend_id != MATRIX.legend_id or single.dates != 1:
            raise ConfigError(
                f"two-date samples need single dates with legend {MATRIX.legend_id!r}, got {single.dates} date(s) "
                f"with {single.legend_id!r}"
            )
        provenance = {**single.provenance, "transition_matrix": MATRIX.identity}
        if self._change_masks is not None:
            provenance |= {"change_masks": self._change_masks, "signs": asdict(self._signs)}
        return SourceFacts(single.bands, single.product_id, LEGEND.id, dates=2, provenance=provenance)

    def scenes(self) -> Sequence[Scene]:
        """One scene for each place, two with ``reverse``.

        Raises:
            NoPairs: There is none.
            UnusableScenes: Images cannot be opened, or two dates of a place do not lie on one pixel grid; it carries
                the pairs that can be used.
            ConfigError: A name has no date, or the data set itself puts both dates of a place into different splits.
        """
        self.facts()
        places = find_pairs(self._source, self._mask_of, masked=self._change_masks is not None)
        if places.pairs and places.without_mask:
            _warn_once(f"no change mask, so left out: {', '.join(places.without_mask)}")
        if not places.pairs and not places.problems:
            masks = "" if self._change_masks is None else f" with a change mask {self._change_masks!r}"
            raise NoPairs(f"no place with two dates{masks} was found; see `source` and `change_masks`")
        orders = (False, True) if self._reverse else (False,)
        scenes = [PairScene(pair, self._signs, reverse=reverse) for pair in places.pairs for reverse in orders]
        scenes.sort(key=lambda scene: scene.info.name)
        if places.problems:
            raise UnusableScenes(places.problems, scenes)
        return tuple(scenes)

    def _mask_of(self, site: str) -> Path | None:
        if self._change_masks is None:
            return None
        path = Path(os.environ.get(DATA_ROOT_VARIABLE) or self._root) / self._change_masks.replace("{site}", site)
        return path if path.exists() else None


@cache
def _warn_once(message: str) -> None:
    """A file that was named wrongly is easily overlooked, and every fold asks for the scenes again."""
    _log.warning(message)


def _info(pair: PairFiles, *, reverse: bool) -> SceneInfo:
    older, younger = pair.older.info, pair.younger.info
    masks = () if pair.change_mask is None else (pair.change_mask,)
    return SceneInfo(
        name=f"{pair.site}_{'_'.join(pair.dates)}{'~reversed' if reverse else ''}",
        site=pair.site,
        height=older.height,
        width=older.width,
        grid=older.grid,
        level=older.level if older.level == younger.level else "unknown",
        split=older.split,
        files=(*older.files, *younger.files, *masks),
        training_only=reverse,
        dates=2,
    )
