"""The bounds of the checks at the door: ``config/checks.yml``.

Belongs here: what is refused and what is doubtful, as data. Does not belong here: comparing figures with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError, model_validator

from evaluation.catalog import Catalog, Indicator, Record, read_config, record_faults
from evaluation.errors import BadInputError, Fault, raise_if_any

BOUNDS_FILE = "checks.yml"
WHY_BOUNDS = "what is received is checked against these bounds"
Above1 = Annotated[float, Field(gt=1)]
Positive = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(gt=0, le=1)]


class Refused(Record):
    """Beyond these nothing is filed."""

    slip_from: Above1
    unit_from: Above1
    another_series_from: Part
    another_series_one_way: Annotated[float, Field(gt=0.5, le=1)]


class DefaultJump(Record):
    """The bound of an indicator that states none: a share of its valid range, or times where that is open."""

    points_of_range: Part
    ratio: Above1


class Jump(Record):
    """The largest plausible change to the next year: in units of the indicator, or times."""

    points: Positive | None = None
    ratio: Above1 | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Jump:
        if (self.points is None) == (self.ratio is None):
            raise ValueError("state either points or ratio")
        return self

    def excess(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return each change as a multiple of the bound: above 1 it is doubtful.

        A ratio is compared on the logarithm; from or to zero it is beyond any bound.
        """
        if self.points is not None:
            return np.abs(after - before) / self.points
        assert self.ratio is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.abs(np.log(after) - np.log(before)) / np.log(self.ratio)
        return np.where(after == before, 0.0, change)


class Doubtful(Record):
    """Beyond these figures are filed with a lower grade."""

    default: DefaultJump
    indicators: dict[str, Jump] = Field(default_factory=dict)
    grade_c_from: Above1
    level_shift_from: Above1


class Bounds(Record):
    """The content of ``config/checks.yml``."""

    largest_file_megabytes: Positive
    refused: Refused
    doubtful: Doubtful

    def jump_of(self, indicator: Indicator) -> Jump:
        """Return the bound of an indicator's change to the next year."""
        stated = self.doubtful.indicators.get(indicator.code)
        if stated is not None:
            return stated
        low, high = indicator.bounds
        if np.isfinite(low) and np.isfinite(high):
            return Jump(points=self.doubtful.default.points_of_range * (high - low))
        return Jump(ratio=self.doubtful.default.ratio)


def read_bounds(config_dir: Path, catalog: Catalog) -> Bounds:
    """Read ``checks.yml``.

    Raises
    ------
    BadInputError
        With every unknown field, impossible bound and unknown indicator.
    """
    path = config_dir / BOUNDS_FILE
    try:
        bounds = Bounds.model_validate(read_config(path, why=WHY_BOUNDS))
    except ValidationError as error:
        raise BadInputError(record_faults(path, error)) from error
    raise_if_any(
        Fault(
            where=f"{path}, doubtful.indicators",
            what=f"{code!r} is no indicator",
            why=WHY_BOUNDS,
            remedy="write a code of config/indicators",
        )
        for code in bounds.doubtful.indicators
        if code not in catalog.indicators
    )
    return bounds
