"""Model bundles: a folder ``<name>/<version>`` that is written once and checked at every read.

The SHA-256 is taken of the very bytes that are handed out, never of a file that could change between the check and
the use. A single flipped bit in a graph mostly loads and answers with wrong numbers, so a mismatch is always refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from landcover.errors import BundleInvalid, OutputNotWritable
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE, FileRecord, Manifest
from landcover.precision import MODEL_FILES, Precision
from landcover.staging import StagingFolder, flush, os_errors

MANIFEST_FILE: Final = "manifest.json"
STAC_ITEM: Final = "stac_item"
"""Key of the manifest in a graph's metadata, as publishing writes it: without the files and their hashes."""

_AXES: Final = 4
_MANIFEST_LIMIT: Final = 4_000_000
"""Bytes; a manifest is some tens of kilobytes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Golden input and output, written at export.

    Attributes:
        dn_NBHW: digital numbers (batch, band, row, col) in the manifest's dtype.
        probabilities_NKHW: what the network answered in training's framework, float32 (batch, class, row, col); for
            a variant, what its graph answered when it was published.
        overview_1BHW: digital numbers of an overview of their scene, for a model that takes one.
    """

    dn_NBHW: NDArray[np.generic]
    probabilities_NKHW: NDArray[np.float32]
    overview_1BHW: NDArray[np.generic] | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose manifest has been read.

    Attributes:
        path: its folder.
        manifest: what it says about itself.
        digest: SHA-256 of manifest.json, which lists the SHA-256 of all other files: the identity of the bundle.
    """

    path: Path
    manifest: Manifest
    digest: str

    def read(self, name: str) -> bytes:
        """The bytes of one file, checked against the manifest.

        Raises:
            BundleInvalid: when the file is missing, not listed, or not the one that was published.
        """
        record = self.manifest.files.get(name)
        if record is None:
            raise BundleInvalid(f"model {self.manifest.identifier} has no file {name!r} in its manifest")
        try:
            with (self.path / name).open("rb") as file:
                content = file.read(record.size + 1)
        except OSError as error:
            raise BundleInvalid(
                f"model {self.manifest.identifier}: {name} cannot be read ({error.strerror}); install the bundle again"
            ) from error
        if hashlib.sha256(content).hexdigest() != record.sha256:
            raise BundleInvalid(
                f"model {self.manifest.identifier}: {name} is not the file that was published "
                f"(sha256 differs from the manifest); install the bundle again"
            )
        return content

    def sample(self, precision: Precision = Precision.FP32) -> Sample:
        """The golden sample of a variant.

        Raises:
            BundleInvalid: when it is missing, altered or not of the expected form.
        """
        content = self.read(SAMPLE_FILE)
        answer = sample_key(precision)
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                overview = arrays["overview_1BHW"] if self.manifest.overview else None
                sample = Sample(arrays["dn_NBHW"], arrays[answer], overview)
        except (KeyError, ValueError, TypeError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            wanted = f"dn_NBHW, overview_1BHW or {answer}" if self.manifest.overview else f"dn_NBHW or {answer}"
            raise BundleInvalid(f"model {self.manifest.identifier}: {SAMPLE_FILE} lacks {wanted}") from error
        self._check_sample(sample)
        return sample

    def _check_sample(self, sample: Sample) -> None:
        manifest = self.manifest
        given = [array for array in (sample.dn_NBHW, sample.overview_1BHW) if array is not None]
        fits = all(
            array.ndim == _AXES and array.shape[1] == manifest.channels and str(array.dtype) == manifest.dtype
            for array in given
        )
        if not fits or sample.probabilities_NKHW.ndim != _AXES:
            found = ", ".join(f"{array.dtype} {array.shape}" for array in (*given, sample.probabilities_NKHW))
            raise BundleInvalid(
                f"model {manifest.identifier}: {SAMPLE_FILE} holds arrays of {found}; expected {manifest.dtype} with "
                f"{manifest.channels} channels and the probabilities, four axes each"
            )

    def card(self) -> str:
        """The model card, Markdown."""
        return self.read(CARD_FILE).decode("utf-8")


def sample_key(precision: Precision) -> str:
    """Name of the array with the golden output of a precision's graph in ``sample.npz``."""
    return "probabilities_NKHW" if precision.graph is Precision.FP32 else f"probabilities_{precision}_NKHW"


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key of a version: numbers by value, a release above its pre-releases (``1.0.0`` above ``1.0.0-rc1``)."""
    parts = re.findall(r"\d+|[a-z]+", version)
    key = [(1, int(part), "") if part.isdigit() else (-1, 0, part) for part in parts]
    return (*key, (0, 0, ""))


def load_bundle(path: Path) -> Bundle:
    """Read the manifest of a bundle; the other files are read and checked when they are asked for.

    Args:
        path: the folder ``<name>/<version>``.

    Raises:
        BundleInvalid: when there is no manifest, it is not one of Steppe's, or the folder carries another name.
    """
    try:
        content = (path / MANIFEST_FILE).read_bytes()
    except OSError as error:
        raise BundleInvalid(f"no readable {MANIFEST_FILE} in the model folder {path.name!r}") from error
    if len(content) > _MANIFEST_LIMIT:
        raise BundleInvalid(f"{MANIFEST_FILE} in {path.name!r} has {len(content)} bytes, more than {_MANIFEST_LIMIT}")
    try:
        item = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleInvalid(f"{MANIFEST_FILE} in {path.name!r} is not JSON") from error
    if not isinstance(item, dict):
        raise BundleInvalid(f"{MANIFEST_FILE} in {path.name!r} is not a STAC Item (a JSON object)")
    manifest = Manifest.from_item(item)
    folder = (path.resolve().parent.name, path.resolve().name)
    if folder != (manifest.name, manifest.version):
        raise BundleInvalid(
            f"the folder is {folder[0]}/{folder[1]}, its manifest says {manifest.name}/{manifest.version}; rename it"
        )
    return Bundle(path, manifest, hashlib.sha256(content).hexdigest())


def verify_bundle(bundle: Bundle) -> None:
    """Read every file of the bundle once and check it.

    Raises:
        BundleInvalid: naming the first file that is missing, altered or not listed.
    """
    variants = bundle.manifest.variants
    for name in (MODEL_FILE, SAMPLE_FILE, CARD_FILE, *(MODEL_FILES[precision] for precision in variants)):
        if name not in bundle.manifest.files:
            raise BundleInvalid(f"model {bundle.manifest.identifier}: the manifest does not list {name}")
    for name in bundle.manifest.files:
        bundle.read(name)
    extra = {entry.name for entry in bundle.path.iterdir()} - {MANIFEST_FILE, *bundle.manifest.files}
    if extra:
        raise BundleInvalid(
            f"model {bundle.manifest.identifier}: files not in the manifest: {sorted(extra)}; remove them"
        )
    for precision in (Precision.FP32, *variants):
        bundle.sample(precision)


def check_stamp(metadata: Mapping[str, str], manifest: Manifest) -> None:
    """Refuse a manifest that is not the one a graph was published with.

    Args:
        metadata: what the graph carries, by key; one that was made elsewhere may carry no manifest.
        manifest: the manifest beside it.

    Raises:
        BundleInvalid: when they differ.
    """
    stored = metadata.get(STAC_ITEM)
    # Through JSON, as it was stored: tuples become lists.
    if stored is not None and json.loads(json.dumps(replace(manifest, files={}).to_item())) != json.loads(stored):
        raise BundleInvalid(
            f"model {manifest.identifier}: manifest.json is not the one the graph was published with; install the "
            "bundle again"
        )


def write_bundle(root: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """Write a new bundle below ``root``; it appears complete or not at all.

    Args:
        root: registry folder; the bundle becomes ``root/name/version``.
        manifest: its ``files`` are filled in from the bytes given here.
        files: contents by file name; ``model.onnx``, ``sample.npz`` and ``card.md`` are required,
            and the graph of each variant that the manifest names.

    Returns:
        The bundle as read back from disk and verified.

    Raises:
        OutputNotWritable: when the version exists (bundles are immutable) or the folder cannot be written.
        DiskFull: when there is no room.
        BundleInvalid: when a required file is missing.
    """
    target = root / manifest.name / manifest.version
    if target.exists():
        raise OutputNotWritable(f"{manifest.identifier} exists and bundles never change; publish under a new version")
    records = {name: FileRecord(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    text = json.dumps(replace(manifest, files=records).to_item(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with os_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with StagingFolder(target) as staging:
            folder = staging / manifest.version
            folder.mkdir(mode=0o755)
            for name, data in {**files, MANIFEST_FILE: text.encode()}.items():
                _write_synced(folder / name, data)
            verify_bundle(Bundle(folder, replace(manifest, files=records), hashlib.sha256(text.encode()).hexdigest()))
            folder.rename(target)  # refused when somebody published that version meanwhile
        flush(target.parent)
    return load_bundle(target)


def _write_synced(path: Path, data: bytes) -> None:
    """Write and flush to the disk, so that the rename never publishes an empty file."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
