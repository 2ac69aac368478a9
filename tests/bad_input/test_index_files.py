"""Every spoilt file of ``evaluation index`` is refused with all its faults: exit 3, no traceback, nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.index import build_index, spec_from_mapping
from evaluation.studies.index_files import read_index_data, read_index_file

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "index"
BAD_INPUT = 3
USAGE = 2

Edit = Callable[[str], str]


def swap(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


CASES: tuple[tuple[str, Edit, tuple[str, ...]], ...] = (
    (
        "regions.csv",
        swap("74.46", "74,46x"),
        ("row 14", "the row has 8 cells, the header 7"),
    ),
    ("regions.csv", swap("74.46", "n/a"), ("row 14", "'n/a' is no number")),
    ("regions.csv", swap("mean_years_schooling", "schooling"), ("'mean_years_schooling' is absent",)),
    ("regions.csv", swap("3273,Kota Bandung,2021", "3273,Kota Bandung,2019"), ("stands more than once",)),
    ("regions.csv", swap("3273,Kota Bandung,2021", ",Kota Bandung,2021"), ("region_code is empty",)),
    ("regions.csv", swap("74.46", "10.0"), ("zero or less",)),
    ("elements.csv", swap("health,index", "helth,index"), ("'health'",)),
    ("elements.csv", swap("linear,20,85", "linear,85,20"), ("life_expectancy",)),
    ("elements.csv", swap("code,parent,level,direction", "code,parent,level,sense"), ("'sense' is unknown",)),
    ("human_development.yml", swap("steps:", "stops:"), ("'stops' is unknown", "did you mean 'steps'")),
    ("human_development.yml", swap("method: goalposts", "method: goalpost"), ("'goalpost' is unknown",)),
    ("human_development.yml", swap(", non_positive: checked", ""), ("geometric",)),
    ("human_development.yml", swap("kind: weight_noise", "kind: noise"), ("'noise' is unknown",)),
    ("human_development.yml", swap("elements.csv", "nowhere.csv"), ("there is no such file",)),
    ("human_development.yml", swap("label: human-development", "label: [\n"), ("not YAML",)),
    ("human_development.yml", swap("elements.csv", "3"), ("elements_file: a text is needed",)),
    ("human_development.yml", swap("levels:", "read_only_columns: name\nlevels:"), ("a list is needed",)),
    ("human_development.yml", swap("levels:", "levels: 3\nx:"), ("at least two levels", "'x' is unknown")),
    ("human_development.yml", swap("  - indicator\n", "  - {nam: indicator}\n"), ("has no name",)),
    ("human_development.yml", swap("time_column: year", "time_column: region_code"), ("two of: the units",)),
    ("human_development.yml", swap("unit_column: region_code", "unit_column: life_expectancy"), ("two of",)),
    ("human_development.yml", swap("[0, 100]", "[0, 100], scope: per_time"), ("has no use for 'scope'",)),
    ("regions.csv", swap("74.46", "1e999"), ("infinite",)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2][-1][:24]}")
def test_a_spoilt_file_is_refused(
    case: tuple[str, Edit, tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, edit, words = case
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    path = folder / name
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    code, out = run("build", folder, tmp_path)
    told = capsys.readouterr().err
    assert code == BAD_INPUT, told
    assert all(word in told for word in words), told
    assert "Traceback" not in told
    assert not out.exists()


def test_all_faults_of_the_data_stand_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    path = folder / "regions.csv"
    text = (
        path.read_text(encoding="utf-8").replace("74.46", "?").replace("16996.0", "x").replace("87.18", "y")
    )
    path.write_text(text, encoding="utf-8")
    assert run("build", folder, tmp_path)[0] == BAD_INPUT
    told = capsys.readouterr().err
    assert "'?' is no number" in told
    assert "'x' is no number" in told


def test_missing_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(EXAMPLE / "human_development.yml")
    assert (
        main(["index", "build", spec, str(tmp_path / "none.csv"), "--out", str(tmp_path / "o")]) == BAD_INPUT
    )
    assert (
        main(["index", "build", str(tmp_path / "none.yml"), spec, "--out", str(tmp_path / "o")]) == BAD_INPUT
    )
    told = capsys.readouterr().err
    assert told.count("there is no such file") == 2


def test_nothing_varies_without_factors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    path = folder / "human_development.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("factors:")], encoding="utf-8")
    assert run("sensitivity", folder, tmp_path)[0] == USAGE
    assert "names no `factors`" in capsys.readouterr().err


def test_a_time_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", EXAMPLE, tmp_path, "--time", "2020")[0] == USAGE
    assert "2019, 2021" in capsys.readouterr().err


def run(method: str, folder: Path, tmp_path: Path, *more: str) -> tuple[int, Path]:
    out = tmp_path / "out"
    files = [str(folder / "human_development.yml"), str(folder / "regions.csv")]
    return main(["index", method, *files, "--out", str(out), *more]), out


def test_faults_of_steps_elements_and_factors_stand_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    for name, edits in {
        "human_development.yml": (("spread: 0.25", "sprd: 0.25"), ("method: goalposts", "method: goalpost")),
        "elements.csv": (("linear,20,85", "linear,20,x"),),
    }.items():
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in edits:
            text = swap(old, new)(text)
        (folder / name).write_text(text, encoding="utf-8")
    assert run("build", folder, tmp_path)[0] == BAD_INPUT
    told = capsys.readouterr().err
    for word in ("did you mean 'spread'", "did you mean 'goalposts'", "life_expectancy", "got: 'x'"):
        assert word in told


def test_a_unit_without_a_group_is_filled_from_no_group(tmp_path: Path) -> None:
    rows = ["unit,island,a,b", "u,java,1,1", "v,java,,2", "w,,5,3", "x,,,4"]
    (tmp_path / "data.csv").write_text("\n".join(rows), encoding="utf-8")
    mapping = {
        "levels": ["indicator", "index"],
        "elements": [
            {"code": "a", "parent": "top", "level": "indicator"},
            {"code": "b", "parent": "top", "level": "indicator"},
            {"code": "top", "level": "index"},
        ],
        "steps": {"impute": {"method": "group_mean", "group": "island"}, "normalise": {"method": "minmax"}},
    }
    spec = spec_from_mapping(mapping)
    filled = build_index(read_index_data(tmp_path / "data.csv", spec), spec).steps["imputed"]["a"]
    assert filled.fillna(-1).tolist() == [1.0, 1.0, 5.0, -1.0]


def test_times_that_are_not_all_whole_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    text = (EXAMPLE / "regions.csv").read_text(encoding="utf-8")
    (tmp_path / "data.csv").write_text(text.replace(",2019,", ",2019 (old),"), encoding="utf-8")
    spec = read_index_file(EXAMPLE / "human_development.yml").spec
    times = read_index_data(tmp_path / "data.csv", spec).index.get_level_values("year")
    assert set(times) == {"2019 (old)", "2021"}
