"""Programme impact on any panel: one study description, estimators, averages, diagnostics.

An engine: it receives a panel and a design, and knows neither files nor configuration.
"""

from __future__ import annotations

from evaluation.impact.aggregate import AggregateResult, aggregate
from evaluation.impact.design import Design
from evaluation.impact.diagnostics import PreTrendTest, balance, overlap, pre_trend_test
from evaluation.impact.did import att_gt
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import Intervals, mde
from evaluation.impact.notes import REASONS, Note
from evaluation.impact.results import DidStudy, run_did, write_did

__all__ = [
    "REASONS",
    "AggregateResult",
    "AttGtResult",
    "Design",
    "DidStudy",
    "Intervals",
    "Note",
    "PreTrendTest",
    "aggregate",
    "att_gt",
    "balance",
    "mde",
    "overlap",
    "pre_trend_test",
    "run_did",
    "write_did",
]
