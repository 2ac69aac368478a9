"""Uncertainty and sensitivity of an index against COINr's 200 stored replications, analytic values and SALib.

Reference: COINr 1.1.14 on its ASEM example, `../shared/reference/composite/asem/sensitivity` (PROVENANCE.md there).
Analytic values: Ishigami and Homma (1990), An importance quantification technique in uncertainty analysis for computer
models, Proc. ISUMA '90, 398-403, doi:10.1109/ISUMA.1990.151285, function with a = 7, b = 0.1; the g-function of Sobol'
(1993) with the coefficients of Saltelli et al. (2010), doi:10.1016/j.cpc.2009.09.018, section 5.
"""

from __future__ import annotations

import asem
import numpy as np
import pandas as pd
import pytest

from evaluation.index import IndexSpec, Normalise, build_index
from evaluation.index.factors import Choice, WeightSets
from evaluation.index.fields import set_fields
from evaluation.index.sobol import saltelli_sample, sobol_indices
from evaluation.index.uncertainty import UncertaintyResult, uncertainty

RELATIVE = 1e-12
"""Rounding of some dozen operations on numbers printed with 17 digits. Found: 6e-15."""

SAME_SAMPLE = 1e-10
"""SALib divides by the standard deviation before estimating; the rest is the same arithmetic."""

ANALYTIC = 0.01
"""Error of 2^14 scrambled Sobol' points in the indices of smooth functions of few variables. Found: below 0.004."""

NOISE = 0.25
"""COINr's example varies the weights of pillars and sub-indices by a quarter, up or down."""

ABOVE = asem.LEVELS[1:]
MEANS = {"a_amean": "arithmetic", "a_gmean": "geometric"}
ISHIGAMI_FIRST = (0.3139, 0.4424, 0.0)
ISHIGAMI_TOTAL = (0.5576, 0.4424, 0.2437)
PRINTED = 5e-5
"""The analytic values are printed with four decimals."""


def numbers(name: str) -> pd.DataFrame:
    return asem.table(name).apply(pd.to_numeric)


@pytest.fixture(scope="module")
def values() -> pd.DataFrame:
    return asem.table("input/iData.csv")


@pytest.fixture(scope="module")
def spec(values: pd.DataFrame) -> IndexSpec:
    """The example index; its means may meet z-scores, which lie above zero around a centre of ten."""
    return set_fields(asem.spec(), {f"levels.{level}.non_positive": "checked" for level in ABOVE})


def alternatives() -> list[Choice]:
    z_score = Normalise(method="zscore", centre=10.0, spread=2.0)
    return [
        Choice(name="winmax", options={str(most): {"treat.max_points": most} for most in range(1, 6)}),
        Choice(
            name="norm",
            options={
                "n_minmax": {"normalise.score_range": (1.0, 100.0)},
                "n_zscore": {"normalise": z_score},
            },
        ),
        Choice(
            name="agg",
            options={
                name: {f"levels.{level}.aggregation": mean for level in ABOVE} for name, mean in MEANS.items()
            },
        ),
    ]


@pytest.fixture(scope="module")
def params() -> pd.DataFrame:
    return (
        asem.table("sensitivity/UA4_N200_params.csv", index=None)
        .drop(columns="rep")
        .astype(str)
        .apply(lambda column: column.str.strip())
    )


@pytest.fixture(scope="module")
def weight_sets(values: pd.DataFrame, spec: IndexSpec, params: pd.DataFrame) -> pd.DataFrame:
    """Weights of each set, from the scores of the first replication that has it; its numbers are not in the files."""
    scores = numbers("sensitivity/UA4_N200_scores.csv").loc[values.index]
    pillars = [element.code for element in spec.of_level("pillar")]
    first = params.drop_duplicates("wset").assign(nominal="0")
    nominal = WeightSets(name="wset", sets=pd.DataFrame(1.0, index=["0"], columns=pillars))
    plain = uncertainty(values, spec, [*alternatives(), nominal], draws=first.assign(wset="0"), codes=pillars)
    found = {}
    for place, (replication, row) in enumerate(first.iterrows()):
        turned = np.log if row["agg"] == "a_gmean" else np.asarray
        below = turned(np.column_stack([plain.scores[code][place] for code in pillars]))
        above = turned(scores[f"r_{replication + 1}"].to_numpy())
        solved, _, rank, _ = np.linalg.lstsq(below, above, rcond=None)
        assert rank == len(pillars)
        assert np.abs(below @ solved / above - 1).max() < RELATIVE
        found[row["wset"]] = dict(zip(pillars, solved, strict=True))
    sets = pd.DataFrame(found).T
    for parent in spec.of_level("sub_index"):
        sets[parent.code] = sets[[child.code for child in spec.children(parent.code)]].sum(axis=1)
    return sets


@pytest.fixture(scope="module")
def replications(
    values: pd.DataFrame, spec: IndexSpec, params: pd.DataFrame, weight_sets: pd.DataFrame
) -> UncertaintyResult:
    factors = [*alternatives(), WeightSets(name="wset", sets=weight_sets)]
    return uncertainty(values, spec, factors, draws=params)


def test_recovered_weight_sets_are_noise_of_a_quarter_on_equal_weights(
    spec: IndexSpec, weight_sets: pd.DataFrame, params: pd.DataFrame
) -> None:
    assert len(weight_sets) == params["wset"].nunique() == 84
    for parent in ("Conn", "Sust", "Index"):
        own = weight_sets[[child.code for child in spec.children(parent)]]
        assert (own.max(axis=1) / own.min(axis=1)).max() < (1 + NOISE) / (1 - NOISE)


def test_scores_and_ranks_of_all_200_replications(
    values: pd.DataFrame, replications: UncertaintyResult
) -> None:
    """116 of them share a weight set with the replication it was recovered from, under other choices."""
    scores = numbers("sensitivity/UA4_N200_scores.csv").loc[values.index].drop(columns="Nominal")
    ranks = numbers("sensitivity/UA4_N200_ranks.csv").loc[values.index].drop(columns="Nominal")
    np.testing.assert_allclose(replications.scores["Index"].T, scores, rtol=RELATIVE)
    assert (ranks.to_numpy() == replications.ranks["Index"].T).all()


def test_rank_statistics_and_frequencies_of_the_200_replications(
    values: pd.DataFrame, replications: UncertaintyResult
) -> None:
    expected = numbers("sensitivity/UA4_N200_rankstats.csv").loc[values.index]
    table = replications.tidy().set_index("unit")
    columns = {
        "Nominal": "rank",
        "Mean": "rank_mean",
        "Median": "rank_median",
        "Q5": "rank_low",
        "Q95": "rank_high",
    }
    for theirs, ours in columns.items():
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=RELATIVE)
    counts = numbers("sensitivity/UA4_N200_rank_frequency.csv").loc[values.index]
    assert (replications.rank_frequency().to_numpy() == counts.to_numpy()).all()


def test_nominal_scores_are_those_of_the_example_index(
    values: pd.DataFrame, spec: IndexSpec, replications: UncertaintyResult
) -> None:
    expected = numbers("sensitivity/UA4_N200_nominal.csv").loc[values.index]
    np.testing.assert_allclose(replications.nominal_scores["Index"], expected["Score"], rtol=RELATIVE)
    built = build_index(values, spec)
    np.testing.assert_allclose(replications.nominal_scores["Index"], built.scores["Index"], rtol=RELATIVE)


def test_scores_of_different_scales_get_no_interval(replications: UncertaintyResult) -> None:
    assert not replications.same_scale
    assert replications.tidy()["score_low"].isna().all()


def ishigami(points: np.ndarray) -> np.ndarray:
    x = 2 * np.pi * points - np.pi
    return np.sin(x[..., 0]) * (1 + 0.1 * x[..., 2] ** 4) + 7 * np.sin(x[..., 1]) ** 2


def ishigami_indices() -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices in closed form."""
    a, b, pi = 7.0, 0.1, np.pi
    parts = np.array([(1 + b * pi**4 / 5) ** 2 / 2, a**2 / 8, 0.0])
    both = b**2 * pi**8 * (1 / 18 - 1 / 50)
    variance = parts.sum() + both
    return parts / variance, (parts + both * np.array([1, 0, 1])) / variance


def g_function(points: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return np.prod((np.abs(4 * points - 2) + coefficients) / (1 + coefficients), axis=-1)


def test_closed_form_is_the_one_printed() -> None:
    first, total = ishigami_indices()
    np.testing.assert_allclose(first, ISHIGAMI_FIRST, atol=PRINTED)
    np.testing.assert_allclose(total, ISHIGAMI_TOTAL, atol=PRINTED)


@pytest.mark.parametrize("first_order", ["saltelli", "jansen"])
def test_ishigami_indices_are_the_analytic_ones(first_order: str) -> None:
    sample = saltelli_sample(2**14, [1, 1, 1], seed=1)
    found = sobol_indices(ishigami(sample)[..., None], first_order=first_order, bootstrap=0)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.first[:, 0], ISHIGAMI_FIRST, atol=ANALYTIC)
    np.testing.assert_allclose(found.total[:, 0], ISHIGAMI_TOTAL, atol=ANALYTIC)


def test_indices_of_the_g_function_are_the_analytic_ones() -> None:
    coefficients = np.array([0.0, 0.5, 3.0, 9.0, 99.0, 99.0])
    parts = 1 / (3 * (1 + coefficients) ** 2)
    variance = np.prod(1 + parts) - 1
    total = parts * np.prod(1 + parts) / (1 + parts) / variance
    sample = saltelli_sample(2**14, [1] * 6, seed=1)
    found = sobol_indices(g_function(sample, coefficients)[..., None], bootstrap=0)
    np.testing.assert_allclose(found.first[:, 0], parts / variance, atol=ANALYTIC)
    np.testing.assert_allclose(found.total[:, 0], total, atol=ANALYTIC)


def test_indices_are_those_of_salib_on_the_same_sample() -> None:
    analyze = pytest.importorskip("SALib.analyze.sobol").analyze
    outcomes = ishigami(saltelli_sample(256, [1, 1, 1], seed=3)) + 100.0
    names = ["x1", "x2", "x3"]
    problem = {"num_vars": 3, "names": names, "bounds": [[0, 1]] * 3}
    theirs = analyze(problem, outcomes.T.ravel(), calc_second_order=False, num_resamples=10, seed=1)
    ours = sobol_indices(outcomes[..., None], bootstrap=0)
    np.testing.assert_allclose(ours.first[:, 0], theirs["S1"], atol=SAME_SAMPLE)
    np.testing.assert_allclose(ours.total[:, 0], theirs["ST"], atol=SAME_SAMPLE)


def coinr_outcomes() -> np.ndarray:
    """COINr's 512 base points: A, B, then A with each column of B; in our order, A, mixed, B."""
    blocks = asem.table("sensitivity/generic_ishigami_N512.csv", index=None)["y"].to_numpy().reshape(5, 512)
    return np.concatenate([blocks[:1], blocks[2:], blocks[1:2]])[..., None]


def uncentred_first_order(outcomes: np.ndarray) -> np.ndarray:
    a, mixed, b = outcomes[0, :, 0], outcomes[1:-1, :, 0], outcomes[-1, :, 0]
    return (b * (mixed - a)).mean(axis=1) / np.concatenate([a, b]).var(ddof=1)


def test_coinr_estimates_first_order_indices_uncentred_and_centred_ones_are_nearer_the_analytic_values() -> (
    None
):
    """Named difference: the stored first-order indices lack the centring; the total indices differ in ddof only."""
    outcomes = coinr_outcomes()
    stored = asem.table("sensitivity/generic_ishigami_sobol.csv", index=None)
    np.testing.assert_allclose(uncentred_first_order(outcomes), stored["Si"], rtol=RELATIVE)
    ours = sobol_indices(outcomes, bootstrap=0)
    ddof = 1 - 1 / (2 * outcomes.shape[1])
    np.testing.assert_allclose(ours.total[:, 0] * ddof, stored["STi"], rtol=RELATIVE)
    errors = np.abs(ours.first[:, 0] - ISHIGAMI_FIRST)
    assert (errors < np.abs(stored["Si"].to_numpy() - ISHIGAMI_FIRST)).all()


def test_a_constant_added_to_the_outcome_ruins_uncentred_indices_and_leaves_ours() -> None:
    outcomes = ishigami(saltelli_sample(512, [1, 1, 1], seed=1))[..., None]
    plain, raised = (sobol_indices(outcomes + constant, bootstrap=0).first for constant in (0.0, 1000.0))
    np.testing.assert_allclose(raised, plain, atol=SAME_SAMPLE)
    moved = uncentred_first_order(outcomes + 1000.0) - uncentred_first_order(outcomes)
    assert np.abs(moved).max() > 0.1
