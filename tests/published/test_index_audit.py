"""The audit of the ASEM index against COINr 1.1.14, and of the Technology Achievement Index against the Handbook.

Reference values: the R package COINr (Becker et al. 2022, doi:10.21105/joss.04567), in
../shared/reference/composite/asem/{analysis,units}. Typed here: OECD/JRC, Handbook on Constructing Composite Indicators
(2008, doi:10.1787/9789264043466-en), tables 6, 8, 11, 16 and 17; and the scores of the ministry's own evaluation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from asem import FOLDER, spec, table

from evaluation.index import Element, IndexResult, IndexSpec, Level, build_index
from evaluation.index.audit import FLAGS, AuditResult, audit
from evaluation.index.compare import compare_results
from evaluation.index.correlation import CorrelationLimits, correlation_matrix, group_correlations
from evaluation.index.effective_weights import nominal_weights
from evaluation.index.principal_components import principal_components, varimax
from evaluation.index.profile import strengths_and_weaknesses, unit_summary
from evaluation.index.reliability import alpha_if_dropped, cronbach_alpha
from evaluation.index.removal import removal_effects
from evaluation.index.statistics import availability, indicator_statistics

RELATIVE_TOLERANCE = 1e-12
"""The reference prints 17 digits; sums of a few dozen terms in another order. Found: below 5e-13 (kurtosis near 0)."""

CANCELLATION = 1e-14
"""Correlations near zero are differences of sums near one: absolute error of a few dozen roundings."""

CORRELATION_DECIMALS = 3
"""COINr rounds flagged correlations to three decimals."""

SIGNIFICANT_DIGITS = 3
"""COINr rounds the values of strengths and weaknesses to three digits."""

HANDBOOK_ROUNDING = 0.006
"""Two or three printed decimals, and data printed with three digits (as `test_index_handbook` found)."""

TESTED = {
    "analysis": {
        "avail_by_group",
        "compare_nominal_vs_geometric",
        "corr_flags_high",
        "corr_flags_low",
        "corr_raw_pearson",
        "corr_raw_spearman",
        "cronbach_by_pillar",
        "cronbach_subindex",
        "eff_weights",
        "pca_eigen_by_pillar",
        "remove_L2_meanabsdiff",
        "remove_L3_meanabsdiff",
        "stats_raw",
    },
    "units": {f"{unit}_{part}" for unit in ("DNK", "IDN") for part in ("strengths", "summary", "weaknesses")},
}

STATISTICS = {
    "Min": "minimum",
    "Max": "maximum",
    "Mean": "mean",
    "Median": "median",
    "Std": "sd",
    "Skew": "skewness",
    "Kurt": "kurtosis",
    "N.Avail": "n_available",
    "N.NonZero": "n_nonzero",
    "N.Unique": "n_unique",
    "N.Same": "n_same",
    "Frc.Avail": "share_available",
    "Frc.NonZero": "share_nonzero",
    "Frc.Unique": "share_unique",
    "Frc.Same": "share_same",
}
STATISTIC_FLAGS = {
    "Flag.Avail": ("LOW", "few_available"),
    "Flag.NonZero": ("LOW", "many_zeros"),
    "Flag.Unique": ("LOW", "few_unique"),
    "Flag.SkewKurt": ("OUT", "outliers"),
}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return table("input/iData.csv")


@pytest.fixture(scope="module")
def asem() -> IndexSpec:
    return spec()


@pytest.fixture(scope="module")
def result(data: pd.DataFrame, asem: IndexSpec) -> IndexResult:
    return build_index(data, asem)


@pytest.fixture(scope="module")
def raw(result: IndexResult) -> pd.DataFrame:
    return result.steps["raw"]


@pytest.fixture(scope="module")
def audited(result: IndexResult, data: pd.DataFrame) -> AuditResult:
    return audit(result, values=data, with_removal=False)


@pytest.mark.parametrize("folder", sorted(TESTED))
def test_every_file_of_the_reference_is_tested(folder: str) -> None:
    if not FOLDER.exists():
        pytest.skip(f"the reference data are not here: {FOLDER}")
    assert {path.stem for path in (FOLDER / folder).glob("*.csv")} == TESTED[folder]


def test_statistics_of_the_indicators(raw: pd.DataFrame) -> None:
    reference = table("analysis/stats_raw.csv", index="iCode")
    ours = indicator_statistics(raw).set_index("indicator").loc[reference.index]
    for theirs, name in STATISTICS.items():
        np.testing.assert_allclose(ours[name], reference[theirs], rtol=RELATIVE_TOLERANCE, err_msg=name)
    for theirs, (raised, code) in STATISTIC_FLAGS.items():
        flagged = ours["flags"].str.split("+").map(lambda flags, code=code: code in flags)
        assert flagged.tolist() == (reference[theirs] == raised).tolist(), code


def test_availability_of_each_unit_in_each_group(raw: pd.DataFrame, asem: IndexSpec) -> None:
    reference = table("analysis/avail_by_group.csv")
    ours = availability(raw, asem).set_index(["unit", "code"])["share_available"]
    found = [[ours[unit, code] for code in reference.columns] for unit in reference.index]
    np.testing.assert_allclose(found, reference, rtol=RELATIVE_TOLERANCE)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlations_of_all_pairs(raw: pd.DataFrame, method: str) -> None:
    reference = table(f"analysis/corr_raw_{method}.csv", index=None)
    ours = correlation_matrix(raw, method=method)
    found = [ours.loc[a, b] for a, b in zip(reference["Var1"], reference["Var2"], strict=True)]
    np.testing.assert_allclose(found, reference["Correlation"], rtol=RELATIVE_TOLERANCE, atol=CANCELLATION)


@pytest.mark.parametrize(("file", "flag"), [("high", "redundant"), ("low", "opposed")])
def test_correlations_flagged_within_pillars(
    result: IndexResult, asem: IndexSpec, file: str, flag: str
) -> None:
    """COINr's example asks for those above 0.75 and below -0.5, after normalising."""
    reference = table(f"analysis/corr_flags_{file}.csv", index=None)
    ours = group_correlations(result.steps["normalised"], asem, limits=CorrelationLimits(high=0.75, low=-0.5))
    flagged = ours[ours["flag"] == flag]
    assert {
        (row.first_group, frozenset((row.first, row.second)), round(row.correlation, CORRELATION_DECIMALS))
        for row in flagged.itertuples()
    } == {(row.Group, frozenset((row.Ind1, row.Ind2)), row.Corr) for row in reference.itertuples()}


def test_alpha_of_each_pillar(raw: pd.DataFrame, result: IndexResult, asem: IndexSpec) -> None:
    """COINr takes covariances over the units that have both indicators."""
    frames = {"Raw": raw, "Normalised": result.steps["normalised"], "Aggregated": result.scores}
    for row in table("analysis/cronbach_by_pillar.csv", index=None).itertuples():
        codes = [child.code for child in asem.children(row.pillar)]
        ours = cronbach_alpha(frames[row.dset][codes], missing="pairwise")
        assert ours == pytest.approx(row.alpha, rel=RELATIVE_TOLERANCE), (row.dset, row.pillar)


def test_alpha_of_the_sub_indices(audited: AuditResult) -> None:
    ours = audited.tables["reliability"].set_index("code")["alpha"]
    for row in table("analysis/cronbach_subindex.csv", index=None).itertuples():
        assert ours[row.subindex] == pytest.approx(row.alpha, rel=RELATIVE_TOLERANCE)


def test_eigenvalues_of_each_pillar(audited: AuditResult) -> None:
    ours = audited.tables["components"].set_index("code")
    for group, reference in table("analysis/pca_eigen_by_pillar.csv", index=None).groupby("group"):
        np.testing.assert_allclose(
            ours.loc[group, "eigenvalue"], reference["eigenvalue"], rtol=RELATIVE_TOLERANCE
        )
        np.testing.assert_allclose(ours.loc[group, "share"], reference["propvar"], rtol=RELATIVE_TOLERANCE)


def test_share_of_each_element_in_the_index(asem: IndexSpec) -> None:
    reference = table("analysis/eff_weights.csv", index="iCode")
    ours = nominal_weights(asem).set_index("code").loc[reference.index]
    np.testing.assert_allclose(ours["share"], reference["EffWeight"], rtol=RELATIVE_TOLERANCE)


@pytest.mark.parametrize(("file", "level"), [("L2", "pillar"), ("L3", "sub_index")])
def test_index_without_each_element(data: pd.DataFrame, asem: IndexSpec, file: str, level: str) -> None:
    reference = table(f"analysis/remove_{file}_meanabsdiff.csv", index="element")["MeanAbsDiff"]
    ours = removal_effects(data, asem, level=level).summary.set_index("code")["mean_abs_change"]
    assert reference.pop("Nominal") == 0
    np.testing.assert_allclose(ours[reference.index], reference, rtol=RELATIVE_TOLERANCE)


def test_geometric_index_beside_the_nominal_one(
    data: pd.DataFrame, asem: IndexSpec, result: IndexResult
) -> None:
    """COINr's second index has scores from 1 to 100 and geometric means on all levels."""
    geometric = replace(
        asem,
        levels=tuple(replace(level, aggregation="geometric") for level in asem.levels),
        normalise=replace(asem.normalise, score_range=(1.0, 100.0)),
    )
    reference = table("analysis/compare_nominal_vs_geometric.csv", index=None)
    ours = compare_results(result, build_index(data, geometric)).tidy()
    assert ours["unit"].tolist() == reference["uCode"].tolist()
    columns = {
        "coin.1": "rank_before",
        "coin.2": "rank_after",
        "Diff": "rank_change",
        "Abs.diff": "abs_change",
    }
    for theirs, name in columns.items():
        assert ours[name].tolist() == reference[theirs].tolist(), name


@pytest.fixture(scope="module")
def as_coinr_orders(raw: pd.DataFrame, asem: IndexSpec) -> pd.DataFrame:
    """COINr keeps indicators by the name of their pillar, which settles equal ranks."""
    parents = {element.code: element.parent for element in asem.indicators}
    return raw[sorted(raw.columns, key=lambda code: parents[code])]


@pytest.mark.parametrize("unit", ["DNK", "IDN"])
def test_strengths_and_weaknesses_as_coinr_picks_them(
    as_coinr_orders: pd.DataFrame, asem: IndexSpec, unit: str
) -> None:
    directions = {element.code: element.direction for element in asem.indicators}
    profile = strengths_and_weaknesses(
        as_coinr_orders, unit=unit, directions=directions, last_place="left_out"
    )
    for part in ("strengths", "weaknesses"):
        reference = table(f"units/{unit}_{part}.csv", index=None)
        ours = getattr(profile, part)
        assert ours["indicator"].tolist() == reference["Code"].tolist()
        assert ours["rank"].tolist() == reference["Rank"].tolist()
        rounded = [float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in ours["value"]]
        assert rounded == pytest.approx(reference["Value"].tolist(), rel=RELATIVE_TOLERANCE)


def test_coinr_leaves_out_the_weakest_point_of_indonesia(
    as_coinr_orders: pd.DataFrame, asem: IndexSpec
) -> None:
    """Last of 47 in research spending: COINr drops last places from weaknesses as it does from strengths; we do not."""
    directions = {element.code: element.direction for element in asem.indicators}
    ours = strengths_and_weaknesses(as_coinr_orders, unit="IDN", directions=directions).weaknesses
    last = ours[ours["rank"] == ours["n_ranked"]]
    assert last["indicator"].tolist() == ["RDExp"]
    assert "RDExp" not in table("units/IDN_weaknesses.csv", index=None)["Code"].tolist()


@pytest.mark.parametrize("unit", ["DNK", "IDN"])
def test_scores_and_ranks_of_a_unit(result: IndexResult, asem: IndexSpec, unit: str) -> None:
    reference = table(f"units/{unit}_summary.csv", index=None)
    summary = unit_summary(result.scores, asem, unit=unit)
    ours = summary[summary["level"] != "indicator"].reset_index(drop=True)
    assert ours["code"].tolist() == reference["Code"].tolist()
    np.testing.assert_allclose(ours["score"], reference["Score"], rtol=RELATIVE_TOLERANCE)
    assert ours["rank"].tolist() == reference["Rank"].tolist()


def test_audit_sheet_of_the_example(audited: AuditResult) -> None:
    """Findings that can be seen in the reference: outliers of stats_raw, negative alphas, and what is not there."""
    findings = audited.findings()
    raised = set(zip(findings["table"], findings["subject"], findings["flag"], strict=True))
    assert ("indicators", "Flights", "outliers") in raised
    assert ("reliability", "SusEcFin", "negative") in raised
    assert ("reliability", "Social", "low") not in raised
    assert ("correlations", "RTAs+TBTs", "opposed") in raised or (
        "correlations",
        "TBTs+RTAs",
        "opposed",
    ) in raised
    assert {(name, flag) for name, _, flag in raised} <= {
        (name, flag) for name, flags in FLAGS.items() for flag in flags
    }
    treated = audited.tables["treated"]
    assert len(treated) == (table("steps/04_treated_points.csv").notna()).sum().sum()
    chart = audited.plot("components", code="Social")
    assert chart.html.count('class="cell"') == 9 * 9


TAI = ("PATENTS", "ROYALTIES", "INTERNET", "EXPORTS", "TELEPHONES", "ELECTRICITY", "SCHOOLING", "UNIVERSITY")
TABLE_16_EIGENVALUES = [3.3, 1.7, 1.0, 0.9, 0.5, 0.3, 0.2, 0.1]
TABLE_17_LOADINGS = [
    [0.07, 0.97, 0.06, 0.06],
    [0.13, 0.07, -0.07, 0.93],
    [0.79, -0.21, 0.21, 0.42],
    [-0.64, 0.56, -0.04, 0.36],
    [0.37, 0.17, 0.38, 0.68],
    [0.82, -0.04, 0.25, 0.35],
    [0.88, 0.23, -0.09, 0.09],
    [0.08, 0.04, 0.96, 0.04],
]
TABLE_11 = {
    "PATENTS": (0.261, 0.704),
    "ROYALTIES": (0.527, 0.645),
    "INTERNET": (0.566, 0.636),
    "EXPORTS": (-0.108, 0.774),
    "TELEPHONES": (0.701, 0.603),
    "ELECTRICITY": (0.614, 0.624),
    "SCHOOLING": (0.451, 0.662),
    "UNIVERSITY": (0.249, 0.706),
}
TABLE_11_ALL = 0.70
LOADING_ROUNDING = 0.016
"""Rotated loadings move with the third digit of the data more than correlations do (electricity, 0.82 for 0.807)."""


@pytest.fixture(scope="module")
def tai() -> pd.DataFrame:
    path = FOLDER.parent / "handbook" / "tai23_raw.csv"
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    return pd.read_csv(path, index_col="country")


def test_handbook_table_11_alpha_without_each_indicator(tai: pd.DataFrame) -> None:
    ours = alpha_if_dropped(tai, standardised=True).set_index("indicator")
    for code, (correlation, alpha) in TABLE_11.items():
        assert ours.loc[code, "rest_correlation"] == pytest.approx(correlation, abs=HANDBOOK_ROUNDING)
        assert ours.loc[code, "alpha_if_dropped"] == pytest.approx(alpha, abs=HANDBOOK_ROUNDING)
    assert ours["alpha"].iloc[0] == pytest.approx(TABLE_11_ALL, abs=HANDBOOK_ROUNDING)
    # Patents is within the rounding of 0.704, the alpha of all.
    assert set(ours.index[ours["flag"] == "better_without"]) >= {"EXPORTS", "UNIVERSITY"}


def test_handbook_table_6_correlations(tai: pd.DataFrame) -> None:
    reference = pd.read_csv(FOLDER.parent / "handbook" / "table6_correlations.csv")
    matrix = correlation_matrix(tai)
    for row in reference.itertuples():
        ours = matrix.loc[row.a, row.b]
        assert ours == pytest.approx(row.computed, abs=0.00051), (row.a, row.b)
        if (row.a, row.b) != ("TELEPHONES", "ROYALTIES"):
            assert ours == pytest.approx(row.published, abs=0.0101), (row.a, row.b)


def test_handbook_tables_8_16_and_17_components(tai: pd.DataFrame) -> None:
    components = principal_components(tai)
    np.testing.assert_allclose(components.eigenvalues, TABLE_16_EIGENVALUES, atol=0.08)
    reference = pd.read_csv(FOLDER.parent / "handbook" / "table8_loadings_pub_and_computed.csv", index_col=0)
    ours = components.loadings[:, :4]
    computed = reference[["4", "5", "6", "7"]].to_numpy()
    signs = np.sign((ours * computed).sum(axis=0))
    np.testing.assert_allclose(ours * signs, computed, atol=0.00006)
    np.testing.assert_allclose(varimax(ours), TABLE_17_LOADINGS, atol=LOADING_ROUNDING)


EVALUATION_WEIGHTS = {"baseline": 10, "output": 20, "outcome": 30, "impact": 20, "quick_win": 20}
OTHER_WEIGHTS = {"baseline": 10, "output": 20, "outcome": 30, "impact": 30, "quick_win": 10}
EVALUATED = {
    "Kota Kediri 2022": ((3.60, 3.21, 3.23, 3.07, 3.65), 3.31),
    "Kota Jambi 2024": ((3.84, 3.18, 3.53, 3.63, 3.35), 3.48),
}
ROUNDING_OF_PARTS = 0.006
"""The five parts and the score are printed with two decimals."""


def evaluation_scores(weights: dict[str, int]) -> pd.Series:
    """Return the scores of the ministry's evaluation as our engine makes them, from the printed parts."""
    dimensions = tuple(
        Element(code=code, parent="evaluation", level="dimension", weight=weight)
        for code, weight in weights.items()
    )
    top = Element(code="evaluation", parent=None, level="evaluation")
    evaluation = IndexSpec(
        elements=(*dimensions, top),
        levels=(Level(name="evaluation", aggregation="arithmetic"),),
        indicator_level="dimension",
    )
    parts = pd.DataFrame({name: parts for name, (parts, _) in EVALUATED.items()}, index=list(weights)).T
    return build_index(parts, evaluation).scores["evaluation"]


@pytest.mark.parametrize("name", sorted(EVALUATED))
def test_published_scores_of_the_ministrys_evaluation(name: str) -> None:
    """Kediri: bangsaonline.com/amp/berita/113379, 2022; Jambi: jambikota.go.id/content/931, 2024.

    The weights are those of jambiekspres.disway.id/amp/654588; kominfo.slemankab.go.id/monev-smart-city-kabupaten-sleman
    prints 10, 20, 30, 30 and 10, which miss both scores.
    """
    published = EVALUATED[name][1]
    assert evaluation_scores(EVALUATION_WEIGHTS)[name] == pytest.approx(published, abs=ROUNDING_OF_PARTS)
    assert abs(evaluation_scores(OTHER_WEIGHTS)[name] - published) >= 0.02
