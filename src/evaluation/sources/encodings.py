"""Bytes to text, with the encoding they are in.

Belongs here: telling encodings apart. Does not belong here: what the text says.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from evaluation.errors import BadInputError, Fault

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
)
"""Byte order mark, codec, and what it is called."""
CONTROLS = frozenset(chr(code) for code in (*range(9), 11, 12, *range(14, 32), 127))
WHY_ENCODING = "names that are read in the wrong encoding are no names of regions"
REMEDY_ENCODING = "save it as text in UTF-8, or as a workbook (.xlsx)"


def decode_text(path: Path, content: bytes) -> tuple[str, str]:
    """Return a file's text and the name of its encoding: utf-8, utf-16 or cp1252.

    UTF-16 without a mark is known by its zero bytes; Windows-1252 is what is left when it is not UTF-8.

    Raises
    ------
    BadInputError
        When it is text in none of these.
    """
    for mark, codec, name in MARKS:
        if content.startswith(mark):
            return _decoded(path, content, codec), name
    zeros = content[:2000].count(0)
    if zeros > len(content[:2000]) // 4:
        codec = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
        return _decoded(path, content, codec), "utf-16"
    try:
        return _checked(path, content.decode("utf-8")), "utf-8"
    except UnicodeDecodeError:
        return _decoded(path, content, "cp1252"), "cp1252"


def _decoded(path: Path, content: bytes, codec: str) -> str:
    try:
        return _checked(path, content.decode(codec))
    except UnicodeDecodeError as error:
        raise _no_text(path, f"this is text in no known encoding: {error}") from error


def _checked(path: Path, text: str) -> str:
    if not CONTROLS.isdisjoint(text):
        raise _no_text(path, "this is no text: it holds control characters")
    return text


def _no_text(path: Path, what: str) -> BadInputError:
    return BadInputError([Fault(where=str(path), what=what, why=WHY_ENCODING, remedy=REMEDY_ENCODING)])
