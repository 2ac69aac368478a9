"""Received figures against those that are there: what is new, equal or revised, and what is not plausible.

Belongs here: comparing figures. Does not belong here: reading or filing them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog, Indicator
from evaluation.errors import Fault
from evaluation.indicators import FIGURE, latest_vintage
from evaluation.provenance import Doubt
from evaluation.quality import Reason
from evaluation.regions import Registry
from evaluation.sources.bounds import Bounds

SHARES_END = 100.0
"""Indicators that cannot exceed this are shares or indices: a slip of thousands leaves their valid range."""
LONGEST_GAP = 3
"""Years between two figures up to which their difference is compared with the bound of one year."""
FEWEST = 30
"""Figures from which the typical one of a table is compared."""
SHOWN_REGIONS = 10
WHY_UNIT = "a figure in another unit changes scores and estimates by the factor between the units"
WHY_SERIES = "scores and estimates never cross from one method to another"
REMEDY_UNIT = "take the table in the unit of the catalogue, or correct the figures"
REMEDY_SLIP = "look for a slipped decimal or unit in this cell and correct it"
REMEDY_SERIES = (
    "file it as another indicator or in a window of its own (docs/bring_data.md, `Another series`); "
    "if the publisher revised all figures by the same method: --revision"
)


@dataclass(frozen=True)
class Doubtful:
    """A figure that is taken and graded lower, with what is doubtful about it."""

    doubt: Doubt
    source: str
    place: str
    what: str


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Parameters
    ----------
    figures
        The received figures: columns of `observations`, file, row, before (NaN where there is none), status (``new``,
        ``equal`` or ``revised``).
    withdrawn
        Figures that are there and stand in no received file of their variable and year.
    faults, doubtful, notices
        What is refused, what is graded lower, what is worth knowing.
    """

    figures: pd.DataFrame
    withdrawn: pd.DataFrame
    faults: tuple[Fault, ...]
    doubtful: tuple[Doubtful, ...]
    notices: tuple[str, ...]


def compare(
    received: pd.DataFrame,
    there: pd.DataFrame,
    *,
    catalog: Catalog,
    registry: Registry,
    bounds: Bounds,
    is_revision: bool = False,
) -> Comparison:
    """Compare received figures with what is there.

    Parameters
    ----------
    received, there
        As the readers return them; ``there`` of all vintages of the sources concerned.
    catalog, registry, bounds
        Segments and windows, names of regions, what is refused and doubtful.
    is_revision
        Whether whoever brings them says that the publisher revised the whole series by the same method.
    """
    current = latest_vintage(there) if len(there) else there
    figures = with_status(received, current)
    faults: list[Fault] = []
    doubtful: list[Doubtful] = []
    notices: list[str] = []
    for indicator in _indicators_in(figures, catalog):
        series = _Series.of(indicator, figures=figures, current=current, registry=registry)
        unit = list(series.unit_faults(bounds))
        faults += unit
        if not unit:
            faults += series.slip_faults(bounds)
            faults += [] if is_revision else series.other_series_faults(bounds)
            doubtful += series.jumps(bounds)
            notices += series.level_shifts(bounds)
        notices += series.lost_coverage()
    withdrawn = withdrawn_figures(received, current)
    return Comparison(figures, withdrawn, tuple(faults), tuple(doubtful), tuple(notices))


def with_status(received: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """Return received figures with the value that is there (before) and status: new, equal or revised."""
    before = current[[*FIGURE, "value"]].rename(columns={"value": "before"})
    figures = received.merge(before, on=FIGURE, how="left", validate="many_to_one")
    figures["before"] = figures["before"].astype("float64")
    status = np.where(
        figures["before"].isna(), "new", np.where(figures["before"] == figures["value"], "equal", "revised")
    )
    return figures.assign(status=pd.Series(status, index=figures.index, dtype=str))


def withdrawn_figures(received: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """Return figures that are there, of a variable and year that were received, for regions that were not."""
    group = ["source", "variable", "year"]
    kept = current.merge(received[group].drop_duplicates(), on=group, how="inner")
    found = kept.merge(received[FIGURE].drop_duplicates(), on=FIGURE, how="left", indicator=True)
    return found[found["_merge"] == "left_only"].drop(columns="_merge").reset_index(drop=True)


def _indicators_in(figures: pd.DataFrame, catalog: Catalog) -> list[Indicator]:
    pairs = set(zip(figures["source"], figures["variable"], strict=True))
    found = {
        indicator.code: indicator
        for indicator, segment in catalog.segments()
        if (segment.source, segment.variable) in pairs
    }
    return list(found.values())


@dataclass(frozen=True)
class _Series:
    """One indicator's received figures, and those that are there and may be used (not of grade C)."""

    indicator: Indicator
    received: pd.DataFrame
    there: pd.DataFrame
    names: Mapping[str, str]

    @classmethod
    def of(
        cls, indicator: Indicator, *, figures: pd.DataFrame, current: pd.DataFrame, registry: Registry
    ) -> _Series:
        return cls(
            indicator=indicator,
            received=_carried(figures, indicator),
            there=_carried(current[current["quality"] != "C"], indicator),
            names=registry.names.display,
        )

    def unit_faults(self, bounds: Bounds) -> Iterator[Fault]:
        """Find a table in another unit: its typical figure is many times, or a fraction of, the one there."""
        reference = self._reference()
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (reference["value"] / reference["reference"]).to_numpy()
        usable = np.isfinite(ratio) & (ratio > 0)
        if usable.sum() < FEWEST:
            return
        typical = float(np.median(ratio[usable]))
        if max(typical, 1 / typical) >= bounds.refused.unit_from:
            first = reference.iloc[0]
            what = f"the figures of {self.indicator.code} are typically {typical:,.4g} times those that are there"
            yield Fault(where=first["file"], what=what, why=WHY_UNIT, remedy=REMEDY_UNIT)

    def slip_faults(self, bounds: Bounds) -> Iterator[Fault]:
        """Find single figures that are about a thousand times, or a thousandth of, the one beside them."""
        if self.indicator.bounds[1] <= SHARES_END:
            return
        reference = self._reference()
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (reference["value"] / reference["reference"]).to_numpy()
        slipped = np.maximum(ratio, 1 / np.where(ratio > 0, ratio, np.nan)) >= bounds.refused.slip_from
        for row in reference[slipped & (reference["value"] > 0)].itertuples():
            what = f"{self._figure(row)} is {row.value:g}, and {row.reference:g} is there for {row.reference_year}"
            yield Fault(where=f"{row.file}, {row.row}", what=what, why=WHY_UNIT, remedy=REMEDY_SLIP)

    def other_series_faults(self, bounds: Bounds) -> Iterator[Fault]:
        """Find another series of the same quantity: most figures of years that are there changed one way."""
        known = self.received[self.received["status"] != "new"]
        change = (known["value"] - known["before"]).to_numpy()
        if len(known) < FEWEST or (change != 0).mean() < bounds.refused.another_series_from:
            return
        moved = change[change != 0]
        if max((moved > 0).mean(), (moved < 0).mean()) < bounds.refused.another_series_one_way:
            return
        years = ", ".join(map(str, sorted(known["year"].unique())))
        what = (
            f"{len(moved)} of {len(known)} figures of {self.indicator.code} in {years} differ from those there, by "
            f"{np.median(moved):+.3g} typically: this is another series of the same quantity"
        )
        yield Fault(where=str(known["file"].iloc[0]), what=what, why=WHY_SERIES, remedy=REMEDY_SERIES)

    def jumps(self, bounds: Bounds) -> Iterator[Doubtful]:
        """Find figures that are further from those of the year before or after, or of the same year, than is plausible."""
        jump = bounds.jump_of(self.indicator)
        found: dict[tuple[str, int], Doubtful] = {}
        for beside, row, excess in self._excesses(jump.excess):
            key = (row.region_code, row.year)
            if excess <= 1 or key in found:
                continue
            grade = "C" if excess >= bounds.doubtful.grade_c_from else "B"
            found[key] = self._doubt(
                row, grade, "implausible_change", f"is {row.value:g}, and {beside} {row.reference:g}"
            )
        yield from found.values()

    def _excesses(self, excess_of: Callable[[Any, Any], np.ndarray]) -> Iterator[tuple[str, Any, float]]:
        for beside, table in (
            ("the year before", self._beside(-1)),
            ("the year after", self._beside(+1)),
            ("until now", self._before_revision()),
        ):
            excess = excess_of(table["reference"].to_numpy(), table["value"].to_numpy())
            for row, beyond in zip(table.itertuples(), excess, strict=True):
                yield beside, row, float(beyond)

    def level_shifts(self, bounds: Bounds) -> Iterator[str]:
        """Tell the years whose typical change is far beyond those of the years before."""
        changes = self._changes()
        typical = changes.groupby("year")["change"].median()
        new_years = set(self.received.loc[self.received["status"] == "new", "year"])
        past = typical[~typical.index.isin(new_years)].abs()
        if len(past) < 3:
            return
        for year, change in typical[typical.index.isin(new_years)].items():
            if abs(change) > bounds.doubtful.level_shift_from * past.max():
                yield (
                    f"{self.indicator.code} changes by {change:+.3g} typically in {year}, by {past.max():.3g} at most "
                    "in the years before: if the method changed, begin a new window"
                )

    def lost_coverage(self) -> Iterator[str]:
        """Tell which regions have no received figure and had one the last time."""
        for year, rows in self.received.groupby("year"):
            earlier = self.there[self.there["year"] <= year]
            if earlier.empty:
                continue
            last = earlier["year"].max()
            lost = sorted(set(earlier.loc[earlier["year"] == last, "region_code"]) - set(rows["region_code"]))
            if lost:
                shown = ", ".join(self.names[code] for code in lost[:SHOWN_REGIONS])
                more = f" and {len(lost) - SHOWN_REGIONS} more" if len(lost) > SHOWN_REGIONS else ""
                yield (
                    f"{self.indicator.code} {year}: {len(lost)} regions without a figure that have one for {last}: "
                    f"{shown}{more}"
                )

    def _changed(self) -> pd.DataFrame:
        return self.received[self.received["status"] != "equal"]

    def _combined(self) -> pd.DataFrame:
        """Return region, year and value of what there would be: received figures in place of those there."""
        columns = ["region_code", "year", "value"]
        together = pd.concat([self.there[columns], self.received[columns]], ignore_index=True)
        return together.drop_duplicates(["region_code", "year"], keep="last")

    def _beside(self, step: int) -> pd.DataFrame:
        """Return changed figures with the nearest figure of an earlier (-1) or later (+1) year of one method."""
        changed = self._changed()
        pairs = changed.merge(
            self._combined().rename(columns={"year": "reference_year", "value": "reference"}),
            on="region_code",
        )
        distance = (pairs["reference_year"] - pairs["year"]) * step
        window = self.indicator.window_of
        same = pairs["year"].map(window) == pairs["reference_year"].map(window)
        near = pairs.assign(distance=distance)[distance.between(1, LONGEST_GAP) & same]
        return near.sort_values("distance", kind="stable").drop_duplicates(["region_code", "year"])

    def _before_revision(self) -> pd.DataFrame:
        revised = self.received[self.received["status"] == "revised"]
        return revised.assign(reference=revised["before"], reference_year=revised["year"])

    def _reference(self) -> pd.DataFrame:
        """Return changed figures with the nearest figure that is there: of the same year, or of another."""
        pairs = self._changed().merge(
            self.there[["region_code", "year", "value"]].rename(
                columns={"year": "reference_year", "value": "reference"}
            ),
            on="region_code",
        )
        distance = (pairs["reference_year"] - pairs["year"]).abs()
        nearest = pairs.assign(distance=distance).sort_values("distance", kind="stable")
        return nearest.drop_duplicates(["region_code", "year"])

    def _changes(self) -> pd.DataFrame:
        """Return every change from one year to the next within one method."""
        combined = self._combined().sort_values(["region_code", "year"])
        before = combined.groupby("region_code").shift(1)
        window = self.indicator.window_of
        same = combined["year"].map(window) == (combined["year"] - 1).map(window)
        kept = (combined["year"] - before["year"] == 1) & same
        return combined.assign(change=combined["value"] - before["value"])[kept]

    def _figure(self, row: Any) -> str:
        region = self.names[row.region_code]
        return f"{self.indicator.code} of {region} in {row.year}"

    def _doubt(self, row: Any, grade: str, reason: Reason, what: str) -> Doubtful:
        fields = {name: getattr(row, name) for name in ("variable", "region_code", "year")}
        return Doubtful(
            doubt=Doubt(grade=grade, reason=reason, **fields),
            source=row.source,
            place=f"{row.file}, {row.row}",
            what=f"{self._figure(row)} {what}",
        )


def _carried(figures: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Return the figures that carry an indicator, following its segments."""
    parts = [
        figures[
            (figures["source"] == segment.source)
            & (figures["variable"] == segment.variable)
            & figures["year"].between(segment.first_year, segment.last_year)
        ]
        for segment in indicator.segments
    ]
    return pd.concat(parts, ignore_index=True) if parts else figures.head(0)
