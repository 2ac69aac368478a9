"""Build an index: the steps of a specification in their order, then one level after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.aggregate import aggregate_scores, coverage_of, withhold
from evaluation.index.denominate import denominate
from evaluation.index.impute import impute
from evaluation.index.normalise import normalise
from evaluation.index.result import PARTS, IndexResult
from evaluation.index.scopes import by_time, times_of, units_of
from evaluation.index.screen import screen
from evaluation.index.spec import Element, IndexSpec, Level
from evaluation.index.treat import Treatment, treat
from evaluation.index.weight import weights_of

Columns = dict[str, dict[str, np.ndarray]]
"""By code of an element, what is known of it (`PARTS`), one value a row."""


def build_index(
    values: pd.DataFrame, spec: IndexSpec, *, functions: Mapping[str, Treatment] | None = None
) -> IndexResult:
    """Score every unit on every element of a specification.

    Parameters
    ----------
    values
        Index: units, or units and times. Columns: the codes of the indicators, and the denominators and groups that the
        specification names. NaN where missing.
    spec
        Elements, levels and steps.
    functions
        Custom treatments by the name that the specification gives them.

    Raises
    ------
    BadInputError
        When an indicator has no column or is not numeric, a row stands twice, or a step cannot be taken; with all
        faults.
    """
    check_values(values, spec)
    return aggregate_steps(take_steps(values, spec, functions=functions))


def check_values(values: pd.DataFrame, spec: IndexSpec) -> None:
    """Raise `BadInputError` with every fault of values that a specification cannot be built on."""
    raise_if_any(_value_faults(values, spec))


def aggregate_steps(made: Steps) -> IndexResult:
    """Return the index from what the steps before aggregation have made of its values."""
    columns = _indicator_columns(made)
    weights: dict[str, np.ndarray] = {}
    for level in made.spec.levels:
        for element in made.spec.of_level(level.name):
            columns[element.code] = _aggregate_column(
                element, level, made=made, columns=columns, weights=weights
            )
    parts = {
        part: pd.DataFrame(
            {element.code: columns[element.code][part] for element in made.spec.elements},
            index=made.data.index,
        )
        for part in PARTS
    }
    return IndexResult(
        spec=made.spec,
        units=made.data.index,
        **parts,
        weights=_weight_table(made.spec, weights),
        steps={**made.steps, "aggregated": parts["scores"]},
        logs=made.logs,
    )


@dataclass
class Steps:
    """What the steps so far have made of the values."""

    spec: IndexSpec
    data: pd.DataFrame
    steps: dict[str, pd.DataFrame] = field(default_factory=dict)
    logs: dict[str, pd.DataFrame] = field(default_factory=dict)
    imputed: pd.DataFrame | None = None
    capped: pd.DataFrame | None = None

    def keep(self, name: str, values: pd.DataFrame, **logs: pd.DataFrame) -> None:
        """Note what a step has made, and its logs."""
        self.data = self.steps[name] = values
        self.logs.update(logs)


def take_steps(
    data: pd.DataFrame, spec: IndexSpec, *, functions: Mapping[str, Treatment] | None = None
) -> Steps:
    """Return what the steps before aggregation make of values that are sound, as for `build_index`."""
    made = Steps(spec, data[[element.code for element in spec.indicators]].astype(float))
    made.steps["raw"] = made.data
    if spec.denominate is not None:
        denominated = denominate(data, spec)
        made.keep("denominated", denominated.data, denominators=denominated.table)
    if spec.screen is not None:
        screened = screen(made.data, spec)
        logs = {"screened_units": screened.units, "screened_indicators": screened.indicators}
        made.keep("screened", screened.data, **logs)
        made.spec = spec.without(screened.left_out)
    if spec.impute is not None:
        filled = impute(made.data, made.spec, groups=data.loc[made.data.index])
        made.keep("imputed", filled.data, imputed_values=filled.table)
        made.imputed = filled.flags
    if spec.treat is not None:
        treated = treat(made.data, made.spec, functions=functions)
        made.keep("treated", treated.data, treatment=treated.table, treated_points=treated.points)
    if spec.normalise is not None:
        scored = normalise(made.data, made.spec)
        made.keep("normalised", scored.data, normalisation=scored.table)
        made.capped = scored.capped
    return made


def _indicator_columns(made: Steps) -> Columns:
    columns: Columns = {}
    for element in made.spec.indicators:
        code = element.code
        scores = made.data[code].to_numpy()
        present = ~np.isnan(scores)
        imputed = np.zeros(len(scores), dtype=bool) if made.imputed is None else made.imputed[code].to_numpy()
        capped = np.zeros(len(scores), dtype=bool) if made.capped is None else made.capped[code].to_numpy()
        columns[code] = {
            "scores": scores,
            "coverage": (present & ~imputed).astype(float),
            "n_indicators": present.astype(int),
            "n_imputed": (present & imputed).astype(int),
            "composition": np.where(present, code, ""),
            "capped": (capped & present).astype(int),
        }
    return columns


def _aggregate_column(
    element: Element, level: Level, *, made: Steps, columns: Columns, weights: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    children = made.spec.children(element.code)
    index = made.data.index
    if not children:
        return _empty_column(len(index))
    stacked = {part: np.column_stack([columns[child.code][part] for child in children]) for part in PARTS[:4]}
    scores = stacked["scores"]
    frame = pd.DataFrame(scores, index=index, columns=[child.code for child in children])
    used = weights[element.code] = weights_of(element.code, frame, made.spec)
    present = ~np.isnan(scores)
    n_indicators = stacked["n_indicators"] * present
    n_imputed = stacked["n_imputed"] * present
    observed = 1.0 - np.divide(n_imputed, n_indicators, out=np.zeros(scores.shape), where=n_indicators > 0)
    counted = present if level.minimum.counts_imputed else present & (observed > 0)
    counted_share = present if level.minimum.counts_imputed else present * observed
    aggregate = withhold(
        _aggregated(scores, used, level, index),
        coverage=coverage_of(counted_share, used),
        count=counted.sum(axis=1),
        minimum=level.minimum,
    )
    capped = np.column_stack([columns[child.code]["capped"] for child in children])
    return {
        "scores": aggregate,
        "coverage": coverage_of(present * observed, used),
        "n_indicators": n_indicators.sum(axis=1),
        "n_imputed": n_imputed.sum(axis=1),
        "composition": _composition(present, np.array([child.code for child in children])),
        "capped": (capped * present).sum(axis=1),
    }


def _aggregated(scores: np.ndarray, weights: np.ndarray, level: Level, index: pd.Index) -> np.ndarray:
    if level.aggregation != "copeland":
        return aggregate_scores(scores, weights, aggregation=level.aggregation, power=level.power)
    aggregate = np.full(len(scores), np.nan)
    for rows in by_time(index):
        aggregate[rows] = aggregate_scores(scores[rows], weights, aggregation="copeland")
    return aggregate


def _composition(present: np.ndarray, codes: np.ndarray) -> np.ndarray:
    keys = np.array([row.tobytes() for row in np.packbits(present, axis=1)], dtype=object)
    members = pd.factorize(keys)[0]
    first = np.unique(members, return_index=True)[1]
    return np.array(["+".join(codes[present[row]]) for row in first], dtype=object)[members]


def _empty_column(n_rows: int) -> dict[str, np.ndarray]:
    return {
        "scores": np.full(n_rows, np.nan),
        "coverage": np.zeros(n_rows),
        "n_indicators": np.zeros(n_rows, dtype=int),
        "n_imputed": np.zeros(n_rows, dtype=int),
        "composition": np.full(n_rows, "", dtype=object),
        "capped": np.zeros(n_rows, dtype=int),
    }


def _weight_table(spec: IndexSpec, weights: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = [
        {
            "level": child.level,
            "code": child.code,
            "parent": parent,
            "weight": weight,
            "share": weight / used.sum(),
        }
        for parent, used in weights.items()
        for child, weight in zip(spec.children(parent), used, strict=True)
    ]
    return pd.DataFrame(rows, columns=["level", "code", "parent", "weight", "share"])


def _value_faults(values: pd.DataFrame, spec: IndexSpec) -> Iterator[Fault]:
    repeated = set(values.columns[values.columns.duplicated()])
    for name in sorted(map(str, repeated)):
        yield _fault(f"column {name!r} stands more than once", "it is not known which is meant", "keep one")
    for element in spec.indicators:
        if element.code not in repeated:
            yield from _column_faults(values, element.code)
    yield from _index_faults(values.index, spec)


def _column_faults(values: pd.DataFrame, code: str) -> Iterator[Fault]:
    if code not in values.columns:
        yield _fault(
            f"indicator {code!r} of the specification has no column",
            "it would be missing for every unit without anybody having said so",
            "add the column (missing values are NaN) or take the indicator out of the specification",
        )
    elif not pd.api.types.is_numeric_dtype(values[code]):
        what = f"column {code!r} holds {values[code].dtype}, not numbers"
        yield _fault(what, "it is an indicator", "turn its values into numbers, missing ones empty")
    elif np.isinf(values[code].astype(float)).any():
        yield _fault(
            f"column {code!r} holds infinite values", "every scale would be lost", "leave them empty"
        )


def _index_faults(index: pd.Index, spec: IndexSpec) -> Iterator[Fault]:
    for row in index[index.duplicated()].unique():
        yield _fault(f"unit {row!r} stands more than once", "a unit has one score a time", "keep one row")
    if index.nlevels > 2:
        yield _fault(
            "the index has more than two parts", "rows are units, or units and times", "drop the others"
        )
    if index.nlevels == 2 and spec.time_column is not None and index.names[0] == spec.time_column:
        yield _fault("the index starts with the time", "its first part is taken for units", "put units first")
    if pd.isna(units_of(index)).any():
        yield _fault("some rows have no unit", "their scores would belong to nobody", "fill it in")
    times = times_of(index) if index.nlevels == 2 else None
    if times is not None and pd.isna(times).any():
        yield _fault("some rows have no time", "they belong to no year", "fill it in")


def _fault(what: str, why: str, remedy: str) -> Fault:
    return Fault(where="values", what=what, why=why, remedy=remedy)
