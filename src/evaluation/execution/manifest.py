"""``data/processed/manifest.json``: what was made from what, for readers and for `evaluation diff`.

Belongs here: the manifest. Does not belong here: what the next run needs (`evaluation.execution.records`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evaluation.execution.freshness import Freshness
from evaluation.execution.plan import Plan
from evaluation.execution.records import Record
from evaluation.provenance import fingerprint, sha256_file, write_bytes_atomically
from evaluation.studies.project import Project

MANIFEST_NAME = "manifest.json"
HASH_DIGITS = 16


def write_manifest(project: Project, fresh: Freshness, plan: Plan) -> None:
    """Write what all pages and tables that stand were made from."""
    places = {target.name: target.output for target in plan.targets}
    before = _pages_before(project.processed_dir / MANIFEST_NAME)
    pages = {
        **before,
        **{
            name: _page(fresh.book.records[name], places[name], project)
            for name in places
            if name in fresh.book.records
        },
    }
    # a line a page: thousands of them are no use one value a line, and cost a second
    lines = [
        f"  {_plain(name)}: {_plain(page)}"
        for name, page in sorted(pages.items())
        if (project.root / page["file"]).is_file()
    ]
    content = {
        "commit": commit(project.root),
        "packages": dict(fresh.surroundings.packages),
        "inputs": fresh.surroundings.inputs,
        "tables": {
            path.name: {"sha256": sha256_file(path), "bytes": path.stat().st_size}
            for path in sorted(project.processed_dir.glob("*.parquet"))
        },
    }
    head = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).removesuffix("\n}")
    listed = ",\n".join(lines)
    text = f'{head},\n "pages": {{\n{listed}\n }}\n}}\n'
    write_bytes_atomically(project.processed_dir / MANIFEST_NAME, text.encode())


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _page(record: Record, output: Path, project: Project) -> dict[str, Any]:
    return {
        "file": output.relative_to(project.root).as_posix(),
        "sha256_without_links": record.page.sha256,
        "bytes": record.page.size,
        "notebook": record.notebook[:HASH_DIGITS],
        "parameters": dict(record.parameters),
        "reads": dict(record.reads),
        "code": fingerprint(dict(record.code))[:HASH_DIGITS],
        "messages": fingerprint(dict(record.messages))[:HASH_DIGITS],
        "fingerprint": record.fingerprint,
        "seconds": record.seconds,
        "engine": record.path,
        "finished": record.finished,
    }


def _pages_before(path: Path) -> dict[str, Any]:
    """Return the pages of the last manifest, which a run of some targets leaves as they are."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["pages"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def commit(root: Path) -> str:
    """Return the commit that is checked out, as git's own files say; empty outside of a checkout."""
    head = root / ".git" / "HEAD"
    if not head.is_file():
        return ""
    text = head.read_text(encoding="utf-8").strip()
    if not text.startswith("ref: "):
        return text
    name = text.removeprefix("ref: ")
    loose = root / ".git" / name
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    packed = root / ".git" / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")
