"""Programme impact on any panel: one study description, estimators, averages, diagnostics.

An engine: it receives a panel and a design, and knows neither files nor configuration.
"""

from __future__ import annotations

from evaluation.impact.aggregate import aggregate
from evaluation.impact.aggregate_result import AggregateResult
from evaluation.impact.bacon import BaconResult, bacon
from evaluation.impact.bias_reduced import (
    SmallSampleResult,
    cluster_jackknife,
    cr2,
    influence_jackknife,
)
from evaluation.impact.clustered_regression import (
    ClusteredRegression,
    average_effect_clustered,
    clustered_regression,
    twfe_clustered,
)
from evaluation.impact.design import Design
from evaluation.impact.diagnostics import PreTrendTest, balance, overlap, pre_trend_test
from evaluation.impact.did import att_gt
from evaluation.impact.equivalence import EquivalenceResult, equivalence_test
from evaluation.impact.estimators import estimate_effects
from evaluation.impact.event_study import EventStudy, event_study, event_study_of
from evaluation.impact.families import benjamini_hochberg, romano_wolf, step_down
from evaluation.impact.few_treated import FewTreatedResult, few_treated_test
from evaluation.impact.group_time import AttGtResult
from evaluation.impact.inference import Intervals, mde
from evaluation.impact.leads import lead_test
from evaluation.impact.notes import REASONS, Note
from evaluation.impact.placebo import leave_one_cluster_out, leave_one_cohort_out, placebo_dates
from evaluation.impact.pretrend_power import PretrendPower, pretrend_power, slope_for_power
from evaluation.impact.randomisation import RandomisationResult, randomisation_test
from evaluation.impact.rank_of_effects import EffectRanks, rank_effects
from evaluation.impact.results import DidStudy, run_did, write_did, write_tables
from evaluation.impact.sensitivity import HonestResult, honest
from evaluation.impact.shrinkage import ShrunkenEffects, shrink
from evaluation.impact.twfe import TwfeWeights, twfe_weights
from evaluation.impact.wild_bootstrap import (
    ClusterScores,
    WildBootstrapResult,
    cluster_scores,
    wild_cluster_bootstrap,
)

__all__ = [
    "REASONS",
    "AggregateResult",
    "AttGtResult",
    "BaconResult",
    "ClusterScores",
    "ClusteredRegression",
    "Design",
    "DidStudy",
    "EffectRanks",
    "EquivalenceResult",
    "EventStudy",
    "FewTreatedResult",
    "HonestResult",
    "Intervals",
    "Note",
    "PreTrendTest",
    "PretrendPower",
    "RandomisationResult",
    "ShrunkenEffects",
    "SmallSampleResult",
    "TwfeWeights",
    "WildBootstrapResult",
    "aggregate",
    "att_gt",
    "average_effect_clustered",
    "bacon",
    "balance",
    "benjamini_hochberg",
    "cluster_jackknife",
    "cluster_scores",
    "clustered_regression",
    "cr2",
    "equivalence_test",
    "estimate_effects",
    "event_study",
    "event_study_of",
    "few_treated_test",
    "honest",
    "influence_jackknife",
    "lead_test",
    "leave_one_cluster_out",
    "leave_one_cohort_out",
    "mde",
    "overlap",
    "placebo_dates",
    "pre_trend_test",
    "pretrend_power",
    "randomisation_test",
    "rank_effects",
    "romano_wolf",
    "run_did",
    "shrink",
    "slope_for_power",
    "step_down",
    "twfe_clustered",
    "twfe_weights",
    "wild_cluster_bootstrap",
    "write_did",
    "write_tables",
]
