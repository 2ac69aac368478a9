"""The plan's keys for estimators, families, exposure and tourism: what does not fit is refused, all of it at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from evaluation.errors import BadInputError
from evaluation.studies.project import Project

CONFIG = Path(__file__).parents[2] / "config"
PLAN = "study_plan.yml"
TOURISM_LINE = r"^tourism_dependence: .*\n"

FAULTS = [
    ("estimator: entropy,", "estimator: guesswork,", ("rows", "estimator", "guesswork")),
    (
        "code: conditional, headline: true,",
        "code: conditional, headline: true, estimator: reg,",
        ("conditional", "an estimator of its own"),
    ),
    (
        "code: conditional, headline: true,",
        "code: conditional, headline: true, added_later: true,",
        ("conditional", "was added later"),
    ),
    (
        "estimator: synthetic_did, covariates: none,",
        "estimator: synthetic_did,",
        ("synthetic_did", "takes neither traits nor weights"),
    ),
    ("covariates: tourism", "covariates: sunshine", ("rows", "covariates")),
    ("controls: outside_java,", "controls: outside_mars,", ("rows", "controls")),
    (
        "exposures: [unemployment_rate]",
        "exposures: [poverty_rate]",
        ("with_exposure", "'poverty_rate' is not in exposure_to_2020"),
    ),
    (
        "exposures: [unemployment_rate]",
        "exposures: [unemployment_rate, unemployment_rate]",
        ("with_exposure", "'unemployment_rate' stands twice"),
    ),
    ("exposures: [unemployment_rate]", "exposures: []", ("exposures", "at least 1 item")),
    (
        "covariates: exposure, exposures",
        "covariates: none, exposures",
        ("with_exposure", "belongs to rows with `covariates: exposure`"),
    ),
    ("adjustment: romano_wolf", "adjustment: bonferroni", ("families", "adjustment")),
    ("    adjustment: romano_wolf", "    # adjustment", ("families", "adjustment")),
    (
        "{indicator: accommodation_food_share,",
        "{indicator: hotels,",
        ("tourism_dependence", "'hotels' is not in config/indicators"),
    ),
    (
        "scale: linear, years: [2015, 2019]}",
        "scale: linear, years: [2015, 2021]}",
        ("tourism_dependence, years", "2021", "not before the first joining year of joiners_2021"),
    ),
    (
        "{indicator: grdp_real, scale: log,",
        "{indicator: grdp_total, scale: log,",
        ("exposure_to_2020", "'grdp_total' is not in"),
    ),
    ("added_later: true, designs", "added_later: later, designs", ("added_later", "true or false")),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CONFIG, tmp_path / "config")
    return tmp_path


def edit(root: Path, old: str, new: str, *, pattern: bool = False) -> None:
    path = root / "config" / PLAN
    text = path.read_text(encoding="utf-8")
    changed = re.sub(old, new, text, count=1, flags=re.MULTILINE) if pattern else text.replace(old, new, 1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def refusal(root: Path) -> str:
    with pytest.raises(BadInputError) as refused:
        _ = Project(root=root).study_plan
    return str(refused.value)


@pytest.mark.parametrize(("old", "new", "words"), FAULTS, ids=[new[:60] for _, new, _ in FAULTS])
def test_a_wrong_entry_is_refused_with_its_place(
    root: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    edit(root, old, new)
    message = refusal(root)
    assert PLAN in message
    assert all(word in message for word in words)


def test_a_row_with_tourism_needs_the_plans_entry(root: Path) -> None:
    edit(root, TOURISM_LINE, "", pattern=True)
    assert "the row needs `tourism_dependence`, which the plan lacks" in refusal(root)


def test_the_entry_may_be_left_out_together_with_its_row(root: Path) -> None:
    edit(root, TOURISM_LINE, "", pattern=True)
    edit(root, r"^  - \{code: with_tourism_dependence.*\n", "", pattern=True)
    plan = Project(root=root).study_plan
    assert plan.tourism_dependence is None
    assert "accommodation_food_share" not in plan.studied_indicators


def test_rows_added_later_need_a_departure(root: Path) -> None:
    edit(root, r"^departures:\n(?:  .*\n)+", "departures: []\n", pattern=True)
    message = refusal(root)
    added = [row.code for row in Project(root=CONFIG.parent).study_plan.rows if row.added_later]
    assert added
    assert "the row was added later, and no departure from the plan says so" in message
    assert f"{len(added)} faults" in message


def test_controls_outside_java_need_java_on_the_map(root: Path) -> None:
    grid = root / "config" / "tilegrid.csv"
    grid.write_text(grid.read_text(encoding="utf-8").replace(",Java,", ",Jawa,"), encoding="utf-8")
    edit(root, "[Java, Bali]", "[Jawa, Bali]")
    assert "no controls in 'Java', which is no island group of config/tilegrid.csv" in refusal(root)


def test_all_faults_are_told_at_once(root: Path) -> None:
    edit(root, "exposures: [unemployment_rate]", "exposures: [poverty_rate]")
    edit(root, "scale: linear, years: [2015, 2019]}", "scale: linear, years: [2015, 2023]}")
    edit(root, "code: conditional, headline: true,", "code: conditional, headline: true, estimator: reg,")
    message = refusal(root)
    assert "'poverty_rate' is not in exposure_to_2020" in message
    assert "the years end in 2023" in message
    assert "an estimator of its own" in message
    assert "3 faults" in message
