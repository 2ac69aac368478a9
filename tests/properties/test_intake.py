"""Bringing one's own data: previewed, filed beside what is there, read back, compared, and taken away again."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from evaluation.cli import main
from evaluation.errors import BadInputError
from evaluation.indicators import latest_vintage
from evaluation.provenance import sha256_file
from evaluation.schema import OBSERVATIONS, conform
from evaluation.sources.origins import read_origin, vintage_order
from evaluation.sources.read import read_sources
from evaluation.sources.template_workbook import template_bytes
from evaluation.studies import processed
from evaluation.studies.batches import Request
from evaluation.studies.filing import file_vintages
from evaluation.studies.intake import Intake, prepare_intake
from evaluation.studies.project import Project
from evaluation.studies.vintages import vintage_changes
from received_tables import Table, bps_table, csv_bytes, published, xlsx_bytes

TODAY = date(2026, 11, 24)
HDI = "[Metode Baru] Indeks Pembangunan Manusia"
POVERTY = "Persentase Penduduk Miskin (P0) Menurut Kabupaten/Kota (Persen)"
POVERTY_SOURCE = "bps_hdi_poverty_2020_2024"
USAGE = 2


SOURCES = ("bps_ipm", "bps_poverty", POVERTY_SOURCE)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of three sources; its configuration is read once."""
    root = tmp_path_factory.mktemp("mini")
    shutil.copytree(ROOT / "config", root / "config")
    (root / "notebooks").mkdir()
    return root


@pytest.fixture
def mini(mini_root: Path) -> Iterator[Project]:
    for source in SOURCES:
        shutil.copytree(ROOT / "data" / "raw" / source, mini_root / "data" / "raw" / source)
    yield Project(root=mini_root)
    shutil.rmtree(mini_root / "data")


def raw_files(project: Project) -> dict[str, str]:
    return {
        path.relative_to(project.raw_dir).as_posix(): sha256_file(path)
        for path in sorted(project.raw_dir.rglob("*"))
        if path.is_file()
    }


def prepared(project: Project, *paths: Path, **stated: Any) -> Intake:
    return prepare_intake(project, Request(files=paths, today=TODAY, **stated))


def added(project: Project, *paths: Path, **stated: Any) -> tuple[Path, ...]:
    return file_vintages(project.raw_dir, prepared(project, *paths, **stated).filings)


def observations(project: Project) -> pd.DataFrame:
    figures = read_sources(project.raw_dir, SOURCES, registry=project.registry)
    return conform(figures, OBSERVATIONS)


def hdi_table(project: Project, cells: dict[tuple[str, int], str] | None = None) -> Table:
    """Return the published index of 2020 and 2021, with some cells changed."""
    figures = published(project.root, "bps_ipm", "hdi", (2020, 2021))
    for (code, column), cell in (cells or {}).items():
        figures[code] = [cell if place == column else old for place, old in enumerate(figures[code])]
    return bps_table(figures, title=HDI, years=(2020, 2021), registry=project.registry, table=413)


def poverty_of(project: Project, year: int, *, change: float = -0.3) -> Table:
    """Return a table of poverty in the layout of BPS: that of 2024, changed a little and evenly."""
    before = published(project.root, POVERTY_SOURCE, "poverty_rate", (2024,))
    random = np.random.default_rng(20261124)
    figures = {
        code: [cell if cell == "-" else f"{max(0.5, float(cell) + change + random.normal(0, 0.2)):.2f}"]
        for code, (cell,) in before.items()
    }
    return bps_table(figures, title=POVERTY, years=(year,), registry=project.registry, table=621)


def save(folder: Path, content: bytes, name: str = "tabel.xlsx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_new_year_is_filed_whole_beside_what_is_there(mini: Project, tmp_path: Path) -> None:
    before = raw_files(mini)
    path = save(tmp_path, xlsx_bytes(poverty_of(mini, 2025).grid()))
    (folder,) = added(mini, path)
    after = raw_files(mini)
    assert folder == mini.raw_dir / POVERTY_SOURCE / "2022-10-10"
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        f"{POVERTY_SOURCE}/2022-10-10/origin.yml",
        f"{POVERTY_SOURCE}/2022-10-10/tabel.xlsx",
    ]
    origin = read_origin(folder)
    assert origin.files == {"tabel.xlsx": sha256_file(path)}
    assert (origin.accessed, origin.format, origin.quality) == ("2022-10-10", "bps_web_table", "A")
    assert origin.address == "https://www.bps.go.id/indicator/26/621/1/tabel.html"
    assert origin.variables[POVERTY].variable == "poverty_rate"


def test_the_same_file_again_is_nothing_new(mini: Project, tmp_path: Path) -> None:
    content = xlsx_bytes(poverty_of(mini, 2025).grid())
    added(mini, save(tmp_path, content))
    before = raw_files(mini)
    again = prepared(mini, save(tmp_path, content, "nama lain.dat"))
    assert not again.filings
    assert again.files[0].status == "known"
    assert again.files[0].filed_in == f"{POVERTY_SOURCE}/2022-10-10"
    same_figures = save(tmp_path, csv_bytes(poverty_of(mini, 2025).grid()), "sama.csv")
    assert prepared(mini, same_figures).files[0].status == "nothing_new"
    assert raw_files(mini) == before


def test_figures_that_are_there_already_make_no_vintage(project: Project, tmp_path: Path) -> None:
    intake = prepared(project, save(tmp_path, xlsx_bytes(hdi_table(project).grid())))
    assert not intake.filings
    assert intake.files[0].status == "nothing_new"


def test_a_revision_is_a_vintage_of_its_own_and_counts(mini: Project, tmp_path: Path) -> None:
    table = hdi_table(mini, {("3273", 1): "81.99"})
    intake = prepared(mini, save(tmp_path, xlsx_bytes(table.grid())))
    statuses = intake.comparison.figures["status"].value_counts().to_dict()
    assert statuses == {"equal": 1027, "revised": 1}
    (folder,) = file_vintages(mini.raw_dir, intake.filings)
    # the vintage there has the same day: nothing is overwritten, and the later filing counts
    assert folder.name == "2022-10-10.2"
    current = latest_vintage(observations(mini)).set_index(["variable", "region_code", "year"])
    assert current.loc[("hdi", "3273", 2021), "value"] == 81.99
    changes = vintage_changes(mini)
    assert changes[["kind", "region_code", "year", "before", "after"]].to_numpy().tolist() == [
        ["revised", "3273", 2021, 81.96, 81.99]
    ]


def test_vintages_of_a_day_follow_each_other() -> None:
    names = ["2026-01-02", "undated", "2026-01-01.10", "2026-01-01.2", "2026-01-01"]
    assert sorted(names, key=vintage_order) == [
        "undated", "2026-01-01", "2026-01-01.2", "2026-01-01.10", "2026-01-02"
    ]  # fmt: skip


def test_diff_lists_exactly_what_is_new_revised_and_withdrawn(mini: Project, tmp_path: Path) -> None:
    table = hdi_table(mini, {("3273", 1): "81.99", ("1101", 0): "66.02"})
    left = [row for row in table.rows if row.region_code != "9471"]
    added(mini, save(tmp_path, xlsx_bytes(table.with_rows(left).grid())))
    changes = vintage_changes(mini, new="bps_ipm/2022-10-10.2")
    found = changes[["kind", "region_code", "year"]].to_numpy().tolist()
    assert sorted(found) == [
        ["revised", "1101", 2020],
        ["revised", "3273", 2021],
        ["withdrawn", "9471", 2020],
        ["withdrawn", "9471", 2021],
    ]
    both = vintage_changes(mini, old="bps_ipm/2022-10-10", new="bps_ipm/2022-10-10.2")
    pd.testing.assert_frame_equal(both, changes)


def test_a_file_of_years_that_two_sources_carry_goes_to_both(mini: Project, tmp_path: Path) -> None:
    figures = {"3273": ["3.40", "3.98", "4.38"], "1101": ["18.90", "18.40", "18.90"]}
    years = (2019, 2020, 2021)
    table = bps_table(figures, title=POVERTY, years=years, registry=mini.registry, table=621)
    folders = added(mini, save(tmp_path, xlsx_bytes(table.grid())))
    taken = {folder.parent.name: read_origin(folder).variables[POVERTY].years for folder in folders}
    assert taken == {"bps_poverty": (2019, 2021), POVERTY_SOURCE: (2020,)}
    filed = observations(mini).query("vintage == '2022-10-10' and variable == 'poverty_rate'")
    assert sorted(zip(filed["source"], filed["year"], strict=True)) == sorted(
        [("bps_poverty", 2019), ("bps_poverty", 2021), (POVERTY_SOURCE, 2020)] * 2
    )


def test_doubts_are_filed_and_read_back_as_grades(mini: Project, tmp_path: Path) -> None:
    table = hdi_table(mini, {("3273", 1): "86.50"})
    added(mini, save(tmp_path, xlsx_bytes(table.grid())))
    figures = observations(mini).query("vintage == '2022-10-10.2' and year == 2021")
    graded = figures.set_index("region_code")[["quality", "quality_reason"]]
    assert graded.loc["3273"].tolist() == ["B", "implausible_change"]
    assert graded.loc["3204"].tolist() == ["A", ""]


def test_a_table_without_its_foot_is_graded_b(project: Project, tmp_path: Path) -> None:
    table = replace(hdi_table(project, {("1101", 0): "66.02"}), foot=())
    (filing,) = prepared(project, save(tmp_path, xlsx_bytes(table.grid()))).filings
    assert filing.origin.quality == "B"
    assert filing.origin.vintage == "2026-11-24"


def test_back_cast_figures_are_graded_c(project: Project, tmp_path: Path) -> None:
    figures = {"1612": ["60.00", "61.00"], "1601": ["63.00", "64.00"]}
    table = bps_table(figures, title=HDI, years=(2011, 2014), registry=project.registry, table=413)
    read = prepared(project, save(tmp_path, xlsx_bytes(table.grid()))).comparison.figures
    grades = read.set_index(["region_code", "year"])["quality"]
    assert project.registry.created["1612"] == 2013
    assert grades.loc[[("1612", 2011), ("1612", 2014), ("1601", 2011)]].tolist() == ["C", "A", "A"]


def test_files_of_one_day_make_one_vintage_and_copies_count_once(mini: Project, tmp_path: Path) -> None:
    first = save(tmp_path, xlsx_bytes(hdi_table(mini, {("1101", 0): "66.02"}).grid()), "a.xlsx")
    figures = {"1101": ["65.71", "66.02"], "1102": ["68.90", "68.94"]}
    overlap = bps_table(figures, title=HDI, years=(2019, 2020), registry=mini.registry, table=413)
    second = save(tmp_path, xlsx_bytes(overlap.grid()), "b.xlsx")
    copy = save(tmp_path, first.read_bytes(), "c.xlsx")
    intake = prepared(mini, first, second, copy)
    assert [preview.status for preview in intake.files] == ["to_file", "to_file", "known"]
    assert [sorted(filing.files) for filing in intake.filings] == [["a.xlsx", "b.xlsx"]]


def test_two_files_that_contradict_each_other_are_refused(project: Project, tmp_path: Path) -> None:
    paths = [
        save(tmp_path, xlsx_bytes(hdi_table(project, {("1101", 0): cell}).grid()), f"{cell}.xlsx")
        for cell in ("66.02", "66.04")
    ]
    with pytest.raises(BadInputError, match="hdi of region 1101 in 2020 stands twice"):
        prepared(project, *paths)


def test_older_figures_than_those_there_are_told(project: Project, tmp_path: Path) -> None:
    path = save(tmp_path, xlsx_bytes(poverty_of(project, 2023).grid()))
    notices = prepared(project, path, is_revision=True).notices
    assert notices[0].startswith(f"{POVERTY_SOURCE}: received 2022-10-10, before the vintage 2026-10-03")


def test_filing_is_all_or_nothing(mini: Project, tmp_path: Path) -> None:
    figures = {"3273": ["3.40", "3.98"], "1101": ["18.90", "18.40"]}
    table = bps_table(figures, title=POVERTY, years=(2019, 2020), registry=mini.registry, table=621)
    intake = prepared(mini, save(tmp_path, xlsx_bytes(table.grid())))
    assert len(intake.filings) == 2
    (mini.raw_dir / intake.filings[1].folder).mkdir()
    before = raw_files(mini)
    with pytest.raises(BadInputError, match="has come to be there meanwhile"):
        file_vintages(mini.raw_dir, intake.filings)
    assert raw_files(mini) == before
    assert not list(mini.raw_dir.glob(".*"))


def test_a_file_that_changes_after_the_preview_is_not_filed(mini: Project, tmp_path: Path) -> None:
    path = save(tmp_path, xlsx_bytes(poverty_of(mini, 2025).grid()))
    intake = prepared(mini, path)
    path.write_bytes(xlsx_bytes(poverty_of(mini, 2025, change=0.1).grid()))
    with pytest.raises(BadInputError, match="the file changed after it was checked"):
        file_vintages(mini.raw_dir, intake.filings)


def test_removing_the_vintage_takes_all_of_it_back(mini: Project, tmp_path: Path) -> None:
    before = observations(mini)
    (folder,) = added(mini, save(tmp_path, xlsx_bytes(poverty_of(mini, 2025).grid())))
    after = observations(mini)
    new = after[after["vintage"] == folder.name].query(f"source == '{POVERTY_SOURCE}'")
    assert len(new) == len(after) - len(before) == 514
    assert set(zip(new["variable"], new["year"], strict=True)) == {("poverty_rate", 2025)}
    pd.testing.assert_frame_equal(after.drop(index=new.index).reset_index(drop=True), before)
    shutil.rmtree(folder)
    pd.testing.assert_frame_equal(observations(mini), before)


@pytest.mark.slow
def test_poverty_of_2025_makes_the_2024_joiners_estimable_and_changes_no_score(
    project_copy: Project, tmp_path: Path
) -> None:
    def statuses() -> dict[str, list[str]]:
        table = processed.estimates(project_copy).query("design == 'joiners_2024' and parameter == 'simple'")
        return {outcome: sorted(rows["status"]) for outcome, rows in table.groupby("outcome")}

    before, scores, indicators = (
        statuses(),
        processed.scores(project_copy),
        processed.indicators(project_copy),
    )
    assert set(before["poverty_rate"]) == {"not_estimable:beyond_data:2024"}
    (folder,) = added(project_copy, save(tmp_path, xlsx_bytes(poverty_of(project_copy, 2025).grid())))
    after = statuses()
    assert not any(status.startswith("not_estimable") for status in after["poverty_rate"])
    others = [outcome for outcome in before if outcome != "poverty_rate"]
    assert [after[outcome] for outcome in others] == [before[outcome] for outcome in others]
    pd.testing.assert_frame_equal(processed.scores(project_copy), scores)
    shutil.rmtree(folder)
    assert statuses() == before
    pd.testing.assert_frame_equal(processed.indicators(project_copy), indicators)


def test_a_kept_answer_of_the_webapi_is_brought_like_any_file(mini: Project, tmp_path: Path) -> None:
    regions = [(3273, "Kota Bandung", 81.99), (3204, "Bandung", 72.73), (3200, "JAWA BARAT", 72.45)]
    answer = {
        "status": "OK",
        "data-availability": "available",
        "var": [{"val": 413, "label": HDI, "unit": "", "subj": "IPM", "decimal": 2, "note": ""}],
        "turvar": [{"val": 0, "label": "Tidak ada"}],
        "labelvervar": "Kabupaten/Kota",
        "vervar": [{"val": code, "label": name} for code, name, _ in regions],
        "tahun": [{"val": 121, "label": "2021"}],
        "turtahun": [{"val": 0, "label": "Tahun"}],
        "datacontent": {f"{code}4130{121}0": value for code, _, value in regions},
    }
    (folder,) = added(mini, save(tmp_path, json.dumps(answer).encode(), "jawaban.json"))
    origin = read_origin(folder)
    assert (folder.parent.name, origin.format, list(origin.variables)) == ("bps_ipm", "bps_webapi", ["413"])
    changes = vintage_changes(mini)
    assert changes.query("kind == 'revised'")[["region_code", "after"]].to_numpy().tolist() == [
        ["3273", 81.99]
    ]


def test_a_filled_template_is_filed_under_the_regions_own_offices(mini: Project, tmp_path: Path) -> None:
    iklh = mini.catalog.indicators["iklh"]
    content = template_bytes(
        iklh, segment=iklh.segments[0], registry=mini.registry, years=(2023,), region_code="3273"
    )
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    for cell, value in {
        "B4": "Bappeda Kota Bandung",
        "B5": "DIKPLHD 2023",
        "B6": "2026-11-20",
        "D9": 61.2,
    }.items():
        workbook.worksheets[0][cell] = value
    path = tmp_path / "isian.xlsx"
    workbook.save(path)
    (folder,) = added(mini, path)
    assert (folder.parent.name, folder.name) == ("regional_offices", "2026-11-24")
    figures = read_sources(mini.raw_dir, ["regional_offices"], registry=mini.registry)
    assert figures[["region_code", "year", "variable", "value", "quality"]].to_numpy().tolist() == [
        ["3273", 2023, "iklh", 61.2, "B"]
    ]
    assert "Bappeda Kota Bandung, DIKPLHD 2023" in read_origin(folder).citation


def run(project: Project, *words: str) -> int:
    return main(["--project", str(project.root), "data", *words])


def test_the_command_previews_files_and_finds_nothing_new(
    mini: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path, xlsx_bytes(poverty_of(mini, 2025).grid()))
    assert run(mini, "add", str(path)) == USAGE
    shown = capsys.readouterr()
    assert "2025 = poverty_rate (Poverty rate), known from its title" in shown.out
    assert "poverty_rate 2025, 514 regions: 514 new, 0 equal, 0 revised" in shown.out
    assert "Nothing was filed." in shown.err
    assert run(mini, "add", str(path), "--yes") == 0
    capsys.readouterr()
    assert run(mini, "add", str(path), "--yes") == 0
    assert "nothing new: the same bytes are filed" in capsys.readouterr().out
    assert run(mini, "diff", f"{POVERTY_SOURCE}/2022-10-10") == 0
    assert "poverty_rate  2025: 514 new" in capsys.readouterr().out


def test_previews_and_differences_come_as_json(
    mini: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path, xlsx_bytes(hdi_table(mini, {("3273", 1): "81.99"}).grid()))
    assert run(mini, "add", str(path), "--json", "--yes") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["filed"] is True
    assert record["counts"] == {"new": 0, "equal": 1027, "revised": 1}
    assert record["figures"][0]["before"] == 81.96
    assert run(mini, "diff", "--json") == 0
    (change,) = json.loads(capsys.readouterr().out)
    assert (change["kind"], change["before"], change["after"]) == ("revised", 81.96, 81.99)


@pytest.mark.parametrize(
    ("answers", "filed"), [(["y", "y"], True), (["n"], False), (["y", ""], False), (["ya", "ya"], True)]
)
def test_somebody_at_the_terminal_confirms_indicator_and_filing(
    mini: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: Sequence[str],
    filed: bool,
) -> None:
    path = save(tmp_path, xlsx_bytes(poverty_of(mini, 2025).grid()))
    waiting = list(answers)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: waiting.pop(0))
    assert run(mini, "add", str(path)) == (0 if filed else USAGE)
    assert (mini.raw_dir / POVERTY_SOURCE / "2022-10-10").exists() == filed
    assert not waiting


def test_an_open_segment_reaches_any_later_year_and_shows_no_end(project: Project) -> None:
    poverty = project.catalog.indicators["poverty_rate"]
    assert poverty.segments[-1].years[1] is None
    assert poverty.segments[-1].covers(2031)
    assert poverty.window_of(2031) == poverty.windows[-1].years[0]
