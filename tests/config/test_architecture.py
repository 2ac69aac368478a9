"""The map of modules in ARCHITECTURE.md is that of the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "evaluation"
FORBIDDEN_NAMES = {"utils", "helpers", "common"}
LONGEST_MODULE = 450


def modules() -> set[str]:
    parts = (
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    )
    return {name for name in parts if not name.startswith("__")}


def test_every_module_has_its_layer_and_no_layer_is_invented() -> None:
    rows = re.findall(r"^\| \d+ \| ([^|]+) \|", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z]+)`", row)}
    assert named == modules()


@pytest.mark.parametrize("engine", ["index", "impact"])
def test_an_engine_is_described_module_by_module(engine: str) -> None:
    title = f"## {engine.capitalize()} engine"
    section = (ROOT / "ARCHITECTURE.md").read_text().split(title)[1].split("##")[0]
    named = set(re.findall(r"`([a-z_]+)`", section))
    assert named == {path.stem for path in (PACKAGE / engine).glob("*.py") if path.stem != "__init__"}


def test_nothing_is_named_for_being_useful() -> None:
    assert [path for path in PACKAGE.rglob("*.py") if path.stem in FORBIDDEN_NAMES] == []


def test_modules_are_split_before_they_grow_past_reading() -> None:
    long = {
        path.name: n
        for path in PACKAGE.rglob("*.py")
        if (n := len(path.read_text().splitlines())) > LONGEST_MODULE
    }
    assert long == {}
