"""Methods for specialists, each on a worked example that was published with its data.

Typed here, with sources at each test. Of the methods asked for, the index of Mazziotta and Pareto has no test and is not
offered: no published example with its data was to be had.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from asem import FOLDER, table
from scipy.optimize import fsolve

from evaluation.index.methods import (
    benefit_of_the_doubt,
    borda_count,
    critic_weights,
    entropy_weights,
    group_priorities,
    optimised_weights,
    pairwise_priorities,
)

THIRD_DECIMAL = 0.00051
"""Three printed decimals."""

RELATIVE_TOLERANCE = 1e-9
"""Roots and eigenvectors to nine digits."""

WEALTH = ("United States", "USSR", "China", "France", "United Kingdom", "Japan", "West Germany")
WEALTH_JUDGEMENTS = [
    [1, 4, 9, 6, 6, 5, 5],
    [1 / 4, 1, 7, 5, 5, 3, 4],
    [1 / 9, 1 / 7, 1, 1 / 5, 1 / 5, 1 / 7, 1 / 5],
    [1 / 6, 1 / 5, 5, 1, 1, 1 / 3, 1 / 3],
    [1 / 6, 1 / 5, 5, 1, 1, 1 / 3, 1 / 3],
    [1 / 5, 1 / 3, 7, 3, 3, 1, 2],
    [1 / 5, 1 / 4, 5, 3, 3, 1 / 2, 1],
]

HOUSE = ("size", "transport", "neighbourhood", "age", "yard", "modern", "condition", "financing")
HOUSE_JUDGEMENTS = [
    [1, 5, 3, 7, 6, 6, 1 / 3, 1 / 4],
    [1 / 5, 1, 1 / 3, 5, 3, 3, 1 / 5, 1 / 7],
    [1 / 3, 3, 1, 6, 3, 4, 6, 1 / 5],
    [1 / 7, 1 / 5, 1 / 6, 1, 1 / 3, 1 / 4, 1 / 7, 1 / 8],
    [1 / 6, 1 / 3, 1 / 3, 3, 1, 1 / 2, 1 / 5, 1 / 6],
    [1 / 6, 1 / 3, 1 / 4, 4, 2, 1, 1 / 5, 1 / 6],
    [3, 5, 1 / 6, 7, 5, 5, 1, 1 / 2],
    [4, 7, 5, 8, 6, 6, 2, 1],
]
HOUSE_WEIGHTS = [0.173, 0.054, 0.188, 0.018, 0.031, 0.036, 0.167, 0.333]


def judgements(matrix: list[list[float]], items: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(matrix, index=items, columns=items)


def test_ahp_wealth_of_seven_nations() -> None:
    """Judgements of Saaty (1977), Journal of Mathematical Psychology 15(3), 234-281.

    The weights are the limit of the row sums of the matrix's powers, by which he introduces them.
    """
    matrix = np.array(WEALTH_JUDGEMENTS)
    limit = np.linalg.matrix_power(matrix, 40).sum(axis=1)
    found = pairwise_priorities(judgements(WEALTH_JUDGEMENTS, WEALTH))
    np.testing.assert_allclose(found.weights, limit / limit.sum(), rtol=RELATIVE_TOLERANCE)
    assert found.largest_eigenvalue == pytest.approx((matrix @ limit / limit)[0], rel=RELATIVE_TOLERANCE)
    assert found.is_consistent


def test_ahp_choice_of_a_house() -> None:
    """Saaty (1990), European Journal of Operational Research 48(1), 9-26, table 2: eigenvalue 9.669, ratio 0.169."""
    found = pairwise_priorities(judgements(HOUSE_JUDGEMENTS, HOUSE))
    np.testing.assert_allclose(found.weights, HOUSE_WEIGHTS, atol=THIRD_DECIMAL)
    assert found.largest_eigenvalue == pytest.approx(9.669, abs=THIRD_DECIMAL)
    assert found.consistency_index == pytest.approx(0.238, abs=THIRD_DECIMAL)
    assert found.consistency_ratio == pytest.approx(0.169, abs=THIRD_DECIMAL)
    assert not found.is_consistent


def test_ahp_judgements_of_a_group() -> None:
    """An apple is 2, 3 or 4 times as large as an orange: together 24^(1/3) times, and 1 / 24^(1/3) the other way.

    Decision Lens (June 2007), Combining group members' judgments, blog.decisionlens.com/2007_06_01_archive.html.
    """
    items = ("apple", "orange")
    members = {str(times): judgements([[1, times], [1 / times, 1]], items) for times in (2, 3, 4)}
    ratio = 24 ** (1 / 3)
    for combine in ("judgements", "priorities"):
        apple, orange = group_priorities(members, combine=combine).combined.weights
        assert apple / orange == pytest.approx(ratio, rel=RELATIVE_TOLERANCE)


def test_ahp_comparison_matrix_of_the_handbook() -> None:
    """OECD/JRC (2008), table 20, with the weights that its principal eigenvector has."""
    path = FOLDER.parent / "handbook" / "table20_ahp_matrix_weights.csv"
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    reference = pd.read_csv(path, index_col=0)
    found = pairwise_priorities(reference.drop(columns="weight"))
    np.testing.assert_allclose(found.weights, reference["weight"], rtol=RELATIVE_TOLERANCE)
    assert found.is_consistent


CANDIDATES = pd.DataFrame(
    {
        "C1": [2, 4, 3, 5, 4, 3],
        "C2": [1, 1, 2, 1, 2, 2],
        "C3": [4, 5, 6, 5, 5, 6],
        "C4": [7, 6, 6, 7, 6, 6],
        "C5": [6, 7, 5, 6, 7, 6],
        "C6": [6, 7, 6, 7, 7, 6],
        "C7": [7, 6, 8, 7, 6, 6],
        "C8": [3000, 3500, 4000, 3000, 3000, 3500],
    }
)
CANDIDATE_WEIGHTS = [
    0.29967360959745126,
    0.441367338923551,
    0.07009088719659533,
    0.021238237112072383,
    0.0490229289460051,
    0.023080378850660263,
    0.0477633096868323,
    0.0477633096868323,
]


def test_entropy_weights_of_the_choice_of_personnel() -> None:
    """Ulutaş (2019), OPUS 13(19), 1552-1573, doi:10.26466/opus.580456; digits as the manual of JMcDM prints them."""
    np.testing.assert_allclose(
        entropy_weights(CANDIDATES).weights, CANDIDATE_WEIGHTS, rtol=RELATIVE_TOLERANCE
    )


FIRMS = pd.DataFrame(
    {
        "profitability": [61, 20.7, 16.3, 9, 5.4, 4, -6.1, -34.6],
        "market_share": [1.08, 0.26, 1.98, 3.29, 2.77, 4.12, 3.52, 3.31],
        "productivity": [4.33, 4.34, 2.53, 1.65, 2.33, 1.21, 2.10, 0.98],
    }
)
FIRM_WEIGHTS = [0.20222554, 0.48090173, 0.31687273]


def test_critic_weights_of_eight_pharmaceutical_firms() -> None:
    """Diakoulaki, Mavrotas and Papayannakis (1995), Computers & Operations Research 22(7), 763-770.

    Weights with eight digits: as the tests of scikit-criteria have them.
    """
    found = critic_weights(FIRMS)
    np.testing.assert_allclose(found.weights, FIRM_WEIGHTS, atol=1e-8)


STORES = pd.DataFrame(
    {"customers": [1, 2, 3, 4, 4, 5, 6], "sales": [5, 7, 4, 3, 6, 5, 2]}, index=list("ABCDEFG"), dtype=float
)


def test_benefit_of_the_doubt_without_bounds_is_the_distance_to_the_frontier() -> None:
    """Seven stores in the plane, by ruler: the frontier runs through B, E, F and G.

    A = (1, 5) lies below B = (2, 7), which sells most: 5 / 7. D = (4, 3) lies below the line 3 x + y = 20 through
    F = (5, 5) and G = (6, 2): 15 / 20.
    """
    found = benefit_of_the_doubt(STORES).table.set_index("unit")
    assert found.index[found["score"] > 1 - 1e-9].tolist() == ["B", "E", "F", "G"]
    assert found.loc["A", "score"] == pytest.approx(5 / 7, rel=RELATIVE_TOLERANCE)
    assert found.loc["D", "score"] == pytest.approx(15 / 20, rel=RELATIVE_TOLERANCE)
    assert found.loc["D", "benchmarks"] == "F+G"


TABLE_19 = {
    "Finland": 1.0,
    "United States": 1.0,
    "Sweden": 1.0,
    "Japan": 0.87,
    "Korea": 0.80,
    "Netherlands": 0.75,
    "United Kingdom": 0.71,
    "Canada": 0.73,
    "Australia": 0.66,
    "Singapore": 0.62,
    "Germany": 0.62,
    "Norway": 0.86,
    "Ireland": 0.60,
    "Belgium": 0.54,
    "New Zealand": 0.58,
    "Austria": 0.52,
    "France": 0.51,
    "Israel": 0.49,
    "Spain": 0.34,
    "Italy": 0.38,
    "Czech Republic": 0.31,
    "Hungary": 0.27,
    "Slovenia": 0.28,
}
TABLE_19_KOREA = [0.22, 0.14, 0.14, 0.22, 0.14, 0.14, 0.22, 0.22]
TABLE_19_ROUNDING = 0.0075
"""Two decimals, from indicators printed with three digits."""


def test_benefit_of_the_doubt_with_bounds_on_shares() -> None:
    """OECD/JRC (2008), table 19: each indicator has 10 to 15 per cent of the weights, on min-max scores."""
    path = FOLDER.parent / "handbook" / "tai23_raw.csv"
    if not path.exists():
        pytest.skip(f"the reference data are not here: {path}")
    tai = pd.read_csv(path, index_col="country")
    scores = (tai - tai.min()) / (tai.max() - tai.min())
    found = benefit_of_the_doubt(scores, lower=0.10, upper=0.15, bounded="weights")
    ours = found.table.set_index("unit")["score"]
    np.testing.assert_allclose(ours[list(TABLE_19)], list(TABLE_19.values()), atol=TABLE_19_ROUNDING)
    np.testing.assert_allclose(found.weights.loc["Korea"], TABLE_19_KOREA, atol=TABLE_19_ROUNDING)


def profile(*orders: tuple[int, str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return scores and weights for numbers of indicators that rank units in an order, best first."""
    columns = {}
    for order, (_, units) in enumerate(orders):
        columns[f"order_{order}"] = {unit: len(units) - place for place, unit in enumerate(units)}
    counts = {f"order_{order}": count for order, (count, _) in enumerate(orders)}
    return pd.DataFrame(columns).sort_index(), counts


HANDBOOK_BORDA = [
    (((3, "abcd"), (5, "acbd"), (7, "bdca"), (6, "cbda")), {"a": 24, "b": 44, "c": 38, "d": 20}),
    (
        ((23, "abc"), (17, "bca"), (2, "bac"), (10, "cab"), (8, "cba")),
        {"a": 58, "b": 69, "c": 53},
    ),
    (((3, "cbad"), (2, "badc"), (2, "adcb")), {"a": 13, "b": 12, "c": 11, "d": 6}),
    (((3, "cba"), (2, "bac"), (2, "acb")), {"a": 6, "b": 7, "c": 8}),
]


@pytest.mark.parametrize(
    ("orders", "points"), HANDBOOK_BORDA, ids=["table_25", "table_28", "table_31", "table_33"]
)
def test_borda_count(orders: tuple[tuple[int, str], ...], points: dict[str, int]) -> None:
    """OECD/JRC (2008), section 6.12: Moulin's, Condorcet's and Fishburn's examples, the last without d."""
    scores, counts = profile(*orders)
    found = borda_count(scores, weights=counts).table.set_index("unit")
    assert found["points"].to_dict() == points
    assert found["rank"].idxmin() == max(points, key=lambda unit: points[unit])


def test_borda_frequency_matrix() -> None:
    """OECD/JRC (2008), table 26."""
    scores, counts = profile(*HANDBOOK_BORDA[0][0])
    frequency = borda_count(scores, weights=counts).frequency
    assert frequency.to_numpy().tolist() == [[8, 7, 6, 0], [0, 9, 5, 7], [0, 5, 10, 6], [13, 0, 0, 8]]


NOMINAL = (0.9397805, 0.8382873)
OPTIMISED_WEIGHTS = (0.3902439, 0.6097561)
OPTIMISED = (0.8971336, 0.8925119)
SEVENTH_DECIMAL = 2e-7
"""Seven printed decimals, carried through a solution for two unknowns."""


def two_sub_indices() -> tuple[float, float]:
    """Return the spread ratio and the correlation of the two sub-indices that the printed correlations imply."""

    def misfit(unknown: np.ndarray) -> list[float]:
        return list(np.subtract(correlations_at(*unknown, weights=(0.5, 0.5)), NOMINAL))

    return tuple(fsolve(misfit, [1.0, 0.5]))


def correlations_at(ratio: float, correlation: float, *, weights: tuple[float, float]) -> list[float]:
    a, b = weights[0] * ratio, weights[1]
    spread = np.sqrt(a**2 + b**2 + 2 * a * b * correlation)
    return [(a + correlation * b) / spread, (b + correlation * a) / spread]


def test_optimised_weights_of_the_sub_indices_of_asem() -> None:
    """COINr 1.1.14, vignette "Weights", section Optimised weights: equal influence of Conn and Sust.

    Its search stops at correlations of 0.897 and 0.893; ours are equal, and its weights are within a hundredth.
    """
    ratio, correlation = two_sub_indices()
    assert correlations_at(ratio, correlation, weights=OPTIMISED_WEIGHTS) == pytest.approx(
        OPTIMISED, abs=SEVENTH_DECIMAL
    )
    scores = sub_indices_with(ratio, correlation)
    found = optimised_weights(scores)
    assert found.distance < 1e-12
    assert found.weights.tolist() == pytest.approx(OPTIMISED_WEIGHTS, abs=0.01)
    assert OPTIMISED[1] < found.correlations[0] < OPTIMISED[0]


def sub_indices_with(ratio: float, correlation: float) -> pd.DataFrame:
    """Return two columns with a ratio of standard deviations and a correlation, exactly."""
    first, second = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    return pd.DataFrame(
        {"Conn": ratio * first, "Sust": correlation * first + np.sqrt(1 - correlation**2) * second}
    )


def test_optimised_weights_on_the_scores_themselves() -> None:
    scores = table("steps/06_aggregated_amean.csv")[["Conn", "Sust"]]
    mean = scores.mean(axis=1)
    assert scores.corrwith(mean).tolist() == pytest.approx(NOMINAL, abs=SEVENTH_DECIMAL)
    ratio, correlation = two_sub_indices()
    np.testing.assert_allclose(
        optimised_weights(scores).weights,
        optimised_weights(sub_indices_with(ratio, correlation)).weights,
        rtol=1e-5,
    )
