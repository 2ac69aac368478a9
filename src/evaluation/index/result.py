"""What building an index gives: scores of every level, and every step on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from evaluation.index.ranking import ranks_within
from evaluation.index.scopes import TIME, UNIT, times_of, units_of
from evaluation.index.spec import IndexSpec

PARTS = ("scores", "coverage", "n_indicators", "n_imputed", "composition", "capped")
"""What is known of each unit and element, one table each."""


@dataclass(frozen=True)
class IndexResult:
    """Scores of all units on all levels, and how they were made.

    Parameters
    ----------
    spec
        What was built: as asked, without the indicators that were screened out.
    units
        The rows: units, or units and times, in the order given, without those screened out.
    scores
        (n_rows, n_elements), columns in the order of the specification.
    coverage
        Of an indicator 1 where it was observed, else 0. Of an aggregate the share of its children's weight that is
        present, each child counted by the share of its indicators that were observed rather than imputed.
    n_indicators, n_imputed
        Indicators behind each score, and how many of them were imputed.
    composition
        Children present, joined by ``+``.
    capped
        Indicators behind a score that were held at an end of their scale.
    weights
        One row an element with a parent: level, code, parent, weight as used, share (of the weights of its siblings).
    steps
        Values after each step that was taken, by its name: raw, denominated, screened, imputed, treated, normalised,
        aggregated.
    logs
        What the steps did: denominators, screened_units, screened_indicators, imputed_values, treatment,
        treated_points, normalisation.
    """

    spec: IndexSpec
    units: pd.Index
    scores: pd.DataFrame
    coverage: pd.DataFrame
    n_indicators: pd.DataFrame
    n_imputed: pd.DataFrame
    composition: pd.DataFrame
    capped: pd.DataFrame
    weights: pd.DataFrame
    steps: Mapping[str, pd.DataFrame]
    logs: Mapping[str, pd.DataFrame]

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """Competition ranks of all scores within each time: 1 for the highest, equal scores share the better."""
        return ranks_within(self.scores)

    @cached_property
    def ranks_alike(self) -> pd.DataFrame:
        """Ranks within each time among rows of the same composition, for each element."""
        return ranks_within(self.scores, self.composition)

    def ranks_by(self, groups: pd.Series) -> pd.DataFrame:
        """Return ranks within each time among the rows of the same group, groups given on the same index."""
        labels = groups.reindex(self.units)
        return ranks_within(self.scores, pd.DataFrame({code: labels for code in self.scores.columns}))

    def tidy(self) -> pd.DataFrame:
        """Return one row a unit (and time) and element.

        Columns: unit, time (in a panel), level, code, score, rank (within the time), coverage (0-1), n_indicators,
        n_imputed, composition, capped. Missing scores are rows with a missing score, so that what is absent can be
        said.
        """
        key = _key_columns(self.units)
        frames = [
            pd.DataFrame(
                {
                    **key,
                    "level": element.level,
                    "code": element.code,
                    "score": self.scores[element.code].to_numpy(),
                    "rank": self.ranks[element.code].to_numpy(),
                    "coverage": self.coverage[element.code].to_numpy(),
                    "n_indicators": self.n_indicators[element.code].to_numpy(),
                    "n_imputed": self.n_imputed[element.code].to_numpy(),
                    "composition": self.composition[element.code].to_numpy(),
                    "capped": self.capped[element.code].to_numpy(),
                }
            )
            for element in self.spec.elements
        ]
        return pd.concat(frames, ignore_index=True)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every step and log as a flat table, numbered in the order taken; one file or sheet each."""
        flat = {name: _flat(frame) for name, frame in self.steps.items()}
        flat |= {name: _flat(frame) if name in LOGS_BY_ROW else frame for name, frame in self.logs.items()}
        flat |= {"weights": self.weights, "ranks": _flat(self.ranks)}
        return {f"{number:02d}_{name}": frame for number, (name, frame) in enumerate(_in_order(flat).items())}


LOGS_BY_ROW = ("screened_units", "treated_points")
"""Logs whose rows are those of the values."""

ORDER = (
    "raw",
    "denominated",
    "denominators",
    "screened",
    "screened_units",
    "screened_indicators",
    "imputed",
    "imputed_values",
    "treated",
    "treatment",
    "treated_points",
    "normalised",
    "normalisation",
    "weights",
    "aggregated",
    "ranks",
)
"""Tables in the order in which their steps are taken, each step's log after it."""


def _in_order(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: tables[name] for name in ORDER if name in tables}


def _key_columns(index: pd.Index) -> dict[str, object]:
    times = times_of(index)
    key: dict[str, object] = {UNIT: units_of(index)}
    return key if times is None else {**key, TIME: times}


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its index of units (and times) as columns."""
    key = pd.DataFrame(_key_columns(frame.index))
    return pd.concat([key, frame.reset_index(drop=True)], axis=1)
