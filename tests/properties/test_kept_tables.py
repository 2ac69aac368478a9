"""Kept tables: rows read alone are those of the whole, and each part has a state of its own."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.schema import INDICATORS, TableSchema
from evaluation.studies import kept, project, reads
from evaluation.studies.code import imported_files
from evaluation.studies.project import Project

REPO = Path(__file__).parents[2]
SCHEMA = TableSchema(
    name="small", key=("code", "year"), columns={"code": "code", "year": "integer", "value": "number"}
)
GROUP_ROWS = 3


def small_table(codes: list[str]) -> pd.DataFrame:
    """Return rows numbered by year, which makes the key unique."""
    return pd.DataFrame({"code": codes, "year": range(len(codes)), "value": np.linspace(0, 1, len(codes))})


@settings(max_examples=30, deadline=None)
@given(codes=st.lists(st.sampled_from(["", "1101", "1102", "1103", "9999"]), min_size=1, max_size=20))
def test_rows_read_alone_are_those_of_the_whole(
    codes: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = Project(root=tmp_path_factory.mktemp("project"))
    options = {"schema": SCHEMA, "inputs": "some", "build": partial(small_table, codes)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept, "GROUP_ROWS", GROUP_ROWS)
        whole = kept.keep(here, **options)
        for code in ("", "1101", "1103", "9999", "absent"):
            rows = kept.keep_rows(here, **options, column="code", value=code)
            expected = whole[whole["code"] == code].reset_index(drop=True)
            pd.testing.assert_frame_equal(rows, expected)


def test_no_more_groups_are_read_than_may_hold_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "GROUP_ROWS", GROUP_ROWS)
    here = Project(root=tmp_path)
    build = partial(small_table, [f"{number:04}" for number in range(30)])
    kept.make_current(here, schema=SCHEMA, inputs="some", build=build)
    metadata = pq.read_metadata(kept.table_path(here, SCHEMA))
    assert metadata.num_row_groups == 10
    assert kept._groups_with(metadata, column="code", value="0016") == [5]
    assert kept._groups_with(metadata, column="code", value="0016x") == [5]
    assert kept._groups_with(metadata, column="code", value="0017x") == []


def indicator_table(**values: float) -> pd.DataFrame:
    kinds = {"code": "", "integer": 2020, "number": 0.0, "text": "", "flag": False}
    rows = [{**{name: kinds[kind] for name, kind in INDICATORS.columns.items()}, "indicator": name, "value": value}
            for name, value in values.items()]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_figure_changes_the_state_of_its_own_part_alone(tmp_path: Path) -> None:
    here, states = Project(root=tmp_path), []
    for poverty in (9.0, 9.5):
        build = partial(indicator_table, poverty=poverty, schooling=8.0)
        kept.make_current(here, schema=INDICATORS, inputs=str(poverty), build=build)
        states.append(
            {name: kept.part_state(here, INDICATORS, name) for name in ("poverty", "schooling", "x")}
        )
    before, after = states
    assert before["poverty"] != after["poverty"]
    assert before["schooling"] == after["schooling"] != ""
    assert before["x"] == after["x"] == ""


def test_the_files_a_module_rests_on_hold_all_that_it_loads() -> None:
    name = "evaluation.studies.estimates"
    script = (
        f"import sys, {name}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'evaluation'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {Path(path).resolve() for path in done.stdout.split()}
    found = {path.resolve() for path in imported_files([name])}
    assert loaded <= found
    places = {path.parent.name for path in found}
    assert "impact" in places
    assert not places & {"index", "sources", "reporting", "execution", "cli"}


def test_a_module_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError):
        imported_files(["evaluation.studies.estimatse"])


@pytest.fixture
def config_copy(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    for path in (REPO / "config").glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_projects_share_a_configuration_until_it_is_edited(config_copy: Path) -> None:
    first = Project(root=config_copy).registry
    assert Project(root=config_copy).registry is first
    path = config_copy / "config" / "regions.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Simeulue", "Simeuluë"), encoding="utf-8")
    assert "Simeuluë" in Project(root=config_copy).registry.table["name"].iloc[0]


def test_each_use_of_the_configuration_is_noted(config_copy: Path) -> None:
    here = Project(root=config_copy)
    with reads.unrecorded():
        assert here.registry
    reads.begin()
    assert here.registry
    assert list(reads.recorded()) == ["config:registry"]


def test_a_process_that_looks_once_keeps_what_it_saw(
    config_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "_LOOKED_AT", None)
    here = Project(root=config_copy)
    before = project.config_state(here, "registry")
    project.look_once()
    assert project.config_state(here, "registry") == before
    path = config_copy / "config" / "regions.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    assert project.config_state(here, "registry") == before
    monkeypatch.setattr(project, "_LOOKED_AT", None)
    assert project.config_state(here, "registry") != before
