"""The audit of an index: everything an auditor of the Joint Research Centre asks for, from one result.

Belongs here: gathering the tables and the flags they raise. Does not belong here: the statistics themselves, and words
for the flags, which are codes.

References
----------
Saisana, Becker, Neves, Alberti and Dominguez-Torreiro (2019), Your 10-Step Pocket Guide to Composite Indicators and
Scoreboards, JRC; OECD/JRC (2008), Handbook on Constructing Composite Indicators.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from evaluation.charts import Chart
from evaluation.errors import BadInputError, UsageError
from evaluation.index.audit_charts import Words, components_chart, correlations_chart
from evaluation.index.build import build_index
from evaluation.index.compare import compare_results
from evaluation.index.correlation import (
    CorrelationLimits,
    CorrelationMethod,
    ancestor_correlations,
    group_correlations,
)
from evaluation.index.effective_weights import importance, nominal_weights, top_of, used_weights
from evaluation.index.principal_components import PrincipalComponents, principal_components
from evaluation.index.reliability import alpha_if_dropped, reliability
from evaluation.index.removal import removal_effects
from evaluation.index.result import IndexResult
from evaluation.index.scopes import units_of
from evaluation.index.spec import IndexSpec
from evaluation.index.statistics import (
    FLAG_SEPARATOR,
    StatisticsLimits,
    availability,
    check_option,
    indicator_statistics,
    key_columns,
)

Picture = Literal["correlations", "components"]
_STATISTICS_LIMITS = StatisticsLimits()
_CORRELATION_LIMITS = CorrelationLimits()

ADEQUATE = 0.6
"""Least Kaiser-Meyer-Olkin measure for components to be worth taking (OECD/JRC 2008, section 4.1, after Kaiser)."""

UNEQUAL = 2.0
"""An element whose influence is so many times its nominal share, or one so many-th of it, is flagged."""

FLAGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "indicators": ("few_available", "many_zeros", "few_unique", "outliers", "constant"),
        "correlations": ("redundant", "opposed"),
        "ancestors": ("negative", "weak", "dominant", "closer_elsewhere"),
        "reliability": ("negative", "low", "single"),
        "reliability_if_dropped": ("better_without",),
        "components": ("several_dimensions", "inadequate", "singular", "not_computed"),
        "weights": ("more_influence", "less_influence"),
        "removal": ("no_effect",),
    }
)
"""The flags that a table of the audit may raise."""

SUBJECTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "indicators": ("indicator",),
        "correlations": ("first", "second"),
        "ancestors": ("code", "ancestor"),
        "reliability": ("code",),
        "reliability_if_dropped": ("code", "indicator"),
        "components": ("code",),
        "weights": ("code",),
        "removal": ("code",),
    }
)
"""Columns that name what a flag is about."""


@dataclass(frozen=True)
class AuditResult:
    """The audit of one index at one time.

    Parameters
    ----------
    spec
        The index as built.
    of
        Its top.
    time
        Time that was audited; None where there are no times.
    tables
        By name, in the order of an audit sheet. ``indicators``: `indicator_statistics` of the values as received.
        ``availability``. ``treated`` (key, indicator, mark): points that were brought in, none where nothing is treated.
        ``correlations``: `group_correlations`. ``ancestors``: `ancestor_correlations`. ``reliability``,
        ``reliability_if_dropped`` (by code of the group). ``components``: code, component, eigenvalue, share,
        cumulative_share, n_units, adequacy (Kaiser-Meyer-Olkin), sphericity_p (Bartlett), flags; one row without a component
        where a child does not vary or too few units have all of them. ``loadings``: code,
        indicator, component, loading, sampling_adequacy. ``weights``: `importance` with flag. ``removal``: level and
        summary of `removal_effects`, for the indicators and each level below the top. ``alternatives``: name and summary
        of `compare_results` with each alternative specification. ``intervals``: ranks with intervals, as handed in.
    """

    spec: IndexSpec
    of: str
    time: Hashable | None
    tables: Mapping[str, pd.DataFrame]

    def tidy(self, name: str) -> pd.DataFrame:
        """Return a table of the audit by name."""
        check_option(name, tuple(self.tables), name="name")
        return self.tables[name]

    def findings(self) -> pd.DataFrame:
        """Return one row a flag raised: table, subject (codes joined by ``+``), flag (a code of `FLAGS`)."""
        rows = [
            {"table": name, "subject": FLAG_SEPARATOR.join(map(str, subject)), "flag": flag}
            for name, columns in SUBJECTS.items()
            for subject, flags in _raised(self.tables[name], columns)
            for flag in flags.split(FLAG_SEPARATOR)
        ]
        table = pd.DataFrame(rows, columns=["table", "subject", "flag"])
        return table.drop_duplicates(ignore_index=True)

    def plot(
        self,
        picture: Picture = "correlations",
        *,
        code: str | None = None,
        names: Mapping[str, str] | None = None,
        title: str = "",
        alt: str = "",
    ) -> Chart:
        """Draw the correlations of indicators, or the loadings of a group's components.

        Parameters
        ----------
        picture
            What to draw.
        code
            Element whose indicators are drawn; for ``components`` the group, which must be named when there are several.
        names
            Name of each code, the code where not given.
        title, alt
            Words of the chart; made from the codes when empty.
        """
        check_option(picture, get_args(Picture), name="picture")
        words = Words(names=dict(names or {}), title=title, alt=alt)
        if picture == "components":
            return components_chart(self.tables, code=code, words=words)
        return correlations_chart(self.tables, self.spec, code=code or self.of, words=words)


def audit(
    result: IndexResult,
    *,
    values: pd.DataFrame | None = None,
    time: Hashable | None = None,
    method: CorrelationMethod = "pearson",
    statistics_limits: StatisticsLimits = _STATISTICS_LIMITS,
    correlation_limits: CorrelationLimits = _CORRELATION_LIMITS,
    with_removal: bool = True,
    alternatives: Mapping[str, IndexSpec] | None = None,
    intervals: pd.DataFrame | None = None,
    **options: Any,
) -> AuditResult:
    """Audit an index.

    Parameters
    ----------
    result
        The index.
    values
        What `build_index` was given, where it holds columns beside the indicators (denominators, groups).
    time
        Time of a panel to audit; by default the last.
    method
        Kind of correlation.
    statistics_limits, correlation_limits
        When statistics and correlations are flagged.
    with_removal
        Whether the index is built again without each element, the longest part of an audit.
    alternatives
        Specifications, by name, whose ranks are held against those of the index.
    intervals
        Table of ranks with intervals, for example from `uncertainty`, to stand in the audit.
    **options
        Passed to `build_index` when the index is built in another form.

    Raises
    ------
    UsageError
        When the time does not exist, or the index has several tops.
    """
    spec, chosen = result.spec, _time(result, time)
    raw, scores = (_rows(frame, chosen) for frame in (result.steps["raw"], result.scores))
    normalised = scores[[element.code for element in spec.indicators]]
    components = _components(scores, spec)
    tables = {
        "indicators": indicator_statistics(raw, limits=statistics_limits),
        "availability": availability(raw, spec),
        "treated": _treated(result, chosen),
        "correlations": group_correlations(normalised, spec, method=method, limits=correlation_limits),
        "ancestors": ancestor_correlations(scores, spec, method=method, limits=correlation_limits),
        "reliability": reliability(scores, spec),
        "reliability_if_dropped": _dropped(scores, spec),
        "components": _component_table(components),
        "loadings": _loading_table(components),
        "weights": _weight_table(scores, result),
        "removal": _removal(result, values, options) if with_removal else _NO_REMOVAL,
        "alternatives": _alternatives(result, values, alternatives or {}, options),
        "intervals": pd.DataFrame() if intervals is None else intervals,
    }
    return AuditResult(spec=spec, of=top_of(spec), time=chosen, tables=MappingProxyType(tables))


_NO_REMOVAL = pd.DataFrame(columns=["level", "code", "flag"])


def _time(result: IndexResult, time: Hashable | None) -> Hashable | None:
    if result.scores.index.nlevels == 1:
        if time is not None:
            raise UsageError(f"time is for panels, and the index has no times; got: {time!r}")
        return None
    times = pd.unique(result.scores.index.get_level_values(1))
    if time is not None and time not in set(times):
        raise UsageError(f"time must be one of {', '.join(map(str, times))}; got: {time!r}")
    return max(times) if time is None else time


def _rows(frame: pd.DataFrame, time: Hashable | None) -> pd.DataFrame:
    if time is None:
        return frame
    chosen = frame[frame.index.get_level_values(1) == time]
    return chosen.set_axis(pd.Index(units_of(chosen.index), name=frame.index.names[0]))


def _treated(result: IndexResult, time: Hashable | None) -> pd.DataFrame:
    points = result.logs.get("treated_points")
    if points is None:
        return pd.DataFrame(columns=["unit", "indicator", "mark"])
    chosen = _rows(points, time)
    marks = chosen.to_numpy(dtype=object)
    rows, columns = np.nonzero((marks != "") & ~pd.isna(marks))
    table = key_columns(chosen.index).iloc[rows].reset_index(drop=True)
    return table.assign(indicator=chosen.columns.to_numpy()[columns], mark=marks[rows, columns])


def _dropped(scores: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    frames = [
        alpha_if_dropped(scores[codes]).assign(level=spec.by_code[code].level, code=code)
        for code, codes in _groups(spec, least=3)
    ]
    columns = ["level", "code", "indicator", "rest_correlation", "alpha", "alpha_if_dropped", "flag"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _components(scores: pd.DataFrame, spec: IndexSpec) -> dict[str, PrincipalComponents | None]:
    found: dict[str, PrincipalComponents | None] = {}
    for code, codes in _groups(spec, least=2):
        try:
            found[code] = principal_components(scores[codes])
        except BadInputError:
            found[code] = None
    return found


def _groups(spec: IndexSpec, *, least: int) -> list[tuple[str, list[str]]]:
    groups = [
        (element.code, [child.code for child in spec.children(element.code)])
        for level in spec.level_names[1:]
        for element in spec.of_level(level)
    ]
    return [(code, children) for code, children in groups if len(children) >= least]


def _component_table(components: Mapping[str, PrincipalComponents | None]) -> pd.DataFrame:
    columns = ["code", "component", "eigenvalue", "share", "cumulative_share"]
    columns += ["n_units", "adequacy", "sphericity_p", "flags"]
    frames = [
        pd.DataFrame({"code": [code], "flags": "not_computed"})
        if one is None
        else one.tidy().assign(
            code=code,
            n_units=one.n_units,
            adequacy=one.overall_adequacy,
            sphericity_p=one.sphericity.p_value,
            flags=_component_flags(one),
        )
        for code, one in components.items()
    ]
    return (
        pd.concat(frames, ignore_index=True).reindex(columns=columns)
        if frames
        else pd.DataFrame(columns=columns)
    )


def _component_flags(components: PrincipalComponents) -> str:
    raised = {
        "several_dimensions": int((components.eigenvalues > 1).sum()) > 1,
        "inadequate": components.overall_adequacy < ADEQUATE and len(components.indicators) > 2,
        "singular": bool(np.isnan(components.overall_adequacy)),
    }
    return FLAG_SEPARATOR.join(flag for flag, holds in raised.items() if holds)


def _loading_table(components: Mapping[str, PrincipalComponents | None]) -> pd.DataFrame:
    columns = ["code", "indicator", "component", "loading", "sampling_adequacy"]
    frames = [one.tidy_loadings().assign(code=code) for code, one in components.items() if one is not None]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _weight_table(scores: pd.DataFrame, result: IndexResult) -> pd.DataFrame:
    weights = used_weights(result)
    table = importance(scores, result.spec, weights=weights)
    parents = nominal_weights(result.spec, weights=weights).set_index("code")[["parent", "weight"]]
    ratio = table["main_effect_share"] / table["share"].where(table["share"] > 0)
    flag = np.select(
        [ratio >= UNEQUAL, ratio <= 1 / UNEQUAL], ["more_influence", "less_influence"], default=""
    )
    return table.join(parents, on="code").assign(flag=flag)


def _removal(result: IndexResult, values: pd.DataFrame | None, options: dict[str, Any]) -> pd.DataFrame:
    spec = result.spec
    data = result.steps["raw"] if values is None else values
    frames = [
        removal_effects(data, spec, level=level, **options).summary.assign(level=level)
        for level in spec.level_names[:-1]
    ]
    table = pd.concat(frames, ignore_index=True)
    table["flag"] = np.where(table["max_abs_change"] == 0, "no_effect", "")
    return table[["level", *(column for column in table.columns if column != "level")]]


def _alternatives(
    result: IndexResult,
    values: pd.DataFrame | None,
    alternatives: Mapping[str, IndexSpec],
    options: dict[str, Any],
) -> pd.DataFrame:
    data = result.steps["raw"] if values is None else values
    frames = [
        compare_results(result, build_index(data, spec, **options)).summary().assign(alternative=name)
        for name, spec in alternatives.items()
    ]
    columns = ["alternative", "n_units", "mean_abs_change", "max_abs_change", "share_moved", "spearman"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _raised(table: pd.DataFrame, columns: tuple[str, ...]) -> list[tuple[tuple[object, ...], str]]:
    flag = "flags" if "flags" in table.columns else "flag"
    raised = table[table[flag] != ""]
    subjects = list(zip(*(raised[column] for column in columns), strict=True))
    return list(zip(subjects, raised[flag], strict=True))
