"""Charts of single units' effects: what is drawn is what the table says, and nothing more."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from evaluation.charts import CaterpillarLabels, Chart, FanLabels, Mark, Panel, Span, caterpillar, gap_fans
from evaluation.errors import EvaluationError

WORD = "§"
"""Stands for every word that a caller passes in; any letter beside it comes from the layer."""
FANS = FanLabels(gap=WORD, half=WORD, most=WORD)
EFFECTS = CaterpillarLabels(effect=WORD, marked=WORD, band=WORD)


def panels(*codes: str) -> list[Panel]:
    return [
        Panel(code=code, title=WORD, unit=WORD, format_value=lambda x: f"{x:g}", missing_reason=WORD)
        for code in codes
    ]


def gaps(years: tuple[int, ...] = (2010, 2011, 2013, 2014)) -> pd.DataFrame:
    frame = pd.DataFrame({"panel": "a", "year": years, "gap": np.linspace(-1, 2, len(years))})
    return frame.assign(fan_low=-2.0, fan_q25=-1.0, fan_q75=1.0, fan_high=2.0)


def effects(n: int = 9) -> pd.DataFrame:
    values = np.linspace(-2, 2, n)
    return pd.DataFrame(
        {
            "panel": "a",
            "estimate": values,
            "conf_low": values - 1,
            "conf_high": values + 1,
            "marked": values > 1.9,
            "name": [f"{WORD}{number}" for number in range(n)],
            "band": 1.0,
        }
    )


def fan_chart(frame: pd.DataFrame, *codes: str) -> Chart:
    marks, spans = [Mark(2013, WORD)], [Span(2010, 2011, WORD)]
    return gap_fans(frame, panels=panels(*codes), labels=FANS, title=WORD, alt=WORD, marks=marks, spans=spans)


def effects_chart(frame: pd.DataFrame, *codes: str) -> Chart:
    return caterpillar(frame, panels=panels(*codes), labels=EFFECTS, title=WORD, alt=WORD)


def shown(chart: Chart) -> str:
    """Return the text that a reader sees."""
    return re.sub(r"<[^>]+>", " ", chart.html)


@pytest.mark.parametrize(
    "make", [lambda: fan_chart(gaps(), "a", "b"), lambda: effects_chart(effects(), "a", "b")]
)
def test_same_bytes_no_words_and_finite_places(make) -> None:  # type: ignore[no-untyped-def]
    assert make().html == make().html
    assert not re.search(r"[a-zA-Z]", shown(make()))
    assert "nan" not in make().html
    assert "inf%" not in make().html


@pytest.mark.parametrize("make", [lambda: fan_chart(gaps(), "b"), lambda: effects_chart(effects(), "b")])
def test_a_panel_without_figures_is_hatched_and_says_why(make) -> None:  # type: ignore[no-untyped-def]
    assert "hatched" in make().html
    assert WORD in shown(make())


def test_each_year_with_a_figure_has_its_dot_and_the_line_is_one() -> None:
    html = fan_chart(gaps(), "a").html
    assert html.count('class="point"') == 4
    assert html.count("<polyline") == 1
    assert html.count("<polygon") == 2
    line = re.search(r'<polyline[^>]*points="([^"]*)"', html)
    assert line is not None
    assert len(line[1].split()) == 4


def test_the_fan_encloses_its_middle_half() -> None:
    html = fan_chart(gaps(), "a").html
    outer, inner = (
        [float(point.split(",")[1]) for point in points.split()]
        for points in re.findall(r'<polygon[^>]*points="([^"]*)"', html)
    )
    assert min(outer) < min(inner) < max(inner) < max(outer)


def test_only_marked_effects_are_named() -> None:
    chart = effects_chart(effects(), "a")
    assert len(re.findall("effect-name", chart.html)) == 1
    assert f"{WORD}8" in chart.html
    assert f"{WORD}0" not in chart.html
    none = effects_chart(effects().assign(marked=False), "a")
    assert "effect-name" not in none.html
    assert "swatch dot marked" not in none.html


def test_every_interval_is_drawn_in_the_order_of_the_effects() -> None:
    frame = effects().sample(frac=1, random_state=1)
    html = effects_chart(frame, "a").html
    assert html == effects_chart(effects(), "a").html
    assert sum(path.count("M") for path in re.findall(r' d="([^"]*)"', html)) == len(frame)


def test_an_effect_without_a_finite_interval_has_none_drawn() -> None:
    frame = effects()
    frame.loc[0, ["conf_low", "conf_high"]] = [-np.inf, np.inf]
    html = effects_chart(frame, "a").html
    assert "inf" not in html
    assert sum(path.count("M") for path in re.findall(r' d="([^"]*)"', html)) == len(frame) - 1


def test_a_table_without_a_needed_column_is_refused() -> None:
    with pytest.raises(EvaluationError, match="fan_low"):
        fan_chart(gaps().drop(columns="fan_low"), "a")
    with pytest.raises(EvaluationError, match="band"):
        effects_chart(effects().drop(columns="band"), "a")
