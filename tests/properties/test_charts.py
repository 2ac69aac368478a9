"""Charts: the same table gives the same bytes, no words of their own, and colours that can be told apart."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import charts
from evaluation.charts import palette
from evaluation.charts.axes import label_years, nice_ticks, runs, spread
from evaluation.errors import EvaluationError

WORD = "§"
"""Stands for every word that a caller passes in; any letter beside it comes from the layer."""

LEAST_DISTANCE = 9.0
"""CIE76 between pillar colours as seen with a deficiency: several times the just noticeable 2.3."""

LEAST_STEP_IN_GREY = 8.0
"""CIE L* between neighbouring bands: more than three just noticeable differences."""

READABLE = 4.5
"""Contrast of text that WCAG 2 asks for (level AA)."""

DEFICIENCIES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
"""Severity 1.0 in Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, on linear RGB."""

RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = RGB_TO_XYZ.sum(axis=1)


def lab(colour: str, deficiency: str = "normal") -> np.ndarray:
    light = np.array([palette.linear(channel) for channel in palette.channels(colour)])
    seen = np.clip(DEFICIENCIES[deficiency] @ light, 0, 1)
    ratio = RGB_TO_XYZ @ seen / WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def number(value: float) -> str:
    return f"{value:.1f}"


def strip(title: str = WORD, alt: str = WORD) -> charts.Chart:
    rows = pd.DataFrame(
        {
            "name": WORD,
            "colour": list(palette.PILLARS.values()),
            "score": [71.0, 88.0, 63.0, 92.0, 1.0, np.nan],
            "peer_low": 30.0,
            "peer_high": 80.0,
            "national_median": 44.0,
            "band_name": WORD,
            "years": "2021-2024",
            "grade": ["1", "2", "3", "1", "2", ""],
            "grade_word": WORD,
            "missing_reason": WORD,
        }
    ).assign(grade="")
    labels = charts.StripLabels(WORD, WORD, WORD, (WORD,) * 5)
    return charts.pillar_strip(rows, labels=labels, format_value=number, title=title, alt=alt)


def panels() -> charts.Chart:
    years = list(range(2010, 2025))
    frame = pd.DataFrame(
        {
            "panel": "one",
            "year": years,
            "value": [np.nan if year == 2016 else year - 2000.0 for year in years],
            "peer_median": 12.0,
            "peer_low": 10.0,
            "peer_high": 14.0,
        }
    )
    return charts.small_multiples(
        frame,
        panels=[
            charts.Panel("one", WORD, WORD, number, (2020,)),
            charts.Panel("none", WORD, WORD, number, missing_reason=WORD),
        ],
        labels=charts.TrendLabels(*(WORD,) * 5),
        marks=[charts.Mark(2017, WORD), charts.Mark(2021, WORD)],
        spans=[charts.Span(2020, 2021, WORD)],
        title=WORD,
        alt=WORD,
    )


def lines() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "panel": "one",
            "group": ["a", "a", "b", "b"],
            "year": [2016, 2017] * 2,
            "value": [1.0, 2.0, 1.1, np.nan],
        }
    )
    return charts.group_lines(
        frame,
        panels=[charts.Panel("one", WORD, WORD, number)],
        lines=[charts.Line("a", WORD), charts.Line("b", WORD)],
        title=WORD,
        alt=WORD,
    )


def event() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "position": [-3, -2, -1, 0, 1],
            "label": ["2014", "2015", "2016", "2017", "2018"],
            "phase": ["pre", "pre", "reference", "anticipation", "post"],
            "estimate": [0.1, np.nan, 0.0, -0.2, -0.4],
            "conf_low": -0.5,
            "conf_high": 0.3,
            "missing_reason": WORD,
        }
    )
    return charts.event_study(
        frame,
        labels=charts.EventLabels(*(WORD,) * 5),
        format_value=number,
        marks=[charts.Mark(-0.5, WORD)],
        mde=0.3,
        title=WORD,
        alt=WORD,
    )


def forest() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "group": ["a", "a", "b"],
            "label": WORD,
            "estimate": [0.1, np.nan, -3.0],
            "conf_low": [-0.1, np.nan, -5.0],
            "conf_high": [0.3, np.nan, -1.0],
            "mde": [0.2, np.nan, 4.0],
            "value_text": "0.1",
            "missing_reason": WORD,
        }
    )
    groups = [charts.ForestGroup(code, WORD, WORD, number, WORD, WORD) for code in "ab"]
    return charts.forest(
        frame, groups=groups, labels=charts.ForestLabels(WORD, WORD, WORD), title=WORD, alt=WORD
    )


def compact_forest() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "group": "a",
            "label": WORD,
            "estimate": [0.1, np.nan],
            "conf_low": -0.1,
            "conf_high": 0.3,
            "second_low": -0.2,
            "second_high": 0.4,
            "verdict": WORD,
            "value_text": "0.1",
            "missing_reason": WORD,
        }
    )
    return charts.forest(
        frame,
        groups=[charts.ForestGroup("a", WORD, WORD, number)],
        labels=charts.ForestLabels(WORD, WORD, WORD, WORD),
        title=WORD,
        alt=WORD,
        compact=True,
    )


def specifications() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "block": "a",
            "estimate": [0.2, -0.4, np.nan, 0.1],
            "conf_low": [0.1, -0.6, np.nan, -0.1],
            "conf_high": [0.3, -0.2, np.nan, 0.3],
            "headline": [False, False, False, True],
            "weights": ["none", "population", "population", "none"],
            "base": ["1", "1", "1", "1"],
        }
    )


def curve(rows: pd.DataFrame | None = None) -> charts.Chart:
    return charts.specification_curve(
        specifications() if rows is None else rows,
        blocks=[charts.CurveBlock("a", WORD, WORD)],
        choices=[
            charts.Choice("weights", WORD, {"none": WORD, "population": WORD}),
            charts.Choice("base", WORD, {"1": WORD}),
        ],
        labels=charts.CurveLabels(*(WORD,) * 6),
        format_value=number,
        margin=0.3,
        title=WORD,
        alt=WORD,
    )


def sensitivity() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "panel": "a",
            "label": ["0", "0.5", "1"],
            "estimate": [0.1, np.nan, np.nan],
            "conf_low": [-0.1, -0.5, np.nan],
            "conf_high": [0.3, 0.7, np.nan],
            "estimated": [True, False, False],
            "margin": 0.3,
        }
    )
    return charts.sensitivity_panels(
        frame,
        panels=[charts.SensitivityPanel("a", WORD, WORD, WORD)],
        labels=charts.SensitivityLabels(WORD, WORD, WORD),
        format_value=number,
        title=WORD,
        alt=WORD,
    )


def spread_of_groups() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "block": "a",
            "label": WORD,
            "low": [-1.0, np.nan],
            "lower": [-0.5, np.nan],
            "median": [0.2, np.nan],
            "upper": [0.5, np.nan],
            "high": [1.0, np.nan],
            "mean": [0.3, np.nan],
            "value_text": "0.3",
            "strong": [True, False],
            "missing_reason": WORD,
        }
    )
    return charts.spreads(
        frame,
        blocks=[charts.SpreadBlock("a", WORD, WORD, number)],
        labels=charts.SpreadLabels(*(WORD,) * 4),
        title=WORD,
        alt=WORD,
    )


def detectable() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "block": "a",
            "label": WORD,
            "now": [0.5, np.nan, np.nan],
            "later": [0.4, 0.6, np.nan],
            "margin": 0.3,
            "value_text": "0.5",
            "missing_reason": WORD,
        }
    )
    return charts.detectable_effects(
        frame,
        blocks=[charts.DetectableBlock("a", WORD, WORD, number)],
        labels=charts.DetectableLabels(WORD, WORD, WORD),
        title=WORD,
        alt=WORD,
    )


def timing() -> charts.Chart:
    frame = pd.DataFrame({"year": [2017, 2022], "n_known": [25, 24], "n_unknown": [0, 26], "text": WORD})
    return charts.timing(frame, known_label=WORD, unknown_label=WORD, title=WORD, alt=WORD)


def coverage() -> charts.Chart:
    frame = pd.DataFrame({"pillar": ["economy", "economy"], "year": [2010, 2012], "n_indicators": [3, 0]})
    pillars = {"economy": WORD, "living": WORD}
    return charts.coverage_matrix(frame, pillars=pillars, missing_label=WORD, title=WORD, alt=WORD)


def tiles() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "region_code": ["1101", "1102"],
            "name": WORD,
            "col": [0, 1],
            "row": [0, 0],
            "page": "id/region/1101.html",
            "overall": [3.0, np.nan],
        }
    )
    layer = charts.MapLayer("overall", WORD, (WORD,) * 5)
    return charts.tile_map(
        frame, layers=[layer, layer], missing_label=WORD, switch_label=WORD, title=WORD, alt=WORD
    )


ALL = [
    strip,
    panels,
    lines,
    event,
    forest,
    compact_forest,
    curve,
    sensitivity,
    spread_of_groups,
    detectable,
    timing,
    coverage,
    tiles,
]


@pytest.mark.parametrize("make", ALL)
def test_the_same_table_gives_the_same_bytes(make: Callable[[], charts.Chart]) -> None:
    assert make()._repr_html_() == make()._repr_html_()


@pytest.mark.parametrize("make", ALL)
def test_a_chart_shows_no_word_that_was_not_passed_in(make: Callable[[], charts.Chart]) -> None:
    without_scripts = re.sub(r"<script.*?</script>", "", make()._repr_html_(), flags=re.DOTALL)
    seen = re.sub(r"<[^>]+>", " ", without_scripts)
    assert re.findall(r"[A-Za-z]+", seen) == []


@pytest.mark.parametrize("make", ALL)
def test_what_is_missing_is_hatched(make: Callable[[], charts.Chart]) -> None:
    html = make().html
    gap_in_a_named_line_is_only_interrupted = make is lines
    assert gap_in_a_named_line_is_only_interrupted or 'hatched"' in html or "hatched " in html


@pytest.mark.parametrize("make", ALL)
def test_every_place_is_a_finite_percentage(make: Callable[[], charts.Chart]) -> None:
    html = make().html
    assert "nan" not in html
    assert "inf%" not in html


def test_a_chart_without_text_alternative_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no text alternative"):
        strip(alt=" ")


def test_words_are_escaped() -> None:
    assert "<b>x" not in strip(title="<b>x", alt='"<b>x')._repr_html_()


def test_a_table_without_a_needed_column_is_refused() -> None:
    with pytest.raises(EvaluationError, match="n_unknown"):
        charts.timing(
            pd.DataFrame({"year": [2017], "n_known": [1], "text": "x"}),
            known_label="",
            unknown_label="",
            title="",
            alt="x",
        )


def drawn_points(html: str, kind: str) -> list[tuple[float, float]]:
    """Return the places of one kind of dots in a specification curve."""
    path = re.search(rf'<path class="curve-dot {kind}" d="([^"]*)"', html)
    found = re.findall(r"M([\d.]+),([-\d.]+)h0", path.group(1)) if path else []
    return [(float(x), float(y)) for x, y in found]


def test_a_specification_curve_draws_every_row_once_in_the_order_of_the_estimates() -> None:
    html = curve().html
    points = {kind: drawn_points(html, kind) for kind in ("told", "untold", "headline")}
    assert [x for x, _ in points["told"]] == [0.5, 2.5]
    assert [x for x, _ in points["headline"]] == [1.5]
    assert points["untold"] == []
    assert html.count('class="column hatched" style="left:75%') == 1


def test_higher_estimates_lie_higher_in_a_specification_curve() -> None:
    html = curve().html
    heights = [y for _, y in sorted(drawn_points(html, "told") + drawn_points(html, "headline"))]
    assert heights == sorted(heights, reverse=True)


def test_below_a_specification_curve_stand_only_departures_from_the_headline() -> None:
    assert [x for x, _ in drawn_points(curve().html, "choice")] == [0.5, 3.5]
    without = specifications().assign(headline=False)
    assert curve(without).html.count('class="choice-track"') == 2


def test_a_choice_that_no_row_makes_otherwise_is_left_out() -> None:
    assert curve().html.count('class="choice-title"') == 1


def test_the_callers_table_is_not_changed() -> None:
    frame = pd.DataFrame({"year": [2022, 2017], "n_known": [24, 25], "n_unknown": [26, 0], "text": "x"})
    before = frame.copy(deep=True)
    charts.timing(frame, known_label="", unknown_label="", title="", alt="x")
    pd.testing.assert_frame_equal(frame, before)


def test_importing_charts_draws_in_no_plotting_library() -> None:
    code = "import sys, evaluation.charts; print({'matplotlib', 'seaborn', 'scipy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_every_colour_is_valid() -> None:
    named = [value for name, value in vars(palette).items() if name.isupper() and isinstance(value, str)]
    for colour in [*named, *palette.PILLARS.values(), *palette.BANDS, *palette.shades(8)]:
        assert re.fullmatch(r"#[0-9A-F]{6}", colour)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_pillar_colours_stay_apart(deficiency: str) -> None:
    seen = {code: lab(colour, deficiency) for code, colour in palette.PILLARS.items()}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(seen, 2)}
    assert min(distances.values()) > LEAST_DISTANCE, min(distances, key=lambda pair: distances[pair])


@pytest.mark.parametrize("count", [2, 5, 7])
def test_ordered_shades_darken_evenly_enough_for_a_copier(count: int) -> None:
    lightness = [lab(colour)[0] for colour in palette.shades(count)]
    assert min(-np.diff(lightness)) > LEAST_STEP_IN_GREY


def test_text_on_every_band_is_readable() -> None:
    for colour in palette.BANDS:
        assert palette.contrast(palette.text_on(colour), colour) >= READABLE


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(2, 6))
def test_ticks_enclose_the_data(values: list[float], count: int) -> None:
    ticks = nice_ticks(values, count)
    slack = 1e-6 * max(1.0, *map(abs, values))
    assert ticks[0] <= min(values) + slack
    assert ticks[-1] >= max(values) - slack
    assert 2 <= len(ticks) <= 2 * count + 3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6).map(sorted))
def test_names_at_line_ends_never_overlap(places: list[float]) -> None:
    apart = spread(places, least=10)
    assert len(apart) == len(places)
    assert all(later - earlier >= 10 - 1e-9 for earlier, later in pairwise(apart))


def test_a_line_stops_at_a_gap_and_at_a_break() -> None:
    assert runs([2014, 2015, 2016, 2017, 2018], [1, 1, np.nan, 1, 1], breaks=[2018]) == [[0, 1], [3], [4]]


def test_years_on_an_axis_begin_and_end_with_the_data() -> None:
    shown = label_years(list(range(2010, 2025)))
    assert (shown[0], shown[-1]) == (2010, 2024)
