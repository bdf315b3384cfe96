"""Cut scenes into spatial blocks with a buffer, so that one large image can be trained on and judged.

Neighbouring pixels look alike over tens of pixels. Blocks keep whole neighbourhoods in one split, and the buffer
between two blocks belongs to none (Roberts et al. 2017, https://doi.org/10.1111/ecog.02881).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from landcover.grid import Window
from training.scenes import PartScene, Scene, SceneInfo
from training.split_error import SplitError


@dataclass(frozen=True, slots=True)
class BlockChoice:
    """Size of the blocks.

    Attributes:
        size: Height and width of a block in pixels, the buffer included.
        buffer: Pixels between two blocks that belong to neither.
    """

    size: int
    buffer: int = 0

    def __post_init__(self) -> None:
        """Refuse blocks that the buffer eats.

        Raises:
            SplitError: with the numbers.
        """
        if self.buffer < 0 or self.size <= self.buffer:
            raise SplitError(f"blocks of {self.size} pixels with a buffer of {self.buffer}: the size must be larger")


def cut_blocks(scene: Scene, choice: BlockChoice) -> Iterator[Scene]:
    """The blocks of a scene; one that is not larger than a block stays whole.

    Blocks start at the scene's first pixel, and a last one of less than half the size joins its neighbour.
    Half of the buffer is cut from every side that has a neighbour. All dates of a site are cut alike, and a block's
    site is the scene's with ``/row-column`` of the block.

    Args:
        scene: The scene.
        choice: Size and buffer.

    Yields:
        Parts, row by row.
    """
    rows, cols = (_edges(length, choice.size) for length in (scene.info.height, scene.info.width))
    if len(rows) == len(cols) == 1:
        yield scene
        return
    for row, (top, bottom) in enumerate(_shrunk(rows, choice.buffer)):
        for col, (left, right) in enumerate(_shrunk(cols, choice.buffer)):
            window = Window(top, left, bottom - top, right - left)
            yield PartScene(scene, window, site=f"{scene.info.site}/{row}-{col}")


def check_alike(scenes: Iterable[Scene]) -> None:
    """Refuse sites whose scenes lie on different pixel grids: their blocks would overlap under different names.

    Args:
        scenes: Scenes that are to be cut.

    Raises:
        SplitError: with the two scenes.
    """
    first: dict[str, SceneInfo] = {}
    for info in (scene.info for scene in scenes):
        other = first.setdefault(info.site, info)
        same_size = (info.height, info.width) == (other.height, other.width)
        if not same_size or (info.grid and other.grid and not info.grid.aligned_with(other.grid, tolerance_px=0.5)):
            raise SplitError(
                f"{other.name} and {info.name} of site {info.site!r} lie on different pixel grids, so their blocks "
                "would overlap; give them different sites and split by sites, or bring them to one grid"
            )


def _edges(length: int, size: int) -> list[tuple[int, int]]:
    count = max(1, (length + size // 2) // size)
    return [(number * size, length if number == count - 1 else (number + 1) * size) for number in range(count)]


def _shrunk(edges: list[tuple[int, int]], buffer: int) -> Iterator[tuple[int, int]]:
    before, after = buffer // 2, buffer - buffer // 2
    for number, (start, stop) in enumerate(edges):
        yield start + (before if number else 0), stop - (after if number < len(edges) - 1 else 0)
