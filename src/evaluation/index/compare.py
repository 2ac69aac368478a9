"""Two indices side by side: what differs in their specifications, which ranks moved, and which difference moved them.

Belongs here: comparing specifications and results. Does not belong here: one index at two times (`contributions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from evaluation.errors import BadInputError, UsageError
from evaluation.index.build import IndexResult, build_index
from evaluation.index.correlation import rank_correlation
from evaluation.index.effective_weights import top_of
from evaluation.index.ranking import ranks_within
from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import key_columns
from evaluation.index.steps import STEPS

NO_SCORE_FIELDS = frozenset({"name", "unit", "label", "unit_column", "time_column", "date", "source"})
"""Fields of a specification that no score depends on."""


@dataclass(frozen=True)
class Comparison:
    """How a second index ranks the units of a first.

    Parameters
    ----------
    of
        The aggregate that is compared.
    table
        One row a unit of either, most moved first, then in the order of the rows: unit, time (in a panel), score_before,
        score_after, rank_before, rank_after, rank_change (places gained), abs_change. Ranks are within the time, among all
        units that the index scores.
    """

    of: str
    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit, see `table`."""
        return self.table

    def summary(self) -> pd.DataFrame:
        """Return one row: n_units (with both ranks), mean_abs_change, max_abs_change, share_moved (0-1), spearman."""
        both = self.table.dropna(subset=["rank_before", "rank_after"])
        moved = both["abs_change"]
        row = {
            "n_units": len(both),
            "mean_abs_change": moved.mean(),
            "max_abs_change": moved.max(),
            "share_moved": (moved > 0).mean(),
            "spearman": rank_correlation(both["score_before"], both["score_after"]),
        }
        return pd.DataFrame([row])


@dataclass(frozen=True)
class Explanation:
    """Which difference between two indices moved which unit.

    Parameters
    ----------
    of
        The aggregate that is explained.
    comparison
        The two ends.
    steps
        One row a step, in the order taken: position, differences (joined by ``+``: ``data``, ``elements``, a step's name,
        ``aggregation``), mean_abs_change, max_abs_change (of ranks), n_gained, n_lost (units with a score since, or no more).
    table
        One row a unit and step: unit, time (in a panel), position, differences, score_change, rank_change (places gained).
        The changes of a unit add up to its whole change, where it has a score throughout.
    """

    of: str
    comparison: Comparison
    steps: pd.DataFrame
    table: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit and step, see `table`."""
        return self.table


def compare_specs(before: IndexSpec, after: IndexSpec) -> pd.DataFrame:
    """Return what differs between two specifications.

    Returns
    -------
    DataFrame
        where (``elements / CODE / field``, ``levels / NAME / field``, ``steps / NAME / field`` or a field), change
        (``changed``, ``added``, ``removed``), before, after (as text, empty where absent), affects_scores. No row when the
        two are equal. Of what only one of them has, the fields that stand at their default are not listed.
    """
    first, second = (_taken(spec) | _flat(spec.to_mapping(defaults=True)) for spec in (before, after))
    written = [_flat(spec.to_mapping()) | _taken(spec) for spec in (before, after)]
    rows = []
    for where in dict.fromkeys([*written[0], *written[1]]):
        if first.get(where) == second.get(where):
            continue
        change = "added" if where not in first else "removed" if where not in second else "changed"
        rows.append(
            {
                "where": where,
                "change": change,
                "before": _text(first.get(where)),
                "after": _text(second.get(where)),
                "affects_scores": where.rsplit(" / ", maxsplit=1)[-1] not in NO_SCORE_FIELDS,
            }
        )
    return pd.DataFrame(rows, columns=["where", "change", "before", "after", "affects_scores"])


def compare_results(before: IndexResult, after: IndexResult, *, of: str | None = None) -> Comparison:
    """Return the ranks of two results side by side.

    Parameters
    ----------
    before, after
        The results.
    of
        Code of an element that both have; by default the top, which may have another name in each.
    """
    return _compare(_column(before, of), _column(after, of), of=of or top_of(after.spec))


def explain_difference(
    values_before: pd.DataFrame,
    before: IndexSpec,
    values_after: pd.DataFrame,
    after: IndexSpec,
    *,
    of: str | None = None,
    **options: Any,
) -> Explanation:
    """Return which difference between two indices moved the ranks, one difference at a time.

    Parameters
    ----------
    values_before, values_after
        (n_units, n_indicators), the data of each.
    before, after
        The specifications.
    of
        Code of an element that both have; by default the top.
    **options
        Passed to `build_index` in every step.

    Notes
    -----
    The rule: start from the first index and take over from the second, in the order in which an index is made, the
    data, the elements (with directions, goalposts, weights as given), each step, the aggregation. A difference that cannot
    stand without a later one (a geometric mean before scores are positive) is taken together with it, and named with it.
    Each difference gets the change it makes on top of those before it, so that changes add up; another order would give
    other parts.

    Raises
    ------
    UsageError
        When nothing differs.
    """
    differences = _differences(values_before, before, values_after, after)
    if not differences:
        raise UsageError(
            "the two indices have the same data and specification, so there is nothing to explain"
        )
    columns = [_column(build_index(values_before, before, **options), of)]
    names: list[str] = []
    waiting: list[str] = []
    values, fields = values_before, dict[str, Any]()
    for position, (name, changes) in enumerate(differences, start=1):
        waiting.append(name)
        values = changes.pop("values", values)
        fields |= changes
        result = _built(values, before, fields, options, must=position == len(differences))
        if result is not None:
            columns.append(_column(result, of))
            names.append("+".join(waiting))
            waiting = []
    return _explanation(columns, names, of=of or top_of(after))


def _differences(
    values_before: pd.DataFrame, before: IndexSpec, values_after: pd.DataFrame, after: IndexSpec
) -> list[tuple[str, dict[str, Any]]]:
    groups = {
        "data": {} if values_before.equals(values_after) else {"values": values_after},
        "elements": _fields(before, after, "elements", "empty_aggregates"),
        **{name: _fields(before, after, name) for name in STEPS},
        "aggregation": _fields(before, after, "levels", "indicator_level"),
    }
    return [(name, changes) for name, changes in groups.items() if changes]


def _built(
    values: pd.DataFrame, before: IndexSpec, fields: dict[str, Any], options: dict[str, Any], *, must: bool
) -> IndexResult | None:
    """Return the index with the differences so far, None where they cannot stand without the next."""
    try:
        return build_index(values, replace(before, **fields), **options)
    except BadInputError:
        if must:
            raise
        return None


def _fields(before: IndexSpec, after: IndexSpec, *names: str) -> dict[str, Any]:
    return {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}


def _explanation(columns: list[pd.Series], names: list[str], *, of: str) -> Explanation:
    frames, rows = [], []
    for position, name in enumerate(names, start=1):
        step = _compare(columns[position - 1], columns[position], of=of)
        keys = key_columns(columns[0].index).columns.tolist()
        part = step.table[keys].assign(
            position=position,
            differences=name,
            score_change=step.table["score_after"] - step.table["score_before"],
            rank_change=step.table["rank_change"],
        )
        frames.append(part)
        missing = step.table[["score_before", "score_after"]].isna()
        rows.append(
            {
                "position": position,
                "differences": name,
                "mean_abs_change": step.table["abs_change"].mean(),
                "max_abs_change": step.table["abs_change"].max(),
                "n_gained": int((missing["score_before"] & ~missing["score_after"]).sum()),
                "n_lost": int((~missing["score_before"] & missing["score_after"]).sum()),
            }
        )
    return Explanation(
        of=of,
        comparison=_compare(columns[0], columns[-1], of=of),
        steps=pd.DataFrame(rows),
        table=pd.concat(frames, ignore_index=True),
    )


def _compare(before: pd.Series, after: pd.Series, *, of: str) -> Comparison:
    index = before.index.union(after.index, sort=False)
    scores = pd.DataFrame({"before": before.reindex(index), "after": after.reindex(index)})
    ranks = ranks_within(scores)
    change = ranks["before"] - ranks["after"]
    table = key_columns(index).assign(
        score_before=scores["before"].to_numpy(),
        score_after=scores["after"].to_numpy(),
        rank_before=ranks["before"].to_numpy(),
        rank_after=ranks["after"].to_numpy(),
        rank_change=change.to_numpy(),
        abs_change=change.abs().to_numpy(),
    )
    return Comparison(
        of=of, table=table.sort_values("abs_change", ascending=False, kind="stable", ignore_index=True)
    )


def _column(result: IndexResult, of: str | None) -> pd.Series:
    code = of or top_of(result.spec)
    if code not in result.scores.columns:
        raise UsageError(f"of must be an element that both indices have; got: {code!r}")
    return result.scores[code]


def _flat(value: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a nested mapping as one level, lists of named mappings by their code or name; what is empty has no row."""
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        value = {str(one.get("code", one.get("name"))): one for one in value}
    if isinstance(value, Mapping):
        return {
            where: leaf
            for key, inner in value.items()
            if not (path and key == "code")
            for where, leaf in _flat(inner, (*path, str(key))).items()
        }
    return {" / ".join(path): value}


def _taken(spec: IndexSpec) -> dict[str, str]:
    """Return the steps that a specification takes, as rows of their own."""
    return {f"steps / {name}": "taken" for name in STEPS if getattr(spec, name) is not None}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
