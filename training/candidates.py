"""What ``steppe evaluate`` scores: a checkpoint or the graph of a bundle, behind one face.

Axes: N batch, B band, K class, H row, W column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.augmentation import Augmentation, average_turns
from landcover.bundle import load_bundle
from landcover.errors import ConfigError
from landcover.legends import Legend, get_legend
from landcover.precision import MODEL_FILES, Precision, VariantMissing
from landcover.raster.digest import file_digest
from landcover.sensors import Radiometry, get_product
from training.inference import Predictor, bundle_predictor, load_task, torch_predictor
from training.scenes import SourceFacts

COMPUTING: Final = ("cpu", "cuda", "mps", "xpu")
"""Kinds of torch's devices that networks run on."""


class ModelDoesNotFit(ConfigError):
    """A model takes other inputs or answers other classes than the data has."""

    slug = "model-does-not-fit"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is ready to be scored.

    Attributes:
        name: what a report calls it.
        sha256: of the checkpoint or the graph.
        predict: digital numbers NBHW to probabilities NKHW.
        legend: classes of the probabilities.
        bands: band names of one date, in input order.
        dates: dates stacked in an input.
        radiometry: digital numbers to reflectance, as the model takes them.
        temperature: inside the probabilities; none for a network as trained.
        trained_on: sites that a bundle says it was trained on.
    """

    name: str
    sha256: str
    predict: Predictor
    legend: Legend
    bands: tuple[str, ...]
    dates: int
    radiometry: Radiometry
    temperature: float | None = None
    trained_on: frozenset[str] = frozenset()


def checkpoint_candidate(path: Path, *, device: str = "cpu") -> Candidate:
    """The network of a checkpoint, at temperature 1.

    Args:
        path: file that ``steppe train fit`` wrote.
        device: torch device, or ``auto`` for a GPU where there is one.

    Raises:
        CheckpointUnreadable: when the file is not there or not a checkpoint.
        ConfigError: when there is no such device.
    """
    task = load_task(path)
    return Candidate(
        name=str(Path(*path.parts[-3:])),
        sha256=file_digest(path),
        predict=torch_predictor(task.scene_net.to(device_of(device))),
        legend=task.legend,
        bands=tuple(task.inputs.bands),
        dates=task.inputs.dates,
        radiometry=get_product(task.inputs.product).radiometry,
    )


def bundle_candidate(path: Path, *, precision: Precision = Precision.FP32) -> Candidate:
    """The exported graph of a bundle.

    Args:
        path: folder NAME/VERSION.
        precision: which of its graphs.

    Raises:
        BundleInvalid: when the bundle is incomplete or altered.
        VariantMissing: when it has no graph of that precision.
    """
    bundle = load_bundle(path)
    manifest, file = bundle.manifest, MODEL_FILES[precision]
    if file not in manifest.files:
        raise VariantMissing(f"model {manifest.identifier} has no {precision} graph; leave out --precision")
    return Candidate(
        name=f"{manifest.identifier} ({precision})",
        sha256=manifest.files[file].sha256,
        predict=bundle_predictor(bundle, file),
        legend=manifest.legend,
        bands=manifest.bands,
        dates=manifest.dates,
        radiometry=manifest.radiometry,
        temperature=manifest.temperature,
        trained_on=frozenset(manifest.provenance.get("sites", {}).get("train", ())),
    )


def augmented(candidate: Candidate, augmentation: Augmentation) -> Candidate:
    """The same model, its answers averaged over the turns of an image.

    Args:
        candidate: the model.
        augmentation: which turns.
    """
    if augmentation is Augmentation.NONE:
        return candidate

    def predict(dn_NBHW: NDArray[np.float32], overview_1BHW: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        return average_turns(candidate.predict, dn_NBHW, overview_1BHW, augmentation=augmentation)

    return replace(candidate, name=f"{candidate.name}, test-time augmentation {augmentation}", predict=predict)


def differenced(candidate: Candidate) -> Candidate:
    """Two maps of a model for single dates, compared pixel by pixel through the transition matrix.

    It is what a model for two dates has to beat.

    Args:
        candidate: the model.

    Returns:
        A candidate for two dates whose probabilities are 0 or 1.

    Raises:
        ModelDoesNotFit: when the model is not one for single dates with the classes of the matrix.
    """
    if candidate.dates != 1 or candidate.legend.id != UNCCD7_TRANSITIONS.legend_id:
        raise ModelDoesNotFit(
            f"{candidate.name} answers legend {candidate.legend.id!r} for {candidate.dates} date(s); a difference "
            f"needs two maps of one date each with legend {UNCCD7_TRANSITIONS.legend_id!r}"
        )
    legend = get_legend("degradation3")
    index_of_sign = np.array([legend.index_of(sign) for sign in (-1, 0, 1)])
    table_KK = index_of_sign[np.array(UNCCD7_TRANSITIONS.signs) + 1]

    def predict(
        dn_NBHW: NDArray[np.float32],
        overview_1BHW: NDArray[np.float32] | None = None,  # noqa: ARG001 (two maps need none)
    ) -> NDArray[np.float32]:
        older, younger = (candidate.predict(dates).argmax(axis=1) for dates in np.split(dn_NBHW, 2, axis=1))
        index_NHW = table_KK[older, younger]
        return np.stack([index_NHW == index for index in range(len(legend))], axis=1).astype(np.float32)

    return replace(
        candidate,
        name=f"difference of maps by {candidate.name}",
        predict=predict,
        legend=legend,
        dates=2,
        temperature=1.0,
    )


def check_fits(candidate: Candidate, facts: SourceFacts) -> None:
    """Refuse a model that was not made for such data.

    Args:
        candidate: the model.
        facts: what all scenes of the data have in common.

    Raises:
        ModelDoesNotFit: naming the first thing that differs.
    """
    for what, has, needs in (
        ("bands", facts.bands, candidate.bands),
        ("dates", facts.dates, candidate.dates),
        ("the legend", facts.legend_id, candidate.legend.id),
        ("scale and offset", facts.product.radiometry, candidate.radiometry),
    ):
        if has != needs:
            raise ModelDoesNotFit(
                f"{candidate.name} was made for {what} {_shown(needs)}, the data has {_shown(has)}; "
                "give the configuration it was trained with"
            )


def device_of(name: str) -> torch.device:
    """A torch device.

    Args:
        name: torch's name of it, or ``auto`` for a GPU where there is one.

    Raises:
        ConfigError: when there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.partition(":")[0] not in COMPUTING:
        raise ConfigError(f"device {name!r} cannot be used: give auto or one of {', '.join(COMPUTING)}")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise ConfigError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from error
    return device


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Radiometry):
        return f"{value.scale:g} and {value.offset:g}"
    return repr(value)
