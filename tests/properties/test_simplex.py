"""The simplex solver against every support there is, against SciPy, and against its own promises."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from evaluation.errors import UsageError
from evaluation.impact.synthetic.simplex import SimplexSolution, solve_simplex

OBJECTIVE_TOLERANCE = 1e-8
"""Relative to the objective: what a slow transparent solver must agree to. Found: below 1e-10."""

SLOW_TOLERANCE = 1e-6
"""SLSQP stops at a change of 1e-12 of the objective, which leaves errors near its square root in the weights."""

ENGINE_TOLERANCE = 1e-9
"""Both engines walk the same steps; sums run in another order."""

ROUNDING = 1e-12
"""Of weights and sums of order one."""

ENGINES = [
    "numpy",
    pytest.param("compiled", marks=pytest.mark.skipif(not find_spec("numba"), reason="no numba")),
]


def random_problems(seed: int, *, n: int, n_donors: int, n_years: int) -> tuple[np.ndarray, np.ndarray]:
    """Donors shared by all, and targets inside and outside of their hull."""
    rng = np.random.default_rng(seed)
    donors = rng.normal(size=(n_donors, n_years)) + rng.normal(size=(n_donors, 1))
    inside = rng.dirichlet(np.ones(n_donors), n) @ donors
    return donors, np.where(rng.random((n, 1)) < 0.3, inside, rng.normal(size=(n, n_years)) * 1.5)


def objective(
    w: np.ndarray, x: np.ndarray, y: np.ndarray, ridge: float = 0.0, linear: np.ndarray | float = 0.0
) -> float:
    """The definition."""
    return float(((w @ x - y) ** 2).sum() + ridge * (w**2).sum() + (w * linear).sum())


def best_by_enumeration(x: np.ndarray, y: np.ndarray, ridge: float, linear: np.ndarray) -> np.ndarray:
    """Least objective over the stationary points of every support, (n,): no iteration, no tolerance."""
    n_donors, best = len(x), np.full(len(y), np.inf)
    for size in range(1, n_donors + 1):
        for support in map(list, combinations(range(n_donors), size)):
            part, costs = x[support], linear[:, support]
            matrix = np.zeros((size + 1, size + 1))
            matrix[:size, :size] = 2 * (part @ part.T + ridge * np.eye(size))
            matrix[size, :size] = matrix[:size, size] = 1.0
            side = np.column_stack([2 * y @ part.T - costs, np.ones(len(y))])
            weights = np.linalg.lstsq(matrix, side.T, rcond=None)[0][:size].T
            inside = (weights.min(axis=1) >= -1e-12) & (np.abs(weights.sum(axis=1) - 1) < 1e-9)
            w = np.maximum(weights, 0)
            value = ((w @ part - y) ** 2).sum(axis=1) + ridge * (w**2).sum(axis=1) + (w * costs).sum(axis=1)
            best = np.where(inside, np.minimum(best, value), best)
    return best


def by_slsqp(x: np.ndarray, y: np.ndarray, ridge: float, linear: np.ndarray) -> float:
    n_donors = len(x)
    found = minimize(
        lambda w: objective(w, x, y, ridge, linear),
        np.full(n_donors, 1 / n_donors),
        jac=lambda w: 2 * (x @ (w @ x - y) + ridge * w) + linear,
        bounds=[(0, 1)] * n_donors,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(n_donors)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    return float(found.fun)


def assert_feasible(solution: SimplexSolution) -> None:
    weights = solution.weights
    assert (weights >= 0).all()
    assert np.abs(weights.sum(axis=1) - 1).max() < ROUNDING
    assert solution.converged.all()
    assert (solution.status == "optimal").all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("ridge", "penalty"), [(0.0, 0.0), (0.0, 0.3), (0.2, 0.0), (0.2, 0.3), (1e-6, 0.0)])
def test_the_optimum_of_every_support_is_found(engine: str, ridge: float, penalty: float) -> None:
    for seed in range(4):
        x, y = random_problems(seed, n=500, n_donors=6, n_years=3)
        rng = np.random.default_rng(seed)
        linear = penalty * rng.random((len(y), len(x)))
        solution = solve_simplex(x, y, ridge=ridge, linear=linear if penalty else None, engine=engine)
        assert_feasible(solution)
        best = best_by_enumeration(x, y, ridge, linear)
        assert np.abs(solution.objective - best).max() < OBJECTIVE_TOLERANCE * max(1.0, np.abs(best).max())
        own = [objective(w, x, y[i], ridge, linear[i]) for i, w in enumerate(solution.weights)]
        assert np.abs(solution.objective - own).max() < ROUNDING * 100


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_no_worse_than_slsqp_where_there_are_many_donors(engine: str, ridge: float) -> None:
    x, y = random_problems(7, n=12, n_donors=40, n_years=9)
    solution = solve_simplex(x, y, ridge=ridge, engine=engine)
    assert_feasible(solution)
    slow = np.array([by_slsqp(x, one, ridge, np.zeros(len(x))) for one in y])
    assert (solution.objective <= slow + OBJECTIVE_TOLERANCE).all()
    assert np.abs(solution.objective - slow).max() < SLOW_TOLERANCE


@pytest.mark.parametrize("engine", ENGINES)
@given(seed=st.integers(0, 10**6), n_donors=st.integers(1, 60), n_years=st.integers(1, 14))
@settings(max_examples=60, deadline=None)
def test_certified_whatever_the_shape(engine: str, seed: int, n_donors: int, n_years: int) -> None:
    x, y = random_problems(seed, n=20, n_donors=n_donors, n_years=n_years)
    for ridge in (0.0, 0.1):
        solution = solve_simplex(x, y, ridge=ridge, engine=engine)
        assert_feasible(solution)
        slope = 2 * ((solution.weights @ x - y) @ x.T + ridge * solution.weights)
        gap = (solution.weights * (slope - slope.min(axis=1, keepdims=True))).sum(axis=1)
        assert (gap <= 2e-10 * solution.objective + 1e-12 * (1 + (x**2).sum(axis=1).mean())).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("penalty", [0.0, 0.05])
def test_no_solve_stops_above_its_gap_where_there_are_hundreds_of_donors(engine: str, penalty: float) -> None:
    x, y = random_problems(31, n=2000, n_donors=300, n_years=11)
    linear = penalty * ((y[:, None] - x) ** 2).sum(axis=2)
    solution = solve_simplex(x, y, linear=linear if penalty else None, engine=engine)
    assert_feasible(solution)
    slope = 2 * (solution.weights @ x - y) @ x.T + linear
    gap = (solution.weights * (slope - slope.min(axis=1, keepdims=True))).sum(axis=1)
    assert (gap <= 2e-10 * solution.objective + 1e-12).all()


@pytest.mark.skipif(not find_spec("numba"), reason="no numba")
def test_engines_give_the_same_answer() -> None:
    x, y = random_problems(3, n=3000, n_donors=80, n_years=8)
    linear = np.random.default_rng(3).random((len(y), len(x)))
    for options in ({}, {"linear": linear}, {"exclude": np.arange(len(y)) % len(x)}):
        one, other = (solve_simplex(x, y, engine=engine, **options) for engine in ("numpy", "compiled"))
        assert np.abs(one.objective - other.objective).max() < ENGINE_TOLERANCE
        interior = one.objective < ENGINE_TOLERANCE
        assert np.abs(one.weights - other.weights)[~interior].max() < ENGINE_TOLERANCE


@pytest.mark.parametrize("engine", ENGINES)
def test_own_donors_give_what_shared_ones_give(engine: str) -> None:
    x, y = random_problems(5, n=50, n_donors=20, n_years=6)
    for ridge in (0.0, 0.2):
        shared = solve_simplex(x, y, ridge=ridge, engine=engine)
        own = solve_simplex(np.repeat(x[None], len(y), axis=0), y, ridge=ridge, engine=engine)
        assert np.abs(shared.objective - own.objective).max() < ENGINE_TOLERANCE


@pytest.mark.parametrize("engine", ENGINES)
def test_a_donor_that_is_left_out_is_as_if_it_were_not_there(engine: str) -> None:
    x, y = random_problems(11, n=30, n_donors=12, n_years=5)
    left_out = np.arange(len(y)) % 13 - 1
    for ridge in (0.0, 0.2):
        solution = solve_simplex(x, y, exclude=left_out, ridge=ridge, engine=engine)
        for i, out in enumerate(left_out):
            kept = np.arange(len(x)) != out
            alone = solve_simplex(x[kept], y[[i]], ridge=ridge, engine=engine)
            assert abs(alone.objective[0] - solution.objective[i]) < ENGINE_TOLERANCE
            assert out < 0 or solution.weights[i, out] == 0


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e8])
def test_level_and_unit_of_measurement_do_not_matter(offset: float, unit: float) -> None:
    x, y = random_problems(13, n=100, n_donors=30, n_years=8)
    plain = solve_simplex(x, y)
    moved = solve_simplex(x * unit + offset * unit, y * unit + offset * unit)
    assert moved.converged.all()
    # An offset of a billion leaves seven digits of the differences that weights rest on.
    tolerance = max(1e-8, abs(offset) * 1e-13)
    assert np.abs(moved.objective / unit**2 - plain.objective).max() < tolerance * 10


def test_the_order_of_donors_does_not_matter() -> None:
    x, y = random_problems(17, n=200, n_donors=25, n_years=7)
    order = np.random.default_rng(0).permutation(len(x))
    plain, shuffled = solve_simplex(x, y), solve_simplex(x[order], y)
    outside = plain.objective > 1e-6
    assert np.abs(plain.weights[:, order] - shuffled.weights)[outside].max() < 1e-8


def test_copies_and_collinear_donors_do_not_stall() -> None:
    rng = np.random.default_rng(19)
    line = np.linspace(0, 1, 9)[:, None] * np.array([1.0, 2.0, -1.0])
    x = np.vstack([line, line, np.zeros((3, 3)), np.full((2, 3), 0.5)])
    y = rng.normal(size=(300, 3))
    for options in ({}, {"linear": rng.random((300, len(x)))}, {"ridge": 0.1}, {"ridge": 1e-7}):
        assert_feasible(solve_simplex(x, y, **options))
    assert_feasible(solve_simplex(np.ones((5, 4)), np.ones((3, 4))))


def test_one_donor_takes_all_and_none_is_said_to_be_infeasible() -> None:
    x, y = random_problems(23, n=3, n_donors=4, n_years=5)
    allowed = np.array([[True, False, False, False], [False] * 4, [True] * 4])
    solution = solve_simplex(x, y, allowed=allowed)
    assert solution.weights[0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert solution.status.tolist() == ["optimal", "infeasible", "optimal"]
    assert np.isnan(solution.objective[1])
    assert solution.weights[1].sum() == 0
    assert np.isnan(solution.tidy()["effective_donors"][1])


def test_every_fault_of_the_arguments_is_told() -> None:
    with pytest.raises(UsageError, match=r"donors must be J x 3.*engine must be one of"):
        solve_simplex(np.ones((4, 2)), np.ones((2, 3)), engine="quick")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="targets must be finite; ridge must be zero or more"):
        solve_simplex(np.ones((4, 2)), np.full((2, 2), np.nan), ridge=-1.0)
    with pytest.raises(UsageError, match="allowed must be"):
        solve_simplex(np.ones((4, 2)), np.ones((2, 2)), allowed=[True])
    with pytest.raises(UsageError, match="exclude must name"):
        solve_simplex(np.ones((4, 2)), np.ones((2, 2)), exclude=[4, 0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_years", [1, 2, 3, 5])
def test_the_objective_is_that_of_the_weights_whatever_the_number_of_years(engine: str, n_years: int) -> None:
    for n_donors in range(1, n_years + 4):
        x, y = random_problems(29, n=20, n_donors=n_donors, n_years=n_years)
        for ridge in (0.0, 0.3):
            solution = solve_simplex(x, y, ridge=ridge, engine=engine)
            own = [objective(w, x, y[i], ridge) for i, w in enumerate(solution.weights)]
            assert np.abs(solution.objective - own).max() < ROUNDING * 100
