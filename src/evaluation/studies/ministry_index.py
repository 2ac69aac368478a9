"""The ministry's own evaluation as an index: its weights as a specification, totals recomputed from published parts.

Belongs here: what needs the index engine. Does not belong here: the published scores
(`evaluation.studies.ministry`), and our own, which they enter nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.index import IndexSpec, build_index, spec_from_mapping
from evaluation.index.effective_weights import top_of
from evaluation.studies.ministry import (
    MINISTRY_FILE,
    MinistryEvaluation,
    listed,
    ministry_fault,
    name_faults,
    parse_evaluation,
)

ROUNDING = 0.006
"""Parts and totals are printed with two decimals: half a unit for the total, and what roundings of parts leave."""


def evaluation_spec(evaluation: MinistryEvaluation) -> IndexSpec:
    """Return the evaluation as a specification of the index engine.

    Raises
    ------
    BadInputError
        With every fault of ``spec``.
    """
    return spec_from_mapping(evaluation.spec)


def evaluation_weights(evaluation: MinistryEvaluation) -> dict[str, float]:
    """Return the share of each dimension in the total, 0-1."""
    weights = {element.code: element.weight for element in evaluation_spec(evaluation).indicators}
    return {code: weight / sum(weights.values()) for code, weight in weights.items()}


def recomputed_totals(
    evaluation: MinistryEvaluation, weights: Mapping[str, float] | None = None
) -> pd.Series:
    """Return the totals that the engine makes of the published parts.

    Parameters
    ----------
    evaluation
        The evaluation.
    weights
        Weights by dimension; those in force when None.

    Returns
    -------
    Series
        By (region_code, year), not rounded; only scores whose parts were published.
    """
    whole = [score for score in evaluation.scores if score.parts]
    keys = pd.MultiIndex.from_tuples(
        [(score.region_code, score.year) for score in whole], names=["region_code", "year"]
    )
    if not whole:
        return pd.Series(dtype=float, index=keys)
    parts = pd.DataFrame([score.parts for score in whole], index=keys)
    spec = evaluation_spec(evaluation)
    used = spec if weights is None else _with_weights(spec, weights)
    return build_index(parts, used).scores[top_of(used)]


def read_ministry_evaluation(config_dir: Path, *, regions: Collection[str]) -> MinistryEvaluation:
    """Read and check ``config/ministry_evaluation.yml``, its specification and its totals included.

    Parameters
    ----------
    config_dir
        The folder of the file.
    regions
        Codes of all regions.

    Raises
    ------
    BadInputError
        With every fault of the file; among them parts that do not give their total.
    """
    path, evaluation = config_dir / MINISTRY_FILE, parse_evaluation(config_dir)
    faults = [*name_faults(path, evaluation, regions), *_spec_faults(path, evaluation)]
    raise_if_any(faults or _total_faults(path, evaluation))
    return evaluation


def _with_weights(spec: IndexSpec, weights: Mapping[str, float]) -> IndexSpec:
    elements = (replace(one, weight=weights.get(one.code, one.weight)) for one in spec.elements)
    return replace(spec, elements=tuple(elements))


def _spec_faults(path: Path, evaluation: MinistryEvaluation) -> Iterator[Fault]:
    try:
        spec = evaluation_spec(evaluation)
    except BadInputError as error:
        yield from (replace(one, where=f"{path}, spec: {one.where}") for one in error.faults)
        return
    tops = spec.of_level(spec.level_names[-1])
    if len(tops) != 1:
        codes = listed(one.code for one in tops)
        yield ministry_fault(path, "spec", f"the evaluation has {len(tops)} totals ({codes}), not one")
    codes, named = (
        listed(one.code for one in members) for members in (spec.indicators, evaluation.dimensions)
    )
    if codes != named:
        what = f"they must be those of spec: {codes}; got: {named}"
        yield ministry_fault(path, "dimensions", what)


def _total_faults(path: Path, evaluation: MinistryEvaluation) -> Iterator[Fault]:
    totals = recomputed_totals(evaluation)
    for score in evaluation.scores:
        if not score.parts:
            continue
        made = float(totals[(score.region_code, score.year)])
        if abs(made - score.total) > ROUNDING:
            yield Fault(
                where=f"{path}, scores, {score.region_code} in {score.year}",
                what=f"the parts give {made:.3f} with the weights of spec, and the total is {score.total:.2f}",
                why="either a digit is wrong, or other weights were in force in that year",
                remedy="look at the source again; where other weights were in force, give the total without its parts",
            )
