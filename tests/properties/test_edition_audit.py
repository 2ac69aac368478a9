"""What the audit of our own index promises, on the real data of the repository."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.index import build_index
from evaluation.index.audit import FLAGS
from evaluation.index.effective_weights import nominal_weights
from evaluation.reporting.audit_flags import flag_words
from evaluation.reporting.audit_report import open_audit_report
from evaluation.reporting.labels import Labels
from evaluation.schema import INDEX_CODE
from evaluation.studies.alternatives import (
    ALTERNATIVES,
    LEAST_COMPONENT_CHILDREN,
    MOVED_FAR,
    alternative_specs,
    standing_parts,
    with_component_weights,
)
from evaluation.studies.index_audit import PARTS, IndexAudit
from evaluation.studies.project import Project
from evaluation.studies.rank_widths import interval_widths

ROUNDING = 1e-9
"""Sums of a few hundred products in another order."""

NARROW = 0.1
"""Widest interval of a Sobol' index that still tells a large share from a small one; the page prints whole per cents."""


@pytest.fixture(scope="module")
def audit(project: Project) -> IndexAudit:
    return open_audit_report(edition=2024, language="en", project=project).audit


def test_an_audit_has_every_part_and_none_is_empty(audit: IndexAudit) -> None:
    assert tuple(audit.tables) == PARTS
    assert [part for part in PARTS if audit.tables[part].empty] == []


def test_the_second_language_draws_on_the_same_audit(audit: IndexAudit, project: Project) -> None:
    assert open_audit_report(edition=2024, language="id", project=project).audit is audit


def test_compared_are_exactly_the_regions_that_the_pages_rank_against_each_other(audit: IndexAudit) -> None:
    ranks = audit.tables["ranks"].set_index("region_code")["rank"]
    assert set(ranks.index) == set(audit.compared.units)
    assert audit.compared.scores.notna().all(axis=None)
    pd.testing.assert_series_equal(
        ranks.sort_index(), audit.compared.ranks[INDEX_CODE].sort_index(), check_names=False
    )


def test_every_region_is_counted_once_in_the_coverage_of_each_element(
    audit: IndexAudit, project: Project
) -> None:
    table = audit.tables["coverage"]
    counted = table[["n_complete", "n_partial", "n_none"]].sum(axis=1)
    assert set(counted) == {len(project.registry.codes)}
    assert table.set_index("code").loc[INDEX_CODE, "n_complete"] == len(audit.compared.units)


def test_the_outlier_log_names_the_figures_that_the_engine_held_at_a_goalpost(audit: IndexAudit) -> None:
    table = audit.tables["indicators"].set_index("indicator")
    held = audit.indices.index.capped[table.index].sum()
    assert (table["n_low"] + table["n_high"]).to_dict() == held.to_dict()
    log = audit.tables["outliers"]
    assert log["mark"].isin(["below_goalpost", "above_goalpost"]).sum() == held.sum()


def test_outliers_are_logged_for_the_indicators_that_the_statistics_flag_and_no_others(
    audit: IndexAudit,
) -> None:
    table = audit.tables["indicators"]
    flagged = table["flags"].str.contains("outliers")
    assert flagged.any()
    assert not flagged.all()
    assert ((table["n_outliers"] > 0) == flagged).all()


def test_a_region_s_parts_sum_to_its_standardised_index_and_rank_as_it_does(audit: IndexAudit) -> None:
    total = standing_parts(audit.compared).sum(axis=1)
    logs = np.log(audit.compared.scores[INDEX_CODE])
    assert np.allclose(total, (logs - logs.mean()) / logs.std(), rtol=0, atol=ROUNDING)


def test_moves_are_differences_of_ranks_through_a_pillar_that_moved_that_way(audit: IndexAudit) -> None:
    moves = audit.tables["moves"]
    assert (moves["rank"] - moves["rank_alternative"] == moves["rank_change"]).all()
    assert ((moves["pillar"] == "") == (moves["rank_change"] == 0)).all()
    assert moves.groupby("alternative").size().to_dict() == dict.fromkeys(
        ALTERNATIVES, len(audit.compared.units)
    )


def test_the_pillar_named_for_a_move_pulled_the_region_that_way(audit: IndexAudit) -> None:
    arithmetic = build_index(audit.compared.steps["raw"], alternative_specs(audit.spec)["arithmetic"])
    change = standing_parts(arithmetic) - standing_parts(audit.compared)
    moves = audit.tables["moves"]
    far = moves[(moves["alternative"] == "arithmetic") & (moves["rank_change"].abs() > MOVED_FAR)]
    assert len(far) > 100
    pulled = [change.loc[row.region_code, row.pillar] * row.rank_change for row in far.itertuples()]
    assert min(pulled) > 0
    assert len(set(far["pillar"])) > 1


def test_the_summary_of_an_alternative_is_that_of_its_moves(audit: IndexAudit) -> None:
    summary = audit.tables["alternatives"].set_index("alternative")
    for code, moves in audit.tables["moves"].groupby("alternative"):
        size = moves["rank_change"].abs()
        assert summary.loc[code, "mean_abs_change"] == pytest.approx(size.mean())
        assert summary.loc[code, "max_abs_change"] == size.max()
        assert summary.loc[code, "share_moved_far"] == pytest.approx((size > MOVED_FAR).mean())


def test_each_alternative_changes_what_it_says_and_nothing_else(audit: IndexAudit) -> None:
    steps = {
        code: {where.split(" / ")[0] + ":" + where.split(" / ")[-1] for where in rows["where"]}
        for code, rows in audit.tables["differences"].groupby("alternative")
    }
    assert steps["arithmetic"] == {"levels:aggregation"}
    assert steps["minmax"] == {"steps:method"}
    assert steps["zscore"] == steps["percentile_rank"] == {"levels:aggregation", "steps:method"}
    assert steps["equal_indicators"] == {"elements:weight"}
    assert steps["component_weights"] <= {"elements:weight"}


def test_with_equal_indicators_every_indicator_has_the_same_share_of_the_index(audit: IndexAudit) -> None:
    shares = nominal_weights(alternative_specs(audit.spec)["equal_indicators"])
    own = shares.loc[shares["level"] == "indicator", "share"]
    assert np.allclose(own, 1 / len(audit.spec.indicators), rtol=0, atol=ROUNDING)
    ours = nominal_weights(audit.spec)
    ours = ours.loc[ours["level"] == "indicator", "share"]
    assert ours.max() > ours.min() + ROUNDING


def test_component_weights_are_given_or_refused_with_a_reason_for_each_group_of_three(
    audit: IndexAudit,
) -> None:
    spec, refused = with_component_weights(audit.compared)
    groups = {
        element.code: [child.code for child in spec.children(element.code)]
        for level in spec.level_names[1:]
        for element in spec.of_level(level)
        if len(spec.children(element.code)) >= LEAST_COMPONENT_CHILDREN
    }
    given = {
        code
        for code, children in groups.items()
        if sum(spec.by_code[child].weight for child in children) == pytest.approx(1.0)
    }
    assert given
    assert given | set(refused["code"]) == set(groups)
    assert not given & set(refused["code"])
    assert (refused["reason"] != "").all()


def test_eigenvalues_of_a_pillar_sum_to_the_number_of_its_indicators(audit: IndexAudit) -> None:
    sums = audit.tables["components"].groupby("code")["eigenvalue"].sum()
    parts = audit.tables["reliability"].set_index("code")["n_children"]
    assert set(sums.index) == set(parts.index[parts > 1])
    assert np.allclose(sums, parts[sums.index], rtol=0, atol=ROUNDING)


def test_pillars_of_one_indicator_are_flagged_and_have_no_alpha(audit: IndexAudit) -> None:
    table = audit.tables["reliability"]
    single = table["n_children"] == 1
    assert single.any()
    assert ((table["flag"] == "single") == single).all()
    assert (table["alpha"].isna() == single).all()


def test_sobol_indices_have_intervals_narrow_enough_to_be_read(audit: IndexAudit, project: Project) -> None:
    table = audit.tables["sensitivity"]
    assert ((table["conf_high"] - table["conf_low"]) < NARROW).all()
    assert table["estimate"].between(table["conf_low"], table["conf_high"]).all()
    assert set(table["factor"]) == {one.code for one in project.uncertainty.assumptions}
    wide = table.pivot_table(index="factor", columns="order", values="estimate")
    assert (wide["total"] > wide["first"] - NARROW).all()
    assert wide["first"].sum() < 1 + NARROW


def test_findings_are_told_of_indicators_and_pillars_but_not_twice_through_dimensions(
    audit: IndexAudit,
) -> None:
    findings = audit.tables["findings"]
    named = {code for subject in findings["subject"] for code in subject.split("+")}
    dimensions = {one.code for one in audit.spec.of_level("dimension")}
    assert not named & dimensions
    assert set(findings["table"]) <= set(FLAGS)


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_flag_has_words_in_both_languages(project: Project, language: str) -> None:
    labels = Labels(project, language)  # type: ignore[arg-type]
    for table, flags in FLAGS.items():
        for flag in flags:
            words = flag_words(table, flag, labels)
            assert all((words.name, words.meaning, words.advice))


def ranked(rows: list[tuple[float, float, float]], composition: str = "a+b") -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["rank", "rank_low", "rank_high"])
    return table.assign(code="economy", composition=composition, n_indicators=2)


def test_widths_count_what_stays_in_a_quarter_and_what_does_not_overlap() -> None:
    rows = [(1, 1, 1), (2, 1, 3), (3, 2, 4), (4, 4, 5), (5, 4, 6), (6, 6, 6), (7, 6, 8), (8, 8, 8)]
    # In a list of eight, the best quarter are ranks 1 and 2 and the last 7 and 8: ranks 2 and 7 reach out of theirs.
    alone = [ranked([(1, 1, 1)], composition="a"), ranked([(1, 1, 1)], composition="b")]
    found = interval_widths(pd.concat([ranked(rows), *alone], ignore_index=True)).iloc[0]
    assert found["n_ranked"] == 8
    assert (found["n_quarter"], found["n_top"], found["n_bottom"]) == (2, 1, 1)
    assert found["median_width"] == 2.5
    overlapping = {(1, 2), (2, 3), (3, 4), (3, 5), (4, 5), (5, 6), (5, 7), (6, 7), (7, 8)}
    assert found["share_apart"] == pytest.approx(1 - len(overlapping) / 28)


def test_regions_that_share_a_rank_are_in_a_quarter_only_if_all_of_them_fit() -> None:
    shared = [(1.0, 1.0, 1.0)] * 3 + [(float(rank), float(rank), float(rank)) for rank in range(4, 9)]
    found = interval_widths(ranked(shared)).iloc[0]
    assert (found["n_top"], found["n_bottom"]) == (0, 2)
