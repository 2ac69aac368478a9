"""Estimators by the name that a design gives them.

Belongs here: the table of names. Does not belong here: any of them.
"""

from __future__ import annotations

from collections.abc import Callable

from evaluation.impact.synthetic.augmented import fit_ridge
from evaluation.impact.synthetic.comparisons import Comparison
from evaluation.impact.synthetic.completion import fit_completion
from evaluation.impact.synthetic.design import SyntheticDesign, SyntheticEstimator
from evaluation.impact.synthetic.fits import Fit
from evaluation.impact.synthetic.nested import fit_predictors
from evaluation.impact.synthetic.plain import fit_demeaned, fit_penalised, fit_sc
from evaluation.impact.synthetic.sdid import fit_sdid

FITS: dict[SyntheticEstimator, Callable[[Comparison, SyntheticDesign], Fit]] = {
    "sc": fit_sc,
    "demeaned": fit_demeaned,
    "sdid": fit_sdid,
    "ridge": fit_ridge,
    "penalised": fit_penalised,
    "sc_predictors": fit_predictors,
    "mc": fit_completion,
}
"""Each finds the synthetic outcomes of all targets of a comparison."""


def fit(of: Comparison, design: SyntheticDesign) -> Fit:
    """Return what the design's estimator finds.

    Parameters
    ----------
    of, design
        Who is compared, and the study.
    """
    return FITS[design.estimator](of, design)
