"""Years and ranges of years in the configuration.

Belongs here: how a range of years is written and read. Does not belong here: what happens in these years.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

LAST_YEAR = 2100
"""Where a range of years ends that is open: it goes on until a break is declared."""


def in_order(years: tuple[int, int | None]) -> tuple[int, int | None]:
    """Return the range; a first year after the last is a fault."""
    if years[1] is not None and years[0] > years[1]:
        raise ValueError(f"the first year lies after the last; got: {years[0]}, {years[1]}")
    return years


def end_of(years: tuple[int, int | None]) -> int:
    """Return the last year of a range, included; `LAST_YEAR` where it is open."""
    return LAST_YEAR if years[1] is None else years[1]


Year = Annotated[int, Field(strict=True, ge=1900, le=LAST_YEAR)]
YearRange = Annotated[tuple[Year, Year], AfterValidator(in_order)]
OpenYearRange = Annotated[tuple[Year, Year | None], AfterValidator(in_order)]
"""Years from first to last; with null as the last they go on for as long as the method does."""
