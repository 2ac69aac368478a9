"""Small panels of one outcome over time, as several pages show them."""

from __future__ import annotations

from evaluation.charts import Panel
from evaluation.reporting.labels import Labels

COVID_YEARS = (2020, 2021)
"""Years shaded and named in every chart over time."""


def trend_panel(code: str, labels: Labels) -> Panel:
    """Return the panel of one indicator, interrupted where its method changed."""
    windows = labels.catalog.indicators[code].windows
    return Panel(
        code=code,
        title=labels.short_indicator(code),
        unit=labels.unit(code),
        format_value=labels.value_writer(code),
        format_axis=labels.axis_writer(),
        breaks=tuple(window.years[0] for window in windows[1:]),
        missing_reason=labels.words.say("no usable figure for this region"),
    )
