"""All bad rasters."""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.bundles import tiny_bundle, tiny_graph, tiny_sample
from tests.corpus.bombs import BOMBS
from tests.corpus.case import Case
from tests.corpus.damage import DAMAGE, PAGES
from tests.corpus.disguises import DISGUISES, FILES
from tests.corpus.meaning import BANDS_AND_TYPES
from tests.corpus.metadata import METADATA
from tests.corpus.places import PLACES

CASES: Final[tuple[Case, ...]] = (*DAMAGE, *BOMBS, *PAGES, *METADATA, *BANDS_AND_TYPES, *PLACES, *DISGUISES, *FILES)
"""Every case; names are unique among those of one number."""


def write_models(registry):
    """The models that cases name, below a registry's folder."""
    from onnx import TensorProto  # noqa: PLC0415 (most users of the cases need no model)

    tiny_bundle(registry)
    graph = tiny_graph(dtype=TensorProto.FLOAT)
    sample = tiny_sample(graph, dtype=np.float32)
    tiny_bundle(registry, graph=graph, sample=sample, name="tiny-float", dtype="float32")
