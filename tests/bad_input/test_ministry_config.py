"""Faults of ``config/ministry_evaluation.yml`` are told all at once, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.errors import BadInputError
from evaluation.studies.check import configuration_faults
from evaluation.studies.ministry import MINISTRY_FILE
from evaluation.studies.ministry_index import read_ministry_evaluation
from evaluation.studies.project import Project

Content = dict[str, Any]
Spoil = Callable[[Content], object]

FAULTS: list[tuple[str, Spoil, str]] = [
    ("unknown field", lambda one: one.update(wieghts=1), "the field is unknown"),
    ("no field", lambda one: one.pop("measures"), "the field is absent"),
    ("bad address", lambda one: one["scores"][0].update(url="bangsaonline.com"), "url"),
    ("score off the scale", lambda one: one["scores"][0].update(total=33.1), "total"),
    (
        "unknown step",
        lambda one: one["spec"].update(steps={"normalize": {}}),
        "did you mean 'normalise'",
    ),
    (
        "two totals",
        lambda one: one["spec"]["elements"].append({"code": "top", "level": "evaluation"}),
        "nothing is aggregated into it",
    ),
    (
        "dimension without a name",
        lambda one: one["dimensions"].pop(),
        "all parts are needed, or none",
    ),
    (
        "weight left out",
        lambda one: one["other_weights"][0]["weights"].pop("impact"),
        "each dimension needs a weight",
    ),
    (
        "no such region",
        lambda one: one["scores"][2].update(region_code="9999"),
        "there is no such region",
    ),
    (
        "dimension that is not weighed",
        lambda one: [
            entry.update(code="quick") for entry in one["dimensions"] if entry["code"] == "quick_win"
        ],
        "they must be those of spec",
    ),
    ("part left out", lambda one: one["scores"][0]["parts"].pop("impact"), "all parts are needed, or none"),
    ("score twice", lambda one: one["scores"].append(one["scores"][3]), "the score stands 2 times"),
    (
        "digits turned round",
        lambda one: one["scores"][0]["parts"].update(impact=3.70),
        "the parts give 3.441 with the weights of spec, and the total is 3.31",
    ),
    (
        "other weights",
        lambda one: one["spec"]["elements"][4].update(weight=10),
        "either a digit is wrong, or other weights were in force",
    ),
]


@pytest.fixture
def spoiled(project: Project, tmp_path: Path) -> Callable[[Spoil], str]:
    """Return what is told of the file after something was changed in it."""
    content = yaml.safe_load((project.config_dir / MINISTRY_FILE).read_text(encoding="utf-8"))

    def told(spoil: Spoil) -> str:
        spoil(content)
        (tmp_path / MINISTRY_FILE).write_text(yaml.safe_dump(content), encoding="utf-8")
        with pytest.raises(BadInputError) as caught:
            read_ministry_evaluation(tmp_path, regions=project.registry.codes)
        return str(caught.value)

    return told


@pytest.mark.parametrize(("_name", "spoil", "message"), FAULTS, ids=[name for name, _, _ in FAULTS])
def test_a_fault_is_told(spoiled: Callable[[Spoil], str], _name: str, spoil: Spoil, message: str) -> None:
    text = spoiled(spoil)
    assert message in text
    assert MINISTRY_FILE in text


def test_all_faults_are_told_at_once(spoiled: Callable[[Spoil], str]) -> None:
    def spoil(content: Content) -> None:
        content["scores"][2]["region_code"] = "9999"
        content["scores"].append(content["scores"][3])
        content["spec"]["elements"].append({"code": "top", "level": "evaluation"})

    assert spoiled(spoil).startswith("3 faults found")


def test_the_check_before_a_run_reads_the_file(project_copy: Project) -> None:
    path = project_copy.config_dir / MINISTRY_FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"3572"', '"0000"'), encoding="utf-8")
    faults = configuration_faults(project_copy)
    assert [one.what for one in faults] == ["there is no such region in config/regions.csv"]


def test_an_absent_file_is_bad_configuration(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=MINISTRY_FILE):
        read_ministry_evaluation(tmp_path, regions=())
