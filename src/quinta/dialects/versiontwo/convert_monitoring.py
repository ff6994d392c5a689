"""From what was measured and logged to bodies."""

from __future__ import annotations

from collections.abc import Sequence

from quinta.core.observation.release_logs import ReleaseLogLine
from quinta.core.observation.release_metrics import Mean, ReleaseMeans
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.dates import seconds


def metrics_body(means: ReleaseMeans) -> shapes.Metrics:
    return shapes.Metrics(metrics=shapes.MetricsByName(cpu=_values(means.cpu), memory=_values(means.memory)))


def log_row(line: ReleaseLogLine) -> shapes.LogRow:
    return shapes.LogRow(
        timestamp=seconds(line.time), level=line.level, component=line.component, message=line.text, id=line.id
    )


def _values(means: Sequence[Mean]) -> shapes.Values:
    return shapes.Values(values=[shapes.Value(timestamp=seconds(mean.start), value=mean.value) for mean in means])
