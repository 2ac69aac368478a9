"""The notebooks keep their rules, run as they are, and make the pages that readers see."""

from __future__ import annotations

import ast
import base64
import html
import io
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from openpyxl import load_workbook

from evaluation.catalog import Language
from evaluation.cli import main
from evaluation.reporting.export import HIDDEN_TAGS
from evaluation.studies.index_audit import PARTS
from evaluation.studies.project import Project

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXPECTED = [
    "01_data_audit",
    "02_indicators",
    "03_pillar_scores",
    "04_programme_impact",
    "05_region_report",
    "06_national_overview",
    "07_index_audit",
    "08_power",
    "09_region_effects",
]
LONGEST_CELL = 12
NATIONAL_PAGES = (
    "index",
    "impact",
    "pillars",
    "indicators",
    "data-audit",
    "index-audit",
    "power",
    "region-effects",
)
CITY_2017, TOURISM_2021, NEVER_JOINED = "3273", "1902", "9436"
LARGEST_REGION_PAGE = 300_000
"""Bytes: a page for one region opens on a telephone within seconds where the network is poor."""
A_RANK = re.compile(r"\bperingkat (?P<rank>\d[\d.]*)(?P<rest>.{0,60})")
WITH_ITS_INTERVAL = re.compile(r" \(\d[\d.]*–\d[\d.]*\) dari \d")
ONE_INDICATOR = re.compile(r" dari \d+(, bersama daerah lain)? \(satu indikator\)")
LONGEST_ANSWER = 110
"""Words: the answer and the forest below it fit one screen of a desk."""
NAMES_AND_SYMBOLS = re.compile(r"\bCOVID-19\b|C = 1|\(0\)")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project with its national pages and three region pages made by the command."""
    root = tmp_path_factory.mktemp("built")
    for folder in ("config", "data/raw", "notebooks"):
        shutil.copytree(ROOT / folder, root / folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        codes = ",".join((CITY_2017, TOURISM_2021, NEVER_JOINED))
        assert main(["run", "--region", codes, "--jobs", "2"]) == 0
    return Project(root=root)


def page(project: Project, relative: str) -> str:
    return (project.reports_dir / relative).read_text(encoding="utf-8")


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def test_the_notebooks_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == EXPECTED


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_tell_and_do_not_compute(path: Path) -> None:
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= LONGEST_CELL
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert not any(
            isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.For) for node in nodes
        )
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_type_and_a_comment(path: Path) -> None:
    parameters = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
    assert len(parameters) == 1
    for line in parameters[0].source.splitlines():
        assert re.fullmatch(r"[a-z_]+: (str|int|float|bool|list) = .+  # .+", line), line


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_holds_no_typed_number(path: Path) -> None:
    for cell in cells(path, "markdown"):
        prose = NAMES_AND_SYMBOLS.sub("", re.sub(r"<sub>.*?</sub>", "", cell.source))
        assert not re.search(r"\d", prose), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_comes_before_code_in_every_section(path: Path) -> None:
    shown = [
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if not HIDDEN_TAGS.intersection(cell.metadata.get("tags", []))
    ]
    assert shown[0].cell_type == "markdown"
    assert shown[0].source.startswith("# ")


def test_every_page_of_the_plan_is_made_in_its_languages(built: Project) -> None:
    for name in NATIONAL_PAGES:
        assert (built.reports_dir / "en" / f"{name}.html").is_file()
        indonesian = "index.html" if name == "index" else f"id/{name}.html"
        assert 'lang="id"' in page(built, indonesian)
    for code in (CITY_2017, TOURISM_2021, NEVER_JOINED):
        assert (built.reports_dir / "id" / "region" / f"{code}.html").is_file()


def test_the_index_links_only_to_pages_that_exist(built: Project) -> None:
    index = page(built, "index.html")
    linked = re.findall(r'<a\b[^>]*\bhref="((?!#|data:)[^"]+)"', index)
    assert f"id/region/{CITY_2017}.html" in linked
    assert all((built.reports_dir / target.partition("#")[0]).is_file() for target in linked)


def test_no_page_asks_the_network_for_anything(built: Project) -> None:
    for path in built.reports_dir.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in html.unescape(text)
        assert not re.search(r'<(?:script|img|link|iframe)\b[^>]*(?:src|href)="https?:', text)


def test_a_joiner_s_page_names_its_year_and_a_never_joined_one_says_so(built: Project) -> None:
    assert "bergabung 2017" in page(built, f"id/region/{CITY_2017}.html")
    assert "bergabung 2021" in page(built, f"id/region/{TOURISM_2021}.html")
    assert "tidak ada dalam daftar peserta" in page(built, f"id/region/{NEVER_JOINED}.html")


def test_a_2021_joiner_s_page_tells_the_shock_from_an_effect(built: Project) -> None:
    text = page(built, f"id/region/{TOURISM_2021}.html")
    assert "Angka ini tidak dapat dibaca sebagai pengaruh program: COVID-19" in text
    assert "tidak ada dampak" not in text


def test_every_region_page_says_what_is_missing_and_who_publishes_it(built: Project) -> None:
    text = page(built, f"id/region/{NEVER_JOINED}.html")
    for indicator in built.catalog.with_use("wanted"):
        assert indicator.wanted is not None
        assert indicator.title.id in text


@pytest.mark.parametrize("code", [CITY_2017, TOURISM_2021, NEVER_JOINED])
def test_no_region_page_is_heavy_or_prints_a_rank_without_its_interval(built: Project, code: str) -> None:
    text = page(built, f"id/region/{code}.html")
    assert len(text.encode()) <= LARGEST_REGION_PAGE
    ranks = list(A_RANK.finditer(html.unescape(re.sub(r"<[^>]+>", " ", text))))
    assert len(ranks) > len(built.catalog.pillars)
    for rank in ranks:
        assert WITH_ITS_INTERVAL.match(rank["rest"]) or ONE_INDICATOR.match(rank["rest"]), rank.group()


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_pillars_page_tells_what_is_varied_and_why(built: Project, language: Language) -> None:
    text = html.unescape(page(built, f"{language}/pillars.html"))
    for assumption in built.uncertainty.assumptions:
        assert assumption.how.get(language) in text
        assert assumption.reason.get(language) in text
    assert built.uncertainty.covers.get(language) in text


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_audit_page_names_what_the_index_has_and_lacks_and_carries_every_part(
    built: Project, language: Language
) -> None:
    text = html.unescape(page(built, f"{language}/index-audit.html"))
    for dimension in built.catalog.dimensions.values():
        assert dimension.name.get(language) in text
    workbook = re.search(r'spreadsheetml\.sheet;base64,([^"]+)"', text)
    assert workbook is not None
    sheets = load_workbook(io.BytesIO(base64.b64decode(workbook.group(1))), read_only=True).sheetnames
    assert tuple(sheets) == PARTS


def test_the_audit_is_the_same_in_both_languages(built: Project) -> None:
    drawn = [re.findall(r' d="(M[^"]+)"', page(built, f"{one}/index-audit.html")) for one in ("id", "en")]
    assert drawn[0]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_impact_page_answers_first_and_then_leaves_nothing_out(
    built: Project, language: Language
) -> None:
    text = html.unescape(page(built, f"{language}/impact.html"))
    plan = built.study_plan
    lead, forest = text.index('class="output lead"'), text.index('class="forest compact"')
    assert lead < forest < text.index("<h2")
    assert len(re.sub(r"<[^>]+>", " ", text[lead : text.index("<figure", lead)]).split()) <= LONGEST_ANSWER
    assert text.count('class="curves"') == len(plan.outcomes)
    for row in plan.rows:
        assert row.title.get(language) in text
    for departure in plan.departures:
        assert departure.get(language) in text
    for outcome in plan.outcomes:
        assert outcome.margin_reason.get(language) in text


def test_the_impact_page_draws_the_same_in_both_languages(built: Project) -> None:
    drawn = [re.findall(r' d="(M[^"]+)"', page(built, f"{one}/impact.html")) for one in ("id", "en")]
    assert drawn[0]
    assert drawn[0] == drawn[1]


def test_a_region_without_a_published_score_of_the_ministry_has_no_such_section(built: Project) -> None:
    for code in (CITY_2017, TOURISM_2021, NEVER_JOINED):
        assert "valuasi kementerian" not in page(built, f"id/region/{code}.html")


def test_running_again_gives_the_same_bytes(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    target = built.reports_dir / "id" / "region" / f"{CITY_2017}.html"
    before = target.read_bytes()
    monkeypatch.chdir(built.root)
    assert main(["run", "--only", "regions", "--region", CITY_2017]) == 0
    assert target.read_bytes() == before


def test_a_new_vintage_changes_the_region_s_page_and_swapped_years_change_both(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.provenance import sha256_file

    source = built.raw_dir / "bps_hdi_poverty_2020_2024"
    new = source / "2026-11-24" / "revision.csv"
    new.parent.mkdir()
    header = "region_code,year,variable,value,unit,quality\n"
    new.write_text(f"{header}{CITY_2017},2024,poverty_rate,9.87,% of population,B\n")
    origin = (source / "2026-10-03" / "origin.yml").read_text()
    listed = f"files:\n  revision.csv: {sha256_file(new)}\nnote: revision\n"
    (new.parent / "origin.yml").write_text(origin[: origin.index("files:")] + listed)
    cohorts = built.config_dir / "cohorts.csv"
    text = cohorts.read_text()
    text = text.replace(
        f"{CITY_2017},Kota Bandung,Jawa Barat,2017", f"{CITY_2017},Kota Bandung,Jawa Barat,2021"
    )
    text = re.sub(rf"({TOURISM_2021},[^,]*,[^,]*),2021", r"\1,2017", text)
    cohorts.write_text(text)
    estimates = (built.processed_dir / "estimates.parquet").read_bytes()
    before = page(built, f"id/region/{CITY_2017}.html")
    monkeypatch.chdir(built.root)
    assert main(["run", "--region", f"{CITY_2017},{TOURISM_2021}", "--jobs", "2"]) == 0
    after = page(built, f"id/region/{CITY_2017}.html")
    assert "9,87%" in after
    assert "9,87%" not in before
    assert "bergabung 2021" in after
    assert "bergabung 2017" in page(built, f"id/region/{TOURISM_2021}.html")
    assert (built.processed_dir / "estimates.parquet").read_bytes() != estimates
