"""What was done: the figures of a finished map, for people, for programs and for the service's records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from indicators.areas import AreaTable
from landcover.augmentation import Augmentation
from landcover.precision import Precision
from landcover.seams import SeamScore
from serving.drift.judgement import Drift
from serving.request import Outputs

if TYPE_CHECKING:  # loads GDAL and the runtime, which a client of a service does without
    from serving.pipeline import Published

MEGA: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was done.

    Attributes:
        identifier: the scene's name.
        areas: mapped area of each class.
        seams: how far neighbouring windows agreed.
        model: ``name@version``.
        model_sha256: digest of the graph that ran.
        provider: where the model ran.
        precision: which variant of the model ran.
        augmentation: over which turns of the windows answers were averaged.
        pixels: pixels of the scene.
        seconds: from opening the scene to the last file, without loading the model.
        warnings: what the caller should know, for example that scale and offset were assumed.
        files: the files by role.
        extras: drift, what the mask band said and what merging small patches moved, for ``--json``.
        remarks: the same for people, one line each.
        kept: rows of the map that an earlier run had made.
        drift: how far each image is from what the model was trained on.
    """

    identifier: str
    areas: AreaTable
    seams: SeamScore
    model: str
    model_sha256: str
    provider: str
    precision: Precision
    augmentation: Augmentation
    pixels: int
    seconds: float
    warnings: tuple[str, ...]
    files: dict[str, Path]
    extras: dict[str, Any]
    remarks: tuple[str, ...]
    kept: int = 0
    drift: tuple[Drift, ...] = ()

    @classmethod
    def of(cls, made: Published, outputs: Outputs, *, seconds: float) -> Self:
        """The outcome of a map whose files are published."""
        finished, provenance = made.finished, made.finished.provenance
        return cls(
            identifier=provenance.called,
            areas=finished.areas,
            seams=finished.seams,
            model=provenance.manifest.identifier,
            model_sha256=provenance.model_sha256,
            provider=provenance.provider,
            precision=provenance.precision,
            augmentation=provenance.augmentation,
            pixels=finished.areas.total_pixels,
            seconds=seconds,
            warnings=finished.warnings,
            files=outputs.files(),
            extras=finished.extras(),
            remarks=finished.remarks(),
            kept=made.kept,
            drift=finished.drift,
        )

    def to_json(self) -> dict[str, Any]:
        """For ``--json``: paths, figures and warnings."""
        return {
            "scene": self.identifier,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "precision": self.precision,
            "tta": self.augmentation,
            "provider": self.provider,
            "pixels": self.pixels,
            "valid_pixels": self.areas.valid_pixels,
            "seams": self.seams.to_json(),
            "seconds": round(self.seconds, 3),
            "megapixels_per_second": round(self.pixels / MEGA / self.seconds, 3),
            **({"kept_rows": self.kept} if self.kept else {}),
            **self.extras,
            "warnings": list(self.warnings),
            "files": {role: str(path) for role, path in self.files.items()},
        }

    def summary(self) -> str:
        """What was done, for people; how far windows agree only where there were several."""
        rate, share = self.pixels / MEGA / self.seconds, self.seams.share
        return (
            f"{self.identifier}: {self.pixels:,} pixels in {self.seconds:.1f} s ({rate:.2f} megapixels/s) "
            f"with {self.model} on {self.provider} in {self.precision}"
            + ("" if self.augmentation is Augmentation.NONE else f", test-time augmentation {self.augmentation}")
            + (f", {self.kept:,} rows of them kept from an earlier run" if self.kept else "")
            + ("" if share is None else f"; neighbouring windows differ on {100 * share:.2f} % of their shared pixels")
        )
