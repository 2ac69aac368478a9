"""What changed from one vintage of a source to the next: new, revised and withdrawn figures.

Belongs here: comparing what was received at two times. Does not belong here: published results
(`evaluation.execution.difference`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evaluation.errors import UsageError
from evaluation.indicators import FIGURE, latest_vintage
from evaluation.sources.origins import list_vintages, vintage_order
from evaluation.sources.read import read_sources
from evaluation.studies.comparing import with_status, withdrawn_figures
from evaluation.studies.project import Project

COLUMNS = (
    "source",
    "vintage",
    "variable",
    "region_code",
    "region",
    "year",
    "kind",
    "before",
    "after",
    "unit",
)


@dataclass(frozen=True)
class VintageChange:
    """Two states of received figures that are compared: what was there before, and a vintage.

    Parameters
    ----------
    old, new
        Folders ``source/vintage``; ``old`` is empty where all that was there before counts.
    """

    old: str
    new: str


def vintage_changes(project: Project, old: str | None = None, new: str | None = None) -> pd.DataFrame:
    """Return the figures that changed between vintages.

    Parameters
    ----------
    old, new
        Vintages as ``source/vintage`` or as a folder of ``data/raw/``. With none, the latest vintage of each source
        against all that was there before it; with ``new`` alone, that vintage against all before it.

    Returns
    -------
    DataFrame
        source, vintage, variable, region_code, region, year, kind (``new``, ``revised`` or ``withdrawn``), before,
        after, unit. A figure is withdrawn when the new vintage has its variable and year and not its region.

    Raises
    ------
    UsageError
        When there is no such vintage.
    """
    pairs = _pairs(project.raw_dir, old, new)
    if not pairs:
        return pd.DataFrame(columns=list(COLUMNS))
    named = {name.split("/")[0] for pair in pairs for name in (pair.old, pair.new) if name}
    figures = read_sources(project.raw_dir, named, registry=project.registry)
    tables = [_changes(figures, pair) for pair in pairs]
    changed = pd.concat(tables, ignore_index=True)
    changed["region"] = changed["region_code"].map(project.registry.names.display)
    return changed[list(COLUMNS)].sort_values(list(COLUMNS[:6]), kind="stable").reset_index(drop=True)


def _pairs(raw_dir: Path, old: str | None, new: str | None) -> list[VintageChange]:
    known = [f"{folder.parent.name}/{folder.name}" for folder in list_vintages(raw_dir)]
    if new is not None:
        return [
            VintageChange(
                old=_known(old, known) if old is not None else "",
                new=_known(new, known),
            )
        ]
    by_source: dict[str, list[str]] = {}
    for name in known:
        by_source.setdefault(name.split("/")[0], []).append(name)
    return [VintageChange(old="", new=names[-1]) for names in by_source.values() if len(names) > 1]


def _known(name: str, known: list[str]) -> str:
    parts = Path(name).parts
    wanted = "/".join(parts[-2:])
    if wanted in known:
        return wanted
    of_source = [one for one in known if one.startswith(f"{parts[-1] if len(parts) == 1 else parts[-2]}/")]
    there = ", ".join(of_source or sorted({one.split("/")[0] for one in known}))
    raise UsageError(f"There is no vintage {name} in data/raw/; there are {there}.")


def _changes(figures: pd.DataFrame, pair: VintageChange) -> pd.DataFrame:
    after = _vintage(figures, pair.new)
    before = latest_vintage(_vintage(figures, pair.old) if pair.old else _earlier(figures, pair.new))
    # a vintage of another source is compared by what the figures are of
    before = before.assign(source=after["source"].iloc[0]) if len(after) else before
    compared = with_status(after.drop_duplicates(FIGURE), before)
    changed = compared[compared["status"] != "equal"]
    gone = withdrawn_figures(after, before)
    return pd.concat(
        [
            changed.assign(kind=changed["status"], after=changed["value"]),
            gone.assign(kind="withdrawn", before=gone["value"], after=float("nan")),
        ],
        ignore_index=True,
    ).assign(vintage=pair.new.split("/")[1])


def _vintage(figures: pd.DataFrame, name: str) -> pd.DataFrame:
    source, vintage = name.split("/")
    return figures[(figures["source"] == source) & (figures["vintage"] == vintage)]


def _earlier(figures: pd.DataFrame, name: str) -> pd.DataFrame:
    source, vintage = name.split("/")
    older = figures["vintage"].map(vintage_order) < vintage_order(vintage)
    return figures[(figures["source"] == source) & older]
