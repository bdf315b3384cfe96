"""Metrics that are asked for when they are read, because somebody else keeps them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from landcover.errors import SteppeError

type Row = tuple[tuple[str, ...], int]
"""Labels and their value."""

_log = logging.getLogger(__name__)


class Asked(Collector):
    """A gauge whose values come from a function; without an answer it is left out, and that is counted.

    Args:
        name: of the metric.
        meaning: one sentence.
        labels: names of its labels.
        ask: its values.
        failed: called when they cannot be had.
    """

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: tuple[str, ...],
        *,
        ask: Callable[[], Iterable[Row]],
        failed: Callable[[], None],
    ) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._ask, self._failed = ask, failed

    def describe(self) -> Iterator[Metric]:
        """Its name, for the registry, without asking anybody."""
        yield self._family()

    def collect(self) -> Iterator[Metric]:
        """Its values now."""
        family = self._family()
        try:
            rows = list(self._ask())
        except SteppeError as error:
            self._failed()
            _log.warning("%s cannot be had: %s", self._name, error)
            return
        for labels, value in rows:
            family.add_metric(labels, value)
        yield family

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self._name, self._meaning, labels=self._labels)
