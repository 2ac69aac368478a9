"""Build an index: normalise, then aggregate level by level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import Fault, raise_if_any
from evaluation.index.aggregate import coverage_of, weighted_mean, withhold
from evaluation.index.normalise import goalpost_scores
from evaluation.index.spec import Element, IndexSpec, Level


@dataclass(frozen=True)
class IndexResult:
    """Scores of all units on all levels.

    Parameters
    ----------
    spec
        What was asked.
    units
        The units, in the order of the rows.
    scores, coverage
        (n_units, n_elements) tables, columns in the order of the specification. Coverage of an indicator is 1
        where it is present and 0 where not; of an aggregate the share of its children's weight present.
    n_indicators
        Number of indicators behind each score.
    composition
        Children present, joined by ``+``.
    capped
        Number of indicators behind a score that were held at a goalpost.
    """

    spec: IndexSpec
    units: pd.Index
    scores: pd.DataFrame
    coverage: pd.DataFrame
    n_indicators: pd.DataFrame
    composition: pd.DataFrame
    capped: pd.DataFrame

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit and element.

        Columns: unit, level, code, score, coverage (0-1), n_indicators, composition, capped. Missing scores
        are rows with a missing score, so that what is absent can be said.
        """
        frames = []
        for element in self.spec.elements:
            frames.append(
                pd.DataFrame(
                    {
                        "unit": self.units,
                        "level": element.level,
                        "code": element.code,
                        "score": self.scores[element.code].to_numpy(),
                        "coverage": self.coverage[element.code].to_numpy(),
                        "n_indicators": self.n_indicators[element.code].to_numpy(),
                        "composition": self.composition[element.code].to_numpy(),
                        "capped": self.capped[element.code].to_numpy(),
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)


def build_index(values: pd.DataFrame, spec: IndexSpec) -> IndexResult:
    """Score every unit on every element of a specification.

    Parameters
    ----------
    values
        (n_units, n_indicators): index are the units, columns the indicator codes, NaN where missing.
    spec
        Elements, goalposts, means and coverage rules.

    Raises
    ------
    BadInputError
        When an indicator of the specification has no column, or a unit stands twice.
    """
    _check_values(values, spec)
    columns: dict[str, dict[str, np.ndarray]] = {}
    for element in spec.indicators:
        columns[element.code] = _indicator_column(values[element.code].to_numpy(dtype=float), element, spec)
    for level in spec.levels:
        for element in spec.of_level(level.name):
            columns[element.code] = _aggregate_column(element, level, spec, columns, len(values))
    return IndexResult(
        spec=spec,
        units=values.index,
        **{
            part: pd.DataFrame(
                {element.code: columns[element.code][part] for element in spec.elements}, index=values.index
            )
            for part in ("scores", "coverage", "n_indicators", "composition", "capped")
        },
    )


def _indicator_column(values: np.ndarray, element: Element, spec: IndexSpec) -> dict[str, np.ndarray]:
    assert element.goalposts is not None  # checked by the specification
    scores, capped = goalpost_scores(
        values,
        goalposts=element.goalposts,
        direction=element.direction,
        transform=element.transform,
        score_range=spec.score_range,
    )
    present = ~np.isnan(scores)
    return {
        "scores": scores,
        "coverage": present.astype(float),
        "n_indicators": present.astype(int),
        "composition": np.where(present, element.code, ""),
        "capped": (capped & present).astype(int),
    }


def _aggregate_column(
    element: Element,
    level: Level,
    spec: IndexSpec,
    columns: dict[str, dict[str, np.ndarray]],
    n_units: int,
) -> dict[str, np.ndarray]:
    children = spec.children(element.code)
    if not children:
        return _empty_column(n_units)
    weights = np.array([child.weight for child in children])
    scores = np.column_stack([columns[child.code]["scores"] for child in children])
    present = ~np.isnan(scores)
    coverage = coverage_of(scores, weights)
    aggregate = withhold(
        weighted_mean(scores, weights, mean=level.mean),
        coverage=coverage,
        count=present.sum(axis=1),
        minimum=level.minimum,
    )
    counted = {
        part: (np.column_stack([columns[child.code][part] for child in children]) * present).sum(axis=1)
        for part in ("n_indicators", "capped")
    }
    codes = np.array([child.code for child in children])
    composition = np.array(["+".join(codes[row]) for row in present], dtype=object)
    return {"scores": aggregate, "coverage": coverage, "composition": composition, **counted}


def _empty_column(n_units: int) -> dict[str, np.ndarray]:
    return {
        "scores": np.full(n_units, np.nan),
        "coverage": np.zeros(n_units),
        "n_indicators": np.zeros(n_units, dtype=int),
        "composition": np.full(n_units, "", dtype=object),
        "capped": np.zeros(n_units, dtype=int),
    }


def _check_values(values: pd.DataFrame, spec: IndexSpec) -> None:
    faults = [
        Fault(
            where="values",
            what=f"indicator {element.code!r} of the specification has no column",
            why="it would be missing for every unit without anybody having said so",
            remedy="add the column (missing values are NaN) or take the indicator out of the specification",
        )
        for element in spec.indicators
        if element.code not in values.columns
    ]
    faults += [
        Fault(
            where="values",
            what=f"unit {unit!r} stands more than once",
            why="a unit has one score",
            remedy="keep one row a unit",
        )
        for unit in values.index[values.index.duplicated()].unique()
    ]
    raise_if_any(faults)
