"""What holds the pages together: links that lead somewhere, and the search for a region.

Belongs here: anything between pages. Does not belong here: the content of a page.

Pages name each other by ``data-page``, a path relative to the reports' root. After a run, `link_existing`
turns those that exist into links and leaves the others as plain text, so that no page ever points to nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pandas as pd
from markupsafe import Markup, escape

from evaluation.errors import EvaluationError
from evaluation.provenance import write_bytes_atomically
from evaluation.tables import Column, Table, html_table

ANCHOR = re.compile(r"<a\b[^>]*\bdata-page=\"([^\"]+)\"[^>]*>")
HREF = re.compile(r"\s+href=\"[^\"]*\"")


@dataclass(frozen=True)
class SearchLabels:
    """The words of the region search.

    Parameters
    ----------
    caption
        What the list shows, read aloud.
    search
        Name of the text field.
    everything
        First choice of each filter, which leaves it out.
    count
        Pattern of the line that counts, with ``{shown}`` and ``{total}``.
    """

    caption: str
    search: str
    everything: str
    count: str


@dataclass(frozen=True)
class Filter:
    """A choice that narrows the list: a column of the rows and its name."""

    key: str
    label: str


def page_link(label: str, page: str) -> Markup:
    """Return the text as a link to another page, to be made real by `link_existing`."""
    return Markup('<a data-page="{}">{}</a>').format(page, label)


def region_search(
    rows: pd.DataFrame,
    *,
    labels: SearchLabels,
    columns: Sequence[Column],
    filters: Sequence[Filter] = (),
) -> Table:
    """Return the list of all regions with a search field and filters; without scripts, the whole list.

    Parameters
    ----------
    rows
        One row a region, in the order of the list: ``region_code``, ``name``, ``page`` (path relative to the
        reports' root), and what `columns` and `filters` name. Filter columns hold finished text.
    labels
        The words.
    columns
        The columns to show; the one with the key ``name`` becomes the link.
    filters
        The choices beside the text field. The keys hold lower-case letters only.

    Returns
    -------
    Table

    Raises
    ------
    EvaluationError
        When a filter's key cannot be the name of a data attribute.
    """
    unfit = [choice.key for choice in filters if not re.fullmatch(r"[a-z]+", choice.key)]
    if unfit:
        raise EvaluationError(
            "A filter's key becomes an HTML attribute and may hold only letters a-z, or the filter would "
            f"never find a row; rename the columns. Got: {', '.join(unfit)}."
        )
    listed = rows.assign(search=_search_text(rows, filters))
    table = html_table(
        listed,
        columns=[_linking(column) for column in columns],
        caption=labels.caption,
        sortable=True,
        phone="scroll",
        row_attributes=["search", *(choice.key for choice in filters)],
        wide=True,
    )
    return Table(
        html=f'<div class="finder">{_form(rows, labels, filters)}{table.html}</div>', caption=labels.caption
    )


def link_existing(path: Path, *, reports_root: Path) -> bool:
    """Make the links of one page real where the other page exists, and plain text where not.

    Parameters
    ----------
    path
        The page, somewhere below the root.
    reports_root
        Folder that ``data-page`` paths are relative to.

    Returns
    -------
    bool
        Whether the page changed. A second call changes nothing.
    """
    changed, _ = link_pages([path], reports_root=reports_root)
    return bool(changed)


def link_all(reports_root: Path) -> list[Path]:
    """Make the links of every page below the root real, and return the pages that changed."""
    changed, _ = link_pages(sorted(reports_root.rglob("*.html")), reports_root=reports_root)
    return changed


def link_pages(paths: Iterable[Path], *, reports_root: Path) -> tuple[list[Path], dict[str, list[str]]]:
    """Make the links of some pages real where the other page exists, and plain text where not.

    Parameters
    ----------
    paths
        The pages, somewhere below the root.
    reports_root
        Folder that ``data-page`` paths are relative to.

    Returns
    -------
    changed
        The pages that changed.
    named
        The path of each page, relative to the root, to those of the pages it names, whether they exist or not.
    """
    existing = ExistingPages(reports_root)
    changed: list[Path] = []
    named: dict[str, list[str]] = {}
    for path in paths:
        before, page = path.read_bytes().decode("utf-8"), path.relative_to(reports_root).as_posix()
        after = linked(before, page=page, existing=existing)
        if after != before:
            write_bytes_atomically(path, after.encode("utf-8"))
            changed.append(path)
        named[page] = sorted({_place(target) for target in ANCHOR.findall(before)})
    return changed, named


def linked(html: str, *, page: str, existing: Iterable[str] | ExistingPages) -> str:
    """Return a page's HTML with ``href`` on exactly those ``data-page`` anchors whose page exists.

    Parameters
    ----------
    html
        The page.
    page
        Its own path relative to the root.
    existing
        Paths of the pages that exist, relative to the root.
    """
    known = existing if isinstance(existing, ExistingPages) else frozenset(existing)

    def anchor(match: re.Match[str]) -> str:
        bare = HREF.sub("", match.group(0))
        target = match.group(1)
        if _place(target) not in known:
            return bare
        return f'{bare[:-1]} href="{escape(relative_address(target, page=page))}">'

    return ANCHOR.sub(anchor, html)


def relative_address(target: str, *, page: str) -> str:
    """Return how to write `target` on `page`, both relative to the root, so that it works from any folder."""
    return os.path.relpath(target, PurePosixPath(page).parent).replace(os.sep, "/")


def _place(target: str) -> str:
    """Return the page that a target lies on."""
    return target.partition("#")[0]


class ExistingPages:
    """The pages on disk, asked one at a time and remembered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known: dict[str, bool] = {}

    def __contains__(self, page: str) -> bool:
        if page not in self.known:
            self.known[page] = (self.root / page).is_file()
        return self.known[page]


def _linking(column: Column) -> Column:
    if column.key != "name":
        return column
    return replace(column, render=lambda row: page_link(str(row["name"]), str(row["page"])))


def _search_text(rows: pd.DataFrame, filters: Sequence[Filter]) -> list[str]:
    parts = [rows["region_code"], rows["name"], *(rows[choice.key] for choice in filters)]
    return [" ".join(str(part) for part in row).lower() for row in zip(*parts, strict=True)]


def _form(rows: pd.DataFrame, labels: SearchLabels, filters: Sequence[Filter]) -> str:
    selects = "".join(_select(rows[choice.key], choice, labels.everything) for choice in filters)
    return (
        f'<form class="needs-script"><label>{escape(labels.search)}'
        f'<input type="search" autocomplete="off"></label>{selects}</form>'
        '<p class="finder-count needs-script" aria-live="polite" '
        f'data-pattern="{escape(labels.count)}"></p>'
    )


def _select(values: pd.Series, choice: Filter, everything: str) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in sorted(set(values)))
    return (
        f'<label>{escape(choice.label)}<select name="{choice.key}">'
        f'<option value="">{escape(everything)}</option>{options}</select></label>'
    )
