"""The variants of a model: the same network in another number format, each a graph of its own in the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from landcover.errors import ConfigError


class Precision(StrEnum):
    """Number format of a graph's weights and activations."""

    FP32 = "fp32"
    """32-bit floats; every bundle has it."""

    INT8 = "int8"
    """8-bit integers between the first and the last layer with weights, 32-bit floats around them."""


MODEL_FILES: Final = {Precision.FP32: "model.onnx", Precision.INT8: "model.int8.onnx"}


class VariantMissing(ConfigError):
    """A model has no graph of the wanted precision."""

    slug = "model-variant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What was measured of a variant when it was published, on the same scenes as the fp32 graph.

    Attributes:
        overall_accuracy: share of pixels with the label's class, 0..1.
        macro_iou: mean of the defined IoU of the classes, 0..1.
        fp32_overall_accuracy: the same of the fp32 graph.
        fp32_macro_iou: the same of the fp32 graph.
        agreement_percent: percent of the pixels that get the class they get from the fp32 graph.
        pixels: number of pixels these figures come from.
    """

    overall_accuracy: float | None
    macro_iou: float | None
    fp32_overall_accuracy: float | None
    fp32_macro_iou: float | None
    agreement_percent: float
    pixels: int

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: when a figure is missing.
        """
        shares = ("overall_accuracy", "macro_iou", "fp32_overall_accuracy", "fp32_macro_iou")
        return cls(
            **{name: None if document[name] is None else float(document[name]) for name in shares},
            agreement_percent=float(document["agreement_percent"]),
            pixels=int(document["pixels"]),
        )
