"""TorchGeo's data set classes by name, opened unmodified, with their errors said in one sentence."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, Final

import torchgeo
from torch.utils.data import Dataset
from torchgeo.datasets.errors import DatasetNotFoundError

from landcover.errors import ConfigError
from training.sources.own_errors import NoTrainingScenes

HOME: Final = "torchgeo.datasets"
FIXED: Final = {"download": False, "checksum": False, "cache": False}
"""Arguments that training decides: nothing is downloaded, archives that were unpacked long ago are not asked for, and
no file handle is kept that loader processes would share."""


@dataclass(frozen=True, slots=True)
class TorchGeoChoice:
    """A data set class of TorchGeo and its options.

    Attributes:
        name: Class in `torchgeo.datasets`, or the dotted path of a class of one's own.
        root: Folder of the data, which the classes call ``root`` or ``paths``.
        options: Further arguments of the class.
    """

    name: str
    root: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Dotted path of the class."""
        return self.name if "." in self.name else f"{HOME}.{self.name}"

    def check(self, extra: Mapping[str, Any] | None = None) -> None:
        """Refuse a class that is not there and options that it does not have, without looking at any file.

        Args:
            extra: Options besides those of the choice.

        Raises:
            ConfigError: with the options that the class has.
        """
        accepted = _parameters(self._class())
        for option in (*self.options, *(extra or {})):
            if option in FIXED or option not in accepted:
                known = ", ".join(name for name in accepted if name not in {*FIXED, "root", "paths", "transforms"})
                raise ConfigError(f"{self.path} takes no option {option!r} here; it takes {known}")

    def open(self, extra: Mapping[str, Any] | None = None, *, files: list[str] | None = None) -> Any:
        """Make the data set.

        Args:
            extra: Options besides those of the choice.
            files: Files instead of the folder, for classes that take ``paths``.

        Returns:
            The TorchGeo data set.

        Raises:
            NoTrainingScenes: The folder does not hold the data set.
            ConfigError: The class refuses an option.
        """
        made, accepted = self._class(), _parameters(self._class())
        folder = "root" if "root" in accepted else "paths"
        fixed = {name: value for name, value in FIXED.items() if name in accepted}
        options = {**self.options, **(extra or {}), **fixed, folder: files or self.root}
        try:
            with redirect_stdout(io.StringIO()):  # some classes print what they do
                return made(**options)
        except DatasetNotFoundError as error:
            raise NoTrainingScenes(
                f"{self.path} finds no data in {self.root}; get it as the head of the configuration says, or set `root`"
            ) from error
        except OSError as error:
            raise NoTrainingScenes(f"{self.path} cannot read its files in {self.root}: {_words(error)}") from error
        except (AssertionError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{self.path} refuses its options: {_words(error)}") from error

    def provenance(self) -> dict[str, str]:
        """Class and library version, for a model card."""
        return {"dataset": self.path, "torchgeo": str(torchgeo.__version__)}

    def _class(self) -> type[Dataset[Any]]:
        module, _, name = self.path.rpartition(".")
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"there is no data set class {self.path}: {_words(error)}") from error
        if not (isinstance(found, type) and issubclass(found, Dataset)):
            raise ConfigError(f"{self.path} is no data set class; name one of {HOME}")
        return found


def _parameters(made: type[Dataset[Any]]) -> dict[str, Parameter]:
    return dict(signature(made).parameters)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
