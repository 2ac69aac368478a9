"""The published human development index (IPM, new method) and its components.

Badan Pusat Statistik, Indeks Pembangunan Manusia, metode baru, dynamic tables 413-417 (received 2022-10-10).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.index.normalise import goalpost_scores
from evaluation.studies import processed
from evaluation.studies.audit import HDI_GOALPOSTS, recompute_hdi
from evaluation.studies.project import Project

FIRST_EXACT_YEAR, LAST_YEAR = 2016, 2021
KNOWN_DIFFERENCE = [("6502", 2019)]
"""Bulungan 2019: the one region-year whose published index is not that of its published components."""
BANDUNG_2021 = {
    "life_expectancy": 74.46,
    "expected_years_schooling": 14.21,
    "mean_years_schooling": 10.99,
    "adj_expenditure_pc": 16996.0,
}
BANDUNG_2021_PUBLISHED = 81.96


@pytest.fixture(scope="module")
def indicators(project: Project) -> pd.DataFrame:
    return processed.indicators(project)


def test_recomputed_index_has_the_published_two_decimals_but_in_one_region_year(
    indicators: pd.DataFrame,
) -> None:
    check = recompute_hdi(indicators)
    exact = check[check["year"].between(FIRST_EXACT_YEAR, LAST_YEAR)]
    wrong = exact[~exact["agrees"]]
    assert len(exact) == 3084
    assert list(zip(wrong["region_code"], wrong["year"], strict=True)) == KNOWN_DIFFERENCE


def test_recomputed_index_of_2024_differs_because_it_needs_the_rebased_life_expectancy(
    indicators: pd.DataFrame,
) -> None:
    assert 2024 not in set(recompute_hdi(indicators)["year"])


def test_goalpost_scores_give_the_published_index_of_kota_bandung() -> None:
    parts = {}
    for code, value in BANDUNG_2021.items():
        score, capped = goalpost_scores(
            np.array([value]),
            goalposts=HDI_GOALPOSTS[code],
            direction=1,
            transform="log" if code == "adj_expenditure_pc" else "linear",
            score_range=(0.0, 1.0),
        )
        assert not capped[0]
        parts[code] = float(score[0])
    education = (parts["expected_years_schooling"] + parts["mean_years_schooling"]) / 2
    index = 100 * (parts["life_expectancy"] * education * parts["adj_expenditure_pc"]) ** (1 / 3)
    assert round(index, 2) == BANDUNG_2021_PUBLISHED
