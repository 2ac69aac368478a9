"""Time of the uncertainty analysis of an index, per replication, and where it goes.

An index of the shape of this project's: 20 indicators with goalposts in 18 dimensions and 6 pillars, a few values missing.
In each replication all weights vary by a quarter, and mean (geometric or arithmetic) and normalisation (goalposts or
min-max) are drawn. 514 regions with 10,000 replications; 7,196 region-years (14 years, ranked within each) with 1,000.
Printed: this process's processor time per replication, from the values to the table of rank and score intervals, of the
fastest repetition, so that a busy machine does not count; the wall clock beside it.

COINr 1.1.14 needed about 0.35 s a replication for 514 units (recorded; R 4.2.2); it cannot analyse a panel that is
normalised over all years.

    python benchmarks/bench_uncertainty.py
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.index import Element, Goalposts, IndexSpec, Level, Minimum, Normalise
from evaluation.index.factors import Choice, Factor, WeightNoise
from evaluation.index.uncertainty import UncertaintyResult, uncertainty

COINR_SECONDS = 0.35
REPETITIONS = 5
SEED = 1
PILLARS, DIMENSIONS = 6, 3
TWO_INDICATORS = (2, 9)
"""Dimensions that have two indicators; the others have one."""
MISSING = 0.02
YEARS = range(2011, 2025)
MICRO = 1e6


@dataclass(frozen=True)
class Case:
    """One size of problem and what it may cost."""

    name: str
    n_units: int
    years: tuple[int, ...]
    replications: int
    allowed: float


CASES = (
    Case("514 regions", 514, (), 10_000, 60.0),
    Case("7,196 region-years", 514, tuple(YEARS), 1_000, 2_000.0),
)


def specification() -> IndexSpec:
    leaves, middle = [], []
    for dimension in range(PILLARS * DIMENSIONS):
        middle.append(Element(f"d{dimension}", f"p{dimension // DIMENSIONS}", "dimension"))
        for number in range(2 if dimension in TWO_INDICATORS else 1):
            code = f"i{dimension}_{number}"
            leaves.append(
                Element(
                    code,
                    f"d{dimension}",
                    "indicator",
                    direction=1 - 2 * (dimension % 2),
                    goalposts=Goalposts(0, 100),
                )
            )
    pillars = [Element(f"p{place}", "index", "pillar") for place in range(PILLARS)]
    levels = (
        Level("dimension", minimum=Minimum(share=0.5)),
        Level("pillar", "geometric"),
        Level("index", "geometric", minimum=Minimum(count=4)),
    )
    return IndexSpec(
        (*leaves, *middle, *pillars, Element("index", None, "index")),
        levels,
        normalise=Normalise(method="goalposts", score_range=(1.0, 100.0)),
    )


def factors() -> list[Factor]:
    arithmetic = {f"levels.{level}.aggregation": "arithmetic" for level in ("pillar", "index")}
    return [
        WeightNoise(spread=0.25),
        Choice(name="mean", options={"geometric": {}, "arithmetic": arithmetic}),
        Choice(name="scale", options={"goalposts": {}, "min-max": {"normalise.method": "minmax"}}),
    ]


def simulated(spec: IndexSpec, case: Case) -> pd.DataFrame:
    """Return values with a factor that all indicators share, a few of them missing."""
    rng = np.random.default_rng(SEED)
    index = pd.Index([f"{place:04d}" for place in range(case.n_units)], name="unit")
    if case.years:
        index = pd.MultiIndex.from_product([index, case.years], names=["unit", "time"])
    shape = (len(index), len(spec.indicators))
    cells = np.clip(50 + 10 * rng.normal(size=(shape[0], 1)) + 12 * rng.normal(size=shape), 5, 95)
    cells[rng.random(shape) < MISSING] = np.nan
    return pd.DataFrame(cells, index=index, columns=[element.code for element in spec.indicators])


def measure(values: pd.DataFrame, spec: IndexSpec, case: Case) -> tuple[dict[str, float], float]:
    """Return the processor time of the fastest repetition by phase, and the shortest wall clock, in seconds."""
    phases: dict[str, float] = {}
    shortest = np.inf
    for _ in range(REPETITIONS):
        wall, own = time.perf_counter(), time.process_time()
        result = uncertainty(values, spec, factors(), n=case.replications, seed=SEED)
        ran = time.process_time() - own
        table = result.tidy()
        whole = time.process_time() - own
        shortest = min(shortest, time.perf_counter() - wall)
        if whole < sum(phases.values(), np.inf if not phases else 0.0):
            phases = {**result.seconds, "intervals": whole - ran, "other": ran - sum(result.seconds.values())}
        check(result, table)
    return phases, shortest


def check(result: UncertaintyResult, table: pd.DataFrame) -> None:
    """Stop when the result is not one: every unit ranked, intervals around medians, draws that differ."""
    inside = table["rank_median"].between(table["rank_low"], table["rank_high"])
    assert inside.all() and (table["share_ranked"] == 1).all()  # noqa: PT018
    assert (table["rank_low"] < table["rank_high"]).mean() > 0.9
    assert (table["score_low"] < table["score_high"]).all()
    assert result.draws["mean"].nunique() == result.draws["scale"].nunique() == 2


def report(case: Case, phases: dict[str, float], wall: float) -> None:
    per = {name: MICRO * seconds / case.replications for name, seconds in phases.items()}
    total = sum(per.values())
    print(f"{case.name}, {case.replications:,} replications: {total:.1f} microseconds a replication", end="")
    print(f" (allowed {case.allowed:g}; wall clock {MICRO * wall / case.replications:.1f})")
    if not case.years:
        print(
            f"    COINr, recorded: {COINR_SECONDS * MICRO:,.0f}, {COINR_SECONDS * MICRO / total:,.0f} times as long"
        )
    for name, spent in sorted(per.items(), key=lambda one: -one[1]):
        print(f"    {name:10} {spent:7.1f}  {spent / total:5.0%}")
    print(f"    most of the time: {max(per, key=per.__getitem__)}")


def main() -> None:
    spec = specification()
    for case in CASES:
        values = simulated(spec, case)
        report(case, *measure(values, spec, case))


if __name__ == "__main__":
    main()
