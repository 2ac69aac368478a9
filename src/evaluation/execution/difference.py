"""Published numbers that changed between two folders of results: scores and estimates, by their keys.

Belongs here: comparing kept tables. Does not belong here: comparing pages (`evaluation.execution.verify`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from evaluation.errors import UsageError
from evaluation.schema import ESTIMATES, SCORES

PUBLISHED = ((SCORES, "score"), (ESTIMATES, "estimate"))
COLUMNS = ("table", "key", "old", "new", "change")


def difference(old: Path, new: Path) -> pd.DataFrame:
    """Return every published number that changed, appeared or went.

    Parameters
    ----------
    old, new
        Folders with ``scores.parquet`` and ``estimates.parquet``, or checkouts that have them.

    Returns
    -------
    pandas.DataFrame
        table, key (its parts joined by spaces), old and new value (missing where there is none), change
        (new minus old); the largest change of each table first.

    Raises
    ------
    UsageError
        When a folder has none of the tables.
    """
    folders = (_tables_of(old), _tables_of(new))
    parts = []
    for schema, value in PUBLISHED:
        key = list(schema.key)
        sides = [_values(folder / f"{schema.name}.parquet", key, value) for folder in folders]
        both = sides[0].merge(sides[1], how="outer", on=key, suffixes=("_old", "_new"), validate="one_to_one")
        pair = both[[f"{value}_old", f"{value}_new"]].set_axis(["old", "new"], axis=1)
        changed = (pair["old"] != pair["new"]) & ~(pair["old"].isna() & pair["new"].isna())
        part = pair.assign(table=schema.name, change=pair["new"] - pair["old"])[changed]
        part["key"] = [_label(values) for values in both.loc[changed, key].itertuples(index=False)]
        parts.append(part.sort_values("change", key=lambda change: -change.abs(), kind="stable"))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _label(values: Iterable[Any]) -> str:
    return " ".join(str(value) for value in values if pd.notna(value) and value != "")


def _tables_of(folder: Path) -> Path:
    for place in (folder, folder / "data" / "processed"):
        if any((place / f"{schema.name}.parquet").is_file() for schema, _ in PUBLISHED):
            return place
    raise UsageError(f"{folder} has no scores.parquet or estimates.parquet, nor data/processed/ with them")


def _values(path: Path, key: list[str], value: str) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=[*key, value]).astype({value: float})
    return pd.read_parquet(path, columns=[*key, value])
