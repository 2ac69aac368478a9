"""Links between pages after a run, and a page's hash that does not depend on them.

A link is real only while the page it leads to exists (`evaluation.reporting.site`), so making one page can
change another. A page's own content is what stays when its links are taken away.

Belongs here: when links are brought up to date, and for which pages. Does not belong here: how a link looks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.execution.records import PageFile
from evaluation.provenance import fingerprint, sha256_file, write_bytes_atomically
from evaluation.reporting.site import link_pages, linked

LINKS_NAME = "links.json"


def page_file(path: Path) -> PageFile:
    """Return a page's hash without its links, its size and its time of change."""
    found = path.stat()
    return PageFile(sha256=bare_hash(path), size=found.st_size, modified=found.st_mtime_ns)


def bare_hash(path: Path) -> str:
    """Return the hash of a page without its links."""
    content = path.read_bytes()
    try:
        bare = linked(content.decode("utf-8"), page=path.name, existing=()).encode("utf-8")
    except UnicodeDecodeError:
        # no page that was made here; its hash only has to differ from theirs
        bare = content
    return hashlib.sha256(bare).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What a run that came to its end has noted.

    Parameters
    ----------
    pages
        All pages there were, relative to the reports' root.
    named
        Each of them to those that it names, as links or in plain text.
    stamps
        Size and time of change of each when its links were made right.
    said
        Hashes of what the run said of itself.
    """

    pages: frozenset[str] = frozenset()
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stamps: Mapping[str, Sequence[int]] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)


class LinkPass:
    """Brings links up to date after a run: of pages made, and of those that name a page that came or went.

    What it keeps is written as the last act of a run, so that it also tells whether that came to its end, and
    whether somebody has changed since what the run said of itself. Where it is missing or spoilt, all pages are
    looked through.

    Parameters
    ----------
    reports_dir, processed_dir
        The pages, and where it is kept which pages they name.
    said
        Names of the files there in which a run tells of itself.
    """

    def __init__(self, reports_dir: Path, processed_dir: Path, *, said: Iterable[str]) -> None:
        self._names_said = tuple(said)
        self._reports_dir = reports_dir
        self._kept = processed_dir / LINKS_NAME
        self._known = self._read()

    @property
    def is_due(self) -> bool:
        """Whether links, or what the last run said of itself, may be wrong even if no page is made."""
        return self._known.pages != self._pages() or self._known.said != self._sayings()

    def begin(self) -> None:
        """Note that pages are being made; a run that is killed leaves that note."""
        self._kept.unlink(missing_ok=True)

    def finish(self, made: Iterable[Path]) -> list[Path]:
        """Make links right, and return the pages that changed."""
        known, pages = self._known, self._pages()
        stamps, turned = self._stamps(pages), pages ^ known.pages
        looked_at = {path.relative_to(self._reports_dir).as_posix() for path in made}
        looked_at |= {page for page in pages if known.stamps.get(page) != stamps[page]}
        looked_at |= {page for page in pages & known.named.keys() if not turned.isdisjoint(known.named[page])}
        paths = [self._reports_dir / page for page in sorted(looked_at)]
        changed, named = link_pages(paths, reports_root=self._reports_dir)
        self._known = _Known(
            pages=pages,
            named={page: named[page] if page in named else known.named[page] for page in pages},
            stamps={**stamps, **self._stamps(looked_at)},
        )
        return changed

    def end(self) -> None:
        """Note that the run came to its end, and what it said of itself."""
        content = {
            "pages": sorted(self._known.pages),
            "named": {page: list(named) for page, named in sorted(self._known.named.items())},
            "stamps": {page: list(stamp) for page, stamp in sorted(self._known.stamps.items())},
            "said": self._sayings(),
        }
        whole = {**content, "sum": fingerprint(content)}
        write_bytes_atomically(self._kept, json.dumps(whole, ensure_ascii=False).encode())

    def _sayings(self) -> dict[str, str]:
        """Return the hashes of the files that tell of the last run; empty for one that is not there."""
        files = {name: self._kept.with_name(name) for name in self._names_said}
        return {name: sha256_file(path) if path.is_file() else "" for name, path in files.items()}

    def _stamps(self, pages: Iterable[str]) -> dict[str, list[int]]:
        found = {page: (self._reports_dir / page).stat() for page in pages}
        return {page: [stat.st_size, stat.st_mtime_ns] for page, stat in found.items()}

    def _pages(self) -> frozenset[str]:
        root = len(self._reports_dir.as_posix()) + 1
        return frozenset(path.as_posix()[root:] for path in self._reports_dir.rglob("*.html"))

    def _read(self) -> _Known:
        try:
            whole = json.loads(self._kept.read_text(encoding="utf-8"))
            content = {name: whole[name] for name in ("pages", "named", "stamps", "said")}
            if whole["sum"] != fingerprint(content):
                return _Known()
            return _Known(**{**content, "pages": frozenset(content["pages"])})
        except (OSError, ValueError, KeyError, TypeError):
            return _Known()
