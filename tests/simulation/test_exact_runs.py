"""On the project's own data: a run after a change makes the pages that print something else, and no other.

Both halves are seen on the pages: a page made again shows other content than its fingerprint alone, and in the end
all pages have the bytes of a run that starts from nothing.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from evaluation.cli import main
from evaluation.execution import kernels
from evaluation.provenance import sha256_file
from evaluation.studies.project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.is_fork_safe(), reason="this system has no safe fork"),
]

ROOT = Path(__file__).parents[2]
SOURCE = Path("data/raw/klhk_sipsn/undated/klhk_sipsn.csv")
MOJOKERTO, WONOSOBO = "3516", "3307"
"""Neighbours in the order of the share of waste managed in 2024: 50.41 and 51.00 per cent, in two provinces."""

OTHERS = ("3515", "3517", "3308", "3273", "3404", "9434")
"""Of the same two provinces, of the same island, and of another."""

FINGERPRINT = re.compile(r"\b[0-9a-f]{12}\b")
BOTH = {MOJOKERTO, WONOSOBO}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("exact") / "project"
    for folder in ("config", "data/raw", "notebooks"):
        shutil.copytree(ROOT / folder, root / folder)
    project = Project(root=root)
    assert run(project) == 0
    return project


def run(project: Project) -> int:
    codes = ",".join(sorted({*BOTH, *OTHERS}))
    words = ["--project", str(project.root), "run", "--only", "regions", "--language", "id"]
    return main([*words, "--region", codes, "--jobs", "2"])


def made(project: Project) -> set[str]:
    """Return the regions whose pages the last run made."""
    content = json.loads((project.processed_dir / "run.json").read_text())
    done = [target["target"] for target in content["targets"] if target["status"] == "ok"]
    return {name.rpartition(":")[2] for name in done if name.startswith("region:")}


def printed(project: Project) -> dict[str, str]:
    """Return what each page shows besides its fingerprint."""
    folder = project.reports_dir / "id" / "region"
    return {
        path.stem: FINGERPRINT.sub("", path.read_text(encoding="utf-8")) for path in folder.glob("*.html")
    }


def set_share(project: Project, region_code: str, share: str) -> None:
    """Put another share of waste managed in 2024 into the file as received, and its new sum beside it."""
    path = project.root / SOURCE
    origin, before = path.with_name("origin.yml"), sha256_file(path)
    pattern = rf"(?m)^({region_code},2024,waste_managed_share),[^,]*,"
    changed, count = re.subn(pattern, rf"\g<1>,{share},", path.read_text(encoding="utf-8"))
    assert count == 1
    path.write_text(changed, encoding="utf-8")
    origin.write_text(origin.read_text().replace(before, sha256_file(path)))


def test_a_change_makes_the_pages_that_print_it_and_ends_as_a_run_from_nothing(built: Project) -> None:
    before = printed(built)
    assert set(before) == {*BOTH, *OTHERS}
    set_share(built, MOJOKERTO, "50.44")
    assert run(built) == 0
    assert made(built) == {MOJOKERTO}, "no rank, median or comparison moved: one page"
    unmoved = printed(built)
    assert changed(before, unmoved) == {MOJOKERTO}
    set_share(built, MOJOKERTO, "51.00")
    set_share(built, WONOSOBO, "50.44")
    assert run(built) == 0
    assert made(built) >= BOTH, "two regions changed places"
    assert changed(unmoved, printed(built)) == made(built)
    from_nothing = Project(root=built.root.with_name("from_nothing"))
    shutil.copytree(
        built.root, from_nothing.root, ignore=lambda _, names: {"processed", "reports"} & {*names}
    )
    assert run(from_nothing) == 0
    assert made(from_nothing) == {*BOTH, *OTHERS}
    assert pages(built) == pages(from_nothing)


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {code for code in after if before[code] != after[code]}


def pages(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in project.reports_dir.rglob("*.html")}
