"""The commands fetch, template and export as a user types them, on a small copy of the project."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from small_project import small_project
from webapi_server import KEY, Script, data_answer, serve, year_pages

from evaluation.cli import main
from evaluation.cli.data_take import forms, year_list
from evaluation.sources import read_origin
from evaluation.sources.webapi import Pace, WebApi
from evaluation.studies import processed
from evaluation.studies.project import Project
from evaluation.studies.standing import all_groups, region_beside

DEFECT, USAGE, BAD_DATA = 1, 2, 3
QUICK = Pace(attempts=2, first_wait=0.0, longest_wait=0.1, between=0.0, timeout=2.0)
ROWS = {
    ("1100", "ACEH"): 70.0,
    ("1101", "Simeulue"): 65.7,
    ("3204", "Bandung"): 72.41,
    ("3273", "Kota Bandung"): 81.6,
}
"""Three regions of BPS, IPM new method (dynamic table 413), 2019, the last of them revised for this test."""
REVISED, PUBLISHED = 81.6, 81.62


@pytest.fixture
def small(project: Project, tmp_path: Path) -> Project:
    root = tmp_path / "checkout"
    root.mkdir()
    return small_project(project, root)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("BPS_WEBAPI_KEY", f" {KEY}\n")
    monkeypatch.setitem(WebApi.__init__.__kwdefaults__, "pace", QUICK)
    script = Script(years=year_pages([2018, 2019, 2020]), tables={2019: data_answer(ROWS, year=2019)})
    with serve(script) as address:
        yield address


def run(project: Project, *words: object) -> int:
    return main(["--project", str(project.root), "data", *map(str, words)])


def fetch(project: Project, address: str, *words: object) -> int:
    return run(project, "fetch", "bps", "--variable", 413, "--years", "2019", "--base-url", address, *words)


def hdi_2019(project: Project) -> dict[str, float]:
    table = processed.indicators(Project(root=project.root))
    rows = table[(table["indicator"] == "hdi") & (table["year"] == 2019)]
    return rows.set_index("region_code")["value"].to_dict()


def written_texts(root: Path) -> dict[str, str]:
    return {
        str(path): path.read_bytes().decode(errors="replace") for path in root.rglob("*") if path.is_file()
    }


def test_a_fetched_table_is_previewed_filed_and_used_and_the_key_is_nowhere(
    small: Project, service: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert hdi_2019(small)["3273"] == PUBLISHED
    assert fetch(small, service, "--yes") == 0
    said = capfd.readouterr()
    assert "[Metode Baru] Indeks Pembangunan Manusia" in said.out
    (folder,) = [path for path in (small.raw_dir / "bps_ipm").iterdir() if path.name > "2022-10-10"]
    origin = read_origin(folder)
    assert (origin.format, origin.code_system) == ("bps_webapi", "bps_2021")
    assert origin.address == f"{service}/model/data/lang/ind/domain/0000/var/413"
    assert hdi_2019(small)["3273"] == REVISED
    assert main(["--project", str(small.root), "check"]) == 0
    said = (said, capfd.readouterr())
    assert [part for pair in said for part in pair if KEY in part] == []
    assert [name for name, text in written_texts(tmp_path).items() if KEY in text] == []


def test_the_same_table_again_is_nothing_new(
    small: Project, service: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fetch(small, service, "--yes") == 0
    before = written_texts(small.raw_dir)
    capfd.readouterr()
    assert fetch(small, service, "--yes") == 0
    assert "Nothing new." in capfd.readouterr().out
    assert written_texts(small.raw_dir) == before


def test_without_a_yes_nothing_is_filed(
    small: Project, service: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = written_texts(small.raw_dir)
    assert fetch(small, service) == USAGE
    assert "Nothing was filed" in capfd.readouterr().err
    assert written_texts(small.raw_dir) == before


def test_answers_kept_elsewhere_are_added_later_with_their_address(
    small: Project, service: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    assert fetch(small, service, "--out", kept, "--indicator", "hdi") == 0
    assert {path.name for path in kept.iterdir()} == {"bps_0000_413_2019.json", "origin.yml"}
    assert hdi_2019(small)["3273"] == PUBLISHED
    assert run(small, "add", kept / "bps_0000_413_2019.json", "--yes") == 0
    (folder,) = [path for path in (small.raw_dir / "bps_ipm").iterdir() if path.name > "2022-10-10"]
    assert read_origin(folder).address.startswith(service)
    assert (folder / "bps_0000_413_2019.json").read_bytes() == (kept / "bps_0000_413_2019.json").read_bytes()


def test_a_defect_on_the_way_does_not_tell_the_key(
    small: Project, service: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.chdir(small.root)
    monkeypatch.setattr("evaluation.sources.webapi_fetch.parse_table", fail)
    small.processed_dir.mkdir(parents=True, exist_ok=True)
    assert fetch(small, service) == DEFECT
    told = (small.processed_dir / "defect.txt").read_text()
    assert "unforeseen" in told
    nowhere = (
        "data",
        "fetch",
        "bps",
        "--variable",
        "413",
        "--years",
        "2019",
        "--base-url",
        "http://127.0.0.1:9",
    )
    assert main(["--debug", "--project", str(small.root), *nowhere]) == BAD_DATA
    assert KEY not in told + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--domain", "32"), "--domain is a code of four digits"),
        (("--indicator", "ipm"), "There is no indicator 'ipm'"),
        (("--indicator", "hdi", "--source", "bps_poverty"), "0 segments of hdi"),
        (("--base-url", "http://example.org"), "must begin with https"),
        (("--years", "2018,2031"), "no year 2031; it has 2018, 2019, 2020"),
    ],
)
def test_what_cannot_be_asked_is_told(
    words: tuple[str, ...], told: str, project: Project, service: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fetch(project, service, *words) == USAGE
    assert told in capfd.readouterr().err


def test_without_a_key_the_way_to_one_is_told(
    project: Project, service: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BPS_WEBAPI_KEY")
    assert fetch(project, service) == USAGE
    assert "https://webapi.bps.go.id (free), then: export BPS_WEBAPI_KEY=" in capfd.readouterr().err


def test_a_region_s_own_figure_goes_out_comes_back_and_is_used_and_can_be_taken_out(
    small: Project, tmp_path: Path
) -> None:
    before = processed.indicators(small)
    path = tmp_path / "isian.xlsx"
    assert run(small, "template", "iklh", "--region", "3273", "--year", "2022-2023", "--out", path) == 0
    workbook = openpyxl.load_workbook(path)
    sheet = workbook["Isian"]
    sheet["B4"], sheet["B5"], sheet["E9"] = "Bappelitbang Kota Bandung", "DIKPLHD 2023, tabel 4", 55.25
    workbook.save(path)
    assert run(small, "add", path, "--yes") == 0
    (folder,) = (small.raw_dir / "regional_offices").iterdir()
    assert "Bappelitbang Kota Bandung, DIKPLHD 2023, tabel 4" in read_origin(folder).note
    project = Project(root=small.root)
    table = processed.indicators(project)
    own = table[table["indicator"] == "iklh"]
    assert own[["region_code", "year", "value", "quality", "quality_reason"]].to_numpy().tolist() == [
        ["3273", 2023, 55.25, "B", "self_reported"]
    ]
    pd.testing.assert_frame_equal(table[table["indicator"] != "iklh"].reset_index(drop=True), before)
    groups = all_groups(project, table)
    shown = region_beside(table, groups, catalog=project.catalog, year=2024).query("indicator == 'iklh'")
    assert shown[["region_code", "value", "data_year", "quality"]].to_numpy().tolist() == [
        ["3273", 55.25, 2023, "B"]
    ]
    assert shown["peer_median"].isna().all()
    for received in folder.iterdir():
        received.unlink()
    folder.rmdir()
    folder.parent.rmdir()
    pd.testing.assert_frame_equal(processed.indicators(Project(root=small.root)), before)


def test_an_impossible_figure_or_another_unit_is_refused_with_its_cell(
    small: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "isian.xlsx"
    run(small, "template", "iklh", "--region", "3273", "--year", "2023", "--out", path)
    workbook = openpyxl.load_workbook(path)
    sheet = workbook["Isian"]
    sheet["B4"], sheet["B5"], sheet["D9"] = "Bappeda", "Laporan", 552.5
    workbook["_template"]["B5"] = "percent"
    workbook.save(path)
    assert run(small, "add", path, "--yes") == BAD_DATA
    told = capfd.readouterr().err
    assert "Isian!D9" in told
    assert "possible is 0 to 100" in told
    assert "unit 'percent' of iklh is not 'index 0-100'" in told
    assert not (small.raw_dir / "regional_offices").exists()


def test_years_are_those_of_the_latest_edition_unless_named(project: Project, tmp_path: Path) -> None:
    def years(*words: object) -> list[str]:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.xlsx"
        assert run(project, "template", *words, "--out", path) == 0
        heading = openpyxl.load_workbook(path)["Isian"][8]
        return [cell.value for cell in heading[3:]]

    assert years("iklh") == ["2021", "2022", "2023", "2024"]
    assert years("spbe_index_2018_2022") == ["2019", "2020", "2021", "2022"]
    assert years("own_revenue_share_before_2021") == ["2017", "2018", "2019", "2020"]
    assert years("iklh", "--year", "2019", "2021-2022") == ["2019", "2021", "2022"]


def test_a_template_that_may_be_filled_in_is_never_overwritten(
    project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "isian.xlsx"
    path.write_text("filled in")
    assert run(project, "template", "iklh", "--out", path) == USAGE
    assert "may be filled in; name another --out" in capfd.readouterr().err
    assert path.read_text() == "filled in"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("poverty_rate",), "has open data, or is several figures"),
        (("hdi_components_2022_2023",), "has open data, or is several figures"),
        (("ikhl",), "'ikhl' is no indicator. There are templates of: accommodation_food_share,"),
        (("iklh", "--region", "9999"), "'9999' is not in config/regions.csv"),
        (("iklh", "--year", "1999"), "takes figures of 2010 and later; got: 1999"),
    ],
)
def test_a_template_that_there_is_not_is_told(
    words: tuple[str, ...], told: str, project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "template", *words, "--out", tmp_path / "x.xlsx") == USAGE
    assert told in capfd.readouterr().err
    assert not (tmp_path / "x.xlsx").exists()


def test_export_does_not_take_a_file_for_a_folder(
    project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert run(project, "export", "--out", tmp_path / "file") == USAGE
    assert "--out is a folder" in capfd.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_export_writes_what_was_asked_for(project: Project, tmp_path: Path) -> None:
    words = ("--format", "csv,dta", "--indicators", "poverty_rate", "--years", "2023-2024")
    assert run(project, "export", "--out", tmp_path / "new" / "out", *words) == 0
    names = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert names == {
        "kota_cerdas_panel.csv",
        "kota_cerdas_panel.dta",
        "codebook.csv",
        "sources.csv",
        "README.txt",
    }
    assert run(project, "export", "--out", tmp_path, "--indicators", "iklh") == USAGE


def test_lists_of_years_and_forms_are_read() -> None:
    assert year_list("2019,2021-2023,2021") == [2019, 2021, 2022, 2023]
    assert forms("csv, dta") == ["csv", "dta"]
    for wrong in ("", "20", "2024-2020", "2019-", "latest"):
        with pytest.raises(argparse.ArgumentTypeError):
            year_list(wrong)
    with pytest.raises(argparse.ArgumentTypeError, match="got: sav"):
        forms("csv,sav")
