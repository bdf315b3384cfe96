"""``steppe train recover``: a checkpoint from a published bundle, to settle, score or publish its network anew.

A published graph holds the network's weights under the network's names, with every batch normalisation folded into the
convolution before it, and the finest steps of a decoder merged (`models.upsampling`). Both can be undone, but for the
statistics that batch normalisation had: here they are 0 and 1. Whether the weights were understood is not believed but
tried: the network must reproduce the bundle's golden sample.
"""

from __future__ import annotations

import argparse
import sys
from argparse import ArgumentError
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import lightning
import numpy as np
import onnx
import torch
from lightning.pytorch.cli import instantiate_module
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from landcover.bundle import Bundle, load_bundle
from landcover.errors import ConfigError, OutputNotWritable
from landcover.manifest import MODEL_FILE
from models.export import PARITY_TOLERANCE
from models.upsampling import FACTOR, unmerged
from training.checkpoints import write_checkpoint
from training.config import read_yaml
from training.config_errors import sentence_of
from training.inference import SITES_KEY, torch_predictor
from training.origins import RECOVERED_KEY
from training.settle.borders import with_borders
from training.task import LandCoverTask

COARSENESS: Final = (16, 32, 8, 4, 2, 1)
"""Of the borders that a settled network may repeat (`models.networks.UNet`), the usual one first."""


class NotRecovered(ConfigError):
    """A bundle's weights are not those of the network of a configuration."""

    slug = "not-recovered"


def recover(bundle: Bundle, config: Path) -> dict[str, Any]:
    """A checkpoint with the weights of a bundle.

    Whether the network was settled, and from which coarseness on it repeats its borders, is found by trying.

    Args:
        bundle: published by this project, of one date.
        config: training configuration whose network it is.

    Raises:
        ConfigError: the configuration has no model.
        NotRecovered: the weights do not fit, or no network reproduces the golden sample.
    """
    choices, manifest = _model_choices(config), bundle.manifest
    if manifest.dates > 1:
        raise NotRecovered(f"{manifest.identifier} compares two dates; only networks of one date can be recovered")
    graph = onnx.load_model_from_string(bundle.read(MODEL_FILE)).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    gaps = []
    borders = COARSENESS if any(node.op_type == "Pad" for node in graph.node) else ()
    for replicate_from in (None, *borders):
        tried = choices
        if replicate_from is not None:
            tried = {**choices, "network": with_borders(choices.get("network") or {}, replicate_from)}
        task = _built(tried, config)
        if tuple(task.inputs.bands) != manifest.bands:
            raise NotRecovered(
                f"{config.name} describes a network for {', '.join(task.inputs.bands)}, {manifest.identifier} takes "
                f"{', '.join(manifest.bands)}; give the configuration it was made with"
            )
        fill(task.scene_net, weights, manifest.identifier)
        gaps.append(_gap(task.eval(), bundle))
        if gaps[-1] <= PARITY_TOLERANCE:
            return _checkpoint(task, tried, bundle)
    raise NotRecovered(
        f"the network with the weights of {manifest.identifier} answers its golden sample otherwise, by "
        f"{min(gaps):.2g} and more in a probability; give the configuration it was made with"
    )


def _checkpoint(task: LandCoverTask, choices: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    return {
        "pytorch-lightning_version": lightning.__version__,
        "hyper_parameters": {**choices, "_instantiator": "lightning.pytorch.cli.instantiate_module"},
        "state_dict": task.state_dict(),
        "loops": None,  # nothing to go on from
        "epoch": 0,
        "global_step": 0,
        SITES_KEY: sorted(bundle.manifest.provenance.get("sites", {}).get("train", ())),
        RECOVERED_KEY: [bundle.digest],
    }


def _model_choices(config: Path) -> dict[str, Any]:
    model = read_yaml(config).get("model")
    if not isinstance(model, dict) or model.get("class_path") != "training.task.LandCoverTask":
        raise ConfigError(f"{config.name} describes no training.task.LandCoverTask; give a configuration of scenes")
    return dict(model.get("init_args") or {})


def _built(choices: dict[str, Any], config: Path) -> LandCoverTask:
    try:
        task: LandCoverTask = instantiate_module(LandCoverTask, choices)
    except (ArgumentError, ValueError, TypeError) as error:
        raise ConfigError(f"{config.name} describes no network: {sentence_of(error)}") from error
    return task


def fill(net: nn.Module, stored: Mapping[str, NDArray[np.generic]], identifier: str) -> None:
    """Put the weights of an exported graph into a network.

    Args:
        net: a `models.graph.SceneNet`; changed in place.
        stored: the graph's weights by name.
        identifier: of the bundle, for messages.

    Raises:
        NotRecovered: when one is missing or has another shape.
    """
    # The exporter's wrapper of a "same" convolution adds a word to its name.
    weights = {name.removeprefix("net.").replace(".same.", "."): values for name, values in stored.items()}
    for name, convolution, norm in _layers(net):
        kernel = weights.get(f"{name}.weight")
        if kernel is None:
            kernel = unmerged(weights, f"{name}.weight")
        if kernel is None or kernel.shape != tuple(convolution.weight.shape):
            found = "none" if kernel is None else " x ".join(map(str, kernel.shape))
            raise NotRecovered(
                f"{identifier} has other weights than the network of the configuration: for {name} it has {found}, "
                f"wanted are {' x '.join(map(str, convolution.weight.shape))}; give the configuration it was made with"
            )
        bias = _bias(weights, name)
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(kernel.astype(np.float32)))
            if norm is not None:
                _make_shift(norm)
            target = convolution.bias if norm is None else norm.bias
            if target is not None:
                target.copy_(torch.from_numpy(np.zeros(len(target), np.float32) if bias is None else bias))


def _bias(weights: Mapping[str, NDArray[np.generic]], name: str) -> NDArray[np.generic] | None:
    """The bias of a convolution, its own or that of a normalisation behind it; merging repeats it."""
    for key in (f"{name}.bias", f"{name}.weight_bias"):
        if key in weights:
            return weights[key].copy()
        if f"{key}_coarse" in weights:
            return weights[f"{key}_coarse"][:: FACTOR**2].copy()
    return None


def _layers(net: nn.Module) -> Iterator[tuple[str, nn.Conv2d, nn.BatchNorm2d | None]]:
    """Every convolution with its name, and the normalisation that follows one without a bias."""
    modules = list(net.named_modules())
    for index, (name, module) in enumerate(modules):
        if isinstance(module, nn.Conv2d):
            following = (later for _, later in modules[index + 1 :] if isinstance(later, nn.BatchNorm2d))
            yield name, module, next(following, None) if module.bias is None else None


def _make_shift(norm: nn.BatchNorm2d) -> None:
    """Let a normalisation add its bias and do nothing else."""
    norm.weight.fill_(1.0)
    if norm.running_mean is not None and norm.running_var is not None:
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)


def _gap(task: LandCoverTask, bundle: Bundle) -> float:
    """Largest difference of a probability from the bundle's golden sample."""
    sample = bundle.sample()
    predict = torch_predictor(task.scene_net, temperature=bundle.manifest.temperature)
    return float(np.abs(predict(sample.dn_NBHW.astype(np.float32)) - sample.probabilities_NKHW).max())


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Everything after ``steppe train recover``.

    Returns:
        Exit code.

    Raises:
        SteppeError: As `recover`; BundleInvalid for a damaged bundle, OutputNotWritable for the result.
    """
    parser = argparse.ArgumentParser(
        prog="steppe train recover",
        description="Write a checkpoint with the weights of a published bundle, to settle, score or publish it anew.",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder NAME/VERSION of the bundle")
    parser.add_argument("-c", "--config", type=Path, required=True, help="training configuration of its network")
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint to write")
    options = parser.parse_args(arguments)
    if options.output.exists():
        raise OutputNotWritable(f"{options.output.name!r} exists; give the checkpoint a name of its own")
    bundle = load_bundle(options.bundle)
    write_checkpoint(recover(bundle, options.config), options.output)
    sys.stdout.write(f"wrote {options.output}: the weights of {bundle.manifest.identifier}\n")
    return 0
