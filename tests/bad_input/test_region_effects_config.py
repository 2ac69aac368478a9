"""Every spoilt field of ``config/region_effects.yml`` is refused with its place and the way to mend it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evaluation.errors import BadInputError
from evaluation.studies.check import configuration_faults
from evaluation.studies.project import Project

CONFIG = Path(__file__).parents[2] / "config"
FILE = "region_effects.yml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copytree(CONFIG, tmp_path / "config")
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "config"


def faults_after(config: Path, *edits: tuple[str, str]) -> str:
    """Return what is told of the file after each first text was replaced by the second."""
    path = config / FILE
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return str(BadInputError(configuration_faults(Project(root=config.parent))))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - hdi\n", "  - hid\n", ("outcomes", "'hid' is not in study_plan.yml", "poverty_rate")),
        ("  - hdi\n", "  - hdi\n  - hdi\n", ("outcomes", "'hdi' stands 2 times")),
        ("same_type: false", "same_type: maybe", ("donors.same_type", "true or false")),
        ("beyond_km: 50", "beyond_km: -1", ("donors.beyond_km", "-1")),
        ("at_least: 20", "at_least: 10", ("10 donors", "raise donors.at_least to 19")),
        ("year_coverage: 0.8", "year_coverage: 0", ("donors.year_coverage",)),
        ("headline: sdid", "headline: did", ("estimators.headline", "'did'")),
        ("tested: [demeaned]", "tested: [sdid]", ("estimators", "'sdid' stands 2 times")),
        ("demeaned_ridge: 0.1", "demeaned_ridge: 0", ("estimators.demeaned_ridge",)),
        ("level: 0.95", "level: 0.99", ("no interval of level 0.99", "raise donors.at_least to 99")),
        ("level: 0.95", "level: 95", ("inference.level",)),
        ("false_discovery_rate: 0.10", "false_discovery_rate: 1", ("inference.false_discovery_rate",)),
        ("pre_years_at_least: 5", "pre_years_at_least: five", ("fit.pre_years_at_least", "whole number")),
        ("small_of_spread: 0.1", "small_of_spread: 0.6", ("small_of_spread must be at most",)),
        ("worst_quantile: 0.95", "worst_quantile: 95", ("fit.worst_quantile",)),
        ("families: [primary]", "families: [main]", ("variations.families", "'main'")),
        ("backdate_years: 2", "backdate_years: -2", ("variations.backdate_years",)),
        ("  leave_out_donors: 3 ", "  leave_out_doners: 3 ", ("leave_out_doners", "the field is unknown")),
    ],
)
def test_a_spoilt_field_is_named(config: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    told = faults_after(config, (old, new))
    assert FILE in told
    for word in words:
        assert word in told


def test_the_file_as_it_stands_has_no_fault(config: Path) -> None:
    assert configuration_faults(Project(root=config.parent)) == ()


def test_several_faults_are_told_at_once(config: Path) -> None:
    told = faults_after(config, ("headline: sdid", "headline: did"), ("beyond_km: 50", "beyond_km: near"))
    assert "estimators.headline" in told
    assert "donors.beyond_km" in told


def test_a_fault_of_the_study_plan_is_told_alone(config: Path) -> None:
    path = config / "study_plan.yml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("estimator: dr ", "estimator: xx "), encoding="utf-8"
    )
    told = str(BadInputError(configuration_faults(Project(root=config.parent))))
    assert "study_plan.yml" in told
    assert FILE not in told
