"""The parameters of a notebook: read from its parameters cell, and kept to.

The cell tagged ``parameters`` is the schema: names, types (annotation, or the type of the default) and, after
``one of:`` in the comment, the values allowed. papermill itself only warns of an unknown name, and guesses
types from the text, so that a region code arrives as a number.

Belongs here: reading and checking values. Does not belong here: which notebook makes which page
(`evaluation.execution.reports`).
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.errors import UsageError

SECRET_NAME = re.compile(r"passw|secret|token|api_?key|credential|private_?key", re.IGNORECASE)
"""Parameters are stored in clear in the executed notebook and named on the page."""

CHOICES_MARK = re.compile(r"one of:\s*(?P<choices>[^;.]+)", re.IGNORECASE)
TYPE_COMMENT = re.compile(r"type:\s*(?P<type>\S+)\s*")
LITERAL_ANNOTATION = re.compile(r"Literal\[(?P<choices>.*)\]")
TRUTH = {"true": True, "false": False}
NEAR_MATCHES = 3


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One line of a notebook's parameters cell.

    Parameters
    ----------
    name
        The variable.
    kind
        ``str``, ``int``, ``float``, ``bool``, ``list`` or ``dict``.
    default
        The value in the cell, as Python writes it; empty where none stands there and one must be given.
    choices
        The values allowed; any when empty.
    note
        The comment behind it.
    """

    name: str
    kind: str
    default: str
    choices: tuple[Any, ...] = ()
    note: str = ""

    def describe(self) -> str:
        """Return one line: name, type, default, values allowed."""
        allowed = f", one of: {', '.join(map(str, self.choices))}" if self.choices else ""
        standing = f"default {self.default}" if self.default else "must be given"
        return f"{self.name}: {self.kind} ({standing}{allowed})"


def read_parameters(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares, by name.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, AttributeError
        When the file is not a notebook, or its parameters cell is not Python.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [cell["source"] for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    if not tagged:
        return {}
    source = tagged[0] if isinstance(tagged[0], str) else "".join(tagged[0])
    try:
        return {parameter.name: parameter for parameter in _declared(source)}
    except (SyntaxError, tokenize.TokenError) as problem:
        raise ValueError(f"its parameters cell is not Python: {problem}") from problem


def _declared(source: str) -> Iterator[Parameter]:
    """Find assignments to single names, each with the comment behind it."""
    comments = {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            comment = comments.get(statement.end_lineno or 0, "")
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if len(targets) == 1 and isinstance(targets[0], ast.Name):
                annotation = statement.annotation if isinstance(statement, ast.AnnAssign) else None
                yield _parameter(
                    targets[0].id,
                    default=(statement.value and ast.get_source_segment(source, statement.value)) or "",
                    annotation=(annotation and ast.get_source_segment(source, annotation)) or "",
                    comment=comment,
                )


def _parameter(name: str, *, default: str, annotation: str, comment: str) -> Parameter:
    typed = TYPE_COMMENT.match(comment)
    stated = typed["type"] if typed else annotation
    note = comment[typed.end() :] if typed else comment
    kind = _kind(stated, default)
    listed = CHOICES_MARK.search(note) or LITERAL_ANNOTATION.search(stated)
    texts = [text.strip().strip("\"'") for text in listed["choices"].split(",")] if listed else []
    choices = tuple(CONVERTERS[kind](text) for text in texts if text)
    return Parameter(name=name, kind=kind, default=default, choices=choices, note=note)


def _kind(annotation: str, default: str) -> str:
    named = re.match(r"(str|int|float|bool|list|dict)\b", annotation or "")
    if named:
        return named[1]
    try:
        kind = type(ast.literal_eval(default)).__name__
    except (ValueError, SyntaxError):
        kind = "str"
    return {"tuple": "list", "NoneType": "str"}.get(kind, kind)


def _to_bool(text: str) -> bool:
    return TRUTH[text.strip().lower()]


def _to_list(text: str) -> list[Any]:
    if not text.strip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    value = ast.literal_eval(text)
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def _to_dict(text: str) -> dict[str, Any]:
    value = ast.literal_eval(text)
    if not isinstance(value, dict):
        raise ValueError("not a mapping")
    return value


CONVERTERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": _to_bool,
    "list": _to_list,
    "dict": _to_dict,
}
TYPE_PROBLEMS = (ValueError, KeyError, SyntaxError)


def parse_parameters(
    given: Iterable[tuple[str, str]],
    declared: Mapping[str, Parameter],
    *,
    notebook: str,
    aliases: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return typed values of the parameters that a user gave as text.

    Parameters
    ----------
    given
        Names and texts, as typed.
    declared
        What the notebook declares.
    notebook
        Its name, for messages.
    aliases
        Other names of some of them.

    Raises
    ------
    UsageError
        When a name is unknown, given twice or looks like a secret, or a value has the wrong type or is not
        allowed; all of it at once, with the list of parameters there are.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    other_names = aliases or {}
    for typed, text in given:
        name = other_names.get(typed, typed)
        problem = _name_problem(name, {**declared, **_named(other_names, declared)}, already=values)
        if problem is None:
            values[name], problem = _parse(declared[name], text)
        if problem:
            problems.append(problem)
    if problems:
        raise UsageError(_refusal(problems, declared.values(), notebook=notebook))
    return values


def _named(aliases: Mapping[str, str], declared: Mapping[str, Parameter]) -> dict[str, Parameter]:
    return {alias: declared[name] for alias, name in aliases.items() if name in declared}


def _name_problem(name: str, declared: Mapping[str, Parameter], *, already: Mapping[str, Any]) -> str | None:
    if SECRET_NAME.search(name):
        return f"{name} looks like a secret: parameters are printed on pages; use an environment variable"
    if name not in declared:
        return f"there is no parameter {name}{suggest(name, declared)}"
    return f"{name} is given twice" if name in already else None


def _parse(parameter: Parameter, text: str) -> tuple[Any, str | None]:
    try:
        value = CONVERTERS[parameter.kind](text)
    except TYPE_PROBLEMS:
        return None, f"{parameter.name} must be of type {parameter.kind}; got: {text!r}"
    return value, value_problem(parameter, value)


def value_problem(parameter: Parameter, value: Any) -> str | None:
    """Say what is wrong with a typed value, or None."""
    expected = (
        (int, float)
        if parameter.kind == "float"
        else {"str": str, "int": int, "bool": bool}.get(
            parameter.kind, {"list": list, "dict": dict}.get(parameter.kind, object)
        )
    )
    if not isinstance(value, expected) or (isinstance(value, bool) and parameter.kind != "bool"):
        return f"{parameter.name} must be of type {parameter.kind}; got: {value!r}"
    if parameter.choices and value not in parameter.choices:
        allowed = ", ".join(map(str, parameter.choices))
        return f"{parameter.name} must be one of {allowed}; got: {value!r}"
    return None


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean ...?`` with the nearest names, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=NEAR_MATCHES)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _refusal(problems: Sequence[str], declared: Iterable[Parameter], *, notebook: str) -> str:
    wrong = "\n".join(f"  {problem}" for problem in problems)
    lines = "\n".join(f"  {parameter.describe()}" for parameter in declared) or "  none"
    return f"These parameters cannot be used; nothing was run.\n{wrong}\nParameters of {notebook}:\n{lines}"
