"""What every process offers: a description, and the way from a request to what a job keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from landcover.errors import DataError
from serving.processes.costs import Cost
from serving.processes.images import Images
from serving.processes.orders import Order
from serving.processes.outputs import Output
from serving.registry.words import Resolved

type Mode = Literal["value", "reference"]


class ProcessNotFound(DataError):
    """There is no such process; GET /processes lists what there is."""

    slug = "no-such-process"


class InputsInvalid(DataError):
    """The inputs of a process are not as its description says."""

    slug = "inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A checked request, before it is a job.

    Attributes:
        order: what a worker gets.
        model: the version that computes it; None where no model is needed.
        cost: what is to be mapped.
        scenes: what was found or given, for people.
        warnings: what the caller should know beforehand.
    """

    order: Order
    model: Resolved | None
    cost: Cost
    scenes: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()


class Process(Protocol):
    """One process of the service."""

    @property
    def id(self) -> str:
        """Its id in addresses."""

    @property
    def title(self) -> str:
        """One line for people."""

    @property
    def description(self) -> str:
        """A paragraph for people."""

    @property
    def inputs(self) -> type[BaseModel]:
        """The form of its inputs."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it can make."""

    def made_of(self, inputs: BaseModel) -> Sequence[Output]:
        """The outputs that can be made of these inputs; ``outputs`` without those that want others."""

    def plan(self, inputs: BaseModel, outputs: Sequence[str], images: Images) -> Plan:
        """Check a request as far as that goes without opening a raster.

        Args:
            inputs: of the form ``inputs``.
            outputs: names of wanted outputs.
            images: checks what the inputs refer to, and counts what it costs.

        Raises:
            SteppeError: when it cannot be done.
        """
