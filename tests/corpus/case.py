"""One bad (or only odd) input, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

STATUS = {
    "raster-unreadable": 415,
    "raster-compression": 415,
    "raster-too-large": 413,
    "block-too-large": 413,
}
"""Where a problem is not answered 422."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One input.

    Attributes:
        number: of the kind of input; variants share one.
        name: what is odd about it, unlike that of every other case.
        make: writes it under a path.
        slugs: problem types, one of which must be answered; none = it is classified.
        seen_late: only the service sees what is wrong (resolution, no data at all); reading goes well.
        seen_whole: only who asks for a whole file (the service) refuses it; what is there reads well.
        options: what the caller says about it, as query parameters.
        model: ``tiny`` (uint16) or ``tiny-float``.
        file: name of the file.
        over_http: can be sent as the body of a request.
        like_plain: its map holds the same codes as that of the plain scene.
        valid: makes the (row, col) pixels that must be classified; None where they are of no interest.
    """

    number: int
    name: str
    make: Callable[[Path], object]
    slugs: tuple[str, ...] = ()
    seen_late: bool = False
    seen_whole: bool = False
    options: dict[str, str] = field(default_factory=dict)
    model: str = "tiny"
    file: str = "scene.tif"
    over_http: bool = True
    like_plain: bool = False
    valid: Callable[[], object] | None = None

    @property
    def answers(self):
        """What may be answered: (status, problem type); None for the type of a map."""
        return {(STATUS.get(slug, 422), slug) for slug in self.slugs} or {(200, None)}

    def write(self, folder: Path) -> Path:
        """Write the input into a folder, and answer its path; helpers may lie beside it."""
        path = Path(folder) / self.file
        self.make(path)
        return path

    def __str__(self):
        return f"{self.number} {self.name}"


def refused(number, name, make, *slugs, **more):
    """A case that is refused."""
    return Case(number=number, name=name, make=make, slugs=slugs, **more)


def seen_late(number, name, make, *slugs, **more):
    """A case that reads well, and is refused by the service."""
    return Case(number=number, name=name, make=make, slugs=slugs, seen_late=True, **more)


def mapped(number, name, make, **more):
    """A case that is classified."""
    return Case(number=number, name=name, make=make, **more)
