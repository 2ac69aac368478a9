"""The audit of an edition's overall index: everything an index auditor asks for, from our own figures.

The index is audited over the regions that have all of its dimensions, for only these are ranked against each other;
coverage and the shape of the figures are told over all regions. Belongs here: which tables an audit of ours has. Does not
belong here: the statistics (`evaluation.index`), other ways of making the index (`evaluation.studies.alternatives`), and
words for flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from evaluation.errors import BadInputError
from evaluation.index import Element, IndexResult, IndexSpec, Level, Treat, build_index
from evaluation.index.audit import ADEQUATE, AuditResult, audit
from evaluation.index.principal_components import PrincipalComponents, principal_components
from evaluation.index.reliability import ACCEPTABLE_ALPHA, alpha_if_dropped, cronbach_alpha
from evaluation.index.sensitivity import sensitivity
from evaluation.index.statistics import FLAG_SEPARATOR, availability, indicator_statistics
from evaluation.index.treat import treat
from evaluation.schema import INDEX_CODE
from evaluation.studies import processed
from evaluation.studies.alternatives import Alternatives, compare_alternatives
from evaluation.studies.project import Project
from evaluation.studies.rank_widths import interval_widths, of_commonest_composition
from evaluation.studies.ranks import factors_for
from evaluation.studies.scores import EditionIndices, indices_of_figures, scores_to_rank
from evaluation.studies.uncertainty_plan import UncertaintyPlan

BASE_POINTS = 4096
"""Points of the base sample: the fewest (a power of two) whose Sobol' indices have intervals narrower than 0.1."""

PILLAR_LEVELS = ("pillar", "index")
REPORTED_LEVELS = ("indicator", "pillar")
"""Levels whose findings are told; a dimension is mostly a single indicator, which would be told twice."""

MARK_COUNTS: Mapping[str, str] = MappingProxyType(
    {"below_goalpost": "n_low", "above_goalpost": "n_high", "outlier": "n_outliers"}
)
"""Marks of the outlier log, and the columns that count them."""

PARTS = (
    "coverage",
    "indicators",
    "outliers",
    "correlations",
    "ancestors",
    "reliability",
    "reliability_if_dropped",
    "components",
    "loadings",
    "weights",
    "removal",
    "alternatives",
    "moves",
    "differences",
    "interval_widths",
    "ranks",
    "sensitivity",
    "findings",
)
"""Tables of an audit, in the order of an audit sheet."""


@dataclass(frozen=True)
class IndexAudit:
    """The audit of the overall index of one edition.

    Parameters
    ----------
    year
        Year of the edition.
    indices
        What was audited, and the pillars beside it.
    compared
        The index over the regions that have all of its dimensions.
    alternatives
        The index made otherwise.
    tables
        By the names of `PARTS`. ``coverage``: code, level, n_indicators, n_complete, n_partial, n_none (regions).
        ``indicators``: `indicator_statistics` of all regions' figures, then n_low, n_high (held at a goalpost),
        n_outliers, score_flags (flags of the scores). ``outliers``: region_code, indicator, value, mark:
        ``below_goalpost``, ``above_goalpost``, ``outlier`` (winsorising by skewness and kurtosis would draw it in).
        ``correlations``, ``ancestors``, ``weights``, ``removal``: as `AuditResult.tables`. ``reliability``,
        ``reliability_if_dropped``, ``components``, ``loadings``: by pillar over its indicators, and of the index over its
        pillars. ``alternatives``, ``moves``, ``differences``: see `Alternatives`. ``interval_widths``: see
        `interval_widths`. ``ranks``: region_code, rank, rank_low, rank_median, rank_high, n_ranked of the overall index.
        ``sensitivity``: factor, order, estimate, conf_low, conf_high: Sobol' indices of the mean rank shift.
        ``findings``: table, subject, flag.
    """

    year: int
    indices: EditionIndices
    compared: IndexResult
    alternatives: Alternatives
    tables: Mapping[str, pd.DataFrame]

    @property
    def spec(self) -> IndexSpec:
        """What the overall index is made by, without what has no indicators."""
        return self.compared.spec

    def tidy(self, part: str) -> pd.DataFrame:
        """Return one table by its name."""
        return self.tables[part]


def audit_edition(project: Project, year: int) -> IndexAudit:
    """Audit the overall index of an edition of the project.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    processed.check_edition(project, year)
    edition = processed.edition(project, year)
    indices = indices_of_figures(edition.figures, catalog=project.catalog, regions=project.registry.codes)
    scores = edition.scores
    return audit_index(indices, scores, year=year, plan=project.uncertainty)


def audit_index(
    indices: EditionIndices, scores: pd.DataFrame, *, year: int, plan: UncertaintyPlan
) -> IndexAudit:
    """Audit the overall index of an edition.

    Parameters
    ----------
    indices
        The edition as the engine built it.
    scores
        Its table `scores`, with ranks and intervals.
    year
        Year of the edition.
    plan
        Choices that are varied.
    """
    score = next(one for one in scores_to_rank(indices) if one.code == INDEX_CODE)
    values = compared_figures(score.figures, score.composition)
    compared = build_index(values, score.spec)
    found = audit(compared)
    alternatives = compare_alternatives(compared)
    tables = {
        **_figure_tables(score.figures, score.spec),
        "correlations": found.tables["correlations"],
        "ancestors": found.tables["ancestors"],
        **_consistency_tables(compared),
        "weights": found.tables["weights"],
        "removal": found.tables["removal"],
        "alternatives": alternatives.summary,
        "moves": alternatives.moves,
        "differences": alternatives.differences,
        "interval_widths": interval_widths(scores),
        "ranks": _ranks(scores),
        "sensitivity": _sensitivity(values, score.spec, plan),
    }
    tables["findings"] = _findings(found, tables)
    ordered = {part: tables[part] for part in PARTS}
    return IndexAudit(
        year=year,
        indices=indices,
        compared=compared,
        alternatives=alternatives,
        tables=MappingProxyType(ordered),
    )


def compared_figures(figures: pd.DataFrame, composition: pd.Series) -> pd.DataFrame:
    """Return the figures of the regions that are ranked against each other: those of the commonest composition.

    Parameters
    ----------
    figures
        (n_regions, n_indicators).
    composition
        Dimensions that each region has, as of `ScoreToRank`; empty where it is not ranked.
    """
    common = composition[composition != ""].value_counts().index[0]
    return figures[composition == common]


def _ranks(scores: pd.DataFrame) -> pd.DataFrame:
    own = scores[(scores["code"] == INDEX_CODE) & scores["rank"].notna()]
    columns = ["region_code", "rank", "rank_low", "rank_median", "rank_high", "n_ranked"]
    return of_commonest_composition(own)[columns].sort_values(["rank", "region_code"], ignore_index=True)


def _sensitivity(values: pd.DataFrame, spec: IndexSpec, plan: UncertaintyPlan) -> pd.DataFrame:
    # Jansen's estimator of the first order is the sharper one where one choice accounts for most, as here.
    found = sensitivity(
        values,
        spec,
        factors_for(spec, plan),
        n=BASE_POINTS,
        seed=plan.seed,
        outcomes=("mean_rank_shift",),
        first_order="jansen",
    ).tidy()
    return found[["factor", "order", "estimate", "conf_low", "conf_high"]]


def _figure_tables(figures: pd.DataFrame, spec: IndexSpec) -> dict[str, pd.DataFrame]:
    every = build_index(figures, spec)
    marks = _marks(figures, spec)
    codes = [element.code for element in spec.indicators]
    counts = marks.groupby(["mark", "indicator"]).size()
    statistics = indicator_statistics(figures[codes]).assign(
        **{
            column: [int(counts.get((mark, code), 0)) for code in codes]
            for mark, column in MARK_COUNTS.items()
        },
        score_flags=indicator_statistics(every.scores[codes])["flags"],
    )
    return {
        "coverage": _coverage(figures, spec),
        "indicators": statistics,
        "outliers": marks.sort_values(["indicator", "mark", "region_code"], ignore_index=True),
    }


def _coverage(figures: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    table = availability(figures, spec)
    share = table["share_available"]
    table = table.assign(n_complete=share == 1, n_partial=(share > 0) & (share < 1), n_none=share == 0)
    grouped = table.groupby(["code", "level"], sort=False)
    return grouped.agg(
        n_indicators=("n_indicators", "first"),
        n_complete=("n_complete", "sum"),
        n_partial=("n_partial", "sum"),
        n_none=("n_none", "sum"),
    ).reset_index()


def _marks(figures: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    """Return the figures beyond a goalpost, and those that the usual treatment of outliers would bring in."""
    goalposts = {one.code: one.goalposts for one in spec.indicators if one.goalposts is not None}
    low = pd.Series({code: one.low for code, one in goalposts.items()})
    high = pd.Series({code: one.high for code, one in goalposts.items()})
    values = figures[list(goalposts)]
    points = treat(figures, _winsorising(spec)).points
    found = {
        "below_goalpost": values.lt(low),
        "above_goalpost": values.gt(high),
        "outlier": points.isin(["low", "high"]),
    }
    frames = [_marked(figures, where, mark) for mark, where in found.items()]
    return pd.concat(frames, ignore_index=True)


def _winsorising(spec: IndexSpec) -> IndexSpec:
    """Return a specification that draws in as many outliers of each indicator as it takes, and does nothing else."""
    leaves = [Element(code=one.code, parent=INDEX_CODE, level="indicator") for one in spec.indicators]
    top = Element(code=INDEX_CODE, parent=None, level="index")
    return IndexSpec(
        elements=(*leaves, top), levels=(Level("index"),), treat=Treat(fallback="none", max_points=None)
    )


def _marked(values: pd.DataFrame, where: pd.DataFrame, mark: str) -> pd.DataFrame:
    rows, columns = np.nonzero(where.to_numpy())
    return pd.DataFrame(
        {
            "region_code": values.index.to_numpy()[rows],
            "indicator": where.columns.to_numpy()[columns],
            "value": values[where.columns].to_numpy()[rows, columns],
            "mark": mark,
        }
    )


def _consistency_tables(compared: IndexResult) -> dict[str, pd.DataFrame]:
    """Return alpha and components of each pillar's indicators, and of the index's pillars."""
    groups = _groups(compared.spec)
    scores = compared.scores
    several = {code: codes for code, codes in groups.items() if len(codes) > 1}
    dropped = [
        alpha_if_dropped(scores[codes]).assign(code=code) for code, codes in groups.items() if len(codes) > 2
    ]
    components = {code: found for code in several if (found := _components(scores[several[code]]))}
    return {
        "reliability": pd.DataFrame(
            [_reliability_row(scores[codes], code) for code, codes in groups.items()]
        ),
        "reliability_if_dropped": pd.concat(dropped, ignore_index=True)[
            ["code", "indicator", "rest_correlation", "alpha", "alpha_if_dropped", "flag"]
        ],
        "components": pd.concat(
            [_component_rows(one, code) for code, one in components.items()], ignore_index=True
        ),
        "loadings": pd.concat(
            [one.tidy_loadings().assign(code=code) for code, one in components.items()], ignore_index=True
        )[["code", "indicator", "component", "loading", "sampling_adequacy"]],
    }


def _groups(spec: IndexSpec) -> dict[str, list[str]]:
    groups = {one.code: [leaf.code for leaf in spec.leaves(one.code)] for one in spec.of_level("pillar")}
    return groups | {INDEX_CODE: [child.code for child in spec.children(INDEX_CODE)]}


def _reliability_row(scores: pd.DataFrame, code: str) -> dict[str, object]:
    count = scores.shape[1]
    alpha = cronbach_alpha(scores)
    flag = "single" if count == 1 else "negative" if alpha < 0 else "low" if alpha < ACCEPTABLE_ALPHA else ""
    return {
        "code": code,
        "n_children": count,
        "n_units": len(scores.dropna()),
        "alpha": alpha,
        "alpha_standardised": cronbach_alpha(scores, standardised=True),
        "flag": flag,
    }


def _components(scores: pd.DataFrame) -> PrincipalComponents | None:
    try:
        return principal_components(scores)
    except BadInputError:  # an indicator that does not vary has no correlations
        return None


def _component_rows(one: PrincipalComponents, code: str) -> pd.DataFrame:
    several = int((one.eigenvalues > 1).sum()) > 1
    inadequate = len(one.indicators) > 2 and one.overall_adequacy < ADEQUATE
    raised = [flag for flag, holds in (("several_dimensions", several), ("inadequate", inadequate)) if holds]
    return one.tidy().assign(
        code=code,
        n_units=one.n_units,
        adequacy=one.overall_adequacy,
        sphericity_p=one.sphericity.p_value,
        flags=FLAG_SEPARATOR.join(raised),
    )[
        [
            "code",
            "component",
            "eigenvalue",
            "share",
            "cumulative_share",
            "n_units",
            "adequacy",
            "sphericity_p",
            "flags",
        ]
    ]


def _findings(found: AuditResult, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the flags worth telling: of indicators with their pillar and the index, and of pillars with the index."""
    own = {name: tables[name] for name in found.tables if name in tables}
    ancestors = own["ancestors"]
    own["ancestors"] = ancestors[
        ancestors["level"].isin(REPORTED_LEVELS) & ancestors["ancestor_level"].isin(PILLAR_LEVELS)
    ]
    for name in ("weights", "removal"):
        own[name] = own[name][own[name]["level"].isin(REPORTED_LEVELS)]
    return replace(found, tables={**found.tables, **own}).findings()
