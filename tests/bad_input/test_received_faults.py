"""What `data add` refuses or grades lower, with file, sheet, cell and remedy, all at once."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from evaluation.cli import main
from evaluation.errors import BadInputError, UsageError
from evaluation.sources.formats import recognise
from evaluation.sources.numbers import read_numbers
from evaluation.studies.batches import Request
from evaluation.studies.intake import Intake, prepare_intake
from evaluation.studies.project import Project
from received_tables import Table, bps_table, csv_bytes, published, xlsx_bytes

TODAY = date(2026, 11, 24)
HDI = "[Metode Baru] Indeks Pembangunan Manusia"
EXPENDITURE = "[Metode Baru] Pengeluaran per Kapita Disesuaikan (Ribu Rupiah/Orang/Tahun)"
POVERTY = "Persentase Penduduk Miskin (P0) Menurut Kabupaten/Kota (Persen)"
BAD_DATA, USAGE = 3, 2


@pytest.fixture(scope="module")
def hdi(project: Project) -> Table:
    """The index of 2020 and 2021 as published."""
    figures = published(project.root, "bps_ipm", "hdi", (2020, 2021))
    return bps_table(figures, title=HDI, years=(2020, 2021), registry=project.registry, table=413)


@pytest.fixture(scope="module")
def expenditure(project: Project) -> Table:
    figures = published(project.root, "bps_ipm", "adj_expenditure_pc", (2020, 2021))
    return bps_table(figures, title=EXPENDITURE, years=(2020, 2021), registry=project.registry, table=416)


def save(folder: Path, content: bytes, name: str = "tabel.xlsx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def prepared(project: Project, *paths: Path, **stated: Any) -> Intake:
    return prepare_intake(project, Request(files=paths, today=TODAY, **stated))


def refusal(project: Project, *paths: Path, **stated: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        prepared(project, *paths, **stated)
    return str(caught.value)


def changed(table: Table, change: Callable[[str, list[Any]], Sequence[Any]]) -> Table:
    """Return the table with the cells of each region's row changed."""
    rows = [
        replace(row, cells=tuple(change(row.region_code, list(row.cells)))) if row.region_code else row
        for row in table.rows
    ]
    return table.with_rows(rows)


def with_cell(table: Table, region_code: str, column: int, cell: Any) -> Table:
    def change(code: str, cells: list[Any]) -> list[Any]:
        if code == region_code:
            cells[column] = cell
        return cells

    return changed(table, change)


def test_a_region_that_stands_twice_is_named_with_both_cells(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    rows = list(hdi.rows)
    rows.insert(3, rows[2])
    message = refusal(project, save(tmp_path, xlsx_bytes(hdi.with_rows(rows).grid())))
    assert "sheet Sheet1, cell A6: 'Aceh Singkil' stands twice, first in sheet Sheet1, cell A5" in message


def test_a_share_beyond_100_and_a_negative_figure_are_impossible(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    table = with_cell(with_cell(hdi, "1101", 1, "166.03"), "3273", 2, "-81.96")
    message = refusal(project, save(tmp_path, xlsx_bytes(table.grid())))
    assert "cell B4: hdi of region 1101 in 2020 is 166.03 index 0-100, possible is 0 to 100" in message
    assert "hdi of region 3273 in 2021 is -81.96" in message


def test_every_fault_of_every_file_is_told_at_once(
    project: Project, hdi: Table, expenditure: Table, tmp_path: Path
) -> None:
    first = save(tmp_path, xlsx_bytes(with_cell(hdi, "1101", 1, "abc").grid()), "satu.xlsx")
    table = with_cell(with_cell(expenditure, "1101", 0, "Simelue"), "1102", 2, "x")
    second = save(tmp_path, xlsx_bytes(table.grid()), "dua.xlsx")
    message = refusal(project, first, second)
    assert "satu.xlsx, sheet Sheet1, cell B4: 'abc' is no number" in message
    assert "'Simelue' in ACEH is no region; perhaps Kabupaten Simeulue" in message
    assert "dua.xlsx, sheet Sheet1, cell C5: 'x' is no number" in message
    assert message.startswith("3 faults found; nothing was written.")


@pytest.mark.parametrize(
    ("cells", "figures"),
    [
        (["14.27", "8.5", "-"], [14.27, 8.5, None]),
        (["1.007.436,5", "512.000", "99,5"], [1007436.5, 512000.0, 99.5]),
        (["34,527.10", "12,775.00", "37"], [34527.10, 12775.0, 37.0]),
        (["34.527,10", "365", "..."], [34527.10, 365.0, None]),
        ([14.27, 8, "n.a."], [14.27, 8.0, None]),
        (["8134", "9492", ""], [8134.0, 9492.0, None]),
        (["-1,5", "2"], [-1.5, 2.0]),
    ],
)
def test_decimal_comma_and_point_are_read_by_what_the_column_allows(
    cells: list[Any], figures: list[float | None]
) -> None:
    read = read_numbers(cells)
    assert not read.unreadable
    assert [None if value != value else value for value in read.figures] == figures


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["1.007", "2.145"], "'1.007' is 1.007 or 1007, and no cell of the column tells which"),
        (["14.27", "9.5", "8,5"], "'8,5' is written in another notation than '14.27'"),
        (["12,3,4"], "'12,3,4' is no number"),
        (["1 007 436"], "'1 007 436' is no number"),
        ([True], "no number"),
    ],
)
def test_a_notation_that_cannot_be_decided_is_refused(cells: list[Any], what: str) -> None:
    assert what in read_numbers(cells).unreadable[0].what


def test_a_column_in_another_unit_is_refused(project: Project, expenditure: Table, tmp_path: Path) -> None:
    def thousandfold(code: str, cells: list[Any]) -> list[Any]:
        return [cells[0], *(cell if cell == "-" else f"{cell}000" for cell in cells[1:])]

    message = refusal(project, save(tmp_path, xlsx_bytes(changed(expenditure, thousandfold).grid())))
    assert "the figures of adj_expenditure_pc are typically 1,000 times those that are there" in message


def test_a_single_slip_of_a_thousand_is_refused_in_its_cell(
    project: Project, expenditure: Table, tmp_path: Path
) -> None:
    value = published(project.root, "bps_ipm", "adj_expenditure_pc", (2021,))["3273"][0]
    path = save(tmp_path, xlsx_bytes(with_cell(expenditure, "3273", 2, f"{value}000").grid()))
    message = refusal(project, path)
    assert (
        f"adj_expenditure_pc of Kota Bandung in 2021 is 1.6996e+07, and {value} is there for 2021" in message
    )


def test_a_jump_is_taken_with_a_lower_grade_and_its_reason(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    table = with_cell(with_cell(hdi, "3273", 2, "86.50"), "3374", 2, "99.10")
    intake = prepared(project, save(tmp_path, xlsx_bytes(table.grid())))
    doubts = {one.doubt.region_code: one.doubt for one in intake.comparison.doubtful}
    assert {code: doubt.grade for code, doubt in doubts.items()} == {"3273": "B", "3374": "C"}
    assert {doubt.reason for doubt in doubts.values()} == {"implausible_change"}
    assert set(intake.filings[0].origin.doubts) == set(doubts.values())


def test_another_series_of_the_same_quantity_is_refused(project: Project, hdi: Table, tmp_path: Path) -> None:
    """The index on the basis of the 2020 census is higher everywhere: 73.77 for 72.91 nationally in 2022."""

    def rebased(code: str, cells: list[Any]) -> list[Any]:
        return [cells[0], *(cell if cell == "-" else f"{float(cell) + 0.86:.2f}" for cell in cells[1:])]

    path = save(tmp_path, xlsx_bytes(changed(hdi, rebased).grid()))
    message = refusal(project, path)
    assert "1028 of 1028 figures of hdi in 2020, 2021 differ from those there, by +0.86 typically" in message
    assert "another series of the same quantity" in message
    intake = prepared(project, path, is_revision=True)
    assert (intake.comparison.figures["status"] == "revised").all()


def test_coverage_that_shrank_is_told_with_the_regions(project: Project, hdi: Table, tmp_path: Path) -> None:
    left = hdi.with_rows([row for row in hdi.rows if row.region_code != "1101"])
    table = with_cell(left, "1102", 1, "69.00")
    intake = prepared(project, save(tmp_path, xlsx_bytes(table.grid())))
    assert "hdi 2020: 1 regions without a figure that have one for 2020: Kabupaten Simeulue" in (
        intake.comparison.notices
    )
    assert intake.comparison.withdrawn["region_code"].unique().tolist() == ["1101"]


def sipsn(rows: Sequence[Sequence[Any]]) -> bytes:
    head = (
        "Tahun", "Provinsi", "Kabupaten/Kota", "Timbulan Sampah Harian(ton)", "Timbulan Sampah Tahunan(ton)"
    )  # fmt: skip
    return csv_bytes([head, *rows])


def test_parts_that_do_not_give_the_total_lower_the_grade(project: Project, tmp_path: Path) -> None:
    rows = [
        ["2025", "Jawa Barat", "Kab. Bogor", "2,000.00", "730,000.00"],
        ["2025", "Jawa Barat", "Kab. Sukabumi", "1,000.00", "366,000.00"],
        ["2025", "Jawa Barat", "Kota Bandung", "1,500.00", "847,500.00"],
    ]
    intake = prepared(project, save(tmp_path, sipsn(rows), "sampah.csv"))
    found = [one for one in intake.comparison.doubtful if one.doubt.reason == "parts_do_not_add_up"]
    assert {one.doubt.region_code: one.doubt.grade for one in found} == {"3202": "B", "3273": "C"}
    assert "is 366,000.00, its parts give 365,000.00" in found[0].what


def test_html_under_the_name_of_a_workbook_is_named(project: Project, tmp_path: Path) -> None:
    message = refusal(
        project, save(tmp_path, b"<html><table><tr><td>Kabupaten/Kota</td></tr></table></html>")
    )
    assert "tabel.xlsx: this is HTML, whatever its name says (.xlsx)" in message
    assert "save it as a workbook (.xlsx)" in message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_other_encodings_are_read_and_stated(
    project: Project, hdi: Table, tmp_path: Path, encoding: str
) -> None:
    table = replace(hdi, foot=(*hdi.foot[:1], ("Catatan: § 2021", "", ""), *hdi.foot[2:]))
    path = save(tmp_path, csv_bytes(table.grid(), encoding=encoding))
    found = recognise(path)
    assert found.format == "bps_web_table"
    stated = {"utf-8-sig": (), "utf-16": ("the text is in utf-16",), "utf-16-le": ("the text is in utf-16",)}
    assert found.notes == stated.get(encoding, ("the text is in cp1252",))
    assert not prepared(project, path).filings


def edited(table: Table, edit: Callable[[Any], None]) -> bytes:
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(table.grid())))
    edit(workbook)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def test_merged_figures_are_refused_with_their_range(project: Project, hdi: Table, tmp_path: Path) -> None:
    content = edited(hdi, lambda workbook: workbook["Sheet1"].merge_cells("B5:B6"))
    message = refusal(project, save(tmp_path, content))
    assert "cells are merged among the figures: sheet Sheet1, cell B5 to sheet Sheet1, cell B6" in message


def test_a_formula_that_was_never_computed_is_refused(project: Project, hdi: Table, tmp_path: Path) -> None:
    def edit(workbook: Any) -> None:
        workbook["Sheet1"]["B7"] = "=AVERAGE(B5:B6)"

    message = refusal(project, save(tmp_path, edited(hdi, edit)))
    assert "cell B7: the cell holds a formula that was never computed" in message


def test_computed_formulas_are_read_stated_and_graded_lower(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as workbook:
        sheet = workbook.add_worksheet("Sheet1")
        for number, row in enumerate(with_cell(hdi, "1101", 1, "66.40").grid()):
            sheet.write_row(number, 0, row)
        sheet.write_formula("B4", "=66+0.4", None, 66.4)
    intake = prepared(project, save(tmp_path, buffer.getvalue()))
    assert "1 cells hold formulas; their last computed values are read" in intake.files[0].file.notes
    assert intake.filings[0].origin.quality == "B"
    assert intake.comparison.figures.set_index(["region_code", "year"]).loc[("1101", 2020), "value"] == 66.4


def test_empty_sheets_are_passed_over_and_a_workbook_of_them_is_refused(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    found = recognise(save(tmp_path, xlsx_bytes(hdi.grid(), sheets_before=("Kosong",))))
    assert found.notes == ("sheet Kosong is empty",)
    assert "every sheet of the workbook is empty" in refusal(
        project, save(tmp_path, xlsx_bytes([]), "b.xlsx")
    )
    assert "the file is empty" in refusal(project, save(tmp_path, b"", "c.xlsx"))


def test_two_tables_in_two_sheets_are_refused(project: Project, hdi: Table, tmp_path: Path) -> None:
    def edit(workbook: Any) -> None:
        workbook.copy_worksheet(workbook["Sheet1"])

    message = refusal(project, save(tmp_path, edited(hdi, edit)))
    assert "several sheets hold tables: Sheet1, Sheet1 Copy" in message


def test_a_file_beyond_the_stated_size_is_refused(project_copy: Project, hdi: Table, tmp_path: Path) -> None:
    path = project_copy.config_dir / "checks.yml"
    path.write_text(path.read_text().replace("largest_file_megabytes: 20", "largest_file_megabytes: 0.01"))
    message = refusal(project_copy, save(tmp_path, xlsx_bytes(hdi.grid())))
    assert "MB; the largest that is read has 0.01 MB" in message


def test_a_file_that_is_not_there_and_one_of_no_format_are_named(project: Project, tmp_path: Path) -> None:
    other = save(tmp_path, b"a,b\n1,2\n", "lain.csv")
    message = refusal(project, tmp_path / "tidak ada.xlsx", other)
    assert "tidak ada.xlsx: there is no such file" in message
    assert "the content is in no known format; it begins: a | b | 1 | 2" in message


def test_names_out_of_the_order_of_codes_are_refused(project: Project, hdi: Table, tmp_path: Path) -> None:
    table = with_cell(with_cell(hdi, "1101", 0, "Aceh Singkil"), "1102", 0, "Simeulue")
    message = refusal(project, save(tmp_path, xlsx_bytes(table.grid())))
    assert "cell A5: 'Simeulue' stands below 'Aceh Singkil', out of the order of codes" in message


def test_a_region_under_another_province_is_refused(project: Project, hdi: Table, tmp_path: Path) -> None:
    table = with_cell(hdi, "1101", 0, "Bogor")
    assert "'Bogor' stands under ACEH, but Kabupaten Bogor is not there" in refusal(
        project, save(tmp_path, xlsx_bytes(table.grid()))
    )


def tidy(project: Project, system: str, *, names: bool = True, codes: Sequence[str] = ()) -> bytes:
    """Return poverty of 2025 in regions of Papua and Riau, under the codes of a system."""
    chosen = codes or ("1404", "1405", "9471", "9408")
    head = [
        "region_code",
        *(["region_name"] if names else []),
        "year",
        "variable",
        "value",
        "unit",
        "quality",
    ]
    rows = []
    for code in chosen:
        name = [project.registry.names.display[code]] if names else []
        given = project.registry.codes_in[system][code]  # type: ignore[index]
        rows.append([given, *name, "2025", "poverty_rate", "10.5", "% of population", "B"])
    return csv_bytes([head, *rows])


@pytest.mark.parametrize("system", ["bps_2021", "bps_2024", "kemendagri", "kemendagri_2021"])
def test_the_system_of_codes_is_told_from_the_names(project: Project, tmp_path: Path, system: str) -> None:
    intake = prepared(project, save(tmp_path, tidy(project, system), "rapi.csv"))
    figures = intake.comparison.figures
    assert sorted(figures["region_code"]) == ["1404", "1405", "9408", "9471"]
    origin = intake.filings[0].origin
    assert (
        project.registry.codes_in[origin.code_system]["1404"]
        == (  # type: ignore[index]
            project.registry.codes_in[system]["1404"]  # type: ignore[index]
        )
    )


def test_codes_that_fit_their_names_in_no_system_are_refused(project: Project, tmp_path: Path) -> None:
    content = tidy(project, "bps_2021").replace(b"Kabupaten Siak", b"Kota Bandung")
    message = refusal(project, save(tmp_path, content, "rapi.csv"))
    assert "code 1405 is Kabupaten Siak in the system bps_2021, but the name is Kota Bandung" in message


def test_a_stated_system_that_does_not_fit_is_refused_with_the_one_that_does(
    project: Project, tmp_path: Path
) -> None:
    path = save(tmp_path, tidy(project, "kemendagri"), "rapi.csv")
    message = refusal(project, path, code_system="bps_2021")
    assert "all rows fit the system kemendagri: --code-system kemendagri" in message


def test_codes_without_names_need_their_system_stated(project: Project, tmp_path: Path) -> None:
    path = save(tmp_path, tidy(project, "kemendagri", names=False), "rapi.csv")
    message = refusal(project, path)
    assert "does not say of which system they are" in message
    assert "--code-system" in message
    intake = prepared(project, path, code_system="kemendagri")
    assert sorted(intake.comparison.figures["region_code"]) == ["1404", "1405", "9408", "9471"]


def test_a_title_that_is_not_known_is_offered_and_never_taken(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    head = ((hdi.head[0][0], "[Metode Lama] Indeks Pembangunan Manusia", ""), hdi.head[1])
    path = save(tmp_path, xlsx_bytes(replace(hdi, head=head).grid()))
    message = refusal(project, path)
    assert (
        "title '[Metode Lama] Indeks Pembangunan Manusia': the title is not known; perhaps '[Metode Baru]"
        in message
    )
    assert prepared(project, path, indicator="hdi").files[0].meanings[0].how == "named"


def test_title_and_address_that_name_different_tables_are_refused(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    foot = tuple((str(cells[0]).replace("/413/", "/621/"), *cells[1:]) for cells in hdi.foot)
    message = refusal(project, save(tmp_path, xlsx_bytes(replace(hdi, foot=foot).grid())))
    assert "the title says hdi, the address (table 621) poverty_rate" in message


def test_a_unit_in_the_title_that_is_another_is_refused(
    project: Project, expenditure: Table, tmp_path: Path
) -> None:
    title = EXPENDITURE.replace("Ribu Rupiah", "Rupiah")
    head = ((expenditure.head[0][0], title, ""), expenditure.head[1])
    message = refusal(project, save(tmp_path, xlsx_bytes(replace(expenditure, head=head).grid())))
    assert (
        "its unit is 'Rupiah/Orang/Tahun', that of adj_expenditure_pc is 'Ribu Rupiah/Orang/Tahun'" in message
    )


def test_a_year_beyond_the_catalogue_names_the_line_to_widen(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    path = save(tmp_path, xlsx_bytes(replace(hdi, head=(hdi.head[0], ("", "2030", "2031"))).grid()))
    message = refusal(project, path)
    assert "no segment of hdi covers 2030" in message
    lines = (project.config_dir / "indicators" / "context.yml").read_text().splitlines()
    (line,) = [
        number
        for number, text in enumerate(lines, start=1)
        if "variable: hdi, unit" in text and "2022, 2024" in text
    ]
    assert f"context.yml, line {line} write `years: [2022, null]` for `years: [2022, 2024]`" in message
    assert "if the method changed, begin a new window" in message


def fsva(edition_note: str = "") -> bytes:
    head = "Wilayah,NCPR,Tanpa Listrik (%),IKP,IKP Ranking,"
    return (
        f"{head}\naceh - simeulue,0.82,1.43,70.59,275,\naceh - kota banda aceh,1.0,0.10,71.70,225,\n".encode()
    )


def test_a_file_without_a_year_asks_for_it_and_suggests_the_one_in_its_name(
    project: Project, tmp_path: Path
) -> None:
    message = refusal(project, save(tmp_path, fsva(), "fsva-2019.csv"))
    assert "does not say of which year or edition it is; its name suggests 2019: --year 2019" in message
    figures = prepared(project, tmp_path / "fsva-2019.csv", year=2020).comparison.figures
    assert set(zip(figures["variable"], figures["year"], strict=True)) == {
        ("hh_no_electricity", 2019),
        ("food_security_index", 2020),
    }


def test_a_year_for_a_file_that_states_its_own_is_a_wrong_command(
    project: Project, hdi: Table, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--year is for a file that does not say"):
        prepared(project, save(tmp_path, xlsx_bytes(hdi.grid())), year=2020)


def test_a_source_that_is_not_described_is_refused_with_the_block_to_add(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"not described in config/sources\.yml") as caught:
        prepared(project, save(tmp_path, fsva(), "f.csv"), year=2019, source="bps_baru")
    assert "  bps_baru:\n    title:" in str(caught.value)


def test_a_file_that_is_cut_off_is_refused(project: Project, hdi: Table, tmp_path: Path) -> None:
    whole = xlsx_bytes(hdi.grid())
    assert "the workbook cannot be opened" in refusal(project, save(tmp_path, whole[: len(whole) // 2]))
    text = csv_bytes(hdi.grid()[:20])
    message = refusal(project, save(tmp_path, text[:-2], "b.csv"))
    assert "the text ends in the middle of line 20" in message


def test_the_command_line_says_it_with_exit_codes(
    project_copy: Project, hdi: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--project", str(project_copy.root), "data", "add"]
    spoilt = save(tmp_path, xlsx_bytes(with_cell(hdi, "1101", 1, "abc").grid()), "a.xlsx")
    assert main([*where, str(spoilt), "--yes"]) == BAD_DATA
    assert "'abc' is no number" in capsys.readouterr().err
    revised = save(tmp_path, xlsx_bytes(with_cell(hdi, "1101", 1, "66.13").grid()), "b.xlsx")
    assert main([*where, str(revised)]) == USAGE
    shown = capsys.readouterr()
    assert "hdi of 1101 in 2020: 66.03 -> 66.13" in shown.out
    assert "--yes" in shown.err
    assert not list(project_copy.raw_dir.glob("bps_ipm/2022-10-10.*"))


def test_no_fuzzy_name_is_ever_taken(project: Project) -> None:
    names = project.registry.names.display
    for code, name in names.items():
        spoilt = name.replace("a", "", 1) if "a" in name[9:] else f"{name}x"
        found = project.registry.resolve([spoilt]).codes[0]
        assert found in (None, code)


def test_ambiguous_names_are_listed_with_their_candidates(project: Project) -> None:
    found = project.registry.resolve(["Bandung", "Makasar", "Baubau", "Bau-Bau", "Padangsidimpuan"])
    assert found.codes == (None, "7371", "7472", "7472", "1277")
    assert found.unresolved[0].candidates == ("Kabupaten Bandung", "Kota Bandung")


def test_aliases_of_nothing_and_of_two_regions_are_faults(project_copy: Project) -> None:
    path = project_copy.config_dir / "name_aliases.csv"
    path.write_text(path.read_text() + "region,9999,Kota Nirwana,x\nregion,3204,Kota Bandung,x\n")
    with pytest.raises(BadInputError) as caught:
        _ = project_copy.registry
    message = str(caught.value)
    assert "stands_for '9999' is not in regions.csv" in message
    assert "'Kota Bandung' is the name of 3273, not of 3204" in message


def test_bounds_of_no_indicator_are_faults(project_copy: Project, tmp_path: Path) -> None:
    path = project_copy.config_dir / "checks.yml"
    path.write_text(path.read_text().replace("    hdi: {points: 2.5}", "    hdy: {points: 2.5}"))
    assert "'hdy' is no indicator" in refusal(project_copy, save(tmp_path, fsva(), "f.csv"), year=2019)


def test_pandas_is_not_changed_by_reading(project: Project, hdi: Table, tmp_path: Path) -> None:
    """The received frame of one call is not touched by the next."""
    path = save(tmp_path, xlsx_bytes(with_cell(hdi, "1101", 1, "66.13").grid()))
    first = prepared(project, path).comparison.figures
    kept = first.copy()
    prepared(project, path)
    pd.testing.assert_frame_equal(first, kept)
