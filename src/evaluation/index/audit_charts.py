"""The pictures of an audit: correlations and loadings as coloured cells.

Belongs here: turning tables of the audit into cells. Does not belong here: drawing (`charts.heatmap`) or computing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evaluation.charts import Chart
from evaluation.charts.heatmap import heatmap
from evaluation.errors import UsageError
from evaluation.index.spec import IndexSpec


@dataclass(frozen=True)
class Words:
    """The words of a picture: names by code (the code where not given), title and text alternative (made when empty)."""

    names: Mapping[str, str]
    title: str = ""
    alt: str = ""

    def name(self, code: str) -> str:
        """Return the name of a code."""
        return self.names.get(code, code)


def correlations_chart(
    tables: Mapping[str, pd.DataFrame], spec: IndexSpec, *, code: str, words: Words
) -> Chart:
    """Draw the correlations of the indicators below an element."""
    if code not in spec.by_code:
        raise UsageError(f"code must be an element of the index; got: {code!r}")
    codes = [leaf.code for leaf in spec.leaves(code)]
    table = tables["correlations"]
    pairs = table[table["first"].isin(codes) & table["second"].isin(codes)]
    cells = pairs.rename(columns={"first": "row", "second": "column", "correlation": "value"})
    cells = cells[["row", "column", "value"]]
    turned = cells.rename(columns={"row": "column", "column": "row"})
    labels = {one: words.name(one) for one in codes}
    return heatmap(
        pd.concat([cells, turned], ignore_index=True),
        rows=labels,
        columns=labels,
        format_value=lambda value: f"{value:.2f}",
        title=words.title or f"Correlations of the indicators of {words.name(code)}",
        alt=words.alt or _extremes(pairs.dropna(subset=["correlation"]), labels),
    )


def components_chart(tables: Mapping[str, pd.DataFrame], *, code: str | None, words: Words) -> Chart:
    """Draw the loadings of a group's components; the group must be named when there are several."""
    components = tables["components"].dropna(subset=["component"])
    groups = list(dict.fromkeys(components["code"]))
    chosen = groups[0] if code is None and len(groups) == 1 else code
    if chosen not in groups or chosen is None:
        raise UsageError(f"code must be one of {', '.join(groups)}; got: {chosen!r}")
    loadings = tables["loadings"]
    loadings = loadings[loadings["code"] == chosen]
    own = components[components["code"] == chosen]
    numbers = own["component"].astype(int).astype(str)
    columns = {number: f"{number} ({share:.0%})" for number, share in zip(numbers, own["share"], strict=True)}
    first = own["share"].iloc[0]
    return heatmap(
        pd.DataFrame(
            {
                "row": loadings["indicator"],
                "column": loadings["component"].astype(int).astype(str),
                "value": loadings["loading"],
            }
        ),
        rows={one: words.name(one) for one in dict.fromkeys(loadings["indicator"])},
        columns=columns,
        format_value=lambda value: f"{value:.2f}",
        title=words.title or f"Principal components of {words.name(chosen)}",
        alt=words.alt
        or f"Loadings on {len(columns)} components; the first explains {first:.0%} of the variance.",
    )


def _extremes(pairs: pd.DataFrame, labels: Mapping[str, str]) -> str:
    counted = f"Correlations of {len(labels)} indicators."
    if pairs.empty:
        return counted
    ordered = pairs.sort_values("correlation")
    return f"{counted} Lowest {_pair(ordered.iloc[0], labels)}, highest {_pair(ordered.iloc[-1], labels)}."


def _pair(row: pd.Series, labels: Mapping[str, str]) -> str:
    return f"{row['correlation']:.2f} ({labels[row['first']]}, {labels[row['second']]})"
