"""Charts: a tidy table and finished words in, a `Chart` out.

Charts know only tables: they have no language, no statistics and no files, and import nothing above them.
"""

from __future__ import annotations

from evaluation.charts.axes import Mark, Span
from evaluation.charts.frame import Chart, stylesheet
from evaluation.charts.impact import (
    EventLabels,
    ForestGroup,
    ForestLabels,
    event_study,
    forest,
    timing,
)
from evaluation.charts.maps import MapLayer, tile_map
from evaluation.charts.pillars import StripLabels, coverage_matrix, pillar_strip
from evaluation.charts.trends import Line, Panel, TrendLabels, group_lines, small_multiples

__all__ = [
    "Chart",
    "EventLabels",
    "ForestGroup",
    "ForestLabels",
    "Line",
    "MapLayer",
    "Mark",
    "Panel",
    "Span",
    "StripLabels",
    "TrendLabels",
    "coverage_matrix",
    "event_study",
    "forest",
    "group_lines",
    "pillar_strip",
    "small_multiples",
    "stylesheet",
    "tile_map",
    "timing",
]
