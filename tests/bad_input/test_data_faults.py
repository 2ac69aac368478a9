"""Bad data are refused with file, row, reason and remedy, all at once, and nothing made before is touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evaluation.cli import main
from evaluation.errors import BadInputError
from evaluation.provenance import sha256_file
from evaluation.sources import read_observations
from evaluation.studies import processed
from evaluation.studies.project import Project

POVERTY = "data/raw/bps_poverty/undated/bps_poverty.csv"
RAW = Path(__file__).parents[2] / "data" / "raw"
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


HEADER = "region_code,year,variable,value,unit,quality\n"
FIRST = "1101,2010,poverty_rate,23.61,% of population,A\n"
UNIT = "% of population"


def _row(value: str = "23.61", *, code: str = "1101", year: str = "2010") -> str:
    return f"{code},{year},poverty_rate,{value},{UNIT},A\n"


RAW_FILES = {
    "empty": ("", ["the file is empty"]),
    "blank lines only": ("\n\n", ["the file is empty"]),
    "header only": (HEADER, ["no row below the header"]),
    "header and blank lines": (HEADER + "\n\n", ["no row below the header"]),
    "a cell more in every row": (
        HEADER + _row().replace("\n", ",x\n") + _row(year="2011").replace("\n", ",x\n"),
        ["row 2: the row has 7 cells, the header 6", "row 3: the row has 7 cells"],
    ),
    "a cell more in one row": (
        HEADER + _row() + _row(year="2011").replace("\n", ",x\n"),
        ["row 3: the row has 7"],
    ),
    "a cell less": (HEADER + "1101,2010,poverty_rate\n", ["row 2: the row has 3 cells, the header 6"]),
    "spaces alone": (HEADER + _row() + "   \n", ["row 3: the row has 1 cells"]),
    "semicolons": (
        (HEADER + FIRST).replace(",", ";"),
        ["cells are separated by semicolons (';'), not by commas"],
    ),
    "tabs": ((HEADER + FIRST).replace(",", "\t"), ["cells are separated by tabs"]),
    "decimal comma": (
        HEADER + _row('"23,61"'),
        ["row 2: value has a decimal comma; got: '23,61'", "decimal point"],
    ),
    "decimal comma without quotes": (HEADER + _row("23,61"), ["row 2: the row has 7 cells", "decimal comma"]),
    "both signs": (HEADER + _row('"1.023,61"'), ["row 2: value has a decimal comma; got: '1.023,61'"]),
    "thousands": (
        HEADER + _row('"1,023,456"'),
        ["row 2: value has a decimal comma", "no sign between thousands"],
    ),
    "nan": (HEADER + _row("NaN"), ["row 2: value cannot be used; got: 'NaN'"]),
    "inf": (HEADER + _row("inf"), ["row 2: value cannot be used; got: 'inf'"]),
    "overflow": (HEADER + _row("1e999"), ["row 2", "possible is 0 to 100"]),
    "no value": (HEADER + _row(""), ["row 2: value cannot be used; got: ''", "leave the row out"]),
    "a flag": (HEADER + _row("True"), ["row 2: value cannot be used; got: 'True'"]),
    "a year in words": (HEADER + _row(year="MMX"), ["row 2: year cannot be used"]),
    "a doubled column": (HEADER.replace("unit", "value") + FIRST, ["column 'value' stands twice"]),
    "a nameless column": (HEADER.replace("unit", "") + FIRST, ["column 5 has no name"]),
    "an unknown column": (
        HEADER.replace("unit", "units") + FIRST,
        ["column 'unit' is absent", "'units' is unknown"],
    ),
    "no header": (FIRST + _row(year="2011"), ["column 'region_code' is absent"]),
    "an open quote": (HEADER + _row() + '"1101,2011', ["this is no readable CSV"]),
    "a row after a blank line": (
        HEADER + _row() + "\n" + _row("x", year="2011"),
        ["row 4: value cannot be used"],
    ),
}


def small_vintage(folder: Path, content: bytes) -> Path:
    """Write one file of poverty rates with its origin, and return the folder of all sources."""
    vintage = folder / "raw" / "bps_poverty" / "undated"
    vintage.mkdir(parents=True)
    path = vintage / "bps_poverty.csv"
    path.write_bytes(content)
    origin = (RAW / "bps_poverty/undated/origin.yml").read_text(encoding="utf-8")
    listed = f"files:\n  bps_poverty.csv: {sha256_file(path)}\n"
    (vintage / "origin.yml").write_text(origin[: origin.index("files:")] + listed, encoding="utf-8")
    return folder / "raw"


def small_faults(raw_dir: Path, project: Project) -> str:
    with pytest.raises(BadInputError) as caught:
        read_observations(raw_dir, catalog=project.catalog, registry=project.registry)
    own = [fault for fault in caught.value.faults if "bps_poverty" in fault.where]
    assert all(str(raw_dir) in fault.where for fault in own)
    return str(BadInputError(own))


@pytest.mark.parametrize(("content", "words"), RAW_FILES.values(), ids=RAW_FILES)
def test_a_spoilt_raw_file_is_refused_with_its_row(
    project: Project, tmp_path: Path, content: str, words: list[str]
) -> None:
    message = small_faults(small_vintage(tmp_path, content.encode()), project)
    for word in words:
        assert word in message


def test_a_raw_file_in_another_encoding_is_refused(project: Project, tmp_path: Path) -> None:
    raw_dir = small_vintage(tmp_path, (HEADER + FIRST).encode("utf-16"))
    assert "no readable CSV" in small_faults(raw_dir, project)


def test_a_byte_order_mark_and_line_ends_of_other_systems_are_read(project_copy: Project) -> None:
    before = processed.observations(project_copy)
    path = project_copy.root / POVERTY
    checksum = sha256_file(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    origin = path.parent / "origin.yml"
    origin.write_text(origin.read_text().replace(checksum, sha256_file(path)))
    after = read_observations(
        project_copy.raw_dir, catalog=project_copy.catalog, registry=project_copy.registry
    )
    pd.testing.assert_frame_equal(before, after)


def replaced(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


ORIGINS: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "empty": (lambda _: "", ["origin.yml", "the file is empty"]),
    "a list": (lambda _: "- 1\n", ["must be a block of fields"]),
    "no YAML": (lambda _: "files: [\n", ["this is not YAML", "line"]),
    "an impossible date": (lambda text: text + "note: 2026-13-45\n", ["'2026-13-45' cannot be read"]),
    "a doubled field": (lambda text: text + "licence: free\n", ["'licence' stands twice"]),
    "an absent field": (replaced("licence:", "#"), ["field 'licence' is absent"]),
    "an unknown field": (lambda text: text + "surprise: 1\n", ["field 'surprise' is unknown"]),
    "a number for a field": (lambda text: text + "7: 1\n", ["field 7 is unknown"]),
    "a number for text": (
        replaced("publisher: ", "publisher: 5 #"),
        ["field 'publisher' must be text; got: 5"],
    ),
    "a date for text": (lambda text: text + "note: 2026-01-01\n", ["field 'note' must be text", "in quotes"]),
    "no text": (replaced("publisher: ", "publisher: # "), ["field 'publisher' must be text; got: None"]),
    "a list of code systems": (
        replaced("code_system: bps_2021", "code_system: [bps_2021]"),
        ["field 'code_system' must be text; got: ['bps_2021']"],
    ),
    "an unknown code system": (replaced("bps_2021", "bps_2010"), ["code_system 'bps_2010' is unknown"]),
    "a number for a file": (
        replaced("  bps_poverty.csv: ", "  5: "),
        ["files: 5 is no file name", "in quotes"],
    ),
    "a list of files": (replaced("  bps_poverty.csv: ", "  - "), ["`files` lists no file"]),
    "a number for a checksum": (
        replaced("  bps_poverty.csv: ", "  bps_poverty.csv: 123 #"),
        ["the checksum of bps_poverty.csv must be text; got: 123"],
    ),
}


@pytest.mark.parametrize(("edit", "words"), ORIGINS.values(), ids=ORIGINS)
def test_a_spoilt_origin_is_refused(
    project: Project, tmp_path: Path, edit: Callable[[str], str], words: list[str]
) -> None:
    raw_dir = small_vintage(tmp_path, (HEADER + FIRST).encode())
    path = raw_dir / "bps_poverty" / "undated" / "origin.yml"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    message = small_faults(raw_dir, project)
    for word in words:
        assert word in message


def test_a_vintage_is_named_by_a_date_that_exists(project: Project, tmp_path: Path) -> None:
    raw_dir = small_vintage(tmp_path, (HEADER + FIRST).encode())
    (raw_dir / "bps_poverty" / "undated").rename(raw_dir / "bps_poverty" / "2026-13-45")
    assert "folder '2026-13-45' is no date" in small_faults(raw_dir, project)


def test_a_file_outside_a_vintage_folder_is_not_passed_over(project: Project, tmp_path: Path) -> None:
    raw_dir = small_vintage(tmp_path, (HEADER + FIRST).encode())
    shutil.copy(raw_dir / "bps_poverty" / "undated" / "bps_poverty.csv", raw_dir / "bps_poverty" / "new.csv")
    assert "new.csv: the file lies in no vintage folder" in small_faults(raw_dir, project)


def test_check_exits_with_3_for_a_raw_file_that_is_no_table(
    project_copy: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project_copy.root / POVERTY
    rewrite(project_copy, POVERTY, path.read_text(), HEADER)
    monkeypatch.chdir(project_copy.root)
    assert main(["check"]) == BAD_DATA
    message = capsys.readouterr().err
    assert "bps_poverty.csv: there is no row below the header" in message
    assert "Traceback" not in message
