"""Failures by code for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from quinta.core.observation.failures import Subject
from quinta.core.reasons import Reason


def failure_series(totals: Mapping[tuple[Subject, Reason], int]) -> Metric:
    """One series for each thing that failed and each code that was given."""
    family = CounterMetricFamily(
        "quinta_failures",
        "What failed since the server started, by code and phase (docs/reason-codes.md).",
        labels=["subject", "code", "phase"],
    )
    for (subject, reason), count in sorted(totals.items()):
        family.add_metric([subject, reason, reason.phase], count)
    return family
