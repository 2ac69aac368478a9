"""Which files of the package a module rests on, found from what the files import.

Belongs here: reading imports. Does not belong here: what was really loaded by a page (`evaluation.execution.traces`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import evaluation

PACKAGE = "evaluation"
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>evaluation[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(?P<modules>evaluation[^\n]*))",
    re.MULTILINE,
)
"""The package imports itself by full names; imports inside functions count as well."""

NAME = re.compile(r"[\w.]+")
COMMENT = re.compile(r"#[^\n]*")


def imported_files(modules: Iterable[str]) -> list[Path]:
    """Return the files of modules, of all modules they import, and of the packages these lie in.

    Parameters
    ----------
    modules
        Full names, such as ``evaluation.studies.estimates``.

    Returns
    -------
    list of Path
        Sorted.

    Raises
    ------
    ModuleNotFoundError
        When a named module does not exist.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    for name in waiting:
        if _file_of(name) is None:
            raise ModuleNotFoundError(name)
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is not None and name not in found:
            found[name] = path
            waiting += [*_imports(path), *_packages_of(name)]
    return sorted(found.values())


def _file_of(name: str) -> Path | None:
    root = Path(evaluation.__file__).parents[1].joinpath(*name.split("."))
    return next((path for path in (root.with_suffix(".py"), root / "__init__.py") if path.is_file()), None)


def _packages_of(name: str) -> Iterator[str]:
    parts = name.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def _imports(path: Path) -> Iterator[str]:
    """Yield what a file may import; a name that is no module is passed over by whoever asks for its file."""
    for match in IMPORT.finditer(path.read_text(encoding="utf-8")):
        if match["modules"]:
            yield from NAME.findall(COMMENT.sub("", match["modules"]))
            continue
        yield match["source"]
        for name in NAME.findall(COMMENT.sub("", match["names"])):
            yield f"{match['source']}.{name}"
