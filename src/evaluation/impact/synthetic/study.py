"""A whole synthetic control study: effects with their inference, and the files that carry them.

Belongs here: the one call that answers a design, and what it writes. Does not belong here: reading files or parsing a
command line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from evaluation.errors import UsageError
from evaluation.impact.inference import CONFIDENCE, DEFAULT_SEED
from evaluation.impact.results import write_tables
from evaluation.impact.synthetic.cohort_effect import SyntheticDidResult, synthetic_did
from evaluation.impact.synthetic.comparisons import compare
from evaluation.impact.synthetic.conformal import CONFORMAL_LEVEL, conformal_test, null_residuals
from evaluation.impact.synthetic.design import SyntheticDesign
from evaluation.impact.synthetic.effects import placebo_gaps, synthetic_effects
from evaluation.impact.synthetic.gap_panel import gap_panel
from evaluation.impact.synthetic.panel import SyntheticPanel, read_synthetic_panel
from evaluation.impact.synthetic.placebo_ranks import placebo_test
from evaluation.impact.synthetic.result import OK, Fan, PlaceboGaps, SyntheticResult
from evaluation.provenance import write_bytes_atomically

Inference = Literal["placebo", "conformal", "jackknife"]

REFITTED: dict[str, bool] = {"sc": False, "demeaned": True}
"""Estimators that conformal inference can fit to all years under a hypothesis, and whether they take off unit means."""

TESTED = ("std_error", "conf_low", "conf_high", "p_value", "smallest_p", "n_placebos", "detectable")
EFFECT_COLUMNS = (
    "unit",
    "first_year",
    "estimate",
    *TESTED,
    "pre_rmspe",
    "post_rmspe",
    "n_donors",
    "n_pre",
    "n_post",
    "effective_donors",
    "perfect_fit",
    "unique",
    "bound_low",
    "bound_high",
    "status",
)
"""Columns of ``effects.csv``."""


@dataclass(frozen=True)
class SyntheticStudy:
    """A synthetic control study with its inference.

    Parameters
    ----------
    result
        Effects, weights and gaps.
    effects
        One row a treated unit, `EFFECT_COLUMNS`; what an inference does not give is missing. An interval whose level is
        not attainable is infinite.
    placebos
        Gaps of the donors as placebos; None for other inference.
    average
        One effect of all treated units, for the jackknife; None otherwise.
    inference, level
        What was asked.
    """

    result: SyntheticResult
    effects: pd.DataFrame
    placebos: PlaceboGaps | None
    average: SyntheticDidResult | None
    inference: Inference
    level: float

    def tidy(self) -> pd.DataFrame:
        """Return one row a treated unit."""
        return self.effects.copy()


def run_synthetic(
    panel: pd.DataFrame | SyntheticPanel,
    design: SyntheticDesign,
    *,
    inference: Inference = "placebo",
    level: float | None = None,
    seed: int = DEFAULT_SEED,
) -> SyntheticStudy:
    """Estimate a study with its inference.

    Parameters
    ----------
    panel
        One row per unit and year, or units by years.
    design
        The study.
    inference
        ``"placebo"``: rank of the absolute average gap among the donors as placebos, interval by inversion;
        ``"conformal"``: ranks among placements of the years after treatment, for ``"sc"`` and ``"demeaned"``;
        ``"jackknife"``: one effect of all treated units, for ``"sdid"`` with two or more.
    level
        Coverage of intervals; 0.95, for conformal sets 0.9.
    seed
        Of drawn placements.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        When an option does not exist or does not go with the estimator.
    """
    used = level if level is not None else (CONFORMAL_LEVEL if inference == "conformal" else CONFIDENCE)
    _check(design, inference, used)
    wide = panel if isinstance(panel, SyntheticPanel) else read_synthetic_panel(panel, design)
    result = synthetic_effects(wide, design)
    placebos = placebo_gaps(wide, design) if inference == "placebo" else None
    tests = pd.DataFrame(columns=["unit", *TESTED])
    if placebos is not None:
        tests = _placebo_tests(result, placebos, used)
    elif inference == "conformal":
        tests = _conformal_tests(wide, design, result, used, seed)
    average = synthetic_did(wide, design, error="jackknife", level=used) if inference == "jackknife" else None
    effects = result.effects.drop(columns=[name for name in TESTED if name in result.effects])
    effects = effects.assign(key=effects["unit"].astype(str))
    joined = effects.merge(tests.rename(columns={"unit": "key"}), on="key", how="left", validate="one_to_one")
    return SyntheticStudy(
        result=result,
        effects=joined.reindex(columns=list(EFFECT_COLUMNS)),
        placebos=placebos,
        average=average,
        inference=inference,
        level=used,
    )


def write_synthetic(study: SyntheticStudy, out: Path | str) -> list[Path]:
    """Write a study as files that any program reads, each whole or not at all.

    ``effects.csv`` (`EFFECT_COLUMNS`), ``weights.csv`` (unit, donor, weight), ``gaps.csv`` (unit, time, phase, observed,
    synthetic, gap), ``placebos.csv`` (unit, donor, time, gap; header only for other inference), ``average.csv`` (one effect of
    all treated units, for the jackknife), ``design.json``. The same study gives the same bytes.

    Parameters
    ----------
    study
        From `run_synthetic`.
    out
        Folder, made if it does not exist.

    Returns
    -------
    list of Path
        The files, sorted.
    """
    folder = Path(out)
    tables = {
        "effects": study.effects,
        "weights": study.result.weights,
        "gaps": study.result.gaps,
        "placebos": _placebo_rows(study),
    }
    if study.average is not None:
        tables["average"] = study.average.tidy()
    described = {
        "design": study.result.design.as_dict(),
        "label": study.result.design.label,
        "inference": study.inference,
        "level": study.level,
        "summary": _plain(study.result.glance().iloc[0].to_dict()),
    }
    text = json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_bytes_atomically(folder / "design.json", text.encode("utf-8"))
    return sorted([*write_tables(tables, folder), folder / "design.json"])


def _check(design: SyntheticDesign, inference: str, level: float) -> None:
    problems = []
    if inference not in get_args(Inference):
        problems.append(f"inference must be one of {', '.join(get_args(Inference))}; got: {inference!r}")
    if not 0 < level < 1:
        problems.append(f"level must lie between 0 and 1; got: {level!r}")
    if inference == "conformal" and design.estimator not in REFITTED:
        fits = ", ".join(REFITTED)
        problems.append(f"conformal inference goes with the estimators {fits}; got: {design.estimator}")
    if inference == "jackknife" and (design.estimator != "sdid" or len(design.treated) < 2):
        got = f"{design.estimator} with {len(design.treated)}"
        problems.append(
            f"the jackknife goes with the estimator sdid and two treated units or more; got: {got}"
        )
    if problems:
        raise UsageError("The study cannot be made: " + "; ".join(problems) + ".")


def _placebo_tests(result: SyntheticResult, placebos: PlaceboGaps, level: float) -> pd.DataFrame:
    tables = []
    for fan in placebos.fans:
        rows = np.flatnonzero(result.effects["unit"].isin(fan.units) & (result.effects["status"] == OK))
        if not len(rows):
            continue
        panel = gap_panel(
            gaps=result.gap_matrix[rows],
            placebo_gaps=fan.gaps,
            pre=fan.pre,
            post=fan.post,
            units=result.effects["unit"].iloc[rows].astype(str).tolist(),
            placebos=[str(name) for name in fan.donors],
        )
        tables.append(placebo_test(panel, level=level).table)
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["unit", *TESTED])
    return found[["unit", *TESTED]]


def _conformal_tests(
    panel: SyntheticPanel, design: SyntheticDesign, result: SyntheticResult, level: float, seed: int
) -> pd.DataFrame:
    estimates = result.effects.set_index("unit")["estimate"]
    tables = []
    for group in compare(panel, design).groups:
        years = group.pre | group.post
        names = panel.units[group.targets]
        post = group.post[years]
        residuals = null_residuals(
            group.target_outcome[:, years],
            group.donor_outcome[:, years],
            post,
            demeaned=REFITTED[design.estimator],
            ridge=design.ridge if REFITTED[design.estimator] else 0.0,
        )
        found = conformal_test(
            residuals,
            post=post,
            estimates=estimates.loc[list(names)].to_numpy(dtype=float),
            units=[str(name) for name in names],
            level=level,
            seed=seed,
        )
        tables.append(found.table)
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["unit"])
    return whole.reindex(columns=["unit", "conf_low", "conf_high", "p_value", "smallest_p"])


def _placebo_rows(study: SyntheticStudy) -> pd.DataFrame:
    """Return unit, donor, time, gap: the placebos that each treated unit is held against."""
    columns = ["unit", "donor", "time", "gap"]
    if study.placebos is None:
        return pd.DataFrame(columns=columns)
    parts = [_fan_rows(study.placebos.for_unit(unit), unit) for unit in study.placebos.fan_of]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _fan_rows(fan: Fan, unit: Any) -> pd.DataFrame:
    donor, year = np.nonzero(np.isfinite(fan.gaps))
    return pd.DataFrame(
        {
            "unit": unit,
            "donor": fan.donors[donor],
            "time": fan.years[year],
            "gap": fan.gaps[donor, year],
        }
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values that JSON has: missing numbers as null, numpy's as Python's."""
    unboxed = {name: one.item() if hasattr(one, "item") else one for name, one in values.items()}
    return {name: None if one != one else one for name, one in unboxed.items()}
