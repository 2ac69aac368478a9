"""The vectorised tables of standing against a slow version that can be read at a glance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.schema import REGION_GROUPS
from evaluation.studies import processed
from evaluation.studies.panels import study_units, usable
from evaluation.studies.peers import GROUPS, LEAST_SHARE_ALIKE, MIN_COMPARED, others_count, others_quantiles
from evaluation.studies.project import Project
from evaluation.studies.reads import begin, recorded
from evaluation.studies.regional import read_profile, region_states
from evaluation.studies.scores import INDEX_CODE

CLOSE = 1e-9
"""Rounding of an interpolation between scores below 100."""
REGIONS = ("3273", "1902", "9436", "1505", "3101", "7413", "6104")
POINTS = (0.1, 0.25, 0.5, 0.9)


def slow_quantiles(values: pd.Series, *points: float) -> list[float]:
    present = values.dropna()
    if len(present) < MIN_COMPARED:
        return [np.nan] * len(points)
    return [float(present.quantile(point)) for point in points]


@given(
    st.lists(st.one_of(st.floats(-100, 100), st.just(float("nan"))), min_size=1, max_size=25),
    st.integers(1, 3),
)
def test_quantiles_over_others_equal_leaving_each_out_in_turn(values: list[float], n_groups: int) -> None:
    series = pd.Series(values)
    labels = np.array([f"group {position % n_groups}" for position in range(len(values))])
    fast = others_quantiles(series.to_numpy(), labels, *POINTS)
    counts = others_count(series.to_numpy(), labels)
    for position in range(len(values)):
        others = series[(labels == labels[position]) & (series.index != position)]
        assert fast[position] == pytest.approx(slow_quantiles(others, *POINTS), abs=CLOSE, nan_ok=True)
        assert counts[position] == others.notna().sum()


@pytest.mark.parametrize("year", [2019, 2024])
def test_standing_equals_the_slow_comparison_with_each_group(project: Project, year: int) -> None:
    edition = processed.edition(project, year)
    groups = processed.region_table(project, REGION_GROUPS).set_index("region_code")
    for region_code in REGIONS:
        rows = read_profile(project, region_code, edition=year).pillars.set_index("code")
        assert list(rows.index) == [*project.catalog.pillars, INDEX_CODE]
        for code, row in rows.iterrows():
            level = edition.scores[edition.scores["code"] == code].set_index("region_code")
            alike = level[level["composition"] == level.loc[region_code, "composition"]]["score"]
            for group in GROUPS:
                same = groups.index[groups[group] == groups.loc[region_code, group]].drop(region_code)
                expected = slow_quantiles(alike.reindex(same), 0.5)[0]
                if alike.reindex(same).notna().sum() < LEAST_SHARE_ALIKE * len(same):
                    expected = np.nan
                assert row[f"{group}_median"] == pytest.approx(expected, abs=CLOSE, nan_ok=True)


def test_comparison_group_is_the_clean_controls_of_ones_own_type_without_oneself(project: Project) -> None:
    plan = project.study_plan
    units = study_units(project, plan)
    figures = usable(processed.indicators(project), "poverty_rate", plan)
    clean = units[units["clean_control"] & units["joined"].isna()]
    for region_code in ("3273", "9436"):
        kind = float(project.registry.by_code.loc[region_code, "type"] == "kota")
        members = clean.index[clean["is_city"] == kind].drop(region_code, errors="ignore")
        rows = read_profile(project, region_code, edition=2024).comparison
        row = rows[(rows["indicator"] == "poverty_rate") & (rows["year"] == 2019)].iloc[0]
        year = figures[(figures["year"] == 2019) & figures["region_code"].isin(members)]
        assert row["comparison_mean"] == pytest.approx(year["value"].mean())
        assert row["n_comparison"] == len(members)


def test_a_region_s_page_notes_its_own_rows_and_no_others(project: Project) -> None:
    begin()
    read_profile(Project(root=project.root), "3273", edition=2024)
    assert recorded() == {"region:2024:3273": region_states(project, 2024)["3273"]}
