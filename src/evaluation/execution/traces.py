"""What a notebook really used while it ran: code, files, reads, messages. Taken, not guessed.

A page depends on what its cells and its making loaded and read, whatever the notebook's text suggests. Modules
are those of the package and of the project that are loaded at the end; files are those that cells opened
themselves; what the library read on their behalf it notes by content (`evaluation.studies.reads`), and so it
does with the messages it said (`evaluation.reporting.words`).

Belongs here: taking the trace inside a notebook's process. Does not belong here: comparing it with the present
(`evaluation.execution.freshness`).
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import evaluation
from evaluation.provenance import fingerprint, sha256_file, write_bytes_atomically

PACKAGE_DIR = Path(evaluation.__file__).parent
RUNS_CELLS = frozenset(
    f"evaluation/execution/{name}.py" for name in ("imports", "job", "kernels", "preload", "seeds", "shell")
)
"""Modules of `evaluation.execution` that can change what a cell leaves; the others only decide when it runs."""

NOT_PRINTING = ("evaluation/execution/", "evaluation/cli/")
CATALOGUES = (".po", ".mo", ".pot")
"""Message catalogues: each message is noted by itself."""
CELL_MARKS = ("<ipython-input", "/ipykernel_")
"""How the file name of a cell's code begins or what it contains."""
STATE_DIGITS = 16
COMPILED = (".pyc", ".pyo")


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What was used.

    Parameters
    ----------
    modules
        Files of the package that were loaded or opened, as ``evaluation/charts/frame.py``.
    files
        Other files of the project that cells opened or imported, relative to its root.
    reads
        Name to content hash of what the library read.
    messages
        Messages said, in the source language.
    """

    modules: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    reads: Mapping[str, str] = field(default_factory=dict)
    messages: frozenset[str] = frozenset()

    def __or__(self, other: Trace) -> Trace:
        """Return both together."""
        return Trace(
            modules=self.modules | other.modules,
            files=self.files | other.files,
            reads={**self.reads, **other.reads},
            messages=self.messages | other.messages,
        )


class Tracer:
    """Watches this process from now on.

    Parameters
    ----------
    root
        The project; files outside of it belong to the system or to packages, whose versions are known.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root.resolve()) + os.sep
        self._apart = tuple(
            {os.path.realpath(path) + os.sep for path in (sys.prefix, sys.base_prefix, PACKAGE_DIR)}
        )
        self._assets: set[str] = set()
        self._files: set[str] = set()
        self._paused = False
        _begin_notes()
        # a hook cannot be taken away again: the process serves one job and ends
        sys.addaudithook(self._hear)

    def taken(self) -> Trace:
        """Return what was used so far."""
        loaded = loaded_files(self._root)
        return Trace(
            modules=frozenset(filter(None, map(_module_name, loaded))) | frozenset(self._assets),
            files=frozenset(self._own(path) for path in loaded if self._is_own(path))
            | frozenset(self._files),
            reads=_noted_reads(),
            messages=frozenset(_said_messages()),
        )

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or self._paused or not isinstance(arguments[0], str):
            return
        if (arguments[2] or 0) & os.O_ACCMODE != os.O_RDONLY:
            return
        path = os.path.realpath(arguments[0])
        if path.endswith(COMPILED):
            return
        if name := _module_name(path):
            if not path.endswith((".py", *CATALOGUES)):
                self._assets.add(name)
        elif self._is_own(path) and _asked_by_cell(sys._getframe(1), self._root):
            self._files.add(self._own(path))

    def _is_own(self, path: str) -> bool:
        return path.startswith(self._root) and not path.startswith(self._apart)

    def _own(self, path: str) -> str:
        return path.removeprefix(self._root).replace(os.sep, "/")


_remembered: tuple[str, str, frozenset[str]] | None = None
"""A project's root, the module loaded last, and the files of all that were loaded until then."""


def remember_loaded(root: str) -> None:
    """Look through all modules once, for processes forked from this one that ask for `loaded_files`.

    There are thousands, and to look at one is to copy the memory it lies in.
    """
    global _remembered
    place = os.path.realpath(root) + os.sep
    _remembered = None
    _remembered = (place, next(reversed(sys.modules)), frozenset(loaded_files(place)))


def loaded_files(root: str) -> set[str]:
    """Return the source files of all loaded modules of the package and of a project."""
    if _remembered is None or _remembered[0] != root:
        return _files_of([*sys.modules.values()], root)
    _, last, known = _remembered
    # modules stand in the order in which they were loaded
    newer = [*itertools.takewhile(lambda name: name != last, reversed(sys.modules))]
    return _files_of([sys.modules[name] for name in newer], root) | known


def _files_of(modules: Iterable[ModuleType], root: str) -> set[str]:
    places = (root, _PACKAGE_PREFIX, str(PACKAGE_DIR))
    paths = [getattr(module, "__file__", None) for module in modules]
    # resolving a path asks the disk about each of its folders: not for the thousands of others
    near = [path for path in paths if isinstance(path, str) and path.startswith(places)]
    packages = sys.prefix + os.sep
    ours = (_PACKAGE_PREFIX, str(PACKAGE_DIR))
    return {_resolved(path) for path in near if path.startswith(ours) or not path.startswith(packages)}


@cache
def _resolved(path: str) -> str:
    return os.path.realpath(path)


def _module_name(path: str) -> str:
    """Return a file of the package by its name there; nothing for other files and those that print nothing."""
    if not path.startswith(_PACKAGE_PREFIX):
        return ""
    name = f"evaluation/{path.removeprefix(_PACKAGE_PREFIX).replace(os.sep, '/')}"
    return "" if name.startswith(NOT_PRINTING) and name not in RUNS_CELLS else name


_PACKAGE_PREFIX = os.path.realpath(PACKAGE_DIR) + os.sep


def _asked_by_cell(frame: FrameType | None, root: str) -> bool:
    """Tell whether a cell or a module of the project opened a file, and not the library for it."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_PACKAGE_PREFIX):
            return False
        if any(mark in name for mark in CELL_MARKS):
            return True
        frame = frame.f_back
    return False


def _begin_notes() -> None:
    from evaluation.reporting import words
    from evaluation.studies import reads

    reads.begin()
    words.begin_recording()


def _noted_reads() -> dict[str, str]:
    from evaluation.studies import reads

    return reads.recorded()


def _said_messages() -> Iterable[str]:
    from evaluation.reporting import words

    return words.spoken()


def trace_kernel(root: str, path: str) -> None:
    """Watch the current kernel, and keep its trace in a file after each cell."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("only a running kernel can be watched")
    tracer = Tracer(Path(root))
    shell.events.register("post_run_cell", lambda *_: _write_trace(tracer.taken(), Path(path)))


def trace_line(root: Path, path: Path) -> str:
    """Return the line that makes an ordinary kernel keep its trace in a file; it leaves no name behind."""
    return f"__import__({__name__!r}, fromlist=['traces']).trace_kernel({str(root)!r}, {str(path)!r})"


def _write_trace(trace: Trace, path: Path) -> None:
    plain = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(trace).items()
    }
    write_bytes_atomically(path, json.dumps(plain).encode())


def read_trace(path: Path) -> Trace:
    """Return what a kernel's trace says; nothing when it ran no cell."""
    if not path.is_file():
        return Trace()
    plain = json.loads(path.read_text(encoding="utf-8"))
    return Trace(
        modules=frozenset(plain["modules"]),
        files=frozenset(plain["files"]),
        reads=plain["reads"],
        messages=frozenset(plain["messages"]),
    )


def file_states(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the hash of each file, relative to a root; empty for one that is not there."""
    return {name: _file_state(root / name) for name in sorted(names)}


def _file_state(path: Path) -> str:
    return sha256_file(path) if path.is_file() else ""


def message_states(language: str, messages: Iterable[str]) -> dict[str, str]:
    """Return the state of each message's translation."""
    from evaluation.reporting.words import translations

    known = translations(language)  # type: ignore[arg-type]
    return {text: _message_state(text, known.get(text, text)) for text in sorted(messages)}


@cache
def _message_state(text: str, translation: str) -> str:
    from evaluation.reporting.words import message_state

    return message_state(text, {text: translation})[:STATE_DIGITS]


def remember_messages() -> None:
    """Take the states of all messages once, for processes forked from this one."""
    from evaluation.reporting.words import LANGUAGES, SOURCE_LANGUAGE, translations

    every = {text for language in LANGUAGES for text in translations(language)}
    for language in (SOURCE_LANGUAGE, *LANGUAGES):
        message_states(language, every)


def printed_fingerprint(trace: Trace, *, parts: Mapping[str, Any]) -> str:
    """Return the fingerprint that stands on a page: of what its cells used, whichever way they were run.

    Parameters
    ----------
    trace
        Taken when the cells have run.
    parts
        What else made the page: notebook, parameters, versions, and the hashes of `trace.modules`.
    """
    return fingerprint(dict(parts), dict(trace.reads), sorted(trace.messages))
