"""The types of a publishing configuration: what people write, checked before minutes are spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from landcover.errors import ConfigError
from landcover.manifest import NAME_PATTERN
from landcover.sensors import Level
from landcover.tiling import ALIGNMENT

type Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Text(BaseModel):
    """A publishing configuration; ``gate`` and ``int8`` are checked by those who use them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    name: Annotated[str, StringConstraints(pattern=f"^(?:{NAME_PATTERN.pattern})$")]
    title: Text
    description: Text
    licence: Text
    attribution: Text
    tile_size: Annotated[int, Field(ge=ALIGNMENT, multiple_of=ALIGNMENT)]
    overlap: Annotated[int, Field(ge=0, multiple_of=ALIGNMENT)]
    batch_size: Annotated[int, Field(ge=1)]
    levels: Annotated[list[str], Field(min_length=1)]
    training_data: Text
    training: Text
    labels: Text
    terms: list[Text]
    limits: list[Text]
    evaluation: Text | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.overlap >= self.tile_size:
            raise ValueError(f"overlap {self.overlap} is not below tile_size {self.tile_size}")
        unknown = sorted(set(self.levels) - set(get_args(Level.__value__)))
        if unknown:
            raise ValueError(
                f"levels {', '.join(unknown)} are not known; choose of {', '.join(get_args(Level.__value__))}"
            )
        return self


def check_text(text: Mapping[str, Any]) -> None:
    """Refuse entries of a wrong type or value.

    Args:
        text: a publishing configuration that has all its entries.

    Raises:
        ConfigError: with the first entry, what came and what was expected.
    """
    try:
        _Text.model_validate(dict(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        came = f"{where} is {first['input']!r}: " if where else ""
        raise ConfigError(
            f"the publishing configuration cannot be used: {came}{first['msg']}; see configs/publish"
        ) from error
