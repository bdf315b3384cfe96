"""The int8 variant of a graph: made, compared with the fp32 one, and refused when it loses too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from landcover.errors import SteppeError
from landcover.precision import Variant
from models.export import Batch, Export
from models.quantise import Difference, compare_graphs, quantise_graph
from training.evaluation import Evaluation
from training.inference import Predictor, graph_predictor
from training.order import Int8Choice
from training.probes import Agreement, calibration_windows
from training.scenes import Scene

type Evaluate = Callable[[Predictor], Evaluation]
"""Scores a graph, always on the same scenes."""


class Int8Refused(SteppeError):
    """The int8 variant loses too much, and it was required; nothing was published."""

    slug: ClassVar[str] = "int8"
    exit_code: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8:
    """A variant that was measured.

    Attributes:
        content: bytes of its graph.
        variant: its figures.
        difference: from the fp32 graph, on windows.
        choice: how it was made.
    """

    content: bytes
    variant: Variant
    difference: Difference
    choice: Int8Choice

    @property
    def max_loss(self) -> float:
        """Mean IoU it may lose."""
        return self.choice.max_loss

    @property
    def loss(self) -> float:
        """Mean IoU it loses against fp32."""
        return (self.variant.fp32_macro_iou or 0.0) - (self.variant.macro_iou or 0.0)

    @property
    def refusal(self) -> str | None:
        """Why it is not published, a sentence; None when it is."""
        if self.loss <= self.max_loss:
            return None
        return (
            f"the int8 variant loses {100 * self.loss:.2f} points of mean IoU (from {self.variant.fp32_macro_iou:.3f} "
            f"to {self.variant.macro_iou:.3f}), more than {100 * self.max_loss:g}; only fp32 is published"
        )

    def to_json(self) -> dict[str, Any]:
        """For the manifest's provenance."""
        return {
            "published": self.refusal is None,
            "float32_layers": {"first": self.choice.quantise.float_first, "last": self.choice.quantise.float_last},
            "macro_iou_loss": round(self.loss, 5),
            "max_macro_iou_loss": self.max_loss,
            "mean_probability_difference": round(self.difference.mean, 6),
            "scores": self.variant.to_json(),
        }


def fp32_and_int8(
    export: Export,
    choice: Int8Choice | None,
    *,
    scenes: Sequence[Scene],
    probes: Sequence[Batch],
    dtype: str,
    evaluate: Evaluate,
) -> tuple[Evaluation, Int8 | None]:
    """Score a graph, make its int8 variant and score that on the same scenes.

    Args:
        export: the fp32 graph.
        choice: how to quantise; None for not at all.
        scenes: training scenes, to calibrate on.
        probes: windows to compare on.
        dtype: sample type of the input.
        evaluate: scores a graph.

    Returns:
        The evaluation of fp32, and the variant unless there was to be none.

    Raises:
        ParityError: the variant's answer depends on the batch or is not finite.
    """
    content = export.content
    if choice is None:
        return evaluate(graph_predictor(content, dtype)), None
    windows = calibration_windows(scenes, count=choice.windows, side=choice.side, dtype=dtype)
    quantised = quantise_graph(export.plain, windows, choice.quantise)
    difference = compare_graphs(content, quantised, [probe.dn_NBHW for probe in probes])
    agreement = Agreement()
    exact = evaluate(agreement.first(graph_predictor(content, dtype)))
    coarse = evaluate(agreement.second(graph_predictor(quantised, dtype)))
    variant = Variant(
        overall_accuracy=coarse.pooled.overall_accuracy,
        macro_iou=coarse.pooled.macro_iou,
        fp32_overall_accuracy=exact.pooled.overall_accuracy,
        fp32_macro_iou=exact.pooled.macro_iou,
        agreement_percent=round(agreement.percent, 4),
        pixels=agreement.pixels,
    )
    return exact, Int8(content=quantised, variant=variant, difference=difference, choice=choice)
