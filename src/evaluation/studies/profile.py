"""One region's profile: where it stands, against whom, how it moved, when it joined.

Belongs here: the rows of the tables of standing that one region's page is made of. Does not belong here: computing
them (`evaluation.studies.standing`) or sentences and figures about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evaluation.catalog import Correction
from evaluation.studies.peers import GROUPS


@dataclass(frozen=True)
class RegionProfile:
    """What is known of one region in one edition.

    Parameters
    ----------
    region
        Its row of the registry.
    groups
        Its row of the table `region_groups`: population, population class, groups.
    edition_year
        Year of the edition.
    pillars
        Its rows of `region_standing`: one a pillar and the overall index.
    indicators
        Its rows of `region_indicators`: one an indicator in force.
    beside
        Its rows of `region_beside`: composites of other institutions.
    series
        Its rows of `region_series`: outcomes over time.
    comparison
        Its rows of `region_comparison`: primary outcomes beside those of its comparison group.
    scores_over_time
        Its rows of `series_scores`: pillars and dimensions in every year of the series.
    changes
        Its rows of `series_changes`: what each indicator did to its pillar's score over the series.
    cohort
        Its row of the table `cohorts`.
    entries
        Its entries of ``cohorts.csv``.
    corrections
        Records of corrected and disputed figures of this region, oldest first.
    """

    region: pd.Series
    groups: pd.Series
    edition_year: int
    pillars: pd.DataFrame
    indicators: pd.DataFrame
    beside: pd.DataFrame
    series: pd.DataFrame
    comparison: pd.DataFrame
    scores_over_time: pd.DataFrame
    changes: pd.DataFrame
    cohort: pd.Series
    entries: pd.DataFrame
    corrections: tuple[Correction, ...] = ()

    @property
    def joined(self) -> tuple[int, ...]:
        """Joining years in order, empty where it never joined."""
        return tuple(int(year) for year in self.entries["joined"])

    @property
    def group_sizes(self) -> Mapping[str, int]:
        """Number of other regions in each group."""
        return {group: int(self.groups[f"n_{group}"]) for group in GROUPS}
