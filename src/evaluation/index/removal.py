"""What an index would be without one of its elements: which ranks would move, and how far.

Belongs here: building the index again without an element. Does not belong here: leaving out several at random
(`uncertainty`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.errors import BadInputError, UsageError
from evaluation.index.build import build_index
from evaluation.index.correlation import rank_correlation
from evaluation.index.effective_weights import top_of
from evaluation.index.ranking import ranks_within
from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import key_columns


@dataclass(frozen=True)
class Removal:
    """The index without each element in turn.

    Parameters
    ----------
    of
        The aggregate whose ranks are compared.
    level
        Level of the elements that were removed.
    summary
        One row an element: code, n_units (ranked with and without it), mean_abs_change, max_abs_change (of ranks),
        spearman (of the scores with and without), most_moved (the unit, with ``@`` time in a panel; first of equals),
        most_moved_change (places gained by it), n_gained, n_lost (units that have a score only without it, or only with
        it), reason (why the aggregate cannot be made without the element, else empty; then the figures are missing).
    ranks
        (n_units, 1 + n_elements): ``nominal``, and the rank without each element.
    """

    of: str
    level: str
    summary: pd.DataFrame
    ranks: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit and element: unit, time (in a panel), removed, rank_nominal, rank, rank_change."""
        keys = key_columns(self.ranks.index)
        nominal = self.ranks["nominal"].to_numpy()
        return pd.concat(
            [
                keys.assign(
                    removed=code,
                    rank_nominal=nominal,
                    rank=self.ranks[code].to_numpy(),
                    rank_change=nominal - self.ranks[code].to_numpy(),
                )
                for code in self.ranks.columns[1:]
            ],
            ignore_index=True,
        )


def removal_effects(
    values: pd.DataFrame, spec: IndexSpec, *, level: str | None = None, of: str | None = None, **options: Any
) -> Removal:
    """Build the index without each element of a level in turn, as if it had never been in it.

    Parameters
    ----------
    values
        (n_units, n_indicators), the data the index is made from.
    spec
        The index.
    level
        Level of the elements to remove; by default the indicators.
    of
        The aggregate whose ranks are compared; by default the top.
    **options
        Passed to `build_index`.

    Raises
    ------
    UsageError
        When level or aggregate do not exist, or the level is not below the aggregate's.

    Notes
    -----
    An element is truly gone: screening, coverage and imputing do not see it, and its weight is shared out. COINr's
    remove_elements sets its weight to zero, which gives the same ranks where nothing but weights depends on it.
    """
    top = of or top_of(spec)
    chosen = level or spec.indicator_level
    _check_levels(spec, chosen, top)
    nominal = build_index(values, spec, **options).scores[top]
    scores, reasons = {"nominal": nominal}, dict[str, str]()
    for element in spec.of_level(chosen):
        if top in spec.lineage(element.code)[1:]:
            without, reasons[element.code] = _without(values, spec, element.code, top, options)
            scores[element.code] = without.reindex(nominal.index)
    table = pd.DataFrame(scores)
    ranks = ranks_within(table)
    summary = pd.DataFrame([_summary(table, ranks, code) | {"reason": reasons[code]} for code in reasons])
    return Removal(of=top, level=chosen, summary=summary, ranks=ranks)


def _without(
    values: pd.DataFrame, spec: IndexSpec, code: str, top: str, options: dict[str, Any]
) -> tuple[pd.Series, str]:
    """Return the aggregate without an element, and why it cannot be made; missing then."""
    nothing = pd.Series(np.nan, index=values.index)
    gone = {leaf.code for leaf in spec.leaves(code)}
    if gone >= {leaf.code for leaf in spec.leaves(top)}:
        return nothing, f"{top} has no other indicators"
    # With it the index was made of the same values, so a fault can only come from what is left.
    try:
        return build_index(values, spec.without(gone), **options).scores[top], ""
    except BadInputError as error:
        return nothing, f"{error.faults[0].where}: {error.faults[0].what}"


def _summary(scores: pd.DataFrame, ranks: pd.DataFrame, code: str) -> dict[str, object]:
    change = (ranks["nominal"] - ranks[code]).to_numpy()
    with_it, without_it = (scores[name].notna().to_numpy() for name in ("nominal", code))
    known = ~np.isnan(change)
    row: dict[str, object] = {
        "code": code,
        "n_units": int(known.sum()),
        "mean_abs_change": np.nan,
        "max_abs_change": np.nan,
        "spearman": np.nan,
        "most_moved": "",
        "most_moved_change": np.nan,
        "n_gained": int((without_it & ~with_it).sum()),
        "n_lost": int((with_it & ~without_it).sum()),
    }
    if known.any():
        place = int(np.nanargmax(np.abs(change)))
        row |= {
            "mean_abs_change": float(np.abs(change[known]).mean()),
            "max_abs_change": float(abs(change[place])),
            "spearman": rank_correlation(scores["nominal"], scores[code]),
            "most_moved": _label(ranks.index[place]),
            "most_moved_change": float(change[place]),
        }
    return row


def _label(key: object) -> str:
    return "@".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _check_levels(spec: IndexSpec, level: str, top: str) -> None:
    if level not in spec.level_names:
        raise UsageError(f"level must be one of {', '.join(spec.level_names)}; got: {level!r}")
    if top not in spec.by_code:
        raise UsageError(f"of must be an element of the specification; got: {top!r}")
    if spec.level_names.index(level) >= spec.level_names.index(spec.by_code[top].level):
        raise UsageError(f"level must lie below that of {top!r}, {spec.by_code[top].level}; got: {level!r}")
