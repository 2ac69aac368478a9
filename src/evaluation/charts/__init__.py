"""Charts: a tidy table and finished words in, a `Chart` out.

Charts know only tables: they have no language, no statistics and no files, and import nothing above them.
"""

from __future__ import annotations

from evaluation.charts.axes import Mark, Span
from evaluation.charts.contributions import contribution_bars
from evaluation.charts.detectable import DetectableBlock, DetectableLabels, detectable_effects
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
from evaluation.charts.sensitivity import SensitivityLabels, SensitivityPanel, sensitivity_panels
from evaluation.charts.specification_curve import Choice, CurveBlock, CurveLabels, specification_curve
from evaluation.charts.spreads import SpreadBlock, SpreadLabels, spreads
from evaluation.charts.synthetic import CaterpillarLabels, FanLabels, caterpillar, gap_fans
from evaluation.charts.trends import Line, Panel, TrendLabels, group_lines, small_multiples

__all__ = [
    "CaterpillarLabels",
    "Chart",
    "Choice",
    "CurveBlock",
    "CurveLabels",
    "DetectableBlock",
    "DetectableLabels",
    "EventLabels",
    "FanLabels",
    "ForestGroup",
    "ForestLabels",
    "Line",
    "MapLayer",
    "Mark",
    "Panel",
    "RankLabels",
    "RankStripLabels",
    "SensitivityLabels",
    "SensitivityPanel",
    "ShareLabels",
    "Span",
    "SpreadBlock",
    "SpreadLabels",
    "StripLabels",
    "TrendLabels",
    "caterpillar",
    "contribution_bars",
    "coverage_matrix",
    "detectable_effects",
    "event_study",
    "forest",
    "gap_fans",
    "group_lines",
    "pillar_strip",
    "rank_ranges",
    "rank_strip",
    "sensitivity_panels",
    "share_ranges",
    "small_multiples",
    "specification_curve",
    "spreads",
    "stylesheet",
    "tile_map",
    "timing",
]
