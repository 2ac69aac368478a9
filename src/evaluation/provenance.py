"""Where things come from: hashes, versions, origins, and files that appear whole or not at all.

Belongs here: anything that says what a file or a result was made from. Does not belong here: reading data.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FINGERPRINT_DIGITS = 12
"""Digits of a fingerprint shown to readers: 48 bits, no collision among a few thousand pages."""


TEMPORARY_ENDING = ".part"
"""How the name of a file ends that is being written; before it come the name it will have and who writes it."""

TEMPORARY_NAME = re.compile(rf"\..+\.(?P<writer>\d+)-[^.]+{re.escape(TEMPORARY_ENDING)}")


@dataclass(frozen=True)
class ReceivedVariable:
    """What one title of a received table stands for, as confirmed by whoever filed it.

    Parameters
    ----------
    variable, unit
        Names in the catalogue's segment of the source.
    year_offset
        Added to the year of the file to give the year the figures are of.
    years
        The years of the file that this source carries; all when empty.
    """

    variable: str
    unit: str
    year_offset: int = 0
    years: tuple[int, ...] = ()


@dataclass(frozen=True)
class Doubt:
    """A figure that was received and is graded below the rest of its vintage, with the reason."""

    variable: str
    region_code: str
    year: int
    grade: str
    reason: str


@dataclass(frozen=True)
class Origin:
    """What is known of a received vintage: the content of its ``origin.yml``.

    Parameters
    ----------
    source, vintage
        Names of the two folders, ``data/raw/<source>/<vintage>/``.
    publisher, product, citation, address, accessed, licence, note
        As stated by the publisher; ``unknown`` where it is not known.
    code_system
        The code system of the region codes in the files: a key of `evaluation.regions.CODE_COLUMNS`.
    files
        File name to sha256 of the bytes as received.
    format
        The reader of the files: a name of `evaluation.sources.FORMATS`.
    quality
        Grade of the figures where the files carry none.
    year
        The year that the files do not state, such as that of an edition; None where they state it.
    variables
        Title of a column or table to what it stands for; empty where the files name the catalogue's variables.
    doubts
        Figures graded below the rest.
    """

    source: str
    vintage: str
    publisher: str
    product: str
    citation: str
    address: str
    accessed: str
    licence: str
    code_system: str
    files: Mapping[str, str]
    note: str = ""
    format: str = "tidy"
    quality: str = "A"
    year: int | None = None
    variables: Mapping[str, ReceivedVariable] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    return sha256_bytes(path.read_bytes())


def sha256_bytes(content: bytes) -> str:
    """Return the sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(*parts: Any) -> str:
    """Return one sha256 over any mix of strings, bytes, numbers, lists and mappings, in hexadecimal.

    Mappings are taken in the order of their keys, so that equal content gives an equal fingerprint.
    """
    digest = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        digest.update(str(len(content)).encode() + b":" + content)
    return digest.hexdigest()


def fingerprint_files(paths: Iterable[Path], *, root: Path) -> str:
    """Return one fingerprint over the names (relative to ``root``) and contents of files."""
    return fingerprint([[path.relative_to(root).as_posix(), sha256_file(path)] for path in sorted(paths)])


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package, ``absent`` for one that is not installed."""
    return {name: _version_or_absent(name) for name in sorted(names)}


def _version_or_absent(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old content or the new, never a part.

    The content goes to a temporary name in the same folder, which is then renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.{os.getpid()}-", suffix=TEMPORARY_ENDING
    )
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_leftovers(*folders: Path) -> None:
    """Remove what writers that were killed left in folders and below."""
    for folder in folders:
        for path in folder.rglob(f".*{TEMPORARY_ENDING}"):
            named = TEMPORARY_NAME.fullmatch(path.name)
            if named and not is_running(int(named["writer"])):
                path.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Return whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
