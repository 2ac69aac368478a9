"""Charts: a tidy table and finished words in, a `Chart` out.

Charts know only tables: they have no language, no statistics and no files, and import nothing above them.
"""

from __future__ import annotations

from evaluation.charts.axes import Mark, Span
from evaluation.charts.contributions import contribution_bars
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
from evaluation.charts.rank_strip import RankStripLabels, rank_strip
from evaluation.charts.ranks import RankLabels, ShareLabels, rank_ranges, share_ranges
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
    "RankLabels",
    "RankStripLabels",
    "ShareLabels",
    "Span",
    "StripLabels",
    "TrendLabels",
    "contribution_bars",
    "coverage_matrix",
    "event_study",
    "forest",
    "group_lines",
    "pillar_strip",
    "rank_ranges",
    "rank_strip",
    "share_ranges",
    "small_multiples",
    "stylesheet",
    "tile_map",
    "timing",
]
