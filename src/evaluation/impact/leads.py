"""The test of trends before treatment that belongs to imputation: leads among untreated unit-years only.

Belongs here: that regression and its joint test. Does not belong here: the test of group-time effects before
treatment (`evaluation.impact.diagnostics`).

Imputation has no effects before treatment to look at: it uses those years to learn the untreated outcome. Its
test takes the untreated unit-years alone, adds indicators of the last years before treatment to unit effects, year
effects and covariates, and asks whether they are zero. Earlier years are the reference. With errors that are
independent and of one variance, the test is uncorrelated with the imputed effects, so that believing only what
passes does not bias them (section 4.4).

References
----------
Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), doi:10.1093/restud/rdae007, section 4.4,
test 1.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd

from evaluation.errors import UsageError
from evaluation.impact.design import Design
from evaluation.impact.diagnostics import PreTrendTest, wald_test
from evaluation.impact.inference import Intervals, covariance, describe
from evaluation.impact.observations import Observations, read_observations
from evaluation.impact.saturated import covariate_columns
from evaluation.impact.within import fit_within, rows_of, small_sample_factor, year_dummies

DEFAULT_LEADS = 3
"""Years before treatment that get an indicator: many leads leave few reference years and little power."""


def lead_test(panel: pd.DataFrame, design: Design, *, leads: int = DEFAULT_LEADS) -> PreTrendTest:
    """Test that the last years before treatment follow the same trends as earlier ones.

    Parameters
    ----------
    panel
        One row per unit and year; never changed.
    design
        The study; estimated cohorts have leads, every untreated unit-year is in the regression.
    leads
        Years before `cohort - anticipation` with an indicator. Those that nobody has, or that unit and year
        effects explain, are left out.

    Returns
    -------
    PreTrendTest
        `table`: parameter ("lead"), event_time, estimate, std_error, conf_low, conf_high, band, p_value, mde,
        n_treated (units observed then); in units of the outcome. Errors are clustered, with the small-sample
        factor of a regression.

    Raises
    ------
    BadInputError
        With every fault of the panel.
    UsageError
        When `leads` is not a whole number of 1 or more.
    """
    if not isinstance(leads, Integral) or isinstance(leads, bool) or leads < 1:
        raise UsageError(f"leads must be a whole number of 1 or more; got: {leads!r}")
    return lead_test_of(read_observations(panel, design), leads=int(leads))


def lead_test_of(observations: Observations, *, leads: int = DEFAULT_LEADS) -> PreTrendTest:
    """Test trends before treatment among the unit-years of a regression, see `lead_test`.

    Parameters
    ----------
    observations, leads
        The unit-years, and how many years before treatment have an indicator.
    """
    wide = observations.wide
    rows = rows_of(observations.untreated, wide.weights)
    times = -observations.design.anticipation - np.arange(1, leads + 1)
    event_time = np.where(observations.estimated[:, None], observations.event_time(), -np.inf)
    indicators = (event_time[rows.unit, rows.year][:, None] == times).astype(float)
    nuisance = np.hstack([year_dummies(rows), covariate_columns(observations, rows)])
    # Leads come last, the earliest at the end: where columns explain one another, that one is the reference.
    fit = fit_within(rows, wide.outcome[rows.unit, rows.year], np.hstack([nuisance, indicators]))
    told = fit.kept[fit.kept >= nuisance.shape[1]][::-1]
    clusters = rows.present if wide.clusters is None else np.unique(wide.clusters[rows.present])
    factor = small_sample_factor(
        n_rows=len(rows.unit), n_clusters=len(clusters), n_coefficients=len(fit.kept) + 1
    )
    influence = fit.influence(rows, wide.n_units)[:, told] * np.sqrt(factor)
    numbers = describe(fit.coefficient[told], influence, intervals=Intervals(), clusters=wide.clusters)
    shown = told - nuisance.shape[1]
    table = pd.DataFrame(
        {
            "parameter": np.full(len(told), "lead", dtype=object),
            "event_time": times[shown],
            **numbers,
            "n_treated": indicators[:, shown].sum(axis=0).astype(int),
        }
    )
    return wald_test(table, covariance(influence, clusters=wide.clusters))
