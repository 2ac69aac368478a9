"""Time and agreement of the impact engine and its peers, side by side in one process.

Each is asked for group-time effects, doubly robust, with the averages it offers and simultaneous bands from 999
multiplier draws, on simulated panels of this study's size (514 regions, 14 years, six cohorts). Every repetition has
a panel and a seed of its own, so that nobody gains from what is remembered. Printed: the best of the repetitions in
seconds of processor time, how many times ours that is, the largest difference of group-time effects and that of the
simple average. Processor time, because a machine that others use as well makes clocks run.

    pip install diff-diff csdid moderndid differences pyfixest wildboottest
    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/bench_did.py

A peer that is not installed, or stops, is a line with its reason. One thread for all: on matrices of this size a
second one waits more than it works. Below that: the wild cluster bootstrap beside pyfixest's, and our other estimators
and inference, which no peer is asked for. With a covariate diff-diff's doubly robust effects differ
(docs/methods/disagreements.md).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from did_peers import DRAWS, Answer, Peer, Study, installed, quietly

from evaluation.impact import (
    Design,
    cr2,
    randomisation_test,
    run_did,
    twfe_clustered,
    wild_cluster_bootstrap,
)

SEED = 1
REPETITIONS = 4
N_UNITS = 514
YEARS = (2011, 2024)
COHORTS = (2018, 2019, 2020, 2022, 2023, 2024)
ISLANDS = ("Sumatra", "Java", "Kalimantan", "East")
N_PROVINCES = 34
WILD_DRAWS = 9_999
INDICATORS = tuple(f"is_{name.lower()}" for name in ISLANDS[1:])
COVARIATES: dict[tuple[str, ...], tuple[str, ...]] = {
    (): (),
    ("wealth",): ("wealth",),
    ("wealth", "island"): ("wealth", *INDICATORS),
}
"""Our covariates, and the same as the packages take them."""


def simulate(seed: int) -> pd.DataFrame:
    """A random walk per region with an effect of 0.3; wealth moves joining and trend, islands have trends."""
    rng = np.random.default_rng(seed)
    axis = np.arange(YEARS[0], YEARS[1] + 1)
    wealth = rng.normal(size=N_UNITS)
    island = rng.integers(len(ISLANDS), size=N_UNITS)
    joins = rng.random(N_UNITS) < 1 / (1 + np.exp(-0.5 * wealth - 0.1 * island))
    cohort = np.where(joins, rng.choice(COHORTS, N_UNITS), 0)
    treated = (cohort[:, None] > 0) & (axis >= cohort[:, None])
    trend = (0.1 * wealth + 0.05 * island)[:, None] * (axis - axis[0])
    noise = rng.normal(scale=0.3, size=(N_UNITS, len(axis))).cumsum(axis=1)
    panel = pd.DataFrame(
        {
            "region": np.repeat(np.arange(N_UNITS), len(axis)),
            "year": np.tile(axis, N_UNITS),
            "cohort": np.repeat(cohort, len(axis)),
            "wealth": np.repeat(wealth, len(axis)),
            "island": np.repeat(np.array(ISLANDS)[island], len(axis)),
            "province": np.repeat(rng.integers(N_PROVINCES, size=N_UNITS), len(axis)),
            "outcome": (wealth[:, None] + trend + 0.3 * treated + noise).ravel(),
        }
    )
    flags = {
        name: (panel["island"] == island).astype(float)
        for name, island in zip(INDICATORS, ISLANDS[1:], strict=True)
    }
    return panel.assign(**flags)


def design_of(study: Study, covariates: tuple[str, ...] = ()) -> Design:
    """The study as a design."""
    return Design(
        outcome="outcome",
        unit="region",
        time="year",
        cohort="cohort",
        control_group=study.control_group,
        base_period=study.base_period,
        covariates=covariates,
    )


def ask_ours(panel: pd.DataFrame, study: Study, covariates: tuple[str, ...], seed: int) -> Answer:
    """Effects, four averages, the test before treatment, bands."""
    found = run_did(panel, design_of(study, covariates), band="simultaneous", draws=DRAWS, seed=seed)
    table = found.att_gt.tidy()
    effects = dict(zip(zip(table["cohort"], table["year"], strict=True), table["estimate"], strict=True))
    simple = found.aggregates["simple"].overall
    return Answer(effects, float(simple["estimate"]), float(simple["std_error"]))


def main() -> None:
    """Print the tables."""
    peers, absent = installed()
    print("\n".join(absent))
    panels = [simulate(seed) for seed in range(SEED, SEED + REPETITIONS + 1)]
    settings = product(("never_treated", "not_yet_treated"), COVARIATES, ("varying", "universal"))
    for control_group, covariates, base_period in settings:
        compare(peers, panels, Study(control_group, COVARIATES[covariates], base_period), covariates)
    compare_wild_bootstrap(panels)
    time_the_rest(panels)


def compare(peers: list[Peer], panels: list[pd.DataFrame], study: Study, covariates: tuple[str, ...]) -> None:
    """Print a line for us and each peer."""
    calls: dict[str, Callable[[pd.DataFrame, int], Answer | str]] = {
        "ours": lambda panel, seed: ask_ours(panel, study, covariates, seed)
    }
    for peer in peers:
        calls[peer.name] = lambda panel, seed, peer=peer: quietly(lambda: peer.ask(panel, study, seed))
    times, answers = best_times(calls, panels)
    ours = answers["ours"]
    assert isinstance(ours, Answer)
    print(f"\n{study.label}  ours {times['ours']:.4f} s")
    for peer in peers:
        theirs = answers[peer.name]
        if isinstance(theirs, str):
            print(f"    {peer.name:20} skipped: {theirs[:120]}")
            continue
        shared = [cell for cell in ours.effects if cell in theirs.effects]
        largest = max(abs(ours.effects[cell] - theirs.effects[cell]) for cell in shared)
        print(
            f"    {peer.name:20} {times[peer.name]:.3f} s  {times[peer.name] / times['ours']:6.1f} x ours   "
            f"{len(shared)} effects within {largest:.1e}, simple average within {abs(ours.simple - theirs.simple):.1e}"
        )


def best_times(
    calls: dict[str, Callable[[pd.DataFrame, int], Any]], panels: list[pd.DataFrame]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Best time of each call over the panels, and its last answer.

    Calls take turns, so that a busy machine is busy for all; the first panel is for warming up.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    answers: dict[str, Any] = {}
    for seed, panel in enumerate(panels):
        for name, call in calls.items():
            start = time.process_time()
            answers[name] = call(panel, seed)
            times[name].append(time.process_time() - start)
    return {name: min(taken[1:]) for name, taken in times.items()}, answers


def compare_wild_bootstrap(panels: list[pd.DataFrame]) -> None:
    """Print times of a two-way fixed effects test by province, from the fitted regression to the p-value."""
    design = replace(design_of(Study("not_yet_treated")), clusters="province")
    fits = [twfe_clustered(panel, design) for panel in panels]
    taken = {}
    for interval in (True, False):
        start = [time.process_time()]
        for seed, fit in enumerate(fits):
            ours = wild_cluster_bootstrap(fit, draws=WILD_DRAWS, seed=seed, interval=interval)
            start.append(time.process_time())
        taken[interval] = float(np.diff(start)[1:].min())
    mine = taken[False]
    print(
        f"\nwild cluster bootstrap, {WILD_DRAWS} draws  ours {mine:.4f} s (p {ours.p_value:.4f}), "
        f"with interval {taken[True]:.4f} s"
    )
    if find_spec("pyfixest") is None or find_spec("wildboottest") is None:
        print("    pyfixest or wildboottest is not installed")
        return
    times = [_time_pyfixest(panel, seed) for seed, panel in enumerate(panels)]
    best = min(seconds for seconds, _ in times[1:])
    print(
        f"    pyfixest             {best:.3f} s  {best / mine:6.1f} x ours   p {times[-1][1]:.4f}; it has no interval"
    )


def _time_pyfixest(panel: pd.DataFrame, seed: int) -> tuple[float, float]:
    import pyfixest

    treated = (panel["cohort"] > 0) & (panel["year"] >= panel["cohort"])
    data = panel.assign(treated=treated.astype(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = pyfixest.feols("outcome ~ treated | region + year", data, vcov={"CRV1": "province"})
        start = time.process_time()
        found = fit.wildboottest(reps=WILD_DRAWS, cluster="province", param="treated", seed=seed)
        return time.process_time() - start, float(found["Pr(>|t|)"])


def time_the_rest(panels: list[pd.DataFrame]) -> None:
    """Print the best time of every other estimator, and of inference by 514 clusters."""
    design = design_of(Study("not_yet_treated"))
    names = ("reg", "ipw", "entropy", "sun_abraham", "imputation", "two_stage", "etwfe", "stacked", "twfe")
    calls: dict[str, Callable[[pd.DataFrame, int], object]] = {
        name: lambda panel, seed, name=name: run_did(panel, replace(design, estimator=name)) for name in names
    }
    calls["CR2"] = lambda panel, seed: cr2(twfe_clustered(panel, design))
    calls["randomisation"] = lambda panel, seed: randomisation_test(
        panel, design, permutations=DRAWS, seed=seed
    )
    print()
    for name, seconds in best_times(calls, panels)[0].items():
        print(f"{name:24} {seconds:.4f} s")


if __name__ == "__main__":
    main()
