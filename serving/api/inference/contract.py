"""What a model takes and gives, in the protocol's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import DTypeLike, NDArray

from landcover.manifest import Manifest
from landcover.overview import SIDE
from landcover.postprocess import CONFIDENCE_NODATA
from serving.engine import Engine

DATATYPES: Final[Mapping[str, str]] = {
    "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32",
    "int8": "INT8", "int16": "INT16", "int32": "INT32",
    "float32": "FP32", "float64": "FP64",
}  # fmt: skip
"""The protocol's name of a sample type."""

WINDOWS: Final = "dn"
OVERVIEW: Final = "overview"
PROBABILITIES: Final = "probabilities"
CLASSES: Final = "classes"
CONFIDENCE: Final = "confidence"

STEP: Final = 32
"""Rows and columns of a window are multiples of it."""

MOST_SIDE: Final = 2048
"""Rows and columns of the largest window."""

type Facts = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output.

    Attributes:
        name: as requests call it.
        dtype: sample type, little endian.
        shape: lengths of its axes, -1 where they are open.
        parameters: what people and programs need to know of it.
        datatype: the sample type as the protocol names it.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    parameters: Facts
    datatype: str

    def described(self) -> dict[str, Any]:
        """As metadata lists it."""
        return {
            "name": self.name,
            "datatype": self.datatype,
            "shape": list(self.shape),
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """What a model takes and gives; made once for each engine.

    Attributes:
        manifest: the model's.
        inputs: by name, the windows first.
        outputs: by name, what the model itself answers first.
        parameters: what every answer says of what computed it.
        head: how the JSON of every answer begins, made once: it costs as much as all the rest of it.
    """

    manifest: Manifest
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    parameters: Mapping[str, str]
    head: bytes

    def valid(self, dn_NBHW: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Where every date has data in at least one band; True = valid, (batch, row, col)."""
        count, _, height, width = dn_NBHW.shape
        dates_NDBHW = dn_NBHW.reshape(count, self.manifest.dates, -1, height, width)
        valid_NHW: NDArray[np.bool_] = (dates_NDBHW != self.manifest.nodata).any(axis=2).all(axis=1)
        return valid_NHW

    def described(self) -> dict[str, Any]:
        """The model as metadata has it, without its versions."""
        manifest = self.manifest
        return {
            "name": manifest.name,
            "platform": "onnx_onnxv1",
            "inputs": [tensor.described() for tensor in self.inputs.values()],
            "outputs": [tensor.described() for tensor in self.outputs.values()],
            "parameters": {
                **self.parameters,
                "title": manifest.title,
                "product": manifest.product,
                "processing_levels": ",".join(manifest.levels),
                "scale": manifest.radiometry.scale,
                "offset": manifest.radiometry.offset,
                "nodata": manifest.nodata,
                "gsd_m": manifest.gsd_m,
                "tile_size": manifest.tile_size,
                "overlap": manifest.overlap,
                "licence": manifest.licence,
                "attribution": manifest.attribution,
            },
        }


_contracts: WeakKeyDictionary[Engine, Contract] = WeakKeyDictionary()


def contract_of(engine: Engine) -> Contract:
    """The contract of an engine; made once."""
    contract = _contracts.get(engine)
    if contract is None:
        contract = _contracts[engine] = _contract(engine)
    return contract


def _contract(engine: Engine) -> Contract:
    manifest = engine.bundle.manifest
    parameters = {
        "version": manifest.version,
        "sha256": engine.model_sha256,
        "provider": engine.provider,
        "precision": str(engine.precision),
    }
    answer = {"model_name": manifest.name, "model_version": manifest.version, "parameters": parameters}
    head = json.dumps(answer).encode()[:-1]
    return Contract(manifest, _named(_inputs(manifest)), _named(_outputs(manifest)), parameters, head)


def _tensor(name: str, dtype: DTypeLike, shape: tuple[int, ...], parameters: Facts) -> Tensor:
    native = np.dtype(dtype)
    return Tensor(name, native.newbyteorder("<"), shape, parameters, DATATYPES[native.name])


def _named(tensors: list[Tensor]) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in tensors}


def _inputs(manifest: Manifest) -> list[Tensor]:
    bands: Facts = {
        "axes": "window,band,row,col",
        "bands": ",".join(manifest.bands),
        "dates": manifest.dates,
    }
    if manifest.dates > 1:
        bands = {**bands, "order": "bands of the older date first"}
    windows = _tensor(WINDOWS, manifest.dtype, (-1, manifest.channels, -1, -1), {**bands, "multiple_of": STEP})
    if not manifest.overview:
        return [windows]
    about = f"{SIDE} x {SIDE} pixels of a regular grid over the whole scene that the windows are from"
    return [windows, _tensor(OVERVIEW, manifest.dtype, (1, manifest.channels, SIDE, SIDE), {**bands, "content": about})]


def _outputs(manifest: Manifest) -> list[Tensor]:
    legend = manifest.legend
    codes = {
        "axes": "window,row,col",
        "legend": legend.id,
        "codes": ",".join(str(entry.code) for entry in legend.classes),
        "names": ",".join(legend.names),
    }
    return [
        _tensor(
            PROBABILITIES,
            "float32",
            (-1, len(legend.classes), -1, -1),
            {**codes, "axes": "window,class,row,col", "on_request": False},
        ),
        _tensor(CLASSES, legend.dtype, (-1, -1, -1), {**codes, "nodata": legend.nodata, "on_request": True}),
        _tensor(
            CONFIDENCE,
            "uint8",
            (-1, -1, -1),
            {"axes": "window,row,col", "unit": "%", "nodata": CONFIDENCE_NODATA, "on_request": True},
        ),
    ]
