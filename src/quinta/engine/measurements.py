"""The server's own measurements for Prometheus (design, "GET /metrics")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from quinta.core.observation.failures import FailureCounts
from quinta.engine.failures import failure_series


class Measurements(Collector):
    """Sums of everything metered since the server started, and gauges asked for at the moment of reading.

    Nothing is labelled by tenant: the page needs no sign-in.
    """

    def __init__(self, totals: Callable[[], Mapping[tuple[str, str], float]], failures: FailureCounts) -> None:
        self._totals = totals
        self._failures = failures
        self._gauges: list[Callable[[], Mapping[str, float]]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def gauge(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Adds gauges: ``read`` answers values by name, for example ``{"instances_ready": 3}``."""
        self._gauges.append(read)

    def text(self) -> bytes:
        """The page in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        for (object_type, metric), value in sorted(self._totals().items()):
            yield CounterMetricFamily(
                f"quinta_{object_type}_{metric}", f"Sum of {metric} of every {object_type}.", value=value
            )
        yield failure_series(self._failures.totals)
        for read in self._gauges:
            for name, value in read().items():
                yield GaugeMetricFamily(f"quinta_{name}", f"{name} at this moment.".replace("_", " "), value=value)
