"""What all charts share: the stack around a plot, and the reading of the tables they are drawn from.

A chart is a fixed stack of title (what was found), subtitle (what is plotted, in which unit), plot, note and
source, with a text alternative that says what the picture shows. Plots are HTML and inline SVG placed in per
cent of their box, so that text keeps its size from a telephone to a printed page. Every word and formatted
number is passed in; this layer has no language. It has no statistics either: what is drawn was computed
elsewhere.
"""

from __future__ import annotations

import html as html_escape
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd

from evaluation.errors import EvaluationError

Format = Callable[[float], str]
"""Turns a number into text in the reader's language, without its unit."""


@dataclass(frozen=True, repr=False)
class Chart:
    """A finished figure, ready to be shown in a notebook or put on a page.

    Parameters
    ----------
    html
        The plot itself, as HTML.
    alt
        What the plot shows, in a sentence or two made from the data. Read aloud in place of the plot.
    title
        The finding, in 5 to 12 words, no final period.
    subtitle
        What is plotted and its unit, ending in a period.
    note, source
        Lines below the plot: how to read it, and where the figures come from.
    controls
        HTML of buttons that act on the plot; outside the text alternative, so that they stay reachable.
    wide
        Whether the figure may be wider than the column of text.

    Raises
    ------
    EvaluationError
        When the text alternative is missing: the figure would say nothing to a reader who cannot see it.
    """

    html: str
    alt: str
    title: str = ""
    subtitle: str = ""
    note: str = ""
    source: str = ""
    controls: str = ""
    wide: bool = False

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise EvaluationError(
                f"The chart titled {self.title!r} has no text alternative, so it says nothing to a "
                "reader who cannot see it. Pass alt=, a sentence made from the data; got: an empty string."
            )

    def __repr__(self) -> str:
        return f"Chart({self.title!r})"

    def _repr_html_(self) -> str:
        return self.__html__()

    def __html__(self) -> str:
        """Return the whole figure as HTML."""
        css_class = "chart wide" if self.wide else "chart"
        head = stack(("chart-title", self.title), ("chart-subtitle", self.subtitle))
        foot = stack(("chart-note", self.note), ("chart-source", self.source))
        return (
            f'<figure class="{css_class}">'
            + (f"<figcaption>{head}</figcaption>" if head else "")
            + self.controls
            + f'<div class="plot" role="img" aria-label="{escape(self.alt)}">{self.html}</div>'
            + (f'<div class="chart-foot">{foot}</div>' if foot else "")
            + "</figure>"
        )


def stylesheet() -> str:
    """Return the style sheet that charts and tables need."""
    return resources.files("evaluation.charts").joinpath("charts.css").read_text(encoding="utf-8")


def escape(text: object) -> str:
    """Return text safe inside HTML and inside quoted attributes."""
    return html_escape.escape(str(text), quote=True)


def stack(*lines: tuple[str, str]) -> str:
    """Return one paragraph for each (class, text) pair whose text is not empty."""
    return "".join(f'<p class="{css_class}">{escape(text)}</p>' for css_class, text in lines if text)


def is_missing(value: object) -> bool:
    """Return whether one cell of a tidy table is missing (None, NaN, NA or empty text)."""
    return value is None or value == "" or bool(pd.isna(value))


def text_of(row: Mapping[str, object], column: str) -> str:
    """Return one text cell of a row, empty where the column or the value is missing."""
    value = row.get(column)
    return "" if is_missing(value) else str(value)


def number_of(row: Mapping[str, object], column: str) -> float:
    """Return one numeric cell of a row, NaN where the column or the value is missing."""
    value = row.get(column)
    return math.nan if is_missing(value) else float(value)  # type: ignore[arg-type]


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table as dictionaries, in their order."""
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False)]


def require_columns(frame: pd.DataFrame, columns: Iterable[str], *, chart: str) -> None:
    """Raise when a chart's table lacks a column it needs."""
    lacking = [column for column in columns if column not in frame.columns]
    if lacking:
        raise EvaluationError(
            f"{chart} needs the columns {', '.join(lacking)}, or nothing can be drawn. "
            f"Add them to the table; got: {', '.join(map(str, frame.columns))}."
        )


def finite(values: Iterable[object]) -> list[float]:
    """Return the finite numbers among the values."""
    numbers = np.asarray(pd.to_numeric(pd.Series(list(values), dtype="object"), errors="coerce"), dtype=float)
    return [float(number) for number in numbers[np.isfinite(numbers)]]


def hatched(text: str, *, css_class: str = "") -> str:
    """Return a hatched box that says why there is nothing to draw."""
    classes = f"hatched {css_class}".strip()
    return f'<div class="{classes}"><span>{escape(text)}</span></div>'


def hatch_pattern(identifier: str) -> str:
    """Return the SVG definition of the hatching that stands for missing data, for shapes of size one."""
    return (
        f'<defs><pattern id="{escape(identifier)}" width=".36" height=".36" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width=".36" height=".36" fill="#F4F5F6"/>'
        '<rect width=".14" height=".36" fill="#9AA1A6"/></pattern></defs>'
    )
