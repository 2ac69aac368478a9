"""Collect every sentence that needs a translation, and merge new ones into the catalogue.

Sentences are the literal first arguments of ``say`` in the library, and the prose cells of the notebooks. Run as
``python -m evaluation.reporting.messages`` (``make messages``) after writing a new one; then translate it in
``locale/id.po``.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

import nbformat
from babel.messages.catalog import Catalog as MessageCatalog
from babel.messages.pofile import read_po, write_po

import evaluation
from evaluation.provenance import write_bytes_atomically
from evaluation.reporting.export import HIDDEN_TAGS
from evaluation.reporting.words import LOCALE_DIR
from evaluation.studies.project import open_project

TRANSLATED = ("id",)


def library_messages(package: Path) -> Iterator[tuple[str, str]]:
    """Yield file and message for every literal sentence in the library."""
    for path in sorted(package.rglob("*.py")):
        for message in spoken(path.read_text(encoding="utf-8")):
            yield path.relative_to(package.parent).as_posix(), message


def spoken(source: str) -> list[str]:
    """Return the literal first arguments of every call of ``say``, in the order of the text.

    A call among the arguments of another counts too, which babel's extractor passes over.
    """
    calls = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _is_say(node.func)
    ]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    first = [call.args[0] for call in calls if call.args]
    return [one.value for one in first if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _is_say(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return bool(name == "say")


def notebook_messages(notebooks: Path) -> Iterator[tuple[str, str]]:
    """Yield file and text of every prose cell that reaches a page; the main heading is the page's title."""
    for path in sorted(notebooks.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            hidden = HIDDEN_TAGS.intersection(cell.metadata.get("tags", []))
            if cell.cell_type == "markdown" and not hidden:
                yield path.name, cell.source


def collect_messages(notebooks: Path) -> dict[str, list[str]]:
    """Return message to the files it stands in, in the order of first appearance."""
    places: dict[str, list[str]] = {}
    package = Path(evaluation.__file__).parent
    for place, message in (*library_messages(package), *notebook_messages(notebooks)):
        places.setdefault(message, [])
        if place not in places[message]:
            places[message].append(place)
    return places


def merge_catalogue(path: Path, messages: dict[str, list[str]], *, language: str) -> int:
    """Write a catalogue with exactly these messages, keeping translations, and return how many are untranslated."""
    old: dict[str, str] = {}
    if path.is_file():
        with path.open("rb") as stream:
            old = {str(entry.id): str(entry.string) for entry in read_po(stream, locale=language) if entry.id}
    merged = MessageCatalog(locale=language, project="evaluation", charset="utf-8", fuzzy=False)
    for message, places in messages.items():
        merged.add(message, old.get(message, ""), locations=[(place, 0) for place in places])
    buffer = io.BytesIO()
    write_po(buffer, merged, width=100, omit_header=True, include_lineno=False)
    header = (
        f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {language}\\n"\n\n'
    )
    write_bytes_atomically(path, header.encode() + buffer.getvalue())
    return sum(1 for message in messages if not old.get(message))


def main() -> None:
    """Merge all messages into the catalogue of every translated language."""
    messages = collect_messages(open_project().notebooks_dir)
    for language in TRANSLATED:
        missing = merge_catalogue(LOCALE_DIR / f"{language}.po", messages, language=language)
        print(f"{language}: {len(messages)} messages, {missing} without a translation")


if __name__ == "__main__":
    main()
