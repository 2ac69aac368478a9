"""Synthetic controls on any panel: the effect of each treated unit beside a weighted mix of donors.

Part of the impact engine: it receives a panel and a design, and knows neither files nor configuration.
"""

from __future__ import annotations

from evaluation.impact.synthetic.average_bounds import AverageBounds, average_with_bounds
from evaluation.impact.synthetic.cohort_effect import SyntheticDidResult, synthetic_did
from evaluation.impact.synthetic.cohort_placebos import CohortEffect, cohort_test
from evaluation.impact.synthetic.common_weights import common_weights
from evaluation.impact.synthetic.comparisons import SYNTHETIC_REASONS
from evaluation.impact.synthetic.conformal import ConformalTests, conformal_test, null_residuals
from evaluation.impact.synthetic.design import Predictor, SyntheticDesign
from evaluation.impact.synthetic.discoveries import Discoveries, find_discoveries
from evaluation.impact.synthetic.effects import placebo_gaps, synthetic_effects
from evaluation.impact.synthetic.fit_rules import (
    FIT_REASONS,
    FitRules,
    FitVerdicts,
    judge_fit,
)
from evaluation.impact.synthetic.gap_panel import GapPanel, gap_panel
from evaluation.impact.synthetic.panel import SyntheticPanel, read_synthetic_panel
from evaluation.impact.synthetic.partial_pooling import PooledResult, partially_pooled
from evaluation.impact.synthetic.placebo_ranks import PlaceboTests, placebo_bands, placebo_error, placebo_test
from evaluation.impact.synthetic.prediction import PredictionIntervals, prediction_intervals
from evaluation.impact.synthetic.result import Fan, PlaceboGaps, SyntheticResult
from evaluation.impact.synthetic.simplex import SimplexSolution, solve_simplex
from evaluation.impact.synthetic.study import SyntheticStudy, run_synthetic, write_synthetic
from evaluation.impact.synthetic.unit_scales import yearly_moves

__all__ = [
    "FIT_REASONS",
    "SYNTHETIC_REASONS",
    "AverageBounds",
    "CohortEffect",
    "ConformalTests",
    "Discoveries",
    "Fan",
    "FitRules",
    "FitVerdicts",
    "GapPanel",
    "PlaceboGaps",
    "PlaceboTests",
    "PooledResult",
    "PredictionIntervals",
    "Predictor",
    "SimplexSolution",
    "SyntheticDesign",
    "SyntheticDidResult",
    "SyntheticPanel",
    "SyntheticResult",
    "SyntheticStudy",
    "average_with_bounds",
    "cohort_test",
    "common_weights",
    "conformal_test",
    "find_discoveries",
    "gap_panel",
    "judge_fit",
    "null_residuals",
    "partially_pooled",
    "placebo_bands",
    "placebo_error",
    "placebo_gaps",
    "placebo_test",
    "prediction_intervals",
    "read_synthetic_panel",
    "run_synthetic",
    "solve_simplex",
    "synthetic_did",
    "synthetic_effects",
    "write_synthetic",
    "yearly_moves",
]
