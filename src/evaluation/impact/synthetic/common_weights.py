"""One set of donor weights for several outcomes of a unit.

Belongs here: the joint problem over outcomes, and the results it gives for each. Does not belong here: estimators of one outcome.

References
----------
Sun, Ben-Michael and Feller (2023), Using multiple outcomes to improve the synthetic control method, arXiv:2311.16260,
doi:10.48550/arXiv.2311.16260.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.impact.synthetic.comparisons import Comparison, Comparisons, compare
from evaluation.impact.synthetic.design import Name, SyntheticDesign
from evaluation.impact.synthetic.effects import EffectTable
from evaluation.impact.synthetic.panel import SyntheticPanel, checked
from evaluation.impact.synthetic.plain import convex_fit, demean, spread
from evaluation.impact.synthetic.result import SyntheticResult
from evaluation.impact.synthetic.simplex import SimplexSolution, solve_simplex

Floats = NDArray[np.float64]
Combine = Literal["concatenated", "averaged"]


def common_weights(
    panels: Mapping[str, SyntheticPanel], design: SyntheticDesign, *, combine: Combine = "concatenated"
) -> dict[str, SyntheticResult]:
    """Estimate the effects on several outcomes with the same donors and weights.

    Outcomes are deviations from unit means, each divided by its donors' spread. With K outcomes of T_k years before
    treatment, the longest T, ``"concatenated"`` minimises sum_k (T / (K T_k)) sum_t gap_kt^2 + ridge |w|^2; ``"averaged"``
    the squared gaps of the outcomes' average in the years that all have, plus the same. Common weights fit each outcome less
    well, and its noise less: they help when outcomes share their factors.

    Parameters
    ----------
    panels
        By outcome; the design's own outcome is not looked at.
    design
        With the estimator ``"demeaned"``.
    combine
        How outcomes are combined.

    Returns
    -------
    dict
        A result for each outcome. Donors are those that each outcome allows; a unit that one outcome cannot estimate has no
        estimate of that outcome, and weights from the others.

    Raises
    ------
    BadInputError
        With every unit that a panel lacks.
    UsageError
        For fewer than two outcomes, or options that do not exist.
    """
    problems = []
    if len(panels) < 2:
        problems.append("panels must hold two outcomes or more")
    if combine not in get_args(Combine):
        problems.append(f"combine must be one of {', '.join(get_args(Combine))}; got: {combine!r}")
    if design.estimator != "demeaned":
        problems.append(f"the design's estimator must be demeaned; got: {design.estimator!r}")
    if problems:
        raise UsageError("Common weights cannot be found: " + "; ".join(problems) + ".")
    designs = {name: replace(design, outcome=name) for name in panels}
    wide = {name: checked(panel, designs[name]) for name, panel in panels.items()}
    pools = _shared_pools(wide, designs)
    narrowed = {name: replace(one, pools=pools) for name, one in designs.items()}
    found = {name: compare(wide[name], narrowed[name]) for name in panels}
    tables = {name: EffectTable(wide[name], designs[name], found[name]) for name in panels}
    for members in _by_unit(wide, found).values():
        solution, offsets = _solve(members, design.ridge, combine)
        for name, of in members.items():
            tables[name].add(of, convex_fit(of, solution, offsets[name], penalty=design.ridge))
    return {name: table.result() for name, table in tables.items()}


def _shared_pools(
    wide: Mapping[str, SyntheticPanel], designs: Mapping[str, SyntheticDesign]
) -> dict[Name, tuple[Name, ...]]:
    """Return the donors that every outcome with a comparison allows, by treated unit."""
    pools: dict[Name, list[Name]] = {}
    for name, panel in wide.items():
        for group in compare(panel, designs[name]).groups:
            names = panel.units[group.donors].tolist()
            for unit in panel.units[group.targets]:
                before = pools.get(unit, names)
                pools[unit] = [one for one in before if one in set(names)]
    return {unit: tuple(pool) for unit, pool in pools.items()}


def _by_unit(
    wide: Mapping[str, SyntheticPanel], found: Mapping[str, Comparisons]
) -> dict[Name, dict[str, Comparison]]:
    """Return each treated unit's comparison of itself alone, by outcome."""
    units: dict[Name, dict[str, Comparison]] = {}
    for name, comparisons in found.items():
        for group in comparisons.groups:
            for b, row in enumerate(group.targets):
                alone = replace(
                    group,
                    targets=group.targets[[b]],
                    exclude=group.exclude[[b]],
                    target_outcome=group.target_outcome[[b]],
                    target_predictors=group.target_predictors[[b]],
                )
                units.setdefault(wide[name].units[row], {})[name] = alone
    return units


def _solve(
    members: Mapping[str, Comparison], ridge: float, combine: Combine
) -> tuple[SimplexSolution, dict[str, Floats]]:
    donors, targets, means = {}, {}, {}
    for name, of in members.items():
        x, x_mean = demean(of.donor_outcome[:, of.pre])
        y, y_mean = demean(of.target_outcome[:, of.pre])
        scale = spread(of, x)
        donors[name], targets[name], means[name] = x / scale, y / scale, (x_mean, y_mean)
    if combine == "concatenated":
        longest = max(x.shape[1] for x in donors.values())
        share = {name: np.sqrt(longest / (x.shape[1] * len(donors))) for name, x in donors.items()}
        x = np.hstack([donors[name] * share[name] for name in donors])
        y = np.hstack([targets[name] * share[name] for name in donors])
    else:
        x, y = _averaged(members, donors), _averaged(members, targets)
    solution = solve_simplex(x, y, ridge=ridge)
    offsets = {name: y_mean - solution.weights @ x_mean for name, (x_mean, y_mean) in means.items()}
    return solution, offsets


def _averaged(members: Mapping[str, Comparison], scaled: Mapping[str, Floats]) -> Floats:
    years = {name: of.years[of.pre] for name, of in members.items()}
    shared = sorted(set.intersection(*(set(one.tolist()) for one in years.values())))
    if not shared:
        raise UsageError("averaged outcomes need a year before treatment that all of them have")
    stacked = np.stack([scaled[name][:, np.isin(years[name], shared)] for name in members])
    result: Floats = stacked.mean(axis=0)
    return result
