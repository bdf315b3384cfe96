"""What the products of a change map say about the image of each date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from landcover.sensors import Radiometry

DAY: Final = len("2020-01-31")


def assumed(image: str, radiometry: Radiometry) -> str:
    """The warning that an image does not state its scale and offset.

    Args:
        image: how to name it, for example ``the input``.
        radiometry: what was assumed.
    """
    return (
        f"{image} does not state scale and offset; reflectance = DN * {radiometry.scale:g} + "
        f"{radiometry.offset:g} was assumed. Products of processing baseline 04.00 and later (2022 on) need "
        "--product, for example sentinel-2-l2a-0400"
    )


def radiometry_text(radiometry: Radiometry, *, stated: bool) -> str:
    """Scale and offset as a tag has them."""
    return f"scale={radiometry.scale:g} offset={radiometry.offset:g} " + ("stated" if stated else "assumed")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateInput:
    """The image of one date.

    Attributes:
        role: ``before`` or ``after``.
        href: the image as it goes into the STAC Item.
        acquired: date or time of the image, ISO 8601, or None.
        radiometry: scale and offset its digital numbers were read with.
        radiometry_stated: True when the file or the caller stated them, False when the model's were assumed.
        sha256: digest of its files.
    """

    role: str
    href: str
    acquired: str | None
    radiometry: Radiometry
    radiometry_stated: bool
    sha256: str

    @property
    def day(self) -> str | None:
        """Its date without the time."""
        return self.acquired[:DAY] if self.acquired else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting the map."""
        undated = (
            f"{self.href!r} does not say its date, so nothing tells that BEFORE is the older image; state it with "
            f"--{self.role}-date",
        )
        unscaled = (assumed(repr(self.href), self.radiometry),)
        return (*(() if self.acquired else undated), *(() if self.radiometry_stated else unscaled))

    def tags(self) -> dict[str, str]:
        """Tags of the rasters."""
        tags = {
            f"steppe_{self.role}": self.href,
            f"steppe_{self.role}_sha256": self.sha256,
            f"steppe_{self.role}_radiometry": radiometry_text(self.radiometry, stated=self.radiometry_stated),
        }
        return tags | ({f"steppe_{self.role}_datetime": self.acquired} if self.acquired else {})

    def to_json(self) -> dict[str, Any]:
        """For STAC Items."""
        return {
            "role": self.role,
            "href": self.href,
            "datetime": self.acquired,
            "sha256": self.sha256,
            "radiometry": {"scale": self.radiometry.scale, "offset": self.radiometry.offset},
        }
