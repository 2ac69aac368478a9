"""Filing received files under ``data/raw/<source>/<vintage>/``: whole, beside what is there, and nothing overwritten.

Belongs here: names of vintages, ``origin.yml``, and the step onto the disk. Does not belong here: what is filed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.errors import BadInputError, Fault
from evaluation.provenance import Origin, sha256_bytes
from evaluation.sources.origins import ORIGIN_FILE, list_vintages, origin_text

INCOMING = ".incoming-"
"""Prefix of the folder in ``data/raw/`` that holds vintages until they are whole."""
WHY_MOVED = "what is filed must be what was checked"


@dataclass(frozen=True)
class Filing:
    """One vintage to be filed: what its ``origin.yml`` says, and the files by the names they get."""

    origin: Origin
    files: dict[str, Path]

    @property
    def folder(self) -> str:
        """Folder below ``data/raw/``."""
        return f"{self.origin.source}/{self.origin.vintage}"


def free_vintage(raw_dir: Path, source: str, day: str, *, taken: Collection[str] = ()) -> str:
    """Return the name of the next vintage of a day: the day, or the day with a number from 2 on.

    Parameters
    ----------
    taken
        Names that other filings of the same run have got.
    """
    number = 1
    while True:
        name = day if number == 1 else f"{day}.{number}"
        if name not in taken and not (raw_dir / source / name).exists():
            return name
        number += 1


def filed_hashes(raw_dir: Path) -> dict[str, str]:
    """Return the sha256 of every filed file with the folder it is in."""
    found: dict[str, str] = {}
    for folder in list_vintages(raw_dir):
        for path in folder.iterdir():
            if path.is_file() and path.name != ORIGIN_FILE:
                digest = sha256_bytes(path.read_bytes())
                found.setdefault(digest, f"{folder.parent.name}/{folder.name}")
    return found


def unique_names(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the files by their names; of several with one name the later get a number."""
    named: dict[str, Path] = {}
    for path in paths:
        name, number = path.name, 1
        while name in named or name == ORIGIN_FILE:
            number += 1
            name = f"{path.stem} ({number}){path.suffix}"
        named[name] = path
    return named


def file_vintages(raw_dir: Path, filings: Sequence[Filing]) -> tuple[Path, ...]:
    """Put vintages into ``data/raw/``: all of them or none.

    Raises
    ------
    BadInputError
        When a file is no longer what was checked, or a folder of that name has come to be there.
    """
    raw_dir.mkdir(parents=True, exist_ok=True)
    incoming = Path(tempfile.mkdtemp(dir=raw_dir, prefix=INCOMING))
    moved: list[Path] = []
    try:
        staged = [(_stage(incoming, filing), raw_dir / filing.folder) for filing in filings]
        for source, target in staged:
            _move(source, target)
            moved.append(target)
    except BaseException:
        for target in moved:
            shutil.rmtree(target, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return tuple(moved)


def _stage(incoming: Path, filing: Filing) -> Path:
    folder = incoming / filing.folder
    folder.mkdir(parents=True)
    for name, path in filing.files.items():
        content = path.read_bytes()
        if sha256_bytes(content) != filing.origin.files[name]:
            raise _moved_on(path, "the file changed after it was checked", "run the command again")
        (folder / name).write_bytes(content)
    (folder / ORIGIN_FILE).write_text(origin_text(filing.origin), encoding="utf-8")
    return folder


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise _moved_on(target, "the folder has come to be there meanwhile", "run the command again")
    os.rename(source, target)


def _moved_on(where: Path, what: str, remedy: str) -> BadInputError:
    return BadInputError([Fault(where=str(where), what=what, why=WHY_MOVED, remedy=remedy)])


def with_files(origin: Origin, files: dict[str, Path], hashes: dict[Path, str]) -> Filing:
    """Return a filing of these files under an origin that lists them."""
    listed = {name: hashes[path] for name, path in files.items()}
    return Filing(origin=replace(origin, files=listed), files=files)
