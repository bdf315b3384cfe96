"""Another table of levels in a published bundle: a constant of the graph changes, no weight does.

A hub needs no field plots for it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from landcover.bundle import STAC_ITEM, Bundle, load_bundle, verify_bundle, write_bundle
from landcover.errors import BundleInvalid
from landcover.manifest import CARD_FILE, MODEL_FILE, SAMPLE_FILE
from models.export import Batch, open_session, run_alike, stamp_graph
from training.severity.card import severity_card
from training.severity.table import SeverityTable

BOUNDS: Final = "bounds"
"""Last part of the constant's name in the graph."""


def rebind(source: Path, text: Mapping[str, Any], table: SeverityTable, *, version: str, output: Path) -> Bundle:
    """Write a new version of a bundle with the bounds of another table.

    Args:
        source: Folder NAME/VERSION of the bundle whose network is kept.
        text: The publishing configuration.
        table: The new table.
        version: Version of the new bundle.
        output: Registry folder.

    Raises:
        BundleInvalid: The source is damaged or no severity model.
        OutputNotWritable: That version exists.
    """
    bundle = load_bundle(source)
    verify_bundle(bundle)
    old = bundle.manifest
    verdicts = [_without_levels(verdict) for verdict in old.scores.get("cross_validation", ())]
    manifest = replace(
        old,
        name=text["name"],
        version=version,
        title=text["title"],
        description=text["description"],
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        scores={"cross_validation": verdicts},
        provenance=dict(old.provenance)
        | {
            "severity_table": {"name": table.name, "sha256": table.sha256, "bounds": list(table.bounds)},
            "rebound_from": {"model": old.identifier, "manifest_sha256": bundle.digest},
        },
        files={},
    )
    graph = set_bounds(bundle.read(MODEL_FILE), table.bounds, old.identifier)
    graph = stamp_graph(graph, {STAC_ITEM: json.dumps(manifest.to_item(), ensure_ascii=False)})
    facts = {
        "network": f"that of {old.identifier} (manifest sha256 {bundle.digest[:12]}), unchanged",
        "input": f"{old.dtype} digital numbers of {', '.join(old.bands)} at {old.gsd_m:g} m, product {old.product}",
        "training data": str(old.provenance["training_data"]),
        "created": manifest.created,
    }
    card = severity_card(text, manifest.identifier, facts=facts, table=table, verdicts=verdicts)
    files = {MODEL_FILE: graph, SAMPLE_FILE: _sample(bundle, graph), CARD_FILE: card.encode()}
    return write_bundle(output, manifest, files)


def set_bounds(content: bytes, bounds: tuple[float, ...], identifier: str) -> bytes:
    """A graph with other bounds.

    Args:
        content: Bytes of the ONNX file.
        bounds: Bare fractions between neighbouring levels.
        identifier: What messages call the model.

    Raises:
        BundleInvalid: The graph has no such constant of this size.
    """
    model = onnx.load_model_from_string(content)
    found = [tensor for tensor in model.graph.initializer if tensor.name.split(".")[-1] == BOUNDS]
    if len(found) != 1 or int(np.prod(found[0].dims)) != len(bounds):
        raise BundleInvalid(f"model {identifier} has no table of {len(bounds)} bounds; give a severity bundle")
    values = np.array(bounds, dtype=np.float32).reshape(tuple(found[0].dims))
    found[0].CopyFrom(numpy_helper.from_array(values, found[0].name))
    changed: bytes = model.SerializeToString()
    return changed


def _without_levels(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for any table."""
    return {key: verdict[key] for key in ("rule", "bare_fraction", "folds")}


def _sample(bundle: Bundle, graph: bytes) -> bytes:
    """The old input with the new answer, alone and in a batch the same."""
    dn_NBHW = bundle.sample().dn_NBHW
    buffer = io.BytesIO()
    np.savez_compressed(buffer, dn_NBHW=dn_NBHW, probabilities_NKHW=run_alike(open_session(graph), Batch(dn_NBHW)))
    return buffer.getvalue()
