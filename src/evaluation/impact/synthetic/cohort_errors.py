"""Errors of a cohort's synthetic difference-in-differences: placebos and the fixed-weights jackknife.

Belongs here: blocks of treated units with their weights, and what happens when donors take their place or a unit is left
out. Does not belong here: finding the weights (`evaluation.impact.synthetic.sdid`), averaging blocks
(`evaluation.impact.synthetic.cohort_effect`).

References
----------
Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review 111(12), doi:10.1257/aer.20190159;
algorithms 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import UsageError
from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.panel import SyntheticPanel
from evaluation.impact.synthetic.sdid import Regularisation, time_weights, unit_weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Treated units that share donors and years, with their weights.

    Parameters
    ----------
    of
        Who is compared.
    zeta
        Regularisation of the estimate, kept for placebos.
    units, times
        Weights of donors and of years before, (J,) and (T0,).
    converged
        Whether both are certified.
    first_year
        First year of effect.
    """

    of: Comparison
    zeta: Regularisation
    units: Floats
    times: Floats
    converged: bool
    first_year: int

    @property
    def size(self) -> int:
        """Treated unit-years."""
        return len(self.of.targets) * int(self.of.post.sum())

    def changes(self, outcome: Floats) -> Floats:
        """Mean after less weighted mean before, (n,)."""
        result: Floats = outcome[:, self.of.post].mean(axis=1) - outcome[:, self.of.pre] @ self.times
        return result


def block_estimate(block: Block) -> float:
    """Return a block's effect: the treated units' mean change less the weighted change of the donors.

    Parameters
    ----------
    block
        Units and weights.
    """
    of = block.of
    treated = float(block.changes(of.target_outcome).mean())
    return treated - float(block.units @ block.changes(of.donor_outcome))


def placebo_estimates(
    panel: SyntheticPanel, blocks: list[Block], shares: Floats, draws: int, seed: int, min_donors: int
) -> Floats:
    """Return estimates with donors in the treated units' place, zeta as in the estimate, (n_draws,).

    Parameters
    ----------
    panel, blocks
        Outcomes, and the blocks of the estimate.
    shares
        Weight of each block in the average.
    draws, seed
        Sets of donors that are drawn, without replacement; with one treated unit every donor stands in once.
    min_donors
        Donors that must be left.

    Returns
    -------
    ndarray
        Missing where weights could not be certified.

    Raises
    ------
    UsageError
        When a block has too few donors.
    """
    chosen = _drawn(blocks, draws, seed, min_donors, len(panel.units))
    taken = np.zeros((len(chosen), len(panel.units)), dtype=bool)
    for d, sets in enumerate(chosen):
        taken[d, np.concatenate(sets)] = True
    total = np.zeros(len(chosen))
    for b, block in enumerate(blocks):
        rows = np.stack([sets[b] for sets in chosen])
        allowed = ~taken[:, block.of.donors]
        total += shares[b] * _of_block(panel, block, rows, allowed)
    return total


def _drawn(
    blocks: list[Block], draws: int, seed: int, min_donors: int, n_units: int
) -> list[list[NDArray[np.int64]]]:
    """Return for each draw the rows that stand in for the treated units of each block; every donor once for one unit."""
    if len(blocks) == 1 and len(blocks[0].of.targets) == 1:
        return [[np.array([row])] for row in blocks[0].of.donors]
    wanted = [len(block.of.targets) for block in blocks]
    least = min(len(block.of.donors) for block in blocks)
    if least < sum(wanted) + min_donors:
        raise UsageError(
            f"placebos need {sum(wanted) + min_donors} donors ({sum(wanted)} in the place of treated units and "
            f"{min_donors} more); a block has {least}"
        )
    rng = np.random.default_rng(seed)
    member = np.zeros((len(blocks), n_units), dtype=bool)
    for b, block in enumerate(blocks):
        member[b, block.of.donors] = True
    donors = np.flatnonzero(member.any(axis=0))
    return [_one_draw(rng.permutation(donors), member, wanted) for _ in range(draws)]


def _one_draw(order: Ints, member: Bools, wanted: list[int]) -> list[NDArray[np.int64]]:
    sets = []
    for inside, count in zip(member, wanted, strict=True):
        mine = order[inside[order]][:count]
        sets.append(np.sort(mine))
        order = order[~np.isin(order, mine)]
    return sets


def _of_block(panel: SyntheticPanel, block: Block, rows: Ints, allowed: Bools) -> Floats:
    of = block.of
    target = panel.outcome[rows].mean(axis=1)
    pre, post = of.donor_outcome[:, of.pre], of.donor_outcome[:, of.post].mean(axis=1)
    units = unit_weights(pre, target[:, of.pre], zeta=block.zeta.unit, allowed=allowed)
    times, certified = time_weights(pre, post, zeta=block.zeta.time, allowed=allowed)
    omega = units.weights
    own = target[:, of.post].mean(axis=1) - (target[:, of.pre] * times).sum(axis=1)
    effect = own - omega @ post + ((omega @ pre) * times).sum(axis=1)
    return np.where(units.converged & certified, effect, np.nan)


def jackknife_error(blocks: list[Block]) -> float:
    """Return the fixed-weights jackknife over treated units and donors.

    Parameters
    ----------
    blocks
        The blocks of the estimate.

    Raises
    ------
    UsageError
        With a single treated unit.
    """
    treated = [block.changes(block.of.target_outcome) for block in blocks]
    if sum(map(len, treated)) < 2:
        raise UsageError("the jackknife needs two treated units; with one, use placebos")
    donors = np.unique(np.concatenate([block.of.donors for block in blocks]))
    years = np.array([int(block.of.post.sum()) for block in blocks], dtype=float)
    counts = np.array(list(map(len, treated)), dtype=float)
    sums = np.array([one.sum() for one in treated])
    controls = np.array([block.units @ block.changes(block.of.donor_outcome) for block in blocks])
    left = []
    for b, own in enumerate(treated):
        for value in own:
            fewer, less = counts.copy(), sums.copy()
            fewer[b] -= 1
            less[b] -= value
            kept = fewer > 0
            effects = less[kept] / fewer[kept] - controls[kept]
            left.append(float(effects @ (fewer * years)[kept] / (fewer * years).sum()))
    shares = counts * years / (counts * years).sum()
    without = np.array([_controls_without(block, donors) for block in blocks])
    values = np.concatenate([left, shares @ ((sums / counts)[:, None] - without)])
    values = values[np.isfinite(values)]
    n = len(values)
    return float(np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum()))


def _controls_without(block: Block, donors: Ints) -> Floats:
    """Return the weighted change of a block's donors without each of `donors`, the other weights filling up, (len(donors),)."""
    changes, weights = block.changes(block.of.donor_outcome), block.units
    whole = float(weights @ changes)
    rest = 1 - weights
    without = np.divide(whole - weights * changes, rest, out=np.full(len(rest), np.nan), where=rest > 1e-12)
    place = np.full(int(donors.max()) + 1, whole)
    place[block.of.donors] = without
    return place[donors]
