"""Time and agreement of the impact engine and its peer diff-diff, side by side in one process.

Ours runs group-time effects, four averages, the pre-trend test and simultaneous bands from 999 multiplier
draws; the peer all that it offers of these (no average by calendar year). The panels are simulated, of the
size of mpdta (500 x 5) and of this study (514 x 15, six cohorts). Printed: the best of the repetitions in
seconds, the ratio, and the largest difference of group-time estimates. With a covariate the doubly robust
estimates differ in the fifth decimal: diff-diff 3.13 divides the controls' weighted residuals by the number
of treated units, R's DRDID and we by the sum of the weights.

    pip install diff-diff        # the peer; without it only our own times are printed
    OPENBLAS_NUM_THREADS=1 python benchmarks/bench_did.py

One thread for both: on matrices of this size a second one waits more than it works, above all on a busy machine.
Below that, the other estimators and the inference of the same panel, which the peer is not asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from evaluation.impact import (
    Design,
    DidStudy,
    cr2,
    randomisation_test,
    run_did,
    twfe_clustered,
    wild_cluster_bootstrap,
)

DRAWS = 999
SEED = 1
REPETITIONS = 15
PANELS = {
    "500 x 5": {"n_units": 500, "years": (2003, 2007), "cohorts": (2004, 2006, 2007)},
    "514 x 15": {
        "n_units": 514,
        "years": (2010, 2024),
        "cohorts": (2018, 2019, 2020, 2022, 2023, 2024),
    },
}
CONTROL_GROUPS = ("never_treated", "not_yet_treated")


def simulate(*, n_units: int, years: tuple[int, int], cohorts: tuple[int, ...]) -> pd.DataFrame:
    """A random walk per region with an effect of 0.3; wealth moves joining and trend."""
    rng = np.random.default_rng(SEED)
    axis = np.arange(years[0], years[1] + 1)
    wealth = rng.normal(size=n_units)
    joins = rng.random(n_units) < 1 / (1 + np.exp(-0.5 * wealth))
    cohort = np.where(joins, rng.choice(cohorts, n_units), 0)
    treated = (cohort[:, None] > 0) & (axis >= cohort[:, None])
    noise = rng.normal(scale=0.3, size=(n_units, len(axis))).cumsum(axis=1)
    outcome = wealth[:, None] * (1 + 0.1 * (axis - axis[0])) + 0.3 * treated + noise
    return pd.DataFrame(
        {
            "region": np.repeat(np.arange(n_units), len(axis)),
            "year": np.tile(axis, n_units),
            "cohort": np.repeat(cohort, len(axis)),
            "wealth": np.repeat(wealth, len(axis)),
            "outcome": outcome.ravel(),
        }
    )


def run_ours(
    panel: pd.DataFrame, control_group: str, covariates: tuple[str, ...], seed: int = SEED
) -> DidStudy:
    design = Design(
        outcome="outcome",
        unit="region",
        time="year",
        cohort="cohort",
        control_group=control_group,
        covariates=covariates,
    )
    return run_did(panel, design, band="simultaneous", draws=DRAWS, seed=seed)


def run_peer(panel: pd.DataFrame, control_group: str, covariates: tuple[str, ...], seed: int = SEED) -> Any:
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(
        control_group=control_group, estimation_method="dr", n_bootstrap=DRAWS, seed=seed, cband=True
    )
    return model.fit(
        panel,
        outcome="outcome",
        unit="region",
        time="year",
        first_treat="cohort",
        covariates=list(covariates) or None,
        aggregate="all",
    )


def best_times(
    calls: dict[str, Callable[[int], object]], *, repetitions: int = REPETITIONS
) -> dict[str, float]:
    """Best of the repetitions of each call, taken in turns so that a busy machine is busy for all.

    Each repetition has a seed of its own, so that no draws are kept from the one before.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for seed in range(SEED, SEED + 1 + repetitions):
        for name, call in calls.items():
            start = time.perf_counter()
            call(seed)
            times[name].append(time.perf_counter() - start)
    return {name: min(taken[1:]) for name, taken in times.items()}


def largest_difference(ours: DidStudy, peer: Any) -> float:
    """Largest difference of group-time estimates; bootstrap errors of the peer are not compared."""
    table = ours.att_gt.tidy().set_index(["cohort", "year"])["estimate"]
    theirs = pd.Series({cell: found["effect"] for cell, found in peer.group_time_effects.items()})
    joined = pd.concat([table, theirs], axis=1, join="inner").to_numpy()
    if len(joined) < len(table):
        print(f"    {len(table) - len(joined)} of {len(table)} cells are missing in diff-diff")
    return float(np.abs(joined[:, 0] - joined[:, 1]).max())


def main() -> None:
    has_peer = find_spec("diff_diff") is not None
    if not has_peer:
        print("diff-diff is not installed: pip install diff-diff. Our own times:")
    for size, shape in PANELS.items():
        panel = simulate(**shape)
        for control_group in CONTROL_GROUPS:
            for covariates in ((), ("wealth",)):
                name = f"{size:9} {control_group:16} {'wealth' if covariates else 'no covariate':13}"
                compare(name, panel, control_group, covariates, has_peer=has_peer)
    time_the_rest()


def time_the_rest() -> None:
    """Best of three of every other estimator, and of inference by 514 clusters."""
    panel = simulate(**PANELS["514 x 15"])
    design = Design(outcome="outcome", unit="region", time="year", cohort="cohort")
    calls: dict[str, Callable[[int], object]] = {
        name: lambda seed, name=name: run_did(panel, replace(design, estimator=name))
        for name in ("entropy", "sun_abraham", "imputation", "two_stage", "etwfe", "stacked", "twfe")
    }
    calls["wild cluster bootstrap"] = lambda seed: wild_cluster_bootstrap(
        twfe_clustered(panel, design), draws=DRAWS, seed=seed
    )
    calls["CR2"] = lambda seed: cr2(twfe_clustered(panel, design))
    calls["randomisation"] = lambda seed: randomisation_test(panel, design, permutations=DRAWS, seed=seed)
    for name, call in calls.items():
        taken = best_times({name: call}, repetitions=3)[name]
        print(f"514 x 15  {name:24} {taken:.4f} s")


def compare(
    name: str, panel: pd.DataFrame, control_group: str, covariates: tuple[str, ...], *, has_peer: bool
) -> None:
    calls: dict[str, Callable[[int], object]] = {
        "ours": lambda seed: run_ours(panel, control_group, covariates, seed)
    }
    if has_peer:
        calls["diff-diff"] = lambda seed: run_peer(panel, control_group, covariates, seed)
    times = best_times(calls)
    ours = times["ours"]
    if not has_peer:
        print(f"{name} ours {ours:.4f} s")
        return
    peer = times["diff-diff"]
    difference = largest_difference(
        run_ours(panel, control_group, covariates), run_peer(panel, control_group, covariates)
    )
    print(
        f"{name} ours {ours:.4f} s   diff-diff {peer:.4f} s   ratio {peer / ours:5.1f}   "
        f"largest difference {difference:.1e}"
    )


if __name__ == "__main__":
    main()
