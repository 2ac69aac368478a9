"""Links between pages after a run, and a page's hash that does not depend on them.

A link is real only while the page it leads to exists (`evaluation.reporting.site`), so making one page can
change another. A page's own content is what stays when its links are taken away.

Belongs here: when links are brought up to date, and for which pages. Does not belong here: how a link looks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from evaluation.execution.records import PageFile
from evaluation.provenance import fingerprint, sha256_file, write_bytes_atomically
from evaluation.reporting.site import link_all, link_existing, linked

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


class LinkPass:
    """Brings links up to date after a run: of all pages where pages came or went, else of those made.

    What it keeps is written as the last act of a run, so that it also tells whether that came to its end, and
    whether somebody has changed since what the run said of itself.

    Parameters
    ----------
    reports_dir, processed_dir
        The pages, and where it is kept for which pages all links are right.
    said
        Names of the files there in which a run tells of itself.
    """

    def __init__(self, reports_dir: Path, processed_dir: Path, *, said: Iterable[str]) -> None:
        self._names_said = tuple(said)
        self._reports_dir = reports_dir
        self._kept = processed_dir / LINKS_NAME
        self._right_for, self._said = self._read()

    @property
    def is_due(self) -> bool:
        """Whether links, or what the last run said of itself, may be wrong even if no page is made."""
        return self._right_for != self._pages() or self._said != self._sayings()

    def begin(self) -> None:
        """Note that pages are being made; a run that is killed leaves that note."""
        self._kept.unlink(missing_ok=True)

    def finish(self, made: Iterable[Path]) -> list[Path]:
        """Make links right, and return the pages that changed."""
        pages = self._pages()
        if self._right_for == pages:
            changed = [path for path in made if link_existing(path, reports_root=self._reports_dir)]
        else:
            changed = link_all(self._reports_dir)
        self._right_for = pages
        return changed

    def end(self) -> None:
        """Note that the run came to its end, and what it said of itself."""
        content = {"pages": self._right_for, "said": self._sayings()}
        write_bytes_atomically(self._kept, json.dumps(content).encode())

    def _sayings(self) -> dict[str, str]:
        """Return the hashes of the files that tell of the last run; empty for one that is not there."""
        files = {name: self._kept.with_name(name) for name in self._names_said}
        return {name: sha256_file(path) if path.is_file() else "" for name, path in files.items()}

    def _pages(self) -> str:
        return fingerprint(sorted(path.as_posix() for path in self._reports_dir.rglob("*.html")))

    def _read(self) -> tuple[str, dict[str, str]]:
        try:
            content = json.loads(self._kept.read_text(encoding="utf-8"))
            return str(content["pages"]), dict(content["said"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", {}
