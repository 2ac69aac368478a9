"""Time and agreement of synthetic controls and their peers, side by side in one process.

Panels are simulated in the shape of this programme: unit effects, three autoregressive factors, autoregressive noise, 514
regions over 12 years. Printed: microseconds a problem of the solver by engine; a study of 200 treated regions with 300
donors of their own, 8 outcomes and every donor as a placebo; effects and fans of a study by estimator; and, where they are
installed, the peers on one region: seconds a fit and a placebo, and how far their objective is above ours.

    pip install numba diff-diff pysyncon azcausal causalpy   # the compiled engine and the peers; what is missing is left out
    OPENBLAS_NUM_THREADS=1 python benchmarks/bench_synthetic.py
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from evaluation.impact.synthetic import (
    SyntheticDesign,
    SyntheticPanel,
    placebo_gaps,
    solve_simplex,
    synthetic_did,
    synthetic_effects,
)
from evaluation.impact.synthetic.simplex import Engine

SEED = 1
SHAPES = ((7, 300), (9, 300), (11, 300), (19, 38))
TREATED, OUTCOMES, DONORS, YEARS, REGIONS = 200, 8, 300, 12, 514
FIRST, START = 2019, 2010
ENGINES: tuple[Engine, ...] = ("compiled", "numpy") if find_spec("numba") else ("numpy",)
ESTIMATORS = ("sc", "demeaned", "sdid", "penalised", "ridge", "mc")


def simulate(n_units: int, n_years: int, rng: np.random.Generator) -> np.ndarray:
    """Unit effects of one, three AR(.7) factors, AR(.5) noise of .5."""
    factors, noise = np.zeros((3, n_years)), np.zeros((n_units, n_years))
    for year in range(n_years):
        factors[:, year] = 0.7 * factors[:, year - 1] + rng.normal(size=3)
        noise[:, year] = 0.5 * noise[:, year - 1] + rng.normal(scale=0.5, size=n_units)
    return rng.normal(size=(n_units, 1)) + rng.normal(size=(n_units, 3)) @ factors + noise


def seconds(call: Callable[[], object], *, repetitions: int = 3) -> float:
    call()
    taken = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken)


def bench_solver() -> None:
    print("solver, every donor from the others: microseconds a problem")
    rng = np.random.default_rng(SEED)
    for n_years, n_donors in SHAPES:
        x = np.vstack([simulate(n_donors, n_years, rng)])
        targets, own = np.tile(x, (8, 1)), np.tile(np.arange(n_donors), 8)
        for engine in ENGINES:
            for ridge in (0.0, 0.1 * float(x.var())):
                solution = solve_simplex(x, targets, exclude=own, ridge=ridge, engine=engine)
                spent = seconds(lambda: solve_simplex(x, targets, exclude=own, ridge=ridge, engine=engine))  # noqa: B023
                print(
                    f"  T0 {n_years:3d}  J {n_donors}  {engine:9s} ridge {ridge:6.3f}  "
                    f"{spent / len(targets) * 1e6:7.1f}  certified {solution.converged.mean():.4f}"
                )


def bench_study() -> None:
    total = TREATED * OUTCOMES * DONORS
    print(f"{TREATED} treated x {OUTCOMES} outcomes x {DONORS} placebos, own donors each: {total} problems")
    rng = np.random.default_rng(SEED)
    outcomes = [simulate(REGIONS, 9, rng) for _ in range(OUTCOMES)]
    pools = [rng.choice(np.arange(TREATED, REGIONS), DONORS, replace=False) for _ in range(TREATED)]
    own = np.arange(DONORS)
    for engine in ENGINES:
        solve_simplex(outcomes[0][pools[0]], outcomes[0][pools[0]], exclude=own, engine=engine)
        start, work = time.perf_counter(), time.process_time()
        for outcome in outcomes:
            for pool in pools:
                solve_simplex(outcome[pool], outcome[pool], exclude=own, engine=engine)
        spent, worked = time.perf_counter() - start, time.process_time() - work
        print(f"  {engine:9s} {spent:6.1f} s, {worked:6.1f} s of one core")


def study_panel() -> SyntheticPanel:
    outcome = simulate(REGIONS, YEARS, np.random.default_rng(SEED))
    names = np.array([f"{i:04d}" for i in range(REGIONS)], dtype=object)
    return SyntheticPanel(units=names, years=np.arange(START, START + YEARS), outcome=outcome)


def bench_estimators() -> None:
    panel = study_panel()
    treated = {unit: FIRST - 2 + 2 * (i % 3) for i, unit in enumerate(panel.units[:TREATED])}
    options = {"outcome": "y", "unit": "unit", "time": "year", "treated": treated}
    donors = tuple(panel.units[TREATED : TREATED + DONORS])
    print(f"one outcome, {TREATED} treated regions of three cohorts, {DONORS} donors: seconds")
    for estimator in ESTIMATORS:
        design = SyntheticDesign(**options, donors=donors, estimator=estimator)
        effects = seconds(lambda: synthetic_effects(panel, design), repetitions=1)  # noqa: B023
        fans = seconds(lambda: placebo_gaps(panel, design), repetitions=1)  # noqa: B023
        print(f"  {estimator:10s} effects {effects:6.2f}  three fans {fans:6.2f}")


def one_region() -> tuple[SyntheticPanel, pd.DataFrame]:
    panel = study_panel()
    kept = np.r_[0, np.arange(TREATED, TREATED + DONORS)]
    panel = SyntheticPanel(units=panel.units[kept], years=panel.years, outcome=panel.outcome[kept])
    rows = pd.DataFrame(
        {
            "unit": np.repeat(panel.units, YEARS),
            "year": np.tile(panel.years, len(panel.units)),
            "y": panel.outcome.ravel(),
        }
    )
    rows["treated"] = ((rows["unit"] == panel.units[0]) & (rows["year"] >= FIRST)).astype(int)
    rows["ever"] = (rows["unit"] == panel.units[0]).astype(int)
    return panel, rows


def bench_peers() -> None:
    panel, rows = one_region()
    common = {"outcome": "y", "unit": "unit", "time": "year", "treated": {panel.units[0]: FIRST}}
    plain = SyntheticDesign(**common, estimator="sc")
    did = SyntheticDesign(**common, estimator="sdid")
    found = synthetic_effects(panel, plain).effects.iloc[0]
    print(f"one region, {DONORS} donors, nine years before: objective {found['objective']:.6f}")
    report("ours: synthetic control", seconds(lambda: synthetic_effects(panel, plain)))
    report("ours: all placebos", seconds(lambda: placebo_gaps(panel, plain)) / DONORS, what="a placebo")
    report("ours: synthetic DiD, all placebos", seconds(lambda: synthetic_did(panel, did)))
    for name, peer in PEERS.items():
        if find_spec(name):
            peer(panel, rows, float(found["objective"]))
        else:
            print(f"  {name}: not installed")


def report(what_ran: str, spent: float, *, what: str = "", note: str = "") -> None:
    print(f"  {what_ran:44s} {spent * 1e3:10.3f} ms {what} {note}".rstrip())


def above(panel: SyntheticPanel, weights: np.ndarray, objective: float) -> str:
    pre = panel.years < FIRST
    reached = float(((panel.outcome[0, pre] - weights @ panel.outcome[1:][:, pre]) ** 2).sum())
    return f"objective above ours by {reached - objective:.2e}, sum of weights {weights.sum():.6f}"


def by_donor(panel: SyntheticPanel, weights: dict[str, float]) -> np.ndarray:
    return np.array([weights.get(unit, 0.0) for unit in panel.units[1:]])


def peer_diff_diff(panel: SyntheticPanel, rows: pd.DataFrame, objective: float) -> None:
    from diff_diff import SyntheticControl, SyntheticDiD

    names = {"outcome": "y", "treatment": "treated", "unit": "unit", "time": "year"}
    post = panel.years[panel.years >= FIRST].tolist()
    model = SyntheticControl(v_method="custom", custom_v=np.ones(FIRST - START), standardize="none")
    fit = lambda: model.fit(rows, **names, post_periods=post, pre_period_outcomes="all")  # noqa: E731
    result = fit()
    frame = result.get_weights_df()
    weights = by_donor(panel, dict(zip(frame["unit"], frame["weight"], strict=True)))
    report("diff-diff: synthetic control", seconds(fit), note=above(panel, weights, objective))
    report("diff-diff: placebos", seconds(result.in_space_placebo, repetitions=1) / DONORS, what="a placebo")
    double, names = SyntheticDiD(n_bootstrap=200, seed=SEED), names | {"treatment": "ever"}
    report(
        "diff-diff: synthetic DiD, 200 draws", seconds(lambda: double.fit(rows, **names, post_periods=post))
    )


def peer_pysyncon(panel: SyntheticPanel, rows: pd.DataFrame, objective: float) -> None:
    from pysyncon import Synth

    wide = pd.DataFrame(panel.outcome, index=panel.units, columns=panel.years).T
    before = wide.loc[: FIRST - 1]
    x0, x1 = before.drop(columns=panel.units[0]), before[panel.units[0]]
    model = Synth()
    fit = lambda: model.fit(X0=x0, X1=x1, Z0=x0, Z1=x1, custom_V=np.ones(len(x0)))  # noqa: E731
    spent = seconds(fit)
    weights = by_donor(panel, dict(zip(x0.columns, model.W, strict=True)))
    report("pysyncon: synthetic control", spent, note=above(panel, weights, objective))


def peer_azcausal(panel: SyntheticPanel, rows: pd.DataFrame, objective: float) -> None:
    from azcausal.core.panel import CausalPanel
    from azcausal.estimators.panel.sdid import SDID

    wide = {name: rows.pivot_table(index="year", columns="unit", values=name) for name in ("y", "treated")}
    data = CausalPanel(data=wide).setup(outcome="y", intervention="treated")
    report("azcausal: synthetic DiD, no error", seconds(lambda: SDID().fit(data), repetitions=1))


def peer_causalpy(panel: SyntheticPanel, rows: pd.DataFrame, objective: float) -> None:
    from causalpy.skl_models import WeightedProportion

    pre = panel.years < FIRST
    x, y = panel.outcome[1:][:, pre].T, panel.outcome[0, pre]
    model = WeightedProportion()
    spent = seconds(lambda: model.fit(x, y), repetitions=1)
    report("CausalPy: constrained weights", spent, note=above(panel, np.ravel(model.coef_), objective))


PEERS = {
    "diff_diff": peer_diff_diff,
    "pysyncon": peer_pysyncon,
    "azcausal": peer_azcausal,
    "causalpy": peer_causalpy,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    bench_solver()
    bench_study()
    bench_estimators()
    bench_peers()
