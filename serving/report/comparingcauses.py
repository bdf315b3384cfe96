"""What actually differs behind each factor of a comparison: products, files, crosswalks, tables, policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from indicators.comparison.factors import MATRIX, POLICY
from indicators.joint import FINAL, INITIAL, PRODUCTIVITY, SOC
from indicators.reporting.assumptions import Assumption
from serving.report.comparingfolder import ReadReport
from serving.report.grounds import LayerGround, MapGround

_SHORT: Final = 12
"""Letters of a hash that are shown."""

_LAYERS: Final = {
    PRODUCTIVITY: frozenset({"lpd", "trend", "state", "performance"}),
    SOC: frozenset({"soc percent", "soc condition", "soc stock", "climate"}),
}
"""Files of layers by factor."""

_METHODS: Final = {
    PRODUCTIVITY: frozenset({"source of the LPD layer"}),
    SOC: frozenset({"threshold of soil carbon", "factors of soil carbon"}),
}
"""Assumptions by factor."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that both reports have differently.

    Attributes:
        what: ``product``, ``map``, ``year``, ``crosswalk``, ``matrix``, ``lpd_table``, ``layer``, ``method`` or
            ``policy``.
        first: what report A has.
        second: what report B has.
    """

    what: str
    first: str
    second: str


def causes_of(factor: str, first: ReadReport, second: ReadReport) -> tuple[Cause, ...]:
    """What differs behind a factor; empty where both say that they took the same.

    Args:
        factor: one of those of ``indicators.comparison``.
        first: report A.
        second: report B.
    """
    finders: Mapping[str, Callable[[ReadReport, ReadReport], Iterator[Cause]]] = {
        INITIAL: lambda one, other: _of_maps(one.grounds.maps[0], other.grounds.maps[0]),
        FINAL: lambda one, other: _of_maps(one.grounds.maps[1], other.grounds.maps[1]),
        PRODUCTIVITY: _of_productivity,
        SOC: lambda one, other: _of_layers(SOC, one, other),
        MATRIX: lambda one, other: _of_identities("matrix", one.matrix.identity, other.matrix.identity),
        POLICY: _of_policies,
    }
    return tuple(finders[factor](first, second))


def _of_maps(first: MapGround, second: MapGround) -> Iterator[Cause]:
    names = [" ".join(filter(None, (each.source.product, each.source.version))) for each in (first, second)]
    if names[0] != names[1]:
        yield Cause("product", *names)
    elif first.sha256 != second.sha256:
        yield Cause("map", *_apart((first.file, first.sha256), (second.file, second.sha256)))
    if first.source.year != second.source.year:
        yield Cause("year", str(first.source.year), str(second.source.year))
    yield from _of_identities("crosswalk", first.crosswalk.identity, second.crosswalk.identity)


def _of_productivity(first: ReadReport, second: ReadReport) -> Iterator[Cause]:
    tables = [each.grounds.lpd_table for each in (first, second)]
    yield from _of_identities("lpd_table", *("" if table is None else table.identity for table in tables))
    yield from _of_layers(PRODUCTIVITY, first, second)


def _of_policies(first: ReadReport, second: ReadReport) -> Iterator[Cause]:
    policies = [each.grounds.policy for each in (first, second)]
    yield from _of_identities("policy", *("" if policy is None else policy.identity for policy in policies))


def _of_layers(factor: str, first: ReadReport, second: ReadReport) -> Iterator[Cause]:
    one, other = (
        {layer.name: layer for layer in each.grounds.layers if layer.name in _LAYERS[factor]}
        for each in (first, second)
    )
    changed = [name for name in dict.fromkeys((*one, *other)) if _sha(one.get(name)) != _sha(other.get(name))]
    if changed:
        yield Cause("layer", _told(one, changed), _told(other, changed))
    yield from _of_methods(_METHODS[factor], first, second)


def _of_methods(names: frozenset[str], first: ReadReport, second: ReadReport) -> Iterator[Cause]:
    one, other = (
        {each.name: each for each in report.account.assumptions if each.name in names} for report in (first, second)
    )
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) != other.get(name):
            yield Cause("method", _method(one.get(name)), _method(other.get(name)))


def _method(assumption: Assumption | None) -> str:
    if assumption is None:
        return "\N{EN DASH}"
    return " ".join(filter(None, (f"{assumption.name}: {assumption.id} {assumption.version}.", assumption.note)))


def _of_identities(what: str, first: str, second: str) -> Iterator[Cause]:
    if first != second:
        yield Cause(what, *_apart(_named(first), _named(second)))


def _named(identity: str) -> tuple[str, str]:
    name, _, sha256 = identity.partition("#")
    return name.replace("@", " ") or "\N{EN DASH}", sha256


def _apart(first: tuple[str, str], second: tuple[str, str]) -> tuple[str, str]:
    """Two names, with the first letters of their hashes where the names are one."""
    if first[0] != second[0]:
        return first[0], second[0]
    return f"{first[0]} ({first[1][:_SHORT]})", f"{second[0]} ({second[1][:_SHORT]})"


def _sha(layer: LayerGround | None) -> str:
    return "" if layer is None else layer.sha256


def _told(layers: Mapping[str, LayerGround], names: list[str]) -> str:
    found = [f"{name}: {layers[name].file} ({layers[name].sha256[:_SHORT]})" for name in names if name in layers]
    return "; ".join(found) or "\N{EN DASH}"
