"""Every spoilt file of ``config/`` is refused with its place and the way to mend it: no traceback, no silence."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.errors import BadInputError
from evaluation.studies.check import configuration_faults
from evaluation.studies.project import Project

CONFIG = Path(__file__).parents[2] / "config"
BAD_CONFIG = 3
BYTE_ORDER_MARK = "\ufeff"

Edit = Callable[[str], str]


@dataclass(frozen=True)
class Case:
    """One file spoilt in one way, and words that its message must hold."""

    file: str
    edit: Edit
    words: tuple[str, ...]


def swap(old: str, new: str) -> Edit:
    """Return an edit that replaces the first occurrence of a text, which must be there."""

    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def match(pattern: str, new: str) -> Edit:
    """Return an edit that replaces the first match of a pattern, which must be there."""

    def edit(text: str) -> str:
        assert re.search(pattern, text, flags=re.MULTILINE)
        return re.sub(pattern, new, text, count=1, flags=re.MULTILINE)

    return edit


def whole(content: str) -> Edit:
    """Return an edit that puts another content in place of the file's."""
    return lambda _: content


def header_only(text: str) -> str:
    return text.splitlines()[0] + "\n"


def with_semicolons(text: str) -> str:
    return text.replace(",", ";")


def without_column(name: str) -> Edit:
    """Return an edit that renames a column, so that it is absent under its own name."""
    return lambda text: text.replace(name, f"other_{name}", 1)


def doubled_row(number: int) -> Edit:
    """Return an edit that repeats a row, counted from 1 for the header."""

    def edit(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join([*lines[:number], lines[number - 1], *lines[number:]])

    return edit


def one_cell_more(*numbers: int) -> Edit:
    """Return an edit that adds a cell to rows, counted from 1 for the header."""

    def edit(text: str) -> str:
        lines = text.splitlines()
        return (
            "\n".join(line + (",surplus" if n in numbers else "") for n, line in enumerate(lines, start=1))
            + "\n"
        )

    return edit


def yaml_cases(file: str, top: str) -> Iterator[Case]:
    """Yield the ways in which any YAML file with one top field may be spoilt."""
    yield Case(file, whole(""), (file, "the file is empty"))
    yield Case(file, whole("word\n"), (file, "must be a block of fields", "'word'"))
    yield Case(file, whole("- 1\n- 2\n"), (file, "must be a block of fields", "[1, 2]"))
    yield Case(file, whole(f"{top}: [\n"), (file, "not YAML", "line"))
    yield Case(
        file, lambda text: text + f"\n{top}: 1\n", (file, f"'{top}' stands twice", "keep one of the two")
    )
    yield Case(
        file, lambda text: text + "\nlater: 2026-13-45\n", (file, "'2026-13-45' cannot be read", "line")
    )
    yield Case(file, lambda text: text + "\nsurprise: 1\n", (file, "surprise", "field is unknown"))


def csv_cases(file: str) -> Iterator[Case]:
    """Yield the ways in which any CSV of the configuration may be spoilt."""
    yield Case(file, whole(""), (file, "the file is empty"))
    yield Case(file, whole("\n\n"), (file, "the file is empty"))
    yield Case(file, with_semicolons, (file, "separated by semicolons"))
    yield Case(file, one_cell_more(3, 5), (f"{file}, row 3", f"{file}, row 5", "2 faults found", "cells"))
    yield Case(
        file,
        without_column("region_code" if "changes" not in file else "from_code"),
        ("is absent", "add the"),
    )
    yield Case(file, lambda text: text + '"open', (file, "no readable CSV"))
    yield Case(file, lambda text: text.replace("\n", ",\n"), (file, "has no name"))


SOURCES = [
    *yaml_cases("sources.yml", "sources"),
    Case("sources.yml", whole("sources:\n"), ("sources.yml, sources", "block of fields", "None")),
    Case(
        "sources.yml", whole("sources: [a, b]\n"), ("sources.yml, sources", "block of fields", "['a', 'b']")
    ),
    Case("sources.yml", whole("sources: {5: {}}\n"), ("sources.yml", "must be text", "5")),
    Case(
        "sources.yml", match(r"^    code_system: bps_2021$", "    code_system: [bps_2021]"), ("code_system",)
    ),
    Case("sources.yml", match(r"^  bkp_fsva:$", "  bapanas_fsva:"), ("'bapanas_fsva' stands twice",)),
]

INDICATOR_FILE = "indicators/economy.yml"
INDICATORS = [
    *yaml_cases(INDICATOR_FILE, "indicators"),
    Case(INDICATOR_FILE, whole("indicators:\n"), ("economy.yml, indicators", "must be a list", "None")),
    Case(INDICATOR_FILE, whole("indicators: 3\n"), ("economy.yml, indicators", "must be a list", "3")),
    Case(
        INDICATOR_FILE,
        whole("indicators: [3, null]\n"),
        ("indicator number 1", "number 2", "block of fields"),
    ),
    Case(INDICATOR_FILE, match(r"valid_range: .*$", "valid_range: [.nan, .nan]"), ("valid_range", "finite")),
    Case(INDICATOR_FILE, match(r"valid_range: .*$", "valid_range: [5, 1]"), ("valid_range must rise",)),
    Case(INDICATOR_FILE, match(r"^ +valid_range: .*\n", ""), ("needs its valid_range",)),
    Case(
        INDICATOR_FILE,
        match(r"^( +)low: .*$", r"\1low: -1.0"),
        ("goalposts must lie in the valid range",),
    ),
    Case(INDICATOR_FILE, match(r"decimals: \d", "decimals: true"), ("decimals", "whole number", "True")),
    Case(INDICATOR_FILE, match(r"decimals: \d", "decimals: '2'"), ("decimals", "whole number", "'2'")),
    Case(INDICATOR_FILE, match(r"direction: 1$", "direction: true"), ("direction", "-1 or 1", "True")),
    Case(INDICATOR_FILE, match(r"set_on: .*$", "set_on: 5"), ("set_on", "date", "5")),
    Case(INDICATOR_FILE, match(r"years: \[2010, ", "years: [2110, "), ("years", "2100")),
    Case(INDICATOR_FILE, match(r"^( +)high: .*$", r"\1high: .inf"), ("goalposts.high", "finite number")),
    Case(INDICATOR_FILE, match(r"^  - code: \w+$", "  - code: ''"), ("code", "the text is empty")),
    Case(
        INDICATOR_FILE,
        match(r"source: \w+", "source: bps_nowhere"),
        ("'bps_nowhere' is not in config/sources.yml",),
    ),
    Case(
        "indicators/context.yml",
        swap("code: population", "code: people"),
        ("'population' is absent", "peers"),
    ),
]

PILLARS = [
    *yaml_cases("pillars.yml", "pillars"),
    Case("pillars.yml", swap("score_range: [1, 100]", "score_range: [1, -1]"), ("score_range.1", "greater")),
    Case("pillars.yml", swap("score_range: [1, 100]", "score_range: [1, .nan]"), ("score_range.1", "finite")),
    Case(
        "pillars.yml",
        swap("score_range: [1, 100]", "score_range: [60, 20]"),
        ("score_range", "below the highest"),
    ),
    Case("pillars.yml", match(r"^bands:\n(  - .*\n)+", "bands: []\n"), ("bands", "at least 1 item")),
    Case("pillars.yml", swap("from: 1,", "from: 5,"), ("bands start at the lowest score", "[5.0, 20.0")),
    Case("pillars.yml", swap("from: 40,", "from: 10,"), ("bands must rise",)),
    Case("pillars.yml", match(r"^  - \{band: 5.*\n", ""), ("bands start", "edges the pages draw")),
    Case("pillars.yml", swap("band: 2,", "band: 4,"), ("bands are numbered from 1",)),
    Case(
        "pillars.yml",
        swap("coverage_floor: {A: 1.0, B: 0.5}", "coverage_floor: {}"),
        ("floor of grade A", "grade B"),
    ),
    Case("pillars.yml", swap("{A: 1.0, B: 0.5}", "{A: 0.4, B: 0.5}"), ("grade A asks for less",)),
    Case(
        "pillars.yml",
        match(r"^grade_words:\n(  .*\n)+", "grade_words: {}\n"),
        ("grade_words", "grade A", "grade C"),
    ),
    Case("pillars.yml", match(r"^  C: \{symbol.*\n", ""), ("grade_words", "grade C has no entry")),
    Case(
        "pillars.yml",
        match(r"^population_classes:\n(?:(?:  .*)\n)+", "population_classes: []\n"),
        ("population_classes", "at least 1 item"),
    ),
    Case(
        "pillars.yml",
        swap("{code: large,", "{code: large, below: 9000000,"),
        ("last class must be open-ended",),
    ),
    Case("pillars.yml", swap("    below: 200000\n", ""), ("every class but the last", "below")),
    Case("pillars.yml", swap("below: 200000", "below: 2000000"), ("classes must rise",)),
    Case("pillars.yml", swap("below: 200000", "below: true"), ("below", "whole number", "True")),
    Case(
        "pillars.yml",
        swap("edition_years: [2019, 2024]", "edition_years: [2019, 2019]"),
        ("2019 stands 2 times",),
    ),
    Case(
        "pillars.yml", swap("years: [2014, 2021]", "years: [2021, 2014]"), ("first year lies after the last",)
    ),
    Case("pillars.yml", swap("index_min_pillars: 4", "index_min_pillars: 7"), ("there are only 6 pillars",)),
    Case("pillars.yml", swap("pillar_min_dimensions: 1", "pillar_min_dimensions: 4"), ("only 3 dimensions",)),
]

REGION_1101 = "1101,Kabupaten Simeulue,kabupaten,Aceh,11,Aceh,11,1101,11.09,1109,,,,,1101,yes,,"
CREATED = ",2013,,UU 7/2013,"
REGIONS = [
    *csv_cases("regions.csv"),
    Case("regions.csv", header_only, ("no row below the header",)),
    *(
        Case("regions.csv", without_column(column), (f"column '{column}' is absent",))
        for column in (
            "autonomous",
            "valid_from_year",
            "former_name",
            "parent_region_code",
            "kemendagri_code",
            "bps_code_2024",
            "type",
            "province",
        )
    ),
    Case(
        "regions.csv",
        swap("1101,yes,,", "1101,maybe,,"),
        ("regions.csv, row 2", "autonomous 'maybe'", "yes or no"),
    ),
    Case("regions.csv", swap("1101,yes,,", "1101,Yes,,"), ("row 2", "autonomous 'Yes'")),
    Case("regions.csv", swap(CREATED, ",early,,UU 7/2013,"), ("valid_from_year 'early' is not a year",)),
    Case(
        "regions.csv",
        swap(REGION_1101, REGION_1101.replace("11.09,1109,,", "11.09,1109,2013,")),
        ("row 2", "2013"),
    ),
    Case("regions.csv", swap("UU 7/2013,1603,", "UU 7/2013,9999,"), ("parent_region_code '9999'",)),
    Case(
        "regions.csv",
        swap("Kabupaten Simeulue,kabupaten", "Kabupaten Simeulue,town"),
        ("row 2", "type 'town'"),
    ),
    Case("regions.csv", swap("Kabupaten Simeulue,", ","), ("row 2", "name '' does not begin with")),
    Case("regions.csv", swap("1101,11.09,", ",11.09,"), ("row 2", "bps_code_2024 ''", "four-digit")),
    Case("regions.csv", swap(",11.09,", ",11.9,"), ("row 2", "kemendagri_code '11.9'")),
    Case("regions.csv", doubled_row(2), ("row 2", "row 3", "region_code '1101' stands more than once")),
]

GRID_1101 = "1101,Simeulue,Aceh,Sumatra,0,4,96.05383870967742,2.626"
GRID = [
    *csv_cases("tilegrid.csv"),
    Case("tilegrid.csv", header_only, ("no row below the header",)),
    Case(
        "tilegrid.csv",
        swap(GRID_1101, "1101,Simeulue,Aceh,Sumatra,,,,"),
        ("row 2: col ''", "row ''", "lon ''", "lat ''"),
    ),
    Case(
        "tilegrid.csv", swap(GRID_1101, "1101,Simeulue,Aceh,Sumatra,a,b,c,d"), ("row 2: col 'a'", "lat 'd'")
    ),
    Case(
        "tilegrid.csv",
        swap(GRID_1101, "1101,Simeulue,Aceh,Sumatra,0,4.5,nan,inf"),
        ("row '4.5'", "lon 'nan'", "'inf'"),
    ),
    Case(
        "tilegrid.csv",
        swap(GRID_1101, "1101,Simeulue,Aceh,Sumatra,0,4,2.626,96.05"),
        ("no place in Indonesia",),
    ),
    Case("tilegrid.csv", swap(",Sumatra,0,4", ",,0,4"), ("row 2", "island_group '' is empty")),
    Case("tilegrid.csv", swap(",0,4,96", ",2,5,96"), ("tile 2, 5 is another region's",)),
    Case("tilegrid.csv", doubled_row(2), ("row 3", "region_code '1101' stands more than once", "one tile")),
    Case("tilegrid.csv", swap(GRID_1101 + "\n", ""), ("region '1101' stands in only one of",)),
]

CHANGES = [
    *csv_cases("region_changes.csv"),
    Case("region_changes.csv", header_only, ("no row below the header",)),
    Case(
        "region_changes.csv", swap("2022,9106,9203", "soon,9106,9203"), ("row 2", "year 'soon' is not a year")
    ),
    Case("region_changes.csv", swap("2022,9106,9203", "2022,9999,9203"), ("row 2", "from_code '9999'")),
    Case("region_changes.csv", swap("2022,9106,9203", "2022,9106,0000"), ("row 2", "to_code '0000'")),
    Case("region_changes.csv", swap("9203,recode", "9203,renumber"), ("row 2", "kind 'renumber'", "merge")),
    Case("region_changes.csv", swap("recode,1,", "recode,much,"), ("row 2", "weight 'much' is no share")),
    Case("region_changes.csv", swap("recode,1,", "recode,1.5,"), ("row 2", "weight '1.5' is no share")),
    Case("region_changes.csv", swap("recode,1,", "recode,nan,"), ("row 2", "weight 'nan' is no share")),
    Case("region_changes.csv", doubled_row(2), ("row 3", "recode of 9106 to 9203 stands twice")),
    Case(
        "region_changes.csv",
        match(r"^2013,1603,1612,split.*\n", ""),
        ("1612 was created in 2013", "add the split"),
    ),
]

COHORTS = [
    *csv_cases("cohorts.csv"),
    Case("cohorts.csv", header_only, ("cohorts.csv", "no row below the header")),
    Case(
        "cohorts.csv",
        swap(",2023,50 daerah 2023", ",soon,50 daerah 2023"),
        ("row 2", "joined 'soon' is not a year"),
    ),
    Case(
        "cohorts.csv",
        swap(",2023,50 daerah 2023", ",2020,50 daerah 2023"),
        ("joined in 2020", "no design has"),
    ),
    Case("cohorts.csv", swap("one_source", "no_source"), ("row 2", "confidence 'no_source'")),
    Case(
        "cohorts.csv", swap(",not_finished,", ",unfinished,"), ("master_plan 'unfinished'", "leave it empty")
    ),
    Case(
        "cohorts.csv",
        match(r"participant_list,,http", "participant_list,,no"),
        ("row 2", "has no citation; source_url"),
    ),
    Case("cohorts.csv", doubled_row(4), ("row 5", "stands twice")),
    *csv_cases("unresolved.csv"),
    Case("unresolved.csv", swap(",not_control,", ",maybe,"), ("row 2", "role 'maybe' is unknown")),
    Case("unresolved.csv", doubled_row(2), ("row 3", "stands twice")),
]

UNCERTAINTY = [
    *yaml_cases("uncertainty.yml", "assumptions"),
    Case("uncertainty.yml", swap("spread: 0.25", "spread: 1.5"), ("spread", "1.5")),
    Case("uncertainty.yml", swap("replications: 2000", "replications: 3"), ("replications", "3")),
    Case("uncertainty.yml", swap("interval: [0.05, 0.95]", "interval: [0.6, 0.95]"), ("hold the median",)),
    Case("uncertainty.yml", swap("code: goalposts\n", "code: weights\n"), ("'weights' stands 2 times",)),
    Case("uncertainty.yml", swap("level: pillar", "level: index"), ("'index' is varied 2 times",)),
    Case("uncertainty.yml", swap("vary: leave_out", "vary: everything"), ("everything",)),
]

POVERTY_OUTCOME = r"^  - \{indicator: poverty_rate.*\n"
PLAN = [
    *yaml_cases("study_plan.yml", "rows"),
    Case(
        "study_plan.yml",
        swap("code: unconditional,", "code: conditional,"),
        ("rows", "'conditional' stands twice"),
    ),
    Case(
        "study_plan.yml",
        swap("code: unconditional,", "code: plain,"),
        ("'unconditional' is absent", "impact page"),
    ),
    Case("study_plan.yml", swap("headline: true, ", ""), ("exactly one row is the headline", "got: none")),
    Case(
        "study_plan.yml", swap("covariates: none,", "covariates: none, headline: true,"), ("exactly one row",)
    ),
    Case("study_plan.yml", swap("headline: true", "headline: 1"), ("headline", "true or false")),
    *(
        Case(
            "study_plan.yml",
            swap(f"code: {code},", "code: other,"),
            (f"'{code}' is absent", "the impact page names it"),
        )
        for code in ("base_2020", "with_exposure", "base_2020_unconditional")
    ),
    *(
        Case(
            "study_plan.yml", swap(f"code: {code}\n", "code: other\n"), (f"'{code}' is absent", "impact page")
        )
        for code in ("joiners_2017_2018", "joiners_2021")
    ),
    Case(
        "study_plan.yml",
        swap("code: base_2020, designs: [joiners_2021]", "code: base_2020, designs: [joiners_2017_2018]"),
        ("rows, base_2020", "shows this row for joiners_2021"),
    ),
    Case(
        "study_plan.yml",
        swap("designs: [joiners_2021]", "designs: [joiners_2020]"),
        ("'joiners_2020' is not in",),
    ),
    Case(
        "study_plan.yml", swap("code: joiners_2022", "code: joiners_2019"), ("'joiners_2019' stands twice",)
    ),
    Case(
        "study_plan.yml", match(POVERTY_OUTCOME, ""), ("'poverty_rate' is no outcome", "its scale is taken")
    ),
    Case(
        "study_plan.yml", match(r"^outcomes:\n(  .*\n)+", "outcomes: []\n"), ("outcomes", "at least 1 item")
    ),
    Case(
        "study_plan.yml",
        swap("indicator: hdi,", "indicator: poverty_rate,"),
        ("'poverty_rate' stands twice",),
    ),
    Case("study_plan.yml", swap("margin: 0.3,", "margin: 0,"), ("margin", "greater than 0")),
    Case("study_plan.yml", swap("margin: 0.3,", "margin: .nan,"), ("margin", "finite number")),
    Case("study_plan.yml", swap("margin: 0.3,", "margin: true,"), ("margin", "must be a number")),
    Case("study_plan.yml", swap("[Java, Bali]", "[Java]"), ("'Bali' of config/tilegrid.csv is in no group",)),
    Case("study_plan.yml", swap("[Java, Bali]", "[Java, Bali, Sumatra]"), ("'Sumatra' stands twice",)),
    Case("study_plan.yml", swap("[Java, Bali]", "[Java, Bali, Borneo]"), ("'Borneo' is no island group",)),
    Case("study_plan.yml", swap("Java_Bali:", "West:"), ("rows, without_java_and_bali", "'Java_Bali'")),
    Case("study_plan.yml", swap("end_year: 2019", "end_year: 2016"), ("end_year 2016 lies before", "2017")),
    Case("study_plan.yml", swap("[2011, 2015]", "[2015, 2011]"), ("first year lies after the last",)),
    Case("study_plan.yml", swap("[2011, 2015]", "[2011, 2018]"), ("covariate_years end in 2018",)),
    Case("study_plan.yml", swap("[2011, 2015]", "[2009, 2015]"), ("covariate_years begin in 2009",)),
    Case("study_plan.yml", swap("years: [2019, 2020]", "years: [2019, 2019]"), ("a change needs two years",)),
    Case(
        "study_plan.yml",
        swap("joined: [2019]", "joined: [2018]"),
        ("joining year 2018 lies in two designs",),
    ),
    Case(
        "study_plan.yml",
        swap("joined: [2022]", "joined: [2020]"),
        ("joined in 2022", "joining year 2020 is planned"),
    ),
    Case("study_plan.yml", swap("anticipation: 1 ", "anticipation: true "), ("anticipation", "whole number")),
    Case(
        "study_plan.yml",
        match(r"^written: .*$", "written: 2026-02-30"),
        ("'2026-02-30' cannot be read", "line"),
    ),
    Case("study_plan.yml", match(r"^written: .*$", "written: soon"), ("written", "date")),
    Case(
        "study_plan.yml",
        swap("{joined: 2017, announced: 25}", "{joined: 2018, announced: 25}"),
        ("'2018' stands",),
    ),
]

CASES = [*SOURCES, *INDICATORS, *PILLARS, *REGIONS, *GRID, *CHANGES, *COHORTS, *PLAN, *UNCERTAINTY]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a copy of the configuration that a test may spoil."""
    return shutil.copytree(CONFIG, tmp_path / "config")


def spoil(config_dir: Path, case: Case) -> None:
    path = config_dir / case.file
    before = path.read_text(encoding="utf-8")
    after = case.edit(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}-{case.words[-1]}" for case in CASES])
def test_a_spoilt_file_is_refused_with_its_place(config: Path, case: Case) -> None:
    spoil(config, case)
    faults = configuration_faults(Project(root=config.parent))
    message = str(BadInputError(faults))
    for word in case.words:
        assert word in message
    for fault in faults:
        assert str(config) in fault.where
        assert fault.what
        assert fault.why
        assert fault.remedy


def test_the_configuration_as_it_stands_has_no_fault(config: Path) -> None:
    assert configuration_faults(Project(root=config.parent)) == ()


def test_a_byte_order_mark_is_passed_over(config: Path) -> None:
    for path in (*config.glob("*.csv"), *config.rglob("*.yml")):
        path.write_text(BYTE_ORDER_MARK + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert configuration_faults(Project(root=config.parent)) == ()


def test_blank_lines_are_passed_over_and_counted(config: Path) -> None:
    path = config / "cohorts.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2:2] = ["", ""]
    lines[4] = lines[4].replace(",two_sources,", ",hearsay,")
    path.write_text("\n".join([*lines, "", ""]), encoding="utf-8")
    (fault,) = configuration_faults(Project(root=config.parent))
    assert fault.where.endswith("cohorts.csv, row 5")


def test_doubts_may_all_be_resolved(config: Path) -> None:
    path = config / "unresolved.csv"
    path.write_text(header_only(path.read_text(encoding="utf-8")), encoding="utf-8")
    project = Project(root=config.parent)
    assert configuration_faults(project) == ()
    assert (project.programme.cohorts["role"] == "").all()


def test_an_absent_file_is_named(config: Path) -> None:
    for path in sorted((*config.glob("*.csv"), *config.glob("*.yml"))):
        if path.name == "reports.yml":
            continue
        content = path.read_bytes()
        path.unlink()
        message = str(BadInputError(configuration_faults(Project(root=config.parent))))
        assert f"{path}: the file is not there" in message
        path.write_bytes(content)


def test_faults_of_several_files_are_told_at_once(config: Path) -> None:
    spoil(config, Case("regions.csv", swap("1101,yes,,", "1101,maybe,,"), ()))
    spoil(config, Case("tilegrid.csv", swap(",0,4,96", ",x,4,96"), ()))
    spoil(config, Case("pillars.yml", swap("from: 40,", "from: 45,"), ()))
    spoil(config, Case("sources.yml", whole("sources:\n"), ()))
    message = str(BadInputError(configuration_faults(Project(root=config.parent))))
    for part in ("autonomous 'maybe'", "col 'x'", "bands start", "sources.yml, sources"):
        assert part in message
    # what names a file that could not be read is no fault of its own
    assert "is not in config/sources.yml" not in message


@pytest.mark.parametrize(
    "case",
    [SOURCES[1], SOURCES[5], INDICATORS[7], REGIONS[8], GRID[8], COHORTS[7], PLAN[7]],
    ids=lambda case: f"{case.file}-{case.words[-1]}",
)
def test_check_exits_with_3_and_a_message(
    project_copy: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    spoil(project_copy.config_dir, case)
    monkeypatch.chdir(project_copy.root)
    assert main(["check"]) == BAD_CONFIG
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert "what to do" in message
    for word in case.words:
        assert word in message
