"""Corrections and disputes on record: applied by name, refused when out of date, told on the region's page."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from small_project import small_project

from evaluation.catalog import Correction, read_corrections
from evaluation.cli import main
from evaluation.errors import BadInputError
from evaluation.indicators import build_indicators, corrected, latest_vintage
from evaluation.provenance import sha256_file
from evaluation.reporting.errata import corrections_table, errata
from evaluation.reporting.labels import Labels
from evaluation.reporting.words import Words
from evaluation.studies import processed, regional
from evaluation.studies.project import Project

BAD_DATA = 3
RECORD: dict[str, Any] = {
    "code": "bandung-poverty-2019",
    "kind": "correction",
    "dated": datetime.date(2026, 11, 24),
    "region_code": "3273",
    "year": 2019,
    "variable": "poverty_rate",
    "published": 3.38,
    "corrected": 3.83,
    "quality": "B",
    "what": {"id": "Angka terbalik.", "en": "Digits were swapped."},
    "why": {"id": "Publikasi cetak memuat 3,83.", "en": "The printed volume has 3.83."},
    "said_by": "BPS Kota Bandung (2020), table 4.1",
}


def record(**fields: Any) -> Correction:
    return Correction.model_validate({"source": "bps_poverty", **RECORD, **fields})


def dispute(**fields: Any) -> Correction:
    return record(kind="dispute", corrected=None, **fields)


@pytest.fixture
def small(project: Project, tmp_path: Path) -> Project:
    return small_project(project, tmp_path)


def observations(*rows: tuple[str, str, int, float]) -> pd.DataFrame:
    """Return observations of poverty: vintage, region, year, value."""
    return pd.DataFrame(
        [
            {
                "source": "bps_poverty", "vintage": vintage, "region_code": region, "year": year,
                "variable": "poverty_rate", "value": value, "unit": "% of population", "quality": "A",
                "quality_reason": "",
            }
            for vintage, region, year, value in rows
        ]
    )  # fmt: skip


PUBLISHED = observations(
    ("undated", "3273", 2018, 3.57), ("undated", "3273", 2019, 3.38), ("undated", "3204", 2019, 5.94)
)


def refusal(table: pd.DataFrame, *records: Correction) -> str:
    with pytest.raises(BadInputError) as caught:
        corrected(latest_vintage(table), records)
    return str(caught.value)


def write(project: Project, *entries: dict[str, Any], source: str = "bps_poverty") -> Path:
    path = project.config_dir / "corrections" / f"{source}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"corrections": list(entries)}, allow_unicode=True))
    return path


def test_only_the_figure_on_record_changes_and_says_why(project: Project) -> None:
    found = build_indicators(PUBLISHED, project.catalog, [record()]).set_index(["region_code", "year"])
    plain = build_indicators(PUBLISHED, project.catalog).set_index(["region_code", "year"])
    at = ("3273", 2019)
    assert (found.loc[at, "value"], found.loc[at, "quality"]) == (3.83, "B")
    assert found.loc[at, "quality_reason"] == "corrected:bandung-poverty-2019"
    pd.testing.assert_frame_equal(found.drop(at), plain.drop(at))


def test_the_caller_s_figures_stay_as_they_are() -> None:
    current = latest_vintage(PUBLISHED)
    before = current.copy()
    corrected(current, [record()])
    pd.testing.assert_frame_equal(current, before)


def test_a_dispute_leaves_the_value_and_lowers_the_grade() -> None:
    table = corrected(PUBLISHED, [dispute(quality="C")]).set_index(["region_code", "year"])
    assert (table.loc[("3273", 2019), "value"], table.loc[("3273", 2019), "quality"]) == (3.38, "C")
    assert table.loc[("3273", 2019), "quality_reason"] == "disputed:bandung-poverty-2019"


def test_a_grade_that_is_lower_already_stays_with_its_reason() -> None:
    table = PUBLISHED.assign(quality="C", quality_reason="doubtful_or_back_cast")
    row = corrected(table, [record()]).set_index(["region_code", "year"]).loc[("3273", 2019)]
    assert (row["quality"], row["quality_reason"]) == (
        "C",
        "doubtful_or_back_cast+corrected:bandung-poverty-2019",
    )


def test_a_newer_vintage_with_the_same_error_is_corrected_too() -> None:
    table = pd.concat([PUBLISHED, observations(("2026-10-01", "3273", 2019, 3.38))], ignore_index=True)
    row = corrected(latest_vintage(table), [record()]).query("region_code == '3273' and year == 2019")
    assert row["value"].tolist() == [3.83]
    message = refusal(table, record(vintages=["undated"]))
    assert "is still 3.38 in vintage 2026-10-01, which is not listed" in message
    assert "add the vintage to `vintages`" in message
    corrected(latest_vintage(table), [record(vintages=["undated", "2026-10-01"])])


@pytest.mark.parametrize("kind", [record, dispute])
def test_a_figure_that_the_publisher_has_mended_is_refused_until_the_record_goes(kind: Any) -> None:
    table = pd.concat([PUBLISHED, observations(("2026-10-01", "3273", 2019, 3.83))], ignore_index=True)
    message = refusal(table, kind())
    assert "config/corrections/bps_poverty.yml, record bandung-poverty-2019" in message
    assert "is 3.83 in vintage 2026-10-01, no longer 3.38" in message
    assert "take the record out" in message


def test_a_figure_that_is_not_there_is_refused() -> None:
    message = refusal(PUBLISHED, record(year=2020), record(code="b", region_code="9471"))
    assert message.startswith("2 faults found")
    assert "bps_poverty has no poverty_rate of region 3273 in 2020" in message


def test_check_fails_while_a_record_is_out_of_date_and_passes_without_it(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(small, {**RECORD, "published": 9.99})
    arguments = ["--project", str(small.root), "check"]
    assert main(arguments) == BAD_DATA
    told = capsys.readouterr().err
    assert "poverty_rate of region 3273 in 2019 is 3.38 in vintage undated, no longer 9.99" in told
    assert "take the record out" in told
    path.unlink()
    assert main(arguments) == 0


def test_a_run_refuses_it_as_check_does(small: Project) -> None:
    write(small, {**RECORD, "published": 9.99})
    with pytest.raises(BadInputError, match=r"no longer 9\.99"):
        processed.indicators(small)


def test_a_mended_figure_filed_as_a_new_vintage_is_noticed(small: Project) -> None:
    write(small, RECORD)
    assert len(processed.indicators(small)) > 0
    folder = small.raw_dir / "bps_poverty" / "2026-11-30"
    folder.mkdir()
    lines = "region_code,year,variable,value,unit,quality\n3273,2019,poverty_rate,3.83,% of population,A\n"
    (folder / "revision.csv").write_text(lines)
    origin = (folder.parent / "undated" / "origin.yml").read_text()
    fields = {**yaml.safe_load(origin), "files": {"revision.csv": sha256_file(folder / "revision.csv")}}
    (folder / "origin.yml").write_text(yaml.safe_dump(fields))
    with pytest.raises(BadInputError, match="in vintage 2026-11-30, no longer"):
        processed.indicators(Project(root=small.root))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({**RECORD, "corrected": None}, "a correction needs `corrected`"),
        ({**RECORD, "kind": "dispute"}, "a dispute has none"),
        ({**RECORD, "corrected": 3.38}, "corrected and published are the same"),
        ({**RECORD, "quality": "A"}, "graded B or C; got: A"),
        ({**RECORD, "corrected": 383.0}, "corrected 383 is impossible; possible is 0 to 100"),
        ({**RECORD, "region_code": "9999"}, "region_code '9999' is not in config/regions.csv"),
        ({**RECORD, "region_code": 3273}, "this must be text"),
        ({**RECORD, "variable": "poverty"}, "no indicator takes 'poverty' of bps_poverty in 2019"),
        ({**RECORD, "year": 1999}, "no indicator takes 'poverty_rate' of bps_poverty in 1999"),
        ({**RECORD, "code": "Bandung 2019"}, "record Bandung 2019, code"),
        ({**RECORD, "said_by": ""}, "the text is empty"),
        ({**RECORD, "source": "bps_poverty"}, "the file's name is the source"),
        ({**RECORD, "note": "x"}, "the field is unknown"),
        ({"code": "x"}, "the field is absent"),
    ],
)
def test_a_record_that_is_none_is_refused(
    entry: dict[str, Any], told: str, project: Project, tmp_path: Path
) -> None:
    write(Project(root=_empty(tmp_path)), entry)
    with pytest.raises(BadInputError) as caught:
        read_corrections(tmp_path / "config", catalog=project.catalog, regions=project.registry.codes)
    assert told in str(caught.value)


def test_faults_of_all_files_are_told_at_once(project: Project, tmp_path: Path) -> None:
    copy = Project(root=_empty(tmp_path))
    write(copy, RECORD, RECORD)
    write(copy, {**RECORD, "code": "other"}, source="nobody")
    (copy.config_dir / "corrections" / "bps_ipm.yml").write_text("corrections: [1]\n")
    with pytest.raises(BadInputError) as caught:
        read_corrections(copy.config_dir, catalog=project.catalog, regions=project.registry.codes)
    message = str(caught.value)
    assert "code 'bandung-poverty-2019' stands 2 times" in message
    assert "2 records are about poverty_rate of region 3273 in 2019" in message
    assert "source 'nobody' is not in config/sources.yml" in message
    assert "a record is a block of fields without `source`; got: 1" in message


def test_without_a_folder_nothing_is_on_record(project: Project, tmp_path: Path) -> None:
    assert read_corrections(tmp_path, catalog=project.catalog, regions=project.registry.codes) == ()


@pytest.mark.parametrize(
    ("language", "first", "told"),
    [
        (
            "en",
            "Erratum, November 24, 2026",
            "rest on 3.83%, in place of the published 3.38%. Digits were swapped.",
        ),
        ("id", "Ralat, 24 November 2026", "3,83%"),
    ],
)
def test_the_region_s_page_says_what_was_corrected_and_when(
    language: Any, first: str, told: str, project: Project
) -> None:
    text = str(errata([record()], Labels(project, language)))
    assert first in text
    assert told in text
    assert "BPS Kota Bandung (2020), table 4.1" in text


def test_a_page_without_a_record_says_nothing_and_the_data_page_says_that(project: Project) -> None:
    labels = Labels(project, "en")
    assert errata([], labels) is None
    assert str(corrections_table([], labels)) == "No error or dispute is on record."
    table = corrections_table([record(), dispute(code="x", year=2018)], labels)
    assert "3.83%" in table.html  # type: ignore[union-attr]


def test_the_page_of_the_region_alone_depends_on_the_record(small: Project) -> None:
    def states(project: Project) -> dict[str, str]:
        return regional._states([regional._corrections(project)], ["3204", "7502"])

    before = states(small)
    path = small.config_dir / "corrections" / "bps_poverty.yml"
    path.write_text(path.read_text().replace("Unresolved. 18.06 is kept", "Still unresolved. 18.06 is kept"))
    after = states(Project(root=small.root))
    assert before["3204"] == after["3204"]
    assert before["7502"] != after["7502"]


def test_kept_tables_depend_on_the_records(small: Project) -> None:
    before = processed.indicators(small)
    write(small, RECORD)
    after = processed.indicators(Project(root=small.root))
    changed = after[(before["value"] != after["value"]).to_numpy()]
    assert changed[["region_code", "year", "indicator"]].to_numpy().tolist() == [
        ["3273", 2019, "poverty_rate"]
    ]


def test_every_reason_of_a_grade_has_words_in_both_languages(project: Project) -> None:
    for language in ("id", "en"):
        words = Labels(project, language).reasons("self_reported+corrected:x+disputed:y")  # type: ignore[arg-type]
        assert words.count(";") == 2
    assert Words("en").say("in dispute: see the note") == "in dispute: see the note"


def _empty(root: Path) -> Path:
    (root / "config").mkdir()
    return root
