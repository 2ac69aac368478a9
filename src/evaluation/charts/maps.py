"""A map of all regions as tiles of equal size, with a switch between layers.

Belongs here: placing tiles and colouring them by category. Does not belong here: the making of categories
from scores, and the places of the tiles, which come as data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.charts.frame import Chart, escape, hatch_pattern, number_of, records, require_columns, text_of
from evaluation.charts.palette import shades

TILE = 0.88
"""Width of a tile in cells of the grid; the rest is the gap between neighbours."""

HATCH = "tile-hatch"
"""Identifier of the hatching on a page; a page has one tile map."""


@dataclass(frozen=True)
class MapLayer:
    """One layer of a tile map.

    Parameters
    ----------
    key
        Column of the tiles that holds the category, 0 to ``len(categories) - 1``; missing is hatched.
    label
        Name on the switch.
    categories
        Names in words, lowest first.
    text_column
        Column that holds what a tile says in this layer, for example "62.3 (high), 2021-2024".
    colours
        One colour a category; shades of one hue when empty.
    """

    key: str
    label: str
    categories: tuple[str, ...]
    text_column: str = ""
    colours: tuple[str, ...] = ()

    @property
    def fills(self) -> tuple[str, ...]:
        """The colours of the categories."""
        return self.colours or shades(len(self.categories))


def tile_map(
    tiles: pd.DataFrame,
    *,
    layers: Sequence[MapLayer],
    missing_label: str,
    switch_label: str,
    title: str,
    alt: str,
    split_column: int | None = None,
    subtitle: str = "",
    note: str = "",
    source: str = "",
) -> Chart:
    """Draw all regions as equal tiles, coloured by an ordered category, with a switch between layers.

    Without scripts the first layer is shown.

    Parameters
    ----------
    tiles
        One row a region: ``region_code``, ``name``, ``col``, ``row`` (places on the grid, from 0), optionally
        ``page`` (path of its page relative to the reports' root), and the columns that the layers name.
    layers
        The layers in the order of the switch.
    missing_label
        Name of the hatching.
    switch_label
        What the switch chooses, read aloud.
    split_column
        First grid column of the right half; on a telephone the halves stand one above the other.
    title, alt, subtitle, note, source
        Text around the plot, see `Chart`.

    Returns
    -------
    Chart
    """
    columns = ["region_code", "name", "col", "row", *(layer.key for layer in layers)]
    require_columns(tiles, columns, chart="tile_map")
    ordered = tiles.sort_values("region_code")
    rows = records(ordered)
    halves = _halves(rows, split_column)
    maps = "".join(_half(rows, layers[0], first, last, _height(rows)) for first, last in halves)
    legend = _legend(layers[0], missing_label)
    fills = ";".join(f"--c{i}:{fill}" for i, fill in enumerate(layers[0].fills))
    return Chart(
        html=f'<div class="tiles" style="{fills}">{legend}<div class="halves">{maps}</div></div>',
        alt=alt,
        title=title,
        subtitle=subtitle,
        note=note,
        source=source,
        controls=_switch(layers, switch_label) + _embedded(rows, layers, missing_label),
        wide=True,
    )


def _halves(rows: Sequence[dict[str, object]], split_column: int | None) -> list[tuple[int, int]]:
    last = max(int(number_of(row, "col")) for row in rows)
    return [(0, last)] if split_column is None else [(0, split_column - 1), (split_column, last)]


def _height(rows: Sequence[dict[str, object]]) -> int:
    return max(int(number_of(row, "row")) for row in rows) + 1


def _half(rows: Sequence[dict[str, object]], layer: MapLayer, first: int, last: int, height: int) -> str:
    shown = "".join(
        _tile(index, row, layer, first)
        for index, row in enumerate(rows)
        if first <= number_of(row, "col") <= last
    )
    width = last - first + 1
    pattern = hatch_pattern(HATCH) if first == 0 else ""
    return (
        f'<svg class="half" viewBox="0 0 {width} {height}" style="--width:{width}" aria-hidden="true">'
        f"{pattern}{shown}</svg>"
    )


def _tile(index: int, row: dict[str, object], layer: MapLayer, first: int) -> str:
    category = number_of(row, layer.key)
    css_class = "missing" if math.isnan(category) else f"c{int(category)}"
    page = text_of(row, "page")
    link = f' data-page="{escape(page)}"' if page else ""
    return (
        f'<a tabindex="-1"{link}><rect class="tile {css_class}" data-tile="{index}" '
        f'x="{number_of(row, "col") - first:g}" y="{number_of(row, "row"):g}" width="{TILE}" height="{TILE}">'
        f"<title>{escape(_tile_text(row, layer))}</title></rect></a>"
    )


def _tile_text(row: dict[str, object], layer: MapLayer) -> str:
    text = text_of(row, layer.text_column)
    return f"{row['name']}: {text}" if text else str(row["name"])


def _legend(layer: MapLayer, missing_label: str) -> str:
    entries = "".join(
        f'<span><i class="swatch c{index}"></i>{escape(name)}</span>'
        for index, name in enumerate(layer.categories)
    )
    return f'<p class="key">{entries}<span><i class="swatch hatched"></i>{escape(missing_label)}</span></p>'


def _switch(layers: Sequence[MapLayer], label: str) -> str:
    if len(layers) == 1:
        return ""
    buttons = "".join(
        f'<button type="button" data-layer="{index}" aria-pressed="{"false" if index else "true"}">'
        f"{escape(layer.label)}</button>"
        for index, layer in enumerate(layers)
    )
    return f'<div class="switch needs-script" role="group" aria-label="{escape(label)}">{buttons}</div>'


def _embedded(rows: Sequence[dict[str, object]], layers: Sequence[MapLayer], missing_label: str) -> str:
    """Return every layer's values as JSON, once; "<" is written so that it cannot end the script element."""
    if len(layers) == 1:
        return ""
    content = {
        "missing": missing_label,
        "names": [str(row["name"]) for row in rows],
        "layers": [_layer_values(rows, layer) for layer in layers],
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" class="tile-layers">{text}</script>'


def _layer_values(rows: Sequence[dict[str, object]], layer: MapLayer) -> dict[str, object]:
    numbers = [number_of(row, layer.key) for row in rows]
    return {
        "categories": list(layer.categories),
        "fills": list(layer.fills),
        "classes": [-1 if math.isnan(number) else int(number) for number in numbers],
        "texts": [text_of(row, layer.text_column) for row in rows],
    }
