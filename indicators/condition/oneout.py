"""One out, all out: land is degraded where one sub-indicator says so.

UNCCD PRAIS 4 reporting manual, SO1.md, SO 1-4 step 1; the table of 27 combinations of Trends.Earth's documentation.
What a pixel is of which a sub-indicator has no data is not written there. Software differs, and so the rule for it is
an object with a name that goes into every output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from indicators.codes import CONDITIONS, DEGRADED, IMPROVED, NODATA, STABLE
from indicators.condition.positions import CHUNK, SIZE, conditions
from indicators.productivity.positions import Codes, Positions, condition_positions
from landcover.errors import ConfigError, GridMismatch
from landcover.identity import identity

SUB_INDICATORS: Final = ("productivity", "land_cover", "soc")
"""The layers of the indicator, in the order of documents. The rule does not depend on the order."""


@dataclass(frozen=True, slots=True)
class NodataPolicy:
    """What one out, all out makes of pixels of which a sub-indicator has no data.

    Attributes:
        id: short name.
        version: changes whenever an outcome changes.
        degraded_alone: whether a pixel of which a single sub-indicator has data is degraded when that one is; all other
            pixels with a missing sub-indicator have no data under either policy.
        citation: where the rule comes from.
    """

    id: str
    version: str
    degraded_alone: bool
    citation: str

    def outcome(self, layers: Sequence[int]) -> int:
        """The indicator of one pixel.

        Args:
            layers: -1, 0, 1 or -32768 of each sub-indicator.

        Returns:
            -1, 0, 1 or -32768.
        """
        known = [code for code in layers if code != NODATA]
        if len(known) == len(layers):
            return DEGRADED if DEGRADED in known else IMPROVED if IMPROVED in known else STABLE
        return DEGRADED if self.degraded_alone and known == [DEGRADED] else NODATA

    def table(self, layers: int = len(SUB_INDICATORS)) -> Positions:
        """The rule over positions: what the kernel of a joint histogram looks up.

        Args:
            layers: number of sub-indicators, 1 to 3.

        Returns:
            uint8 with ``layers`` axes of 4 positions, those of ``indicators.joint.condition_axis``: 0 degraded,
            1 stable, 2 improved, 3 no data; the values are such positions as well. Read-only.

        Raises:
            ConfigError: when no sub-indicator is left, or more than there are.
        """
        if not 1 <= layers <= len(SUB_INDICATORS):
            raise ConfigError(f"the indicator has 1 to {len(SUB_INDICATORS)} sub-indicators; got {layers}")
        codes = (*CONDITIONS, NODATA)
        cells = [codes.index(self.outcome(combination)) for combination in product(codes, repeat=layers)]
        table = np.array(cells, np.uint8).reshape((SIZE,) * layers)
        table.flags.writeable = False
        return table

    def to_document(self) -> dict[str, Any]:
        """The policy as JSON-ready data, with the outcome of all 64 combinations."""
        codes = (*CONDITIONS, NODATA)
        return {
            "id": self.id,
            "version": self.version,
            "columns": [*SUB_INDICATORS, "sdg"],
            "rows": [[*layers, self.outcome(layers)] for layers in product(codes, repeat=len(SUB_INDICATORS))],
            "citation": self.citation,
        }

    @property
    def identity(self) -> str:
        """``id@version#sha256`` of the canonical JSON, for provenance."""
        return identity(self.to_document())


STRICT: Final = NodataPolicy(
    "strict", "1", degraded_alone=False, citation="Trends.Earth, land_deg_numba.calc_deg_sdg; PRAIS 4 SO1.md, SO 1-4"
)
"""Any missing sub-indicator makes the pixel no data: the default, as in the data that UNCCD fills in beforehand."""

SINGLE_EVIDENCE: Final = NodataPolicy(
    "single_evidence", "1", degraded_alone=True, citation="SEPAL sdg_15.3.1, run_15_3_1.indicator_15_3_1"
)
"""As ``STRICT``, but one sub-indicator alone is enough when it is degraded: 3 of 64 combinations differ."""

POLICIES: Final = {policy.id: policy for policy in (STRICT, SINGLE_EVIDENCE)}


def nodata_policy(policy_id: str) -> NodataPolicy:
    """The policy of a name.

    Raises:
        ConfigError: listing the names.
    """
    if policy_id not in POLICIES:
        raise ConfigError(f"no-data policy {policy_id!r} is not known; choose one of {', '.join(POLICIES)}")
    return POLICIES[policy_id]


def one_out_all_out(layers: Sequence[Codes], *, policy: NodataPolicy = STRICT) -> npt.NDArray[np.int16]:
    """The indicator, pixel by pixel.

    Water of the initial year has no soil carbon, and so no data here under ``STRICT``: it is no land, and must not be
    reported as land without data (`indicators.reporting.account` leaves it out).

    Args:
        layers: productivity, land cover and soil carbon in any order, or those that an assessment has; integer arrays
            of one shape with -1, 0, 1, and -32768, -32767 or 255 for no data.
        policy: what missing sub-indicators mean.

    Returns:
        int16 of the same shape: -1 degraded, 0 stable, 1 improved, -32768 no data.

    Raises:
        ConfigError: without layers, or with more than three.
        GridMismatch: when shapes differ.
        DtypeMismatch: when a layer is not of an integer type.
        UnmappedCodes: for any other code, with its number of pixels.
    """
    table = policy.table(len(layers))
    if len({layer.shape for layer in layers}) > 1:
        shapes = " and ".join(str(layer.shape) for layer in layers)
        raise GridMismatch(f"sub-indicators of shape {shapes}; bring all to one grid first")
    indices = [condition_positions(layer, owner="a sub-indicator").reshape(-1) for layer in layers]
    found = np.empty(indices[0].shape, np.uint8)
    for start in range(0, found.size, CHUNK):
        part = slice(start, start + CHUNK)
        combined = np.zeros(len(found[part]), np.uint8)
        for index in indices:
            combined = combined * np.uint8(SIZE) + index[part]
        np.take(table.reshape(-1), combined, out=found[part], mode="clip")
    return conditions(found.reshape(layers[0].shape))
