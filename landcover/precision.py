"""Number formats a model can run in: of its own graphs in the bundle, or of the arithmetic that runs the fp32 graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

from landcover.errors import ConfigError


class Precision(StrEnum):
    """Number format of a model's weights and activations."""

    FP32 = "fp32"
    """32-bit floats; every bundle has it."""

    BF16 = "bf16"
    """The fp32 graph in bfloat16 arithmetic: the range of 32-bit floats with 8 bits of mantissa. Processors that have
    instructions for it multiply twice as fast; sums stay in 32 bits."""

    FP16 = "fp16"
    """The fp32 graph in IEEE half precision, 11 bits of mantissa, on GPUs."""

    INT8 = "int8"
    """8-bit integers between the first and the last layer with weights, 32-bit floats around them."""

    @property
    def graph(self) -> Precision:
        """The precision whose graph in the bundle runs; a bundle has no graph for bf16 and fp16 of their own."""
        return Precision.FP32 if self in ARITHMETICS else self


ARITHMETICS: Final = frozenset({Precision.BF16, Precision.FP16})
"""Precisions that are arithmetics of the runtime instead of graphs of a bundle."""

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
