"""The programme: who joined when, what is doubtful, and who may stand as a control.

Belongs here: participation and its timing. Does not belong here: outcomes or estimates.
Master plans finish in November or December of the joining year, so the first year in which an effect can show
is the year after: ``cohort = joined + 1``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.regions import Registry, read_config_table
from evaluation.schema import COHORTS, conform

YEARS_TO_FIRST_EFFECT = 1
"""Years from joining to the first year of effect: master plans finish at the end of the joining year."""
FIRST_YEAR_OF_PROGRAMME = 2017
CONFIDENCES = ("two_sources", "one_source", "inferred")
ROLES = ("treated_year_unknown", "not_control", "exposure", "repeat_doubtful")
ENTRY_COLUMNS = ("region_code", "region_name", "joined", "confidence", "master_plan", "source_url")
UNRESOLVED_COLUMNS = ("region_code", "region_name", "role", "reason", "source_url")
MASTER_PLANS = ("", "finished", "not_finished")
"""What is on record of the master plan of the joining year; empty where nothing is."""
NOT_FINISHED = "not_finished"
WHY_COHORTS = "joining years decide who is treated, who is a control, and every estimate"


@dataclass(frozen=True)
class Programme:
    """Participation of every region.

    Parameters
    ----------
    cohorts
        One row a region (table `cohorts` of `evaluation.schema`), never-joined regions with missing years.
    entries
        One row a region and joining year, with the citations as they stand in the configuration.
    unresolved
        Regions with a role that bars them from being a control, with the reason.
    """

    cohorts: pd.DataFrame
    entries: pd.DataFrame
    unresolved: pd.DataFrame

    def joined_by_year(self) -> pd.DataFrame:
        """Return joining year and number of regions that joined then for the first time."""
        counts = self.cohorts["joined"].dropna().astype(int).value_counts().sort_index()
        return counts.rename_axis("joined").reset_index(name="n_regions")


def read_programme(config_dir: Path, registry: Registry) -> Programme:
    """Read ``cohorts.csv`` and ``unresolved.csv``.

    Raises
    ------
    BadInputError
        With every fault: no entry at all, unknown regions, names of another region, impossible years,
        doubled entries, missing citations.
    """
    faults: list[Fault] = []
    entries = _read_checked(config_dir / "cohorts.csv", ENTRY_COLUMNS, _entry_faults, registry, faults)
    unresolved = _read_checked(
        config_dir / "unresolved.csv", UNRESOLVED_COLUMNS, _unresolved_faults, registry, faults
    )
    raise_if_any(faults)
    assert entries is not None  # a table that could not be read is a fault, and has been raised
    assert unresolved is not None
    entries = entries.astype({"joined": int}).sort_values(["region_code", "joined"]).reset_index(drop=True)
    return Programme(cohorts=_cohorts(entries, unresolved, registry), entries=entries, unresolved=unresolved)


def _read_checked(
    path: Path,
    needed: tuple[str, ...],
    check: Callable[[Path, pd.DataFrame, Registry], Iterator[Fault]],
    registry: Registry,
    faults: list[Fault],
) -> pd.DataFrame | None:
    """Return the table; keep its faults, and return None when there is no such table at all."""
    try:
        # every doubt may be resolved one day; a programme that nobody joined is a lost file
        table = read_config_table(path, needed, may_be_empty=needed == UNRESOLVED_COLUMNS)
    except BadInputError as error:
        faults.extend(error.faults)
        return None
    faults.extend(check(path, table, registry))
    return table


def _cohorts(entries: pd.DataFrame, unresolved: pd.DataFrame, registry: Registry) -> pd.DataFrame:
    first = entries.drop_duplicates("region_code", keep="first").set_index("region_code")
    later = entries[entries.duplicated("region_code", keep="first")]
    again = later.groupby("region_code")["joined"].agg(lambda years: "+".join(map(str, years)))
    roles = unresolved.set_index("region_code")["role"]
    codes = pd.Index(registry.codes, name="region_code")
    table = pd.DataFrame(index=codes)
    table["joined"] = first["joined"].reindex(codes).astype(float)
    table["cohort"] = table["joined"] + YEARS_TO_FIRST_EFFECT
    table["joined_again"] = again.reindex(codes).fillna("")
    table["citation"] = first["source_url"].reindex(codes).fillna("")
    table["confidence"] = first["confidence"].reindex(codes).fillna("")
    table["finished"] = first["master_plan"].reindex(codes) != NOT_FINISHED
    table["role"] = roles.reindex(codes).fillna("")
    autonomous = registry.by_code["autonomous"].reindex(codes) == "yes"
    table["clean_control"] = (table["role"] == "") & autonomous
    return conform(table.reset_index(), COHORTS)


def _entry_faults(path: Path, entries: pd.DataFrame, registry: Registry) -> Iterator[Fault]:
    yield from _region_faults(path, entries, registry)
    for row in entries[~entries["joined"].str.fullmatch("20[0-9]{2}")].itertuples():
        yield _fault(path, row.Index, f"joined {row.joined!r} is not a year", "write the year as 20YY")
    years = pd.to_numeric(entries["joined"], errors="coerce")
    for row in entries[years < FIRST_YEAR_OF_PROGRAMME].itertuples():
        yield _fault(
            path,
            row.Index,
            f"joined {row.joined} lies before the programme began",
            f"write {FIRST_YEAR_OF_PROGRAMME} or later",
        )
    for row in entries[entries.duplicated(["region_code", "joined"], keep="first")].itertuples():
        yield _fault(
            path, row.Index, f"{row.region_name} {row.joined} stands twice", "keep one row a region and year"
        )
    for row in entries[~entries["confidence"].isin(CONFIDENCES)].itertuples():
        yield _fault(
            path,
            row.Index,
            f"confidence {row.confidence!r} is unknown",
            f"write one of {', '.join(CONFIDENCES)}",
        )
    for row in entries[~entries["master_plan"].isin(MASTER_PLANS)].itertuples():
        yield _fault(
            path,
            row.Index,
            f"master_plan {row.master_plan!r} is unknown",
            "write finished or not_finished, or leave it empty where nothing is on record",
        )
    for row in entries[~entries["source_url"].str.match("https?://")].itertuples():
        yield _fault(
            path,
            row.Index,
            f"{row.region_name} has no citation; source_url is {row.source_url!r}",
            "give the address of the source, beginning with http",
        )


def _unresolved_faults(path: Path, unresolved: pd.DataFrame, registry: Registry) -> Iterator[Fault]:
    yield from _region_faults(path, unresolved, registry)
    for row in unresolved[~unresolved["role"].isin(ROLES)].itertuples():
        yield _fault(path, row.Index, f"role {row.role!r} is unknown", f"write one of {', '.join(ROLES)}")
    for row in unresolved[unresolved["reason"] == ""].itertuples():
        yield _fault(path, row.Index, f"{row.region_name} has no reason", "say why it is in doubt")
    for row in unresolved[unresolved.duplicated("region_code")].itertuples():
        yield _fault(path, row.Index, f"{row.region_name} stands twice", "keep one row a region")


def _region_faults(path: Path, rows: pd.DataFrame, registry: Registry) -> Iterator[Fault]:
    for row in rows.itertuples():
        if row.region_code not in registry.by_code.index:
            yield _fault(
                path,
                row.Index,
                f"region_code {row.region_code!r} is not in regions.csv",
                "use the BPS code of config/regions.csv",
            )
        elif not registry.name_agrees(row.region_code, row.region_name):
            registered = registry.by_code.loc[row.region_code, "name"]
            yield _fault(
                path,
                row.Index,
                f"{row.region_code} is {registered}, not {row.region_name}",
                "check whether this is a Kemendagri code; write the BPS code of config/regions.csv",
            )


def _fault(path: Path, index: object, what: str, remedy: str) -> Fault:
    return Fault(where=f"{path}, row {int(str(index)) + 2}", what=what, why=WHY_COHORTS, remedy=remedy)
