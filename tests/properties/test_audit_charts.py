"""Charts of an audit place what they are given where it belongs."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from evaluation.charts import ShareLabels, share_ranges
from evaluation.charts.audit import (
    BandLabels,
    PairLabels,
    SpreadLabels,
    pairs,
    rank_band,
    spreads,
    stacked_shares,
)
from evaluation.charts.frame import Chart
from evaluation.errors import EvaluationError

PLACES = 0.01
"""Places are written in per cent with two decimals."""


def number(value: float) -> str:
    return f"{value:g}"


def band(rows: list[tuple[float, float, float]]) -> Chart:
    return rank_band(
        pd.DataFrame(rows, columns=["rank", "rank_low", "rank_high"]),
        labels=BandLabels(),
        format_value=number,
        title="t",
        alt="a",
    )


def drawn(chart: Chart, css_class: str) -> list[tuple[float, float, float]]:
    path = re.search(rf'class="ranges {css_class}" d="([^"]*)"', chart.html)
    found = re.findall(r"M([\d.]+),([\d.]+)V([\d.]+)", path.group(1)) if path else []
    return [tuple(map(float, one)) for one in found]  # type: ignore[misc]


def test_an_interval_is_strong_exactly_when_it_stays_in_the_quarter_of_its_rank() -> None:
    rows = [(1, 1, 2), (2, 1, 3), (3, 3, 4), (4, 2, 4), (5, 5, 6), (6, 5, 6), (7, 7, 8), (8, 6, 8)]
    chart = band(rows)
    assert len(drawn(chart, "inside")) == 5  # ranks 1, 3, 5, 6 and 7; 2, 4 and 8 reach into another quarter
    assert len(drawn(chart, "across")) == 3


def test_an_interval_stands_at_its_rank_and_reaches_from_its_low_to_its_high_end() -> None:
    rows = [
        (float(rank), 1.0, 11.0) if rank == 6 else (float(rank), float(rank), float(rank))
        for rank in range(1, 12)
    ]
    (place,) = drawn(band(rows), "across")
    assert place == pytest.approx((50.0, 0.0, 100.01), abs=PLACES)


def test_shares_that_are_a_little_below_zero_do_not_stretch_the_axis() -> None:
    columns = [
        f"{order}_{part}" for order in ("first", "total") for part in ("estimate", "conf_low", "conf_high")
    ]

    def first_tick(low: float) -> str:
        row = dict(zip(columns, (low, low, 0.05, 0.1, 0.05, 0.2), strict=True))
        chart = share_ranges(
            pd.DataFrame([{"label": "x", **row}]),
            labels=ShareLabels(),
            format_value=number,
            title="t",
            alt="a",
        )
        ticks = re.findall(r'edge-value" style="left:([\d.]+)%">([^<]+)<', chart.html)
        assert all(
            0 <= float(left) <= 100 for left in re.findall(r'class="dot" style="left:(-?[\d.]+)%', chart.html)
        )
        return next(text for left, text in ticks if float(left) == 0)

    assert first_tick(-0.03) == "0"
    assert float(first_tick(-0.3)) < 0


def test_pairs_start_a_block_at_each_group_and_name_both_shares() -> None:
    rows = pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "group": ["P", "P", "Q"],
            "first": [0.1, 0.2, 0.3],
            "second": [0.3, 0.2, 0.1],
        }
    )
    html = pairs(rows, labels=PairLabels("f", "s", "x"), format_value=number, title="t", alt="a").html
    assert re.findall(r'ranks-group">([^<]+)<', html) == ["P", "Q"]
    assert re.findall(r'ranks-value">([^<]+)<', html) == ["0.1 → 0.3", "0.2 → 0.2", "0.3 → 0.1"]
    ends = re.findall(r'class="interval" style="left:([\d.]+)%;right:([\d.]+)%', html)
    assert [float(left) + float(right) <= 100 for left, right in ends] == [True] * 3


def test_spreads_start_at_zero_and_end_at_the_high_quantile() -> None:
    rows = pd.DataFrame({"label": ["a"], "mean": [50.0], "high": [100.0], "largest": [200.0]})
    html = spreads(
        rows, labels=SpreadLabels("m", "h", "l", "x"), format_value=number, title="t", alt="a"
    ).html
    assert 'class="interval" style="left:0%;right:50%' in html
    assert 'class="median" style="left:100%' in html
    assert 'class="dot" style="left:25%' in html


def test_stacked_shares_fill_the_bar_and_write_only_what_fits() -> None:
    rows = pd.DataFrame({"label": ["a", "a", "a"], "share": [0.7, 0.25, 0.05], "value": [2.1, 0.75, 0.15]})
    html = stacked_shares(rows, format_value=number, title="t", alt="a").html
    assert sum(float(width) for width in re.findall(r"width:([\d.]+)%", html)) == pytest.approx(100)
    assert "2.1" in html
    assert "0.15" not in html


def test_a_chart_without_what_it_needs_says_so() -> None:
    with pytest.raises(EvaluationError, match="rank_high"):
        rank_band(
            pd.DataFrame({"rank": [1], "rank_low": [1]}),
            labels=BandLabels(),
            format_value=number,
            title="t",
            alt="a",
        )
