"""Templates go out, come back filled in, and are refused where anything but the figures was changed."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from evaluation.catalog import Indicator
from evaluation.errors import BadInputError, UsageError
from evaluation.provenance import Origin
from evaluation.schema import OBSERVATIONS, conform
from evaluation.sources.template import is_template, read_form, read_template
from evaluation.sources.template_workbook import possible_values, template_bytes
from evaluation.studies.project import Project

YEARS = (2022, 2023)
FIRST_ROW = 9
Change = Callable[[Any], object]


def blank(project: Project, path: Path, *, code: str = "iklh", region: str | None = None) -> Path:
    indicator = project.catalog.indicators[code]
    path.write_bytes(
        template_bytes(
            indicator,
            segment=indicator.segments[0],
            registry=project.registry,
            years=YEARS,
            region_code=region,
        )
    )
    return path


def row_of(sheet: Any, region_code: str) -> int:
    return next(row for row in range(FIRST_ROW, sheet.max_row + 1) if sheet.cell(row, 1).value == region_code)


def change(path: Path, *changes: Change) -> Path:
    workbook = openpyxl.load_workbook(path)
    for one in changes:
        one(workbook)
    workbook.save(path)
    return path


def fill(figures: dict[tuple[str, int], Any]) -> Change:
    def change_one(workbook: Any) -> None:
        sheet = workbook["Isian"]
        sheet["B4"], sheet["B5"] = "Bappeda Kota Bandung", "DIKPLHD 2023, tabel 4"
        for (region_code, year), value in figures.items():
            sheet.cell(row_of(sheet, region_code), 4 + YEARS.index(year)).value = value

    return change_one


def origin(quality: str = "A") -> Origin:
    return Origin(
        source="regional_offices", vintage="2026-11-24", publisher="p", product="p", citation="c",
        address="a", accessed="2026-11-24", licence="unknown", code_system="bps_2021", files={},
        format="template", quality=quality,
    )  # fmt: skip


def refusal(path: Path, project: Project) -> str:
    with pytest.raises(BadInputError) as caught:
        read_template(path, origin=origin(), registry=project.registry)
    return str(caught.value)


def test_every_region_stands_in_it_with_code_name_and_province(project: Project, tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(blank(project, tmp_path / "t.xlsx"))["Isian"]
    rows = [tuple(cell.value for cell in row[:3]) for row in sheet.iter_rows(min_row=FIRST_ROW)]
    table = project.registry.table
    assert rows == list(zip(table["region_code"], table["name"], table["province"], strict=True))
    assert [cell.value for cell in sheet[FIRST_ROW - 1]] == [
        "Kode BPS", "Kabupaten/Kota", "Provinsi", "2022", "2023",
    ]  # fmt: skip


def test_only_figures_and_their_source_can_be_written(project: Project, tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(blank(project, tmp_path / "t.xlsx", region="3273"))
    sheet = workbook["Isian"]
    assert sheet.protection.sheet
    unlocked = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert unlocked == {"B4", "B5", "B6", "D9", "E9"}
    assert workbook["_template"].sheet_state == "veryHidden"


@pytest.mark.parametrize(
    ("code", "rule"),
    [("iklh", ("between", 0.0, 100.0)), ("pm25", ("greaterThanOrEqual", 0.0, None))],
)
def test_cells_refuse_what_is_impossible(
    code: str, rule: tuple[str, float, float | None], project: Project, tmp_path: Path
) -> None:
    workbook = openpyxl.load_workbook(blank(project, tmp_path / "t.xlsx", code=code))
    (validation,) = workbook["Isian"].data_validations.dataValidation
    ends = [None if end is None else float(end) for end in (validation.formula1, validation.formula2)]
    # `between` is what a file means that names no operator
    assert (validation.operator or "between", *ends) == rule
    assert validation.type == "decimal"
    assert str(validation.sqref) == "D9:E522"
    assert validation.errorTitle == "Angka tidak mungkin"


def test_instructions_come_in_both_languages_with_the_unit(project: Project, tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(blank(project, tmp_path / "t.xlsx", code="tree_cover_loss"))
    told = {
        name: "\n".join(str(row[0].value) for row in workbook[name].iter_rows())
        for name in workbook.sheetnames
    }
    assert workbook.sheetnames == ["Isian", "Petunjuk", "Instructions", "_template"]
    assert "Kosongkan sel bila angkanya tidak ada" in told["Petunjuk"]
    assert "antara 0 dan 100" in told["Petunjuk"]
    assert "percent of initial tree cover area (between 0 and 100)" in told["Instructions"]
    assert "evaluation data add" in told["Petunjuk"]


def test_figures_come_back_graded_as_self_reported(project: Project, tmp_path: Path) -> None:
    figures = {("3273", 2022): 55.25, ("3273", 2023): 57, ("1101", 2023): 0, ("9471", 2022): 100.0}
    path = change(blank(project, tmp_path / "t.xlsx"), fill(figures))
    found = conform(read_template(path, origin=origin(), registry=project.registry), OBSERVATIONS)
    expected = {key: float(value) for key, value in sorted(figures.items())}
    assert found.set_index(["region_code", "year"])["value"].to_dict() == expected
    assert set(found["variable"]) == {"iklh"}
    assert set(found["unit"]) == {"index 0-100"}
    assert set(found["quality"]) == {"B"}
    assert set(found["quality_reason"]) == {"self_reported"}
    places = read_template(path, origin=origin(), registry=project.registry).set_index("region_code")["row"]
    assert (places["1101"], places["9471"]) == ("Isian!E9", "Isian!D522")


def test_a_grade_lower_than_b_stays_and_years_before_a_region_existed_are_c(
    project: Project, tmp_path: Path
) -> None:
    indicator = project.catalog.indicators["iklh"]
    path = tmp_path / "t.xlsx"
    path.write_bytes(
        template_bytes(
            indicator, segment=indicator.segments[0], registry=project.registry, years=(2010, 2023)
        )
    )
    workbook = openpyxl.load_workbook(path)
    sheet = workbook["Isian"]
    sheet["B4"], sheet["B5"] = "Bappeda", "Laporan"
    row = row_of(sheet, "7413")
    sheet.cell(row, 4).value, sheet.cell(row, 5).value = 50, 60
    workbook.save(path)
    grades = read_template(path, origin=origin(), registry=project.registry).set_index("year")["quality"]
    assert grades.to_dict() == {2010: "C", 2023: "B"}
    lower = read_template(path, origin=origin("C"), registry=project.registry)
    assert set(lower["quality"]) == {"C"}
    assert set(lower["quality_reason"]) == {"self_reported+doubtful_or_back_cast"}


def test_who_filled_it_in_is_read_with_the_date(project: Project, tmp_path: Path) -> None:
    path = change(
        blank(project, tmp_path / "t.xlsx", region="3273"),
        fill({("3273", 2022): 55.25}),
        lambda workbook: workbook["Isian"].__setitem__("B6", datetime.datetime(2026, 11, 20)),
    )
    form = read_form(path, registry=project.registry)
    assert (form.office, form.document, form.filled_on) == (
        "Bappeda Kota Bandung", "DIKPLHD 2023, tabel 4", "2026-11-20",
    )  # fmt: skip
    assert is_template(path)


def test_rows_may_be_deleted_and_moved_since_codes_and_names_go_with_them(
    project: Project, tmp_path: Path
) -> None:
    path = change(
        blank(project, tmp_path / "t.xlsx"),
        fill({("3273", 2022): 55.25, ("1101", 2022): 70}),
        lambda workbook: workbook["Isian"].delete_rows(FIRST_ROW + 1, 100),
    )
    found = read_template(path, origin=origin(), registry=project.registry)
    assert found.set_index("region_code")["value"].to_dict() == {"1101": 70.0, "3273": 55.25}


def put(cell: str, value: Any, *, number_format: str | None = None) -> Change:
    def change_one(workbook: Any) -> None:
        workbook["Isian"][cell] = value
        if number_format:
            workbook["Isian"][cell].number_format = number_format

    return change_one


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (put("A9", "3204"), "Isian!A9: '3204' is no code of this template"),
        (put("A9", "9999"), "Isian!A9: '9999' is no code of this template"),
        (put("A9", "1101"), "Isian!A9: '1101' is no code of this template"),
        (put("A9", None), "Isian!A9: '' is no code of this template"),
        (put("B9", "Kabupaten Bandung"), "Isian!B9: 3273 is Kota Bandung; got: 'Kabupaten Bandung'"),
        (put("C9", "Banten"), "Isian!C9: 3273 is Jawa Barat; got: 'Banten'"),
        (put("A2", "Satuan: persen"), "Isian!A2: 'Satuan: indeks"),
        (put("A1", "Kemiskinan"), "Isian!A1: 'Indeks"),
        (put("D8", "2023"), "Isian!D8: '2022' stood here; got: '2023'"),
        (put("E8", None), "Isian!E8: '2023' stood here; got: ''"),
        (put("F8", "2024"), "Isian!F8: nothing belongs here; got: '2024'"),
        (put("F9", 3), "Isian!F9: nothing belongs here; got: 3"),
        (put("B4", ""), "Isian!B4: Instansi pengisi is empty"),
        (put("B5", None), "Isian!B5: Dokumen sumber is empty"),
        (put("D9", "55,25"), "Isian!D9: this is no number: '55,25'"),
        (put("D9", "-"), "Isian!D9: this is no number: '-'"),
        (put("D9", True), "Isian!D9: this is no number: True"),
        (put("D9", datetime.datetime(2022, 1, 5)), "Isian!D9: this is no number: datetime"),
        (put("D9", "=110/2"), "Isian!D9: this is a formula: =110/2"),
        (put("D9", 0.5525, number_format="0.00%"), "formatted as a percentage: it shows 55.25% and holds 0.5525"),
        (put("A12", "3204"), "Isian!A12: '3204' is no code of this template"),
        (lambda w: w["_template"].__setitem__("B5", "percent"), None),
        (lambda w: w["_template"].__setitem__("B2", "2"), "version 2; this is read: 1"),
        (lambda w: w["_template"].__setitem__("A3", "indikator"), "hidden sheet _template was altered"),
        (lambda w: w["_template"].__setitem__("B9", "2022 2023"), "hidden sheet _template was altered"),
        (lambda w: w.remove(w["_template"]), "sheet _template is not there"),
        (lambda w: w.remove(w["Isian"]), "sheet Isian is not there"),
        (lambda w: (put("D9", None)(w), put("E9", None)(w)), "no cell is filled in"),
    ],
)  # fmt: skip
def test_what_was_altered_is_named_by_its_cell(
    spoil: Change, told: str | None, project: Project, tmp_path: Path
) -> None:
    path = blank(project, tmp_path / "t.xlsx", region="3273")
    change(path, fill({("3273", 2022): 55.25, ("3273", 2023): 57.5}), spoil)
    if told is None:
        # the unit of the hidden sheet is held against the catalogue's when all figures are checked
        assert set(read_template(path, origin=origin(), registry=project.registry)["unit"]) == {"percent"}
    else:
        assert told in refusal(path, project)


def test_all_faults_are_told_at_once_with_the_way_out(project: Project, tmp_path: Path) -> None:
    path = blank(project, tmp_path / "t.xlsx")
    change(path, put("B9", "Kota Sabang"), put("D10", "n/a"), put("E11", "=A1"), put("D8", "2020"))
    message = refusal(path, project)
    assert message.startswith("6 faults found")
    assert "copy the figures into a fresh template: evaluation data template iklh" in message
    for cell in ("B4", "B5", "B9", "D10", "E11", "D8"):
        assert f"Isian!{cell}" in message


def test_swapped_codes_are_found_in_a_template_of_all_regions(project: Project, tmp_path: Path) -> None:
    path = blank(project, tmp_path / "t.xlsx")
    change(path, fill({("1101", 2022): 1.0}), put("A9", "1102"), put("A10", "1101"))
    message = refusal(path, project)
    assert "B9: 1102 is Kabupaten Aceh Singkil; got: 'Kabupaten Simeulue'" in message
    assert "B10: 1101 is Kabupaten Simeulue" in message


def test_a_code_that_stands_twice_is_refused(project: Project, tmp_path: Path) -> None:
    path = blank(project, tmp_path / "t.xlsx")
    change(path, fill({("1101", 2022): 1.0}), put("A10", "1101"), put("B10", "Kabupaten Simeulue"))
    assert "Isian!A10: 1101 stands in row 9 already" in refusal(path, project)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04broken", b"<html><body>Isian</body></html>", b"a;b\n1;2\n"]
)
def test_what_is_no_workbook_is_refused(content: bytes, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(content)
    assert not is_template(path)
    assert "this is no readable workbook" in refusal(path, project)


def test_a_truncated_template_is_refused(project: Project, tmp_path: Path) -> None:
    path = blank(project, tmp_path / "t.xlsx")
    path.write_bytes(path.read_bytes()[:-4000])
    assert "this is no readable workbook" in refusal(path, project)


def test_another_workbook_is_no_template(project: Project, tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.save(tmp_path / "other.xlsx")
    assert not is_template(tmp_path / "other.xlsx")
    assert "this is no template of ours" in refusal(tmp_path / "other.xlsx", project)


def test_the_same_request_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    first, second = blank(project, tmp_path / "a.xlsx"), blank(project, tmp_path / "b.xlsx")
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != blank(project, tmp_path / "c.xlsx", region="3273").read_bytes()


def test_years_and_regions_that_are_none_are_refused(project: Project) -> None:
    indicator = project.catalog.indicators["waste_managed_share_before_2024"]
    options: dict[str, Any] = {"segment": indicator.segments[0], "registry": project.registry}
    with pytest.raises(UsageError, match="got: 2024"):
        template_bytes(indicator, years=(2023, 2024), **options)
    with pytest.raises(UsageError, match="'9999' is not in config"):
        template_bytes(indicator, years=(2023,), region_code="9999", **options)


def test_open_ends_are_said_in_words(project: Project) -> None:
    def words(**fields: Any) -> str:
        indicator: Indicator = project.catalog.indicators["iklh"].model_copy(update=fields)
        return possible_values(indicator, "id")

    assert words(valid_range=(None, 5.0)) == "5 atau kurang"
    assert words(valid_range=(None, None)) == "bilangan"
    assert words(valid_range=(0.5, None)) == "0.5 atau lebih"


def test_reading_many_regions_of_many_files_stays_quick(project: Project, tmp_path: Path) -> None:
    path = change(blank(project, tmp_path / "t.xlsx", region="3273"), fill({("3273", 2022): 55.25}))
    read_template(path, origin=origin(), registry=project.registry)
    start = pd.Timestamp.now()
    for _ in range(10):
        read_template(path, origin=origin(), registry=project.registry)
    assert (pd.Timestamp.now() - start).total_seconds() < 2.0, "514 regions' files must not take minutes"
