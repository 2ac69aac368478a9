"""Links are brought up to date where they can have changed, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from evaluation.execution import linking
from evaluation.execution.linking import LINKS_NAME, LinkPass
from evaluation.reporting.site import link_all

PAGES = ("index", "id/region/1101", "id/region/1102", "id/region/1103", "en/region/1101")


def write_page(root: Path, name: str, *targets: str) -> Path:
    path = root / f"{name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'<a data-page="{target}.html#part">{target}</a>' for target in targets))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return pages that each name the next, the last of them one that is not there."""
    root = tmp_path / "reports"
    for page, target in zip(PAGES, (*PAGES[1:], "en/index"), strict=True):
        write_page(root, page, target)
    (tmp_path / "processed").mkdir()
    link(root)
    return root


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the pages whose links are looked at, as they come."""
    seen: list[str] = []
    link_pages = linking.link_pages

    def noting(paths: Iterable[Path], *, reports_root: Path) -> tuple[list[Path], dict[str, list[str]]]:
        listed = [*paths]
        seen.extend(path.relative_to(reports_root).with_suffix("").as_posix() for path in listed)
        return link_pages(listed, reports_root=reports_root)

    monkeypatch.setattr(linking, "link_pages", noting)
    return seen


def link(root: Path, *made: Path) -> list[str]:
    """Make a run's pass over the links; return the pages that changed."""
    links = LinkPass(root, root.parent / "processed", said=())
    links.begin()
    changed = links.finish(made)
    links.end()
    assert not LinkPass(root, root.parent / "processed", said=()).is_due
    assert link_all(root) == []
    return [path.relative_to(root).with_suffix("").as_posix() for path in changed]


def test_nothing_is_looked_at_where_nothing_changed(site: Path, looked_at: list[str]) -> None:
    assert link(site) == looked_at == []


def test_a_page_that_comes_is_linked_from_those_that_name_it(site: Path, looked_at: list[str]) -> None:
    new = write_page(site, "en/index", "index")
    assert link(site, new) == ["en/index", "en/region/1101"]
    assert looked_at == ["en/index", "en/region/1101"]
    assert 'href="../index.html#part"' in (site / "en/region/1101.html").read_text()


def test_a_page_that_goes_is_plain_text_on_those_that_name_it(site: Path, looked_at: list[str]) -> None:
    (site / "id/region/1102.html").unlink()
    assert link(site) == looked_at == ["id/region/1101"]
    assert "href" not in (site / "id/region/1101.html").read_text()


def test_a_page_that_was_changed_by_hand_is_looked_at_again(site: Path, looked_at: list[str]) -> None:
    write_page(site, "id/region/1103", "index", "en/index")
    assert link(site) == ["id/region/1103"]
    write_page(site, "en/index")
    looked_at.clear()
    assert link(site) == ["en/region/1101", "id/region/1103"]
    assert looked_at == ["en/index", "en/region/1101", "id/region/1103"]


def test_all_pages_are_looked_at_where_a_run_was_killed_or_what_it_kept_is_spoilt(
    site: Path, looked_at: list[str]
) -> None:
    kept = site.parent / "processed" / LINKS_NAME
    content = kept.read_bytes()
    for spoilt in (None, b"", content[:-9], content.replace(b"1102", b"1109", 1)):
        if spoilt is None:
            kept.unlink()
        else:
            kept.write_bytes(spoilt)
        assert LinkPass(site, kept.parent, said=()).is_due
        looked_at.clear()
        assert link(site) == []
        assert sorted(looked_at) == sorted(PAGES)


def test_a_page_that_only_looks_touched_is_left(site: Path, looked_at: list[str]) -> None:
    page = site / "id/region/1101.html"
    os.utime(page, ns=(1, 1))
    assert link(site) == []
    assert looked_at == ["id/region/1101"]
    assert page.stat().st_mtime_ns == 1
