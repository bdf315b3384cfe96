"""What the codes of a transition map mean."""

from __future__ import annotations

from typing import Final

from indicators.transitions import TransitionMatrix
from landcover.legends import LandClass, Legend

_DARKER: Final = 0.6
"""Share of the final class's colour that a change has: beside it, what stayed stands out as the lighter one."""


def transition_legend(matrix: TransitionMatrix) -> Legend:
    """The legend of ``TransitionMatrix.map_codes``: classes that stayed, then every change, by code.

    Classes that stayed have the class's name and colour; a change is named "Grassland to Cropland" and has the darker
    colour of the class it led to. Codes as in LDN facts 2.2.

    Raises:
        ConfigError: when the matrix has more than 15 classes, the most that UNCCD takes of a country.
    """
    legend = matrix.legend
    rank = {code: place for place, code in enumerate(sorted(legend.codes), start=1)}
    stayed = [LandClass(rank[land.code], land.name, land.title, land.color) for land in legend.classes]
    changed = [
        LandClass(
            matrix.multiplier * rank[old.code] + rank[new.code],
            f"{old.name}_to_{new.name}",
            f"{old.title} to {new.title}",
            "#" + "".join(f"{round(_DARKER * part):02X}" for part in new.rgb),
        )
        for old in legend.classes
        for new in legend.classes
        if old.code != new.code
    ]
    return Legend(
        id=f"{legend.id}-transitions",
        version=legend.version,
        title=f"{legend.title}: transitions",
        classes=tuple(sorted((*stayed, *changed), key=lambda land: land.code)),
        citation=legend.citation,
    )
