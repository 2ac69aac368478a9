"""The ministry's own evaluation stands beside our scores where it was published, and nowhere else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.reporting.ministry import ministry_evaluation
from evaluation.reporting.region_report import open_region_report
from evaluation.studies import reads
from evaluation.studies.ministry import MINISTRY_FILE, published_scores
from evaluation.studies.ministry_index import ROUNDING, recomputed_totals
from evaluation.studies.project import Project
from evaluation.studies.states import current

KEDIRI_CITY, JAMBI_CITY, BLITAR_CITY, BANDUNG_CITY = "3571", "1571", "3572", "3273"

OTHER_WEIGHTS_MISS = 0.02
"""Least distance by which the weights told elsewhere miss both published scores (stated beside the sources)."""


def test_only_the_weights_in_force_give_the_published_totals(project: Project) -> None:
    evaluation = published_scores(project)
    published = {(one.region_code, one.year): one.total for one in evaluation.scores if one.parts}
    assert set(published) == {(KEDIRI_CITY, 2022), (JAMBI_CITY, 2024)}
    for key, total in published.items():
        assert recomputed_totals(evaluation)[key] == pytest.approx(total, abs=ROUNDING)
        for other in evaluation.other_weights:
            assert abs(recomputed_totals(evaluation, other.weights)[key] - total) >= OTHER_WEIGHTS_MISS


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (KEDIRI_CITY, ["2022", "3.31", "3.315", "3.07 (20%)", "https://bangsaonline.com/"]),
        (JAMBI_CITY, ["2024", "3.48", "3.475", "rank 13 of the 191", "https://jambikota.go.id/"]),
        (BLITAR_CITY, ["2024", "3.38", "rank 1 of the 50"]),
    ],
)
def test_a_published_score_is_told_with_year_source_and_what_it_measures(
    project: Project, code: str, told: list[str]
) -> None:
    report = open_region_report(code, edition=2024, language="en", project=project)
    table = ministry_evaluation(report)
    assert table is not None
    assert [text for text in [*told, "Not a measure of welfare"] if text not in table.html] == []


def test_a_total_without_parts_claims_no_recomputation(project: Project) -> None:
    table = ministry_evaluation(open_region_report(BLITAR_CITY, edition=2024, language="en", project=project))
    assert table is not None
    assert "They give" not in table.html


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_region_without_a_published_score_is_told_nothing(project: Project, language: str) -> None:
    report = open_region_report(BANDUNG_CITY, edition=2024, language=language, project=project)  # type: ignore[arg-type]
    assert ministry_evaluation(report) is None


def states(config: Path, codes: tuple[str, ...]) -> dict[str, str]:
    return current(Project(root=config.parent), [f"ministry:{code}" for code in codes])


def test_a_score_that_changes_reaches_its_own_region_s_page_alone(project: Project, tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(project.config_dir, config)
    codes = (KEDIRI_CITY, BLITAR_CITY, BANDUNG_CITY)
    before = states(config, codes)
    path = config / MINISTRY_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("total: 3.38", "total: 3.37"), encoding="utf-8")
    after = states(config, codes)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"ministry:{BLITAR_CITY}"}


def test_a_page_notes_the_scores_of_its_region_and_no_other_read_of_the_file(project: Project) -> None:
    report = open_region_report(KEDIRI_CITY, edition=2024, language="en", project=project)
    reads.begin()
    ministry_evaluation(report)
    noted = reads.recorded()
    assert (
        noted[f"ministry:{KEDIRI_CITY}"]
        == current(project, [f"ministry:{KEDIRI_CITY}"])[f"ministry:{KEDIRI_CITY}"]
    )
    assert "config:ministry" not in noted


def test_telling_a_score_does_not_load_the_engine() -> None:
    """Else every region's page would be made again whenever the engine is edited."""
    asked = "import sys, evaluation.reporting.ministry; print([m for m in sys.modules if 'evaluation.index' in m])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
