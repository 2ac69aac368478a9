"""The formats of received files: telling them by content, and the reader of each.

Belongs here: which format a file is in. Does not belong here: where it is filed, or what its titles stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from evaluation.provenance import Origin
from evaluation.regions import Registry
from evaluation.sources.bps_web_table import is_bps_web_table, parse_bps_web_table, read_bps_web_table
from evaluation.sources.fsva import is_fsva, parse_fsva, read_fsva
from evaluation.sources.grid import Grid, open_grids
from evaluation.sources.layout import Layout, refuse
from evaluation.sources.origins import Format
from evaluation.sources.sipsn import is_sipsn, parse_sipsn, read_sipsn
from evaluation.sources.template import is_template, read_template
from evaluation.sources.tidy import is_tidy, read_tidy
from evaluation.sources.webapi_table import is_webapi, read_webapi

REMEDY_UNKNOWN = (
    "bring one of these: a table of the BPS web site (.xlsx or .csv), an answer of the BPS WebAPI (.json), an FSVA or "
    "SIPSN file, a filled template (`evaluation data template`), or a tidy CSV (docs/bring_data.md)"
)
REMEDY_SEVERAL = "save the sheet that is meant in a file of its own"


class Reader(Protocol):
    """What every reader looks like: a file and what is known of it in, observations with file and cell out."""

    def __call__(self, path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
        """Read one file."""


class Parser(Protocol):
    """What finds rows and columns in a grid."""

    def __call__(self, grid: Grid, *, registry: Registry) -> Layout:
        """Parse one grid."""


READERS: Mapping[Format, Reader] = {
    "tidy": read_tidy,
    "bps_web_table": read_bps_web_table,
    "bps_webapi": read_webapi,
    "fsva": read_fsva,
    "sipsn": read_sipsn,
    "template": read_template,
}
GRID_FORMATS: Mapping[Format, tuple[Callable[[Grid], bool], Parser]] = {
    "bps_web_table": (is_bps_web_table, parse_bps_web_table),
    "fsva": (is_fsva, parse_fsva),
    "sipsn": (is_sipsn, parse_sipsn),
}


@dataclass(frozen=True)
class Recognised:
    """A file and the format its content is in.

    Parameters
    ----------
    path, format
        The file and its format.
    grid
        Its cells, where the format is one of `GRID_FORMATS`.
    notes
        What a reader of the preview should know of the file.
    """

    path: Path
    format: Format
    grid: Grid | None
    notes: tuple[str, ...] = ()

    def parse(self, registry: Registry) -> Layout:
        """Return rows and columns of a file that has a grid."""
        assert self.grid is not None
        return GRID_FORMATS[self.format][1](self.grid, registry=registry)


def read_received(path: Path, *, origin: Origin, registry: Registry) -> pd.DataFrame:
    """Read one file with the reader of the format that its ``origin.yml`` states."""
    return READERS[origin.format](path, origin=origin, registry=registry)  # type: ignore[index]


def recognise(path: Path) -> Recognised:
    """Return the format of a file, told by its content and never by its name.

    Raises
    ------
    BadInputError
        When it is in none of the formats, or several of its sheets are tables.
    """
    content = path.read_bytes()
    if is_webapi(content):
        return Recognised(path, "bps_webapi", None)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        raise refuse(str(path), "this is JSON, and no table of the BPS WebAPI", REMEDY_UNKNOWN)
    grids = open_grids(path)
    if grids[0].sheet and is_template(path):
        return Recognised(path, "template", None)
    if not grids[0].sheet and is_tidy(grids[0]):
        return Recognised(path, "tidy", None, notes=grids[0].notes)
    return _among(path, grids)


def _among(path: Path, grids: tuple[Grid, ...]) -> Recognised:
    found = [(name, grid) for grid in grids for name, (belongs, _) in GRID_FORMATS.items() if belongs(grid)]
    if not found:
        shown = " | ".join(_first_texts(grids[0])) or "no text"
        raise refuse(str(path), f"the content is in no known format; it begins: {shown}", REMEDY_UNKNOWN)
    if len({grid.sheet for _, grid in found}) > 1:
        named = ", ".join(grid.sheet for _, grid in found)
        raise refuse(str(path), f"several sheets hold tables: {named}", REMEDY_SEVERAL)
    name, grid = found[0]
    others = tuple(f"sheet {other.sheet} is not read" for other in grids if other is not grid)
    formulas = f"{len(grid.formulas)} cells hold formulas; their last computed values are read"
    notes = (*grid.notes, *others, *([formulas] if grid.formulas else []))
    return Recognised(path, name, grid, notes=notes)


def _first_texts(grid: Grid) -> list[str]:
    texts = [grid.text(row, column) for row in range(len(grid.rows)) for column in range(len(grid.rows[row]))]
    return [text[:30] for text in texts if text][:4]
