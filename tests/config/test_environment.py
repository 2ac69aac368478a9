"""The three descriptions of the environment say the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def read_pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name.lower().replace("_", "-"): Version(version) for name, version in pairs}


def read_requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["dev"])
    ]


def test_every_requirement_is_pinned_within_its_range() -> None:
    pins = read_pins()
    wrong = [
        str(requirement)
        for requirement in read_requirements()
        if requirement.name.lower().replace("_", "-") not in pins
        or pins[requirement.name.lower().replace("_", "-")] not in requirement.specifier
    ]
    assert wrong == []


def test_conda_environment_installs_the_same_pins_and_package() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python = next(entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert Version(python.removeprefix("python=")) in Requirement(f"python{required}").specifier
    assert pip == ["-c constraints.txt", "-e .[dev]"]


def test_no_file_of_the_environment_names_a_host_or_a_path_of_a_machine() -> None:
    for name in ("constraints.txt", "environment.yml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert "@ file" not in text, name
