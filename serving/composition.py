"""What a map was made of when it was more than one file as it lies: all inputs, how they were joined, and the area."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Protocol

from landcover.grid import Grid
from landcover.raster.digest import named
from landcover.raster.geojson import Area
from landcover.sensors import Radiometry
from serving.hrefs import href
from serving.request import MosaicMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One input.

    Attributes:
        href: its name; in JSON escaped as a reference.
        role: ``before`` or ``after`` of two dates that were compared; None of inputs that are one map.
        acquired: date or time of the image, ISO 8601, or None.
        radiometry: scale and offset it states, or None.
        resampling: how it came onto the map's grid: ``bilinear``, ``mean`` of smaller pixels; None = pixel by pixel.
        digest: of its files, or of what names them (``landcover.raster.digest``), in the making.
    """

    href: str
    acquired: str | None
    radiometry: Radiometry | None
    resampling: str | None
    digest: Future[str]
    role: str | None = None

    def to_json(self) -> dict[str, Any]:
        """What is known of it."""
        stated = self.radiometry
        known = {
            "role": self.role,
            "datetime": self.acquired,
            "resampling": self.resampling,
            "radiometry": {"scale": stated.scale, "offset": stated.offset} if stated else None,
        }
        return {
            "href": href(self.href),
            **named("", self.digest.result()),
            **{name: value for name, value in known.items() if value is not None},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """How inputs became a map.

    Attributes:
        parts: the inputs, in the order that the caller gave.
        mosaic: how they were joined; None for one.
        area: the area of interest, or None.
    """

    parts: tuple[Part, ...]
    mosaic: MosaicMode | None = None
    area: Area | None = None

    @property
    def is_plain(self) -> bool:
        """Whether one input was mapped whole, as it lies."""
        return len(self.parts) == 1 and self.area is None and self.parts[0].resampling is None

    @property
    def compares(self) -> bool:
        """Whether the inputs are dates whose difference was mapped."""
        return any(part.role for part in self.parts)

    @property
    def period(self) -> tuple[str, str] | None:
        """First and last time of inputs of different times; None when all are the same, or one is not known."""
        times = sorted({part.acquired for part in self.parts if part.acquired})
        known = all(part.acquired for part in self.parts)
        return (times[0], times[-1]) if known and len(times) > 1 else None

    @property
    def hrefs(self) -> tuple[str, ...]:
        """The inputs' names."""
        return tuple(part.href for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """For tags and STAC Items."""
        area = self.area
        return {
            "inputs": [part.to_json() for part in self.parts],
            **({"mosaic": str(self.mosaic)} if self.mosaic else {}),
            **({"area": {"name": area.name, **({"sha256": area.sha256} if area.sha256 else {})}} if area else {}),
        }


class Origin(Protocol):
    """What the products ask of the opened inputs."""

    @property
    def grid(self) -> Grid:
        """Grid of the map."""

    @property
    def name(self) -> str:
        """Name for titles; empty where there is none."""

    @property
    def level(self) -> str | None:
        """Processing level of all inputs, or None."""

    @property
    def acquired(self) -> str | None:
        """Date or time of all inputs, or None."""

    @property
    def radiometry(self) -> Radiometry | None:
        """Scale and offset of all inputs; None when they differ or one states none."""

    @property
    def radiometry_stated(self) -> bool:
        """Whether every input states its scale and offset."""

    def digests(self, pool: Executor) -> tuple[Future[str], Composition]:
        """The digest of all inputs, in the making, and what is said of them."""


def common[Value](values: Sequence[Value]) -> Value | None:
    """The one value that all have; None when they differ."""
    return values[0] if len(set(values)) == 1 else None
