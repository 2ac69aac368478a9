"""The analysis panel in four forms: the same figures in each, with a codebook that says what they are."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import UsageError
from evaluation.studies import processed
from evaluation.studies.export import LONGEST_NAME, RESERVED, ExportedPanel, build_panel, short_names
from evaluation.studies.export_files import EXPORT_FORMATS, stata_bytes, write_panel
from evaluation.studies.project import Project
from evaluation.studies.scores import comparable_scores

INDICATORS = ("poverty_rate", "unemployment_rate", "spbe_index", "grdp_pc_real", "hdi")
YEARS = tuple(range(2018, 2025))
SIXTEEN_DIGITS = 1e-15
"""Excel files hold numbers with 16 significant digits, one less than a double may need."""
GRADE_NUMBERS = {1.0: "A", 2.0: "B", 3.0: "C"}


@pytest.fixture(scope="module")
def panel(project: Project) -> ExportedPanel:
    return build_panel(project, indicators=INDICATORS, years=YEARS)


@pytest.fixture(scope="module")
def folder(panel: ExportedPanel, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export")
    write_panel(panel, path, project=project, data_date="2026-10-03")
    return path


@pytest.fixture(scope="module")
def figures(project: Project) -> pd.DataFrame:
    table = processed.indicators(project)
    return table[table["indicator"].isin(INDICATORS) & table["year"].isin(YEARS)]


@pytest.fixture(scope="module")
def scores(project: Project) -> pd.DataFrame:
    return processed.scores(project)


def as_plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return text columns as text and all others as floats, so that forms can be compared cell by cell."""
    plain = {}
    for name, column in table.items():
        if pd.api.types.is_numeric_dtype(column):
            plain[name] = column.astype("float64").to_numpy(dtype=float, na_value=np.nan)
        else:
            plain[name] = column.astype("object").where(column.notna(), "").to_numpy()
    return pd.DataFrame(plain)


def read_csv(folder: Path) -> pd.DataFrame:
    text = {name: str for name in ("region_code", "doubtful_role", "joining_confidence")}
    return pd.read_csv(folder / "kota_cerdas_panel.csv", dtype=text)


def read_xlsx(folder: Path) -> pd.DataFrame:
    text = {"region_code": str, "doubtful_role": str, "joining_confidence": str}
    return pd.read_excel(folder / "kota_cerdas_panel.xlsx", sheet_name="panel", dtype=text, engine="calamine")


def read_stata(folder: Path, panel: ExportedPanel) -> pd.DataFrame:
    table = pd.read_stata(folder / "kota_cerdas_panel.dta", convert_categoricals=False)
    for name in panel.grades:
        table[name] = table[name].map(GRADE_NUMBERS)
    return table


def test_csv_and_parquet_hold_every_figure_to_the_last_bit(panel: ExportedPanel, folder: Path) -> None:
    expected = as_plain(panel.table)
    pd.testing.assert_frame_equal(as_plain(read_csv(folder)), expected)
    pd.testing.assert_frame_equal(as_plain(pd.read_parquet(folder / "kota_cerdas_panel.parquet")), expected)


def test_stata_holds_every_figure_to_the_last_bit_and_missing_as_missing(
    panel: ExportedPanel, folder: Path
) -> None:
    found = read_stata(folder, panel)
    pd.testing.assert_frame_equal(as_plain(found), as_plain(panel.table))
    assert found["poverty_rate"].isna().sum() == panel.table["poverty_rate"].isna().sum()


def test_excel_holds_every_figure_to_sixteen_digits(panel: ExportedPanel, folder: Path) -> None:
    found, expected = as_plain(read_xlsx(folder)), as_plain(panel.table)
    assert list(found.columns) == list(expected.columns)
    for name in expected.columns:
        if expected[name].dtype == float:
            np.testing.assert_allclose(found[name], expected[name], rtol=SIXTEEN_DIGITS, atol=0)
        else:
            assert found[name].tolist() == expected[name].tolist()


def test_figures_are_those_of_the_indicators_table(panel: ExportedPanel, figures: pd.DataFrame) -> None:
    for code in INDICATORS:
        own = figures[figures["indicator"] == code]
        expected = own.set_index(["region_code", "year"])[["value", "quality"]].sort_index()
        found = panel.table.set_index(["region_code", "year"])[[code, f"{code}_q"]].dropna(subset=[code])
        assert len(found) == len(expected) > 0
        assert (found[code] == expected["value"]).all()
        assert (found[f"{code}_q"] == expected["quality"]).all()


def test_a_published_figure_and_its_city_s_cohort_stand_where_they_should(panel: ExportedPanel) -> None:
    # BPS, P0 (dynamic table 621), March 2019; Kota Bandung joined the programme in 2017
    row = panel.table.query("region_code == '3273' and year == 2019").iloc[0]
    assert (row["region_name"], row["poverty_rate"], row["joined"], row["cohort"]) == (
        "Kota Bandung",
        3.38,
        2017,
        2018,
    )


def test_every_region_stands_in_every_year(panel: ExportedPanel, project: Project) -> None:
    keys = panel.table[["region_code", "year"]]
    assert len(keys) == len(project.registry.codes) * len(YEARS)
    assert not keys.duplicated().any()
    assert keys.equals(keys.sort_values(["region_code", "year"], ignore_index=True))


def test_scores_stand_in_the_years_of_editions_only(
    panel: ExportedPanel, project: Project, scores: pd.DataFrame
) -> None:
    scored = panel.table[panel.table["score_overall"].notna()]
    assert set(scored["year"]) == set(project.catalog.framework.edition_years) & set(YEARS)
    overall = scores[(scores["code"] == "overall") & scores["score"].notna()]
    expected = overall.set_index(["region_code", "year"])["score"].sort_index()
    assert (scored.set_index(["region_code", "year"])["score_overall"] == expected).all()


def test_an_element_that_no_region_is_scored_on_has_no_column(
    panel: ExportedPanel, project: Project, scores: pd.DataFrame
) -> None:
    scored = set(scores.loc[scores["score"].notna(), "code"])
    elements = {"overall", *project.catalog.pillars, *project.catalog.dimensions}
    assert elements - scored
    assert {code for code in elements if f"score_{code}" in panel.table} == elements & scored


def test_scores_of_another_composition_are_marked(
    panel: ExportedPanel, project: Project, scores: pd.DataFrame
) -> None:
    for year in project.catalog.framework.edition_years:
        for code in ("overall", *project.catalog.pillars):
            comparable = comparable_scores(scores[scores["year"] == year], code).dropna()
            rows = panel.table[(panel.table["year"] == year) & (panel.table[f"score_{code}_like"] == 1)]
            assert set(rows["region_code"]) == set(comparable.index)


def test_a_column_tells_the_window_exactly_where_the_method_changed(
    panel: ExportedPanel, figures: pd.DataFrame
) -> None:
    windows = figures.groupby("indicator")["window"].unique()
    several = {code for code, found in windows.items() if len(found) > 1}
    assert {name.removesuffix("_w") for name in panel.table if name.endswith("_w")} == several
    # BPS rebased the population in 2020: GRDP per capita before and after are two series
    by_year = panel.table.dropna(subset=["grdp_pc_real"]).groupby("year")["grdp_pc_real_w"].first()
    assert by_year[2019] != by_year[2021]


def test_the_codebook_describes_every_column_once(panel: ExportedPanel, folder: Path) -> None:
    book = pd.read_csv(folder / "codebook.csv").set_index("name")
    assert list(book.index) == list(panel.table.columns)
    assert book["label"].notna().all()
    poverty = book.loc["poverty_rate"]
    assert (poverty["unit"], poverty["direction"], poverty["valid_high"]) == (
        "percent of population",
        "less is better",
        100,
    )
    own = panel.table.dropna(subset=["poverty_rate"])
    assert (poverty["first_year"], poverty["last_year"]) == (own["year"].min(), own["year"].max())
    assert (poverty["n_figures"], poverty["n_missing"]) == (len(own), len(panel.table) - len(own))
    assert poverty["coverage"] == pytest.approx(len(own) / len(panel.table))
    grades = own["poverty_rate_q"].value_counts()
    assert [poverty[f"grade_{letter.lower()}"] for letter in "ABC"] == [
        int(grades.get(letter, 0)) for letter in "ABC"
    ]
    assert "bps_poverty" in poverty["sources"]
    assert poverty["windows"].startswith("2010-")


def test_stata_knows_labels_and_grades(panel: ExportedPanel, folder: Path) -> None:
    with pd.io.stata.StataReader(folder / "kota_cerdas_panel.dta") as reader:
        labels, values = reader.variable_labels(), reader.value_labels()
        assert reader.data_label == "Kota Cerdas analysis panel"
    assert labels["poverty_rate"] == "Poverty rate"
    assert labels["cohort"] == "First year an effect is looked for: joined + 1"
    assert max(map(len, labels.values())) <= 80
    assert values["poverty_rate_q"] == {1: "A use it", 2: "B use with care", 3: "C do not act on it"}
    read = pd.read_stata(folder / "kota_cerdas_panel.dta")
    assert str(read["poverty_rate_q"].dropna().iloc[0])[0] in "ABC"


def test_sources_and_terms_come_with_it(folder: Path, project: Project, figures: pd.DataFrame) -> None:
    about = (folder / "README.txt").read_text()
    sources = pd.read_csv(folder / "sources.csv").set_index("source")
    assert sources["n_figures"].to_dict() == figures["source"].value_counts().to_dict()
    for code in sources.index:
        source = project.catalog.sources[code]
        assert " ".join(source.citation.split()) in about
        assert source.licence.en in about
    assert re.search(r"fingerprint [0-9a-f]{12}, data up to 2026-10-03", about)
    assert "gorontalo-poverty-2019" in about
    sheets = openpyxl.load_workbook(folder / "kota_cerdas_panel.xlsx", read_only=True).sheetnames
    assert sheets == ["panel", "codebook", "sources", "readme"]


def test_the_same_panel_gives_the_same_bytes(
    panel: ExportedPanel, folder: Path, project: Project, tmp_path: Path
) -> None:
    again = build_panel(project, indicators=INDICATORS, years=YEARS)
    written = write_panel(again, tmp_path, project=project, data_date="2026-10-03")
    assert len(written) == len(EXPORT_FORMATS) + 3
    for path in written:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_only_the_forms_asked_for_are_written(panel: ExportedPanel, project: Project, tmp_path: Path) -> None:
    write_panel(panel, tmp_path, project=project, data_date="", formats=["csv"])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"kota_cerdas_panel.csv", "codebook.csv", "sources.csv", "README.txt"}
    assert "data up to an unknown date" in (tmp_path / "README.txt").read_text()


def test_words_come_in_indonesian_too(project: Project, tmp_path: Path) -> None:
    panel = build_panel(project, indicators=["poverty_rate"], years=[2024], language="id")
    write_panel(panel, tmp_path, project=project, data_date="", formats=["csv"])
    about = (tmp_path / "README.txt").read_text()
    assert "Sumber dan ketentuannya" in about
    assert panel.labels["poverty_rate_q"] == "Mutu: Angka kemiskinan"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "codebook.csv").read_text())))
    assert (
        next(row for row in rows if row["name"] == "poverty_rate")["direction"] == "lebih rendah lebih baik"
    )


def test_a_label_longer_than_stata_takes_is_cut_there_only(panel: ExportedPanel) -> None:
    book = panel.codebook.assign(label="x" * 100)
    long = ExportedPanel(table=panel.table, codebook=book, sources=panel.sources, language="en")
    content = stata_bytes(long, {"A": "a", "B": "b", "C": "c"})
    with pd.io.stata.StataReader(io.BytesIO(content)) as reader:
        assert set(reader.variable_labels().values()) == {"x" * 80}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"indicators": ["poverty"]}, "no figures of poverty. The indicators with figures are: "),
        ({"indicators": ["poverty_rate"], "years": [1990]}, "None of these indicators has a figure"),
        ({"indicators": ["iklh"]}, "no figures of iklh"),
    ],
)
def test_what_there_is_not_is_told(options: dict[str, object], told: str, project: Project) -> None:
    with pytest.raises(UsageError, match=told):
        build_panel(project, **options)  # type: ignore[arg-type]


@given(st.lists(st.text(min_size=1, max_size=60), max_size=40))
def test_any_names_become_valid_and_distinct(names: list[str]) -> None:
    found = short_names(names, taken=("year",))
    assert len(found) == len(names) == len(set(found))
    for name in found:
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
        assert len(name) <= LONGEST_NAME
        assert name not in RESERVED | {"year"}


def test_endings_survive_shortening() -> None:
    long = "share_of_households_with_something_long"
    assert short_names([long, f"{long}_q", f"{long}_w", f"{long}_q"]) == [
        long[:32], f"{long[:30]}_q", f"{long[:30]}_w", f"{long[:29]}2_q",
    ]  # fmt: skip
    assert short_names(["poverty_rate", "poverty_rate_q"]) == ["poverty_rate", "poverty_rate_q"]
