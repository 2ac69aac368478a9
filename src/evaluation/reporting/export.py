"""From an executed notebook to one self-contained page.

Belongs here: the making of a page from cells, and the checks that nothing got lost on the way. Does not
belong here: what a page says; its words come from the notebook, from findings and from the `Page`.

A page carries its styles, script, pictures and tables itself and forbids every request by a content security
policy, so it reads the same from a server, from a file and in print. Code is not shown.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from evaluation.charts import stylesheet
from evaluation.errors import EvaluationError
from evaluation.provenance import write_bytes_atomically

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy of every page: a browser refuses any request the page might make."""

HIDDEN_TAGS = frozenset({"page-hide", "parameters", "injected-parameters"})
"""Cells with one of these tags leave nothing on the page."""

CONTENTS_FROM = 4
"""A page with at least so many headings of the second level gets a table of contents."""

IMAGES = ("image/svg+xml", "image/png", "image/jpeg")
SHOWN = ("text/html", *IMAGES, "text/markdown")
"""What a page can show of an output, the preferred form first."""

LOADING = re.compile(
    r"<(?:script|img|iframe|link|source|image|use|video|audio|object|embed)\b[^>]*\b(?:src|href|data)\s*=\s*"
    r"[\"']?\s*(?:https?:)?//|@import|url\(\s*[\"']?(?:https?:)?//",
    re.IGNORECASE,
)
"""Markup that makes a browser fetch something from elsewhere; an ordinary link does not."""

FIGURE = re.compile(r"<figure\b.*?</figure>", re.DOTALL)
SAYS_SOMETHING = re.compile(r"\b(?:aria-label|alt)=\"[^\"]*[^\"\s]")
IMAGE = re.compile(r"<img\b[^>]*>")
SUBHEADING = re.compile(r"<h2\b([^>]*)>(.*?)</h2>", re.DOTALL)
MAIN_HEADING = re.compile(r"<h1\b[^>]*>.*?</h1>\s*", re.DOTALL)
TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Link:
    """A link to another page of the site.

    Parameters
    ----------
    label
        Text of the link.
    page
        Path of the page relative to the reports' root, for example ``id/region/3273.html``. It becomes a link
        only where that page exists (`evaluation.reporting.site.link_existing`).
    language
        Code of the language of the other page, for the language switch.
    """

    label: str
    page: str
    language: str = ""


@dataclass(frozen=True)
class FootItem:
    """One line of a page's foot, such as the date of its data; `code` sets it as typed at a terminal."""

    label: str
    text: str
    code: bool = False


@dataclass(frozen=True)
class PageWords:
    """The words around every page: skip link, contents, names of the two menus, heading of the foot."""

    skip: str
    contents: str
    navigation: str
    languages: str
    foot: str


@dataclass(frozen=True)
class Page:
    """What a page is, apart from the notebook's content.

    Parameters
    ----------
    title
        The one main heading, in the page's language.
    language
        Language code, ``id`` or ``en``.
    path
        Place relative to the reports' root.
    words
        The words around the content.
    site
        Name of the whole publication, at the top and in the browser's title.
    kicker, byline
        A line above and a line below the title.
    description
        One sentence for lists of search results.
    navigation
        The menu of main pages.
    languages
        This page in each language, this one included.
    foot
        Data date, edition, parameters, fingerprint, how to make the page again, how to cite, sources.
    """

    title: str
    language: str
    path: str
    words: PageWords
    site: str = ""
    kicker: str = ""
    byline: str = ""
    description: str = ""
    navigation: tuple[Link, ...] = ()
    languages: tuple[Link, ...] = ()
    foot: tuple[FootItem, ...] = ()


@dataclass(frozen=True)
class Heading:
    """A heading of the second level and the anchor that leads to it."""

    anchor: str
    text: str


def export_html(notebook: NotebookNode, *, page: Page, translate: Callable[[str], str]) -> str:
    """Return an executed notebook as a self-contained page.

    Parameters
    ----------
    notebook
        The executed notebook. Its Markdown cells are message ids in English; a main heading in them is for
        readers of the notebook and gives way to the page's title. Tables and figures are the outputs of type
        HTML; a picture needs ``alt`` in its output metadata. Cells tagged ``page-hide`` are left out, other
        tags become classes: ``lead`` sets the opening sentences larger, ``screen-only`` leaves a cell out of
        print.
    page
        Title, language, place, menus and foot.
    translate
        Turns the source of a Markdown cell into the page's language.

    Returns
    -------
    str
        HTML; the same input gives the same text.

    Raises
    ------
    EvaluationError
        When an output cannot be shown, says something on standard error or failed; when a figure or table is
        lost on the way; when a figure has no text alternative; when the page would fetch something.
    """
    shown = shown_cells(notebook)
    check_outputs(shown, page=page.path)
    body = _template("body.html.j2").render(cells=[_translated(cell, translate) for cell in shown])
    content, headings = with_anchors(MAIN_HEADING.sub("", body.lstrip("\n")))
    check_page(content, shown, page=page.path)
    return _template("page.html.j2").render(
        page=page,
        policy=POLICY,
        body=Markup(content),
        contents=headings if len(headings) >= CONTENTS_FROM else [],
        styles=Markup(stylesheet() + _asset("site.css")),
        script=Markup(_asset("site.js")),
    )


def write_page(html: str, *, page: Page, reports_root: Path) -> Path:
    """Write a page to its place, whole or not at all, and return its path."""
    path = reports_root / page.path
    write_bytes_atomically(path, html.encode("utf-8"))
    return path


def check_outputs(cells: Iterable[NotebookNode], *, page: str) -> None:
    """Raise when a visible output is an error, a stream, or in no form that a page can show."""
    faults = [
        f"code cell {number}: {fault}"
        for number, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1)
        for fault in map(_output_fault, cell.outputs)
        if fault
    ]
    _raise_page_faults(faults, page=page)


def check_page(content: str, cells: Iterable[NotebookNode], *, page: str) -> None:
    """Raise when figures or tables were lost, a figure says nothing aloud, or something would be fetched."""
    expected = count_displays(cells)
    found = {name: content.count(f"<{name}") for name in expected}
    faults = [
        f"the notebook shows {expected[name]} <{name}>, the page {found[name]}"
        for name in expected
        if found[name] < expected[name]
    ]
    faults += [
        f"a figure has no text alternative: {_excerpt(figure)}"
        for figure in FIGURE.findall(content)
        if not SAYS_SOMETHING.search(figure)
    ]
    faults += [
        f"a picture has no text alternative: {_excerpt(picture)}"
        for picture in IMAGE.findall(content)
        if not SAYS_SOMETHING.search(picture)
    ]
    faults += [
        f"it would fetch something: {_excerpt(content[m.start() :])}" for m in LOADING.finditer(content)
    ]
    _raise_page_faults(faults, page=page)


def count_displays(cells: Iterable[NotebookNode]) -> dict[str, int]:
    """Return how many figures and tables the visible outputs hold."""
    counts = {"figure": 0, "table": 0}
    for cell in cells:
        for output in cell.get("outputs", []):
            kind = _shown_type(output)
            if kind in IMAGES:
                counts["figure"] += 1
            elif kind == "text/html":
                text = _text(output.data[kind])
                counts = {name: counts[name] + text.count(f"<{name}") for name in counts}
    return counts


def with_anchors(body: str) -> tuple[str, list[Heading]]:
    """Return the body with an anchor on every heading of the second level, and those headings in order."""
    headings: list[Heading] = []

    def anchored(match: re.Match[str]) -> str:
        text = TAG.sub("", match.group(2)).strip()
        anchor = _anchor(text, taken={heading.anchor for heading in headings})
        headings.append(Heading(anchor=anchor, text=str(Markup(text).unescape())))
        return f'<h2 id="{anchor}">{match.group(2)}</h2>'

    return SUBHEADING.sub(anchored, body), headings


def shown_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that leave something on the page."""
    return [cell for cell in notebook.cells if not HIDDEN_TAGS.intersection(_tags(cell))]


def prepare_templates() -> None:
    """Compile what every page is rendered with."""
    for name in TEMPLATES:
        _template(name)
    _page_markdown("*")


def _translated(cell: NotebookNode, translate: Callable[[str], str]) -> NotebookNode:
    """Return a cell; its prose, if that is what it is, in the page's language."""
    if cell.cell_type != "markdown":
        return cell
    return NotebookNode({**cell, "source": translate(cell.source)})


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def _shown_type(output: NotebookNode) -> str | None:
    data: Mapping[str, Any] = output.get("data", {})
    return next((kind for kind in SHOWN if kind in data), None)


def _output_fault(output: NotebookNode) -> str:
    """Return what is wrong with one output, or nothing."""
    if output.output_type == "error":
        return f"it failed with {output.ename}: {output.evalue}"
    if output.output_type == "stream":
        return f"it wrote to {output.name}, which no reader should see: {_text(output.text)[:80].strip()!r}"
    kind = _shown_type(output)
    if kind is None:
        forms = ", ".join(sorted(output.get("data", {}))) or "empty"
        return f"its output is only {forms}; show a Chart, a Table or Markdown"
    if kind in IMAGES and not str(output.metadata.get(kind, {}).get("alt", "")).strip():
        return f"its {kind} has no text alternative (metadata {{{kind!r}: {{'alt': ...}}}})"
    return ""


def _raise_page_faults(faults: list[str], *, page: str) -> None:
    if faults:
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise EvaluationError(f"The page {page} would not show what its notebook shows:\n{listed}")


def _excerpt(text: str) -> str:
    return repr(text[:90])


def _anchor(text: str, *, taken: set[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", str(Markup(text).unescape()).lower()).strip("-") or "part"
    number = 2
    anchor = slug
    while anchor in taken:
        anchor, number = f"{slug}-{number}", number + 1
    return anchor


def _page_markdown(source: str | list[str]) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(_text(source)))


def _page_output(output: NotebookNode) -> str:
    kind = _shown_type(output)
    if kind is None:
        return ""
    content = _text(output.data[kind])
    if kind == "text/html":
        return content
    if kind == "text/markdown":
        return _page_markdown(content)
    return _picture(kind, content, alt=str(output.metadata[kind]["alt"]))


def _picture(kind: str, content: str, *, alt: str) -> str:
    is_text = kind == "image/svg+xml"
    encoded = (
        base64.b64encode(content.encode("utf-8")).decode("ascii") if is_text else "".join(content.split())
    )
    return f'<figure class="chart"><img alt="{escape(alt)}" src="data:{kind};base64,{encoded}"></figure>'


def _cell_classes(cell: NotebookNode) -> str:
    kind = "prose" if cell.cell_type == "markdown" else "output"
    return " ".join([kind, *(str(escape(tag)) for tag in _tags(cell))])


FILTERS = {
    "page_markdown": _page_markdown,
    "page_output": _page_output,
    "cell_classes": _cell_classes,
}
TEMPLATES: dict[str, dict[str, bool]] = {
    # what its filters return is HTML already
    "body.html.j2": {"autoescape": False},
    "page.html.j2": {"autoescape": True, "trim_blocks": True},
}


def _asset(name: str) -> str:
    return resources.files("evaluation.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def _template(name: str) -> jinja2.Template:
    # the file is opened for each page, which so notes that it rests on it; only compiling is done once
    return _compiled(name, _asset(name))


@functools.lru_cache(maxsize=len(TEMPLATES))
def _compiled(name: str, source: str) -> jinja2.Template:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, **TEMPLATES[name])  # type: ignore[arg-type]
    environment.filters |= FILTERS
    return environment.from_string(source)
