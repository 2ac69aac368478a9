"""The documented example gives the published human development index (BPS, new method), through the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from evaluation.cli import main
from evaluation.studies.index_files import read_index_data, read_index_file

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs" / "index_on_your_data.md"
EXAMPLE = ROOT / "docs" / "examples" / "index"

PUBLISHED = {
    ("3171", 2021): 84.90,
    ("3273", 2021): 81.96,
    ("3404", 2019): 83.85,
    ("3471", 2021): 87.18,
    ("5314", 2021): 62.60,
    ("9471", 2021): 80.11,
}
"""IPM of BPS by kabupaten/kota, new method (https://www.bps.go.id, dynamic table 413)."""
PRINTED = 0.006
"""Half a unit of the second printed decimal, and a little for components that are printed rounded."""


def documented_commands() -> list[list[str]]:
    text = DOC.read_text(encoding="utf-8")
    lines = re.findall(r"^evaluation (index (?:build|sensitivity|audit) .*)$", text, flags=re.MULTILINE)
    assert len(lines) == 3
    return [shlex.split(line) for line in lines]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    for words in documented_commands():
        words = [str(ROOT / word) if word.startswith("docs/") else word for word in words]
        assert main([*words[:-1], str(folder)]) == 0
    return folder


def test_the_example_gives_the_published_index(out: Path) -> None:
    scores = pd.read_csv(out / "scores.csv", dtype={"unit": str})
    index = scores[scores["code"] == "index"].set_index(["unit", "time"])["score"]
    for key, published in PUBLISHED.items():
        assert index[key] == pytest.approx(published, abs=PRINTED)


def test_the_line_that_the_page_shows_is_what_comes_out(out: Path) -> None:
    shown = re.search(r"^3273,2021,index,index,.*$", DOC.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert shown is not None
    assert shown.group() in (out / "scores.csv").read_text(encoding="utf-8").splitlines()


def test_intervals_hold_the_rank_of_a_clear_leader_and_shares_are_shares(out: Path) -> None:
    ranks = pd.read_csv(out / "rank_intervals.csv", dtype={"unit": str}).set_index(["unit", "time"])
    leader = ranks.loc[("3471", 2021)]
    assert (leader["rank"], leader["rank_low"], leader["rank_high"]) == (1, 1, 1)
    assert (ranks["rank_low"] <= ranks["rank_high"]).all()
    sobol = pd.read_csv(out / "sobol.csv")
    overall = sobol[sobol["outcome"] == "mean_rank_shift"]
    assert set(overall["factor"]) == {"weights", "mean", "upper_goalposts"}
    total = overall[overall["order"] == "total"]["estimate"]
    assert total.between(0, 1).all()
    assert total.sum() >= 1 - PRINTED


def test_the_same_commands_write_the_same_bytes(out: Path, tmp_path: Path) -> None:
    for words in documented_commands():
        words = [str(ROOT / word) if word.startswith("docs/") else word for word in words]
        assert main([*words[:-1], str(tmp_path)]) == 0
    first, second = ({path.name: path.read_bytes() for path in one.iterdir()} for one in (out, tmp_path))
    assert first.keys() == second.keys()
    assert all(first[name] == second[name] for name in first)


def test_every_step_has_a_numbered_file(out: Path) -> None:
    names = {path.name for path in out.glob("0*.csv")}
    assert {"00_raw.csv", "01_normalised.csv"} <= names
    raw = pd.read_csv(out / "00_raw.csv", dtype={"unit": str})
    given = pd.read_csv(EXAMPLE / "regions.csv", dtype={"region_code": str})
    assert raw["life_expectancy"].tolist() == given["life_expectancy"].tolist()


def test_excel_holds_what_the_files_hold(tmp_path: Path) -> None:
    spec, data = EXAMPLE / "human_development.yml", EXAMPLE / "regions.csv"
    assert main(["index", "build", str(spec), str(data), "--out", str(tmp_path), "--excel"]) == 0
    sheets = pd.read_excel(tmp_path / "index.xlsx", sheet_name=None, dtype={"unit": str})
    assert set(sheets) == {path.stem for path in tmp_path.glob("*.csv")}
    scores = pd.read_csv(tmp_path / "scores.csv", dtype={"unit": str})
    assert sheets["scores"]["unit"].tolist() == scores["unit"].tolist()
    assert sheets["scores"]["score"].tolist() == pytest.approx(scores["score"].tolist())


def test_comparing_names_the_difference_that_moved_the_ranks(tmp_path: Path) -> None:
    for name in ("elements.csv", "regions.csv"):
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    text = (EXAMPLE / "human_development.yml").read_text(encoding="utf-8")
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    old.write_text(text, encoding="utf-8")
    new.write_text(text.replace("name: index, aggregation: geometric", "name: index, aggregation: arithmetic")
                   .replace(", non_positive: checked", ""), encoding="utf-8")  # fmt: skip
    out = tmp_path / "out"
    assert (
        main(["index", "compare", str(old), str(new), str(tmp_path / "regions.csv"), "--out", str(out)]) == 0
    )
    changes = pd.read_csv(out / "spec_changes.csv")
    assert changes["where"].str.contains("index").all()
    assert set(pd.read_csv(out / "steps.csv")["differences"]) == {"aggregation"}


def test_a_file_of_ones_own_is_read_as_given() -> None:
    file = read_index_file(EXAMPLE / "human_development.yml")
    values = read_index_data(EXAMPLE / "regions.csv", file.spec)
    assert values.index.names == ["region_code", "year"]
    assert values.loc[("3273", 2021), "adj_expenditure_pc"] == 16996.0
    assert [factor.name for factor in file.factors] == ["weights", "mean", "upper_goalposts"]


def test_two_vintages_of_the_data_are_told_apart(tmp_path: Path) -> None:
    spec, new, old = str(EXAMPLE / "human_development.yml"), EXAMPLE / "regions.csv", tmp_path / "old.csv"
    old.write_text(new.read_text(encoding="utf-8").replace("74.46", "80.46"), encoding="utf-8")
    out = tmp_path / "out"
    words = ["index", "compare", spec, spec, str(new), "--old-data", str(old), "--out", str(out)]
    assert main(words) == 0
    moved = pd.read_csv(out / "rank_changes.csv", dtype={"unit": str}).set_index(["unit", "time"])
    scores = moved.loc[("3273", 2021)]
    assert scores["score_after"] == pytest.approx(PUBLISHED["3273", 2021], abs=PRINTED)
    assert scores["score_before"] > scores["score_after"] + 1
    assert set(pd.read_csv(out / "causes.csv")["differences"]) == {"data"}
    assert pd.read_csv(out / "spec_changes.csv").empty


def test_frequencies_of_ranks_add_up_and_carry_the_same_keys_as_the_other_files(out: Path) -> None:
    counts = pd.read_csv(out / "rank_frequency.csv", dtype={"unit": str})
    assert counts.columns[:3].tolist() == ["unit", "time", "code"]
    assert (counts.iloc[:, 3:].sum(axis=1) == 1000).all()
