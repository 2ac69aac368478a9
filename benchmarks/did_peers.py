"""The peers of the impact engine, each asked for the same study: effects, four averages, bands from draws.

Belongs here: how each public package is asked, and reading its group-time effects. Does not belong here: timing
(`bench_did`). A package that is not installed, or stops on the panel, is skipped with its reason.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

DRAWS = 999
AVERAGES = ("simple", "group", "dynamic", "calendar")
CONTROL_NAMES = {"never_treated": "nevertreated", "not_yet_treated": "notyettreated"}
"""Control groups as R's did and the packages after it write them."""

Cell = tuple[int, int]


@dataclass(frozen=True)
class Study:
    """What is asked: the panel's columns are region, year, cohort (0 = never treated), outcome, covariates.

    The packages take categories as indicator columns.
    """

    control_group: str
    covariates: tuple[str, ...] = ()
    base_period: str = "varying"

    @property
    def label(self) -> str:
        """The study in a few words."""
        conditional = "+".join(self.covariates) or "no covariate"
        return f"{self.control_group:15} {conditional:14} {self.base_period:9}"


@dataclass(frozen=True)
class Answer:
    """Group-time effects by (cohort, year), the simple average, and its standard error."""

    effects: dict[Cell, float]
    simple: float
    std_error: float


@dataclass(frozen=True)
class Peer:
    """A package: its name on the index, its module, and how it is asked."""

    package: str
    module: str
    ask: Callable[[pd.DataFrame, Study, int], Answer]

    @property
    def name(self) -> str:
        """Package and version."""
        return f"{self.package} {version(self.package)}"


def installed() -> tuple[list[Peer], list[str]]:
    """Return the peers that are there, and a line about each that is not."""
    found = [peer for peer in PEERS if find_spec(peer.module) is not None]
    absent = [f"{peer.package} is not installed" for peer in PEERS if find_spec(peer.module) is None]
    return found, absent


def _ask_diff_diff(panel: pd.DataFrame, study: Study, seed: int) -> Answer:
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(
        control_group=study.control_group,
        estimation_method="dr",
        base_period=study.base_period,
        n_bootstrap=DRAWS,
        seed=seed,
        cband=True,
    )
    found = model.fit(
        panel,
        outcome="outcome",
        unit="region",
        time="year",
        first_treat="cohort",
        covariates=list(study.covariates) or None,
        aggregate="all",
    )
    effects = {(int(g), int(t)): float(cell["effect"]) for (g, t), cell in found.group_time_effects.items()}
    return Answer(effects, float(found.overall_att), float(found.overall_se))


def _ask_csdid(panel: pd.DataFrame, study: Study, seed: int) -> Answer:
    from csdid.att_gt import ATTgt

    np.random.seed(seed)  # noqa: NPY002 - the package draws from the global generator
    model = ATTgt(
        yname="outcome",
        tname="year",
        idname="region",
        gname="cohort",
        data=panel.copy(),
        control_group=[CONTROL_NAMES[study.control_group]],
        xformla="outcome~" + ("+".join(study.covariates) or "1"),
        biters=DRAWS,
        cband=True,
    ).fit(est_method="dr", base_period=study.base_period, bstrap=True)
    averages = {kind: model.aggte(typec=kind, bstrap=True, biters=DRAWS).atte for kind in AVERAGES}
    found = model.results
    effects = _by_cell(found["group"], found["year"], found["att"])
    simple = averages["simple"]
    return Answer(effects, float(simple["overall_att"]), float(np.ravel(simple["overall_se"])[0]))


def _ask_moderndid(panel: pd.DataFrame, study: Study, seed: int) -> Answer:
    import moderndid

    found = moderndid.att_gt(
        panel,
        yname="outcome",
        tname="year",
        idname="region",
        gname="cohort",
        xformla="~ " + ("+".join(study.covariates) or "1"),
        control_group=CONTROL_NAMES[study.control_group],
        base_period=study.base_period,
        est_method="dr",
        boot=True,
        biters=DRAWS,
        cband=True,
        random_state=seed,
    )
    averages = {
        kind: moderndid.aggte(found, type=kind, boot=True, biters=DRAWS, cband=True, random_state=seed)
        for kind in AVERAGES
    }
    effects = _by_cell(found.groups, found.times, found.att_gt)
    simple = averages["simple"]
    return Answer(effects, float(simple.overall_att), float(simple.overall_se))


def _ask_differences(panel: pd.DataFrame, study: Study, seed: int) -> Answer:
    from differences import ATTgt

    table = panel.assign(cohort=panel["cohort"].where(panel["cohort"] > 0)).set_index(["region", "year"])
    model = ATTgt(data=table, cohort_column="cohort", base_period=study.base_period)
    formula = "outcome" + (" ~ " + "+".join(study.covariates) if study.covariates else "")
    options: dict[str, Any] = {"boot_iterations": DRAWS, "random_state": seed}
    found = model.fit(
        formula, est_method="dr", control_group=study.control_group, progress_bar=False, **options
    ).to_pandas()
    for kind in ("cohort", "event", "time"):
        model.aggregate(kind, **options)
    simple = model.aggregate("simple", **options)
    effects = _by_cell(
        found.index.get_level_values("cohort"), found.index.get_level_values("time"), found.iloc[:, 0]
    )
    return Answer(effects, float(simple.iloc[0, 0]), float(simple.iloc[0, 1]))


def _by_cell(cohorts: Iterable[Any], years: Iterable[Any], effects: Iterable[Any]) -> dict[Cell, float]:
    return {
        (int(cohort), int(year)): float(np.ravel(effect)[0])
        for cohort, year, effect in zip(cohorts, years, effects, strict=True)
    }


PEERS = (
    Peer("diff-diff", "diff_diff", _ask_diff_diff),
    Peer("csdid", "csdid", _ask_csdid),
    Peer("moderndid", "moderndid", _ask_moderndid),
    Peer("differences", "differences", _ask_differences),
)
"""Public packages with group-time effects of Callaway and Sant'Anna."""


def quietly(ask: Callable[[], Answer]) -> Answer | str:
    """Return an answer without what the package prints, or why there is none."""
    silence = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(silence), redirect_stderr(silence):
        warnings.simplefilter("ignore")
        try:
            return ask()
        except Exception as problem:  # a peer's error is a line of the table, whatever it is
            return f"{type(problem).__name__}: {problem}"
