"""Bad data are refused with file, row, reason and remedy, all at once, and nothing made before is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.errors import BadInputError
from evaluation.provenance import sha256_file
from evaluation.studies import processed
from evaluation.studies.project import Project

POVERTY = "data/raw/bps_poverty/undated/bps_poverty.csv"
BAD_DATA = 3


def rewrite(project: Project, relative: str, old: str, new: str) -> Path:
    """Change a raw file and state its new checksum, as somebody who files a bad vintage would."""
    path = project.root / relative
    before = sha256_file(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    origin = path.parent / "origin.yml"
    origin.write_text(origin.read_text().replace(before, sha256_file(path)))
    return path


def faults_of(project: Project) -> str:
    with pytest.raises(BadInputError) as caught:
        processed.observations(project)
    return str(caught.value)


def test_a_missing_file_is_named(project_copy: Project) -> None:
    (project_copy.root / POVERTY).unlink()
    message = faults_of(project_copy)
    assert "bps_poverty.csv: the file is not there" in message
    assert "restore it" in message


def test_a_changed_file_is_refused_with_the_way_to_file_a_revision(project_copy: Project) -> None:
    path = project_copy.root / POVERTY
    path.write_text(path.read_text().replace("1101,2010,poverty_rate,23.61", "1101,2010,poverty_rate,22.61"))
    message = faults_of(project_copy)
    assert "was changed after it was filed" in message
    assert "data/raw/<source>/<YYYY-MM-DD>/" in message


def test_a_broken_csv_is_named_with_its_line(project_copy: Project) -> None:
    rewrite(project_copy, POVERTY, "1101,2010,poverty_rate,23.61", '1101,2010,poverty_rate,23.61,1,2,3,"')
    assert "this is no readable CSV" in faults_of(project_copy)


def test_a_duplicated_region_year_is_named_with_its_row(project_copy: Project) -> None:
    line = "1101,2010,poverty_rate,23.61,% of population,A\n"
    rewrite(project_copy, POVERTY, line, line + line)
    message = faults_of(project_copy)
    assert "bps_poverty.csv, row 3: poverty_rate of region 1101 in 2010 stands twice" in message


def test_a_poverty_rate_of_140_per_cent_is_impossible(project_copy: Project) -> None:
    rewrite(project_copy, POVERTY, "poverty_rate,23.61", "poverty_rate,140")
    message = faults_of(project_copy)
    assert "row 2" in message
    assert "is 140 % of population, possible is 0 to 100" in message


def test_a_code_of_the_other_system_disagrees_with_its_name(project_copy: Project) -> None:
    path = project_copy.root / "data/raw/bps_poverty/2026-01-01/kemendagri.csv"
    path.parent.mkdir()
    path.write_text(
        "region_code,region_name,year,variable,value,unit,quality\n"
        "1405,Kabupaten Pelalawan,2019,poverty_rate,9.62,% of population,B\n"
        "9999,Kabupaten Nirwana,2019,poverty_rate,9.62,% of population,B\n"
    )
    origin = (project_copy.root / "data/raw/bps_poverty/undated/origin.yml").read_text()
    listed = f"files:\n  kemendagri.csv: {sha256_file(path)}\nnote: test\n"
    (path.parent / "origin.yml").write_text(origin[: origin.index("files:")] + listed)
    message = faults_of(project_copy)
    assert "code 1405 is Kabupaten Siak, but the name is Kabupaten Pelalawan" in message
    assert "'9999' is no code of the system bps_2021" in message
    assert "Kemendagri codes are not BPS codes" in message


def test_a_kemendagri_file_that_says_so_is_read_into_bps_codes(project_copy: Project) -> None:
    path = project_copy.root / "data/raw/bps_poverty/2026-01-01/kemendagri.csv"
    path.parent.mkdir()
    path.write_text(
        "region_code,region_name,year,variable,value,unit,quality\n"
        "14.05,Kabupaten Pelalawan,2019,poverty_rate,9.62,% of population,B\n"
    )
    origin = (project_copy.root / "data/raw/bps_poverty/undated/origin.yml").read_text()
    origin = origin.replace("code_system: bps_2021", "code_system: kemendagri")
    listed = f"files:\n  kemendagri.csv: {sha256_file(path)}\nnote: test\n"
    (path.parent / "origin.yml").write_text(origin[: origin.index("files:")] + listed)
    observations = processed.observations(project_copy)
    new = observations[observations["vintage"] == "2026-01-01"]
    assert new["region_code"].tolist() == ["1404"]


def test_an_ungraded_figure_from_before_a_region_existed_is_refused(project_copy: Project) -> None:
    text = (project_copy.root / POVERTY).read_text()
    line = next(row for row in text.splitlines() if row.startswith("1612,2010,"))
    rewrite(project_copy, POVERTY, line, line[:-1] + "A")
    message = faults_of(project_copy)
    assert "before it was created in 2013, is graded A" in message
    assert "grade a back-cast figure C" in message


def test_an_unknown_grade_year_or_number_is_refused(project_copy: Project) -> None:
    rewrite(
        project_copy,
        POVERTY,
        "1101,2010,poverty_rate,23.61,% of population,A",
        "1101,10,poverty_rate,23.61 persen,% of population,Z",
    )
    message = faults_of(project_copy)
    for part in (
        "year cannot be used",
        "value cannot be used; got: '23.61 persen'",
        "quality cannot be used",
    ):
        assert part in message


def test_faults_of_several_files_are_told_at_once(project_copy: Project) -> None:
    rewrite(project_copy, POVERTY, "poverty_rate,23.61", "poverty_rate,140")
    (project_copy.root / "data/raw/klhk_sipsn/undated/klhk_sipsn.csv").unlink()
    message = faults_of(project_copy)
    assert "klhk_sipsn.csv" in message
    assert "is 140 % of population" in message


def test_a_name_of_another_region_in_the_cohorts_is_refused(project_copy: Project) -> None:
    path = project_copy.config_dir / "cohorts.csv"
    path.write_text(path.read_text().replace("3273,Kota Bandung", "3273,Kota Surabaya"))
    with pytest.raises(BadInputError, match="3273 is Kota Bandung, not Kota Surabaya"):
        _ = project_copy.programme


def test_check_exits_with_3_and_leaves_what_was_made_before(
    project_copy: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    processed.indicators(project_copy)
    made = project_copy.processed_dir / "indicators.parquet"
    page = project_copy.reports_dir / "id" / "region" / "1101.html"
    page.parent.mkdir(parents=True)
    page.write_text("before")
    before = sha256_file(made)
    rewrite(project_copy, POVERTY, "poverty_rate,23.61", "poverty_rate,140")
    monkeypatch.chdir(project_copy.root)
    assert main(["check"]) == BAD_DATA
    assert main(["run", "--region", "1101"]) == BAD_DATA
    message = capsys.readouterr().err
    assert "what to do" in message
    assert "Traceback" not in message
    assert sha256_file(made) == before
    assert page.read_text() == "before"
