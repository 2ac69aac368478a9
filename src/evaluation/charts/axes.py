"""Axes and shapes: from data to places in per cent of a plot, and from places to HTML and SVG.

Belongs here: scales, ticks, years on an axis, and the few shapes that plots are made of. Does not belong
here: any particular chart, any colour with a meaning, any word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.charts.frame import Format, escape, finite

TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

NAME_BEFORE = 40
"""A line farther right than so many per cent has its name on its left, where there is room."""


@dataclass(frozen=True)
class Mark:
    """A named vertical line: `at` on the horizontal axis, `label` beside it."""

    at: float
    label: str


@dataclass(frozen=True)
class Span:
    """A shaded and named stretch of the horizontal axis, both ends included."""

    first: float
    last: float
    label: str


@dataclass(frozen=True)
class Scale:
    """A linear scale from data to per cent of the plot's box.

    Parameters
    ----------
    low, high
        Data values at 0 and at 100 per cent. For a vertical axis pass them reversed: 0 per cent is the top.
    """

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Return the position of a value in per cent."""
        return 100 * (value - self.low) / (self.high - self.low)

    def clipped(self, value: float) -> float:
        """Return the position of a value in per cent, held within the box."""
        return min(max(self(value), 0.0), 100.0)


def percent(value: float) -> str:
    """Return a CSS and SVG percentage with two decimals, without trailing zeros."""
    return f"{round(value, 2) + 0.0:g}%"


def nice_step(width: float, count: int) -> float:
    """Return the round step (1, 2, 2.5 or 5 by a power of ten) that gives about `count` parts."""
    rough = width / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in TICK_STEPS if step * power >= rough * 0.999)


def nice_ticks(values: Iterable[object], count: int = 3) -> list[float]:
    """Return round tick values that enclose all finite values, about `count` intervals of one step.

    A single value, or none, gets an interval of one unit in its last leading digit around it.
    """
    numbers = finite(values) or [0.0, 1.0]
    low, high = min(numbers), max(numbers)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        half = max(abs(low) * 0.1, 0.5)
        low, high = low - half, high + half
    step = nice_step(high - low, count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(position * step, 12) for position in range(first, last + 1)]


def label_years(years: Sequence[int], count: int = 4) -> list[int]:
    """Return the years to print on an axis: first, last and a few between at equal steps."""
    first, last = min(years), max(years)
    if last - first <= count:
        return list(range(first, last + 1))
    step = math.ceil((last - first) / count)
    return [year for year in range(first, last, step) if last - year >= step * 0.6] + [last]


def runs(
    positions: Sequence[float], values: Sequence[float], breaks: Sequence[float] = ()
) -> list[list[int]]:
    """Return the indexes of points that a line may connect.

    A line stops at a missing value and before the first point at or after each break.
    """
    groups: list[list[int]] = [[]]
    for index, value in enumerate(values):
        crossed = index > 0 and any(positions[index - 1] < cut <= positions[index] for cut in breaks)
        if (math.isnan(value) or crossed) and groups[-1]:
            groups.append([])
        if not math.isnan(value):
            groups[-1].append(index)
    return [group for group in groups if group]


def spread(places: Sequence[float], *, least: float) -> list[float]:
    """Return sorted places moved apart so that neighbours are at least `least` from each other.

    Neighbours that would overlap become a block, centred on the mean of the places they were asked for.
    """
    blocks: list[list[float]] = []
    for place in places:
        blocks.append([place])
        while len(blocks) > 1 and _block_end(blocks[-2], least) + least > _block_start(blocks[-1], least):
            last = blocks.pop()
            blocks[-1].extend(last)
    return [_block_start(block, least) + least * i for block in blocks for i in range(len(block))]


def _block_start(block: Sequence[float], least: float) -> float:
    return sum(block) / len(block) - least * (len(block) - 1) / 2


def _block_end(block: Sequence[float], least: float) -> float:
    return sum(block) / len(block) + least * (len(block) - 1) / 2


def position_style(**edges: float) -> str:
    """Return a style attribute that places a box, every edge in per cent of the plot."""
    return 'style="' + ";".join(f"{edge}:{percent(value)}" for edge, value in edges.items()) + '"'


def polyline(points: Sequence[tuple[float, float]], css_class: str, colour: str = "") -> str:
    """Return a line through points given in per cent, its stroke independent of the plot's size."""
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    stroke = f' style="stroke:{colour}"' if colour else ""
    return f'<polyline class="{css_class}" points="{path}"{stroke}/>'


def polygon(points: Sequence[tuple[float, float]], css_class: str) -> str:
    """Return a filled area through points given in per cent."""
    return f'<polygon class="{css_class}" points="{" ".join(f"{x:.2f},{y:.2f}" for x, y in points)}"/>'


def drawing(shapes: str) -> str:
    """Return an SVG layer over the whole plot, 0 to 100 in both directions, that stretches with it."""
    box = 'viewBox="0 0 100 100" preserveAspectRatio="none"'
    return f'<svg class="layer" {box} aria-hidden="true">{shapes}</svg>'


def dot(x: float, y: float, css_class: str = "dot", colour: str = "") -> str:
    """Return a round point at a place in per cent; an HTML box, so that it never stretches to an ellipse."""
    fill = f";--dot:{colour}" if colour else ""
    return f'<i class="{css_class}" style="left:{percent(x)};top:{percent(y)}{fill}"></i>'


def value_axis(ticks: Sequence[float], *, scale: Scale, format_value: Format) -> str:
    """Return horizontal gridlines with their values at the left, zero drawn stronger."""
    return "".join(
        f'<i class="grid{" zero" if tick == 0 else ""}" style="top:{percent(scale(tick))}"></i>'
        f'<b class="tick-value" style="top:{percent(scale(tick))}">{escape(format_value(tick))}</b>'
        for tick in ticks
    )


def widest(texts: Iterable[str]) -> int:
    """Return the number of characters of the longest text, which sets a margin in the style sheet."""
    return max((len(text) for text in texts), default=0)


def year_axis(years: Sequence[int], *, scale: Scale) -> str:
    """Return the years to print below a plot, each centred under its place."""
    return "".join(
        f'<b class="tick-year" style="left:{percent(scale(year))}">{year}</b>' for year in label_years(years)
    )


def marks_and_spans(marks: Sequence[Mark], spans: Sequence[Span], *, scale: Scale) -> str:
    """Return shaded stretches and vertical lines with their names, each on a row of its own above the plot.

    Names of stretches come on top, then the latest line, so that no line runs through the name of another.
    """
    first_row = int(bool(spans))
    ordered = sorted(marks, key=lambda mark: mark.at, reverse=True)
    return "".join(_shaded(span, scale=scale) for span in spans) + "".join(
        _line(mark, scale=scale, row=row) for row, mark in enumerate(ordered, start=first_row)
    )


def name_rows(marks: Sequence[Mark], spans: Sequence[Span]) -> int:
    """Return how many rows of names `marks_and_spans` writes above the plot."""
    return len(marks) + bool(spans)


def _shaded(span: Span, *, scale: Scale) -> str:
    left, right = scale.clipped(span.first), scale.clipped(span.last)
    middle = percent((left + right) / 2)
    return (
        f'<i class="span" {position_style(left=left, right=100 - right)}></i>'
        f'<b class="span-name" style="left:{middle};--row:0">{escape(span.label)}</b>'
    )


def _line(mark: Mark, *, scale: Scale, row: int) -> str:
    place = f'style="left:{percent(scale(mark.at))};--row:{row}"'
    side = "before" if scale(mark.at) > NAME_BEFORE else "after"
    return f'<i class="mark" {place}></i><b class="mark-name {side}" {place}>{escape(mark.label)}</b>'
