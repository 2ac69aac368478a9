"""The ministry's own evaluation, ``config/ministry_evaluation.yml``: its weights as a specification, its published scores.

Belongs here: reading and checking the file, and recomputing totals from their parts with the index engine. Does not belong
here: our own scores, which it enters nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, ValidationError

from evaluation.catalog import Record, Text, read_config, record_faults
from evaluation.catalog.model import Named, Number
from evaluation.catalog.years import Year
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.index import IndexSpec, build_index, spec_from_mapping
from evaluation.index.effective_weights import top_of
from evaluation.provenance import fingerprint
from evaluation.studies.project import Project, config_state
from evaluation.studies.reads import note, unrecorded

MINISTRY_FILE = "ministry_evaluation.yml"
WHY_MINISTRY = "published scores stand on the pages of these regions"
REMEDY_MINISTRY = "see docs/configuration.md for the fields"

ROUNDING = 0.006
"""Parts and totals are printed with two decimals: half a unit for the total, and what roundings of parts leave."""

Weights = dict[Named, Annotated[Number, Field(ge=0)]]
Points = Annotated[Number, Field(ge=0, le=10)]


class EvaluatedDimension(Record):
    """One of the parts of the evaluation."""

    code: Named
    name: Text
    measures: Text


class OtherWeights(Record):
    """Weights that are told elsewhere, and where."""

    weights: Weights
    source: Named


class PublishedScore(Record):
    """One region's published score in one year, with its parts where these were published.

    Parameters
    ----------
    region_code, year
        Who was evaluated, and the year of the evaluation.
    total
        The score as published, two decimals.
    parts
        The dimensions as published; none where only the total was.
    place
        What was said of its place among others.
    publisher, url
        Where it was read.
    """

    region_code: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    year: Year
    total: Points
    parts: dict[Named, Points] = Field(default_factory=dict)
    place: Text | None = None
    publisher: Named
    url: Annotated[str, Field(pattern=r"^https?://")]


class MinistryEvaluation(Record):
    """The evaluation: how it is made, and every score that was found published."""

    spec: dict[str, Any]
    weights_reason: Text
    weights_source: Named
    measures: Text
    scale: Text
    dimensions: tuple[EvaluatedDimension, ...]
    dimensions_source: Named
    other_weights: tuple[OtherWeights, ...] = ()
    scores: tuple[PublishedScore, ...] = ()

    @cached_property
    def index(self) -> IndexSpec:
        """The evaluation as a specification of the index engine."""
        return spec_from_mapping(self.spec)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each dimension in force."""
        return {element.code: element.weight for element in self.index.indicators}

    def of_region(self, region_code: str) -> tuple[PublishedScore, ...]:
        """Return the published scores of a region, earliest first."""
        own = (score for score in self.scores if score.region_code == region_code)
        return tuple(sorted(own, key=lambda score: score.year))

    def recomputed(self, weights: Mapping[str, float] | None = None) -> pd.Series:
        """Return the totals that the engine makes of the published parts.

        Parameters
        ----------
        weights
            Weights by dimension; those in force when None.

        Returns
        -------
        Series
            By (region_code, year), not rounded; only scores whose parts were published.
        """
        whole = [score for score in self.scores if score.parts]
        keys = pd.MultiIndex.from_tuples(
            [(score.region_code, score.year) for score in whole], names=["region_code", "year"]
        )
        if not whole:
            return pd.Series(dtype=float, index=keys)
        parts = pd.DataFrame([score.parts for score in whole], index=keys)
        spec = self.index if weights is None else _with_weights(self.index, weights)
        return build_index(parts, spec).scores[top_of(spec)]

    def region_state(self, region_code: str) -> str:
        """Return a hash of all that is told of a region's published scores."""
        scores = self.of_region(region_code)
        if not scores:
            return fingerprint([])
        told = self.model_dump(mode="json", exclude={"scores"})
        return fingerprint([told, *(score.model_dump(mode="json") for score in scores)])


def published_evaluation(project: Project) -> MinistryEvaluation:
    """Return the ministry's own evaluation, and note that it was read."""
    states = {part: config_state(project, part) for part in ("registry", "ministry")}
    for part, state in states.items():
        note(f"config:{part}", state)
    return _read(project.config_dir, project.registry.codes, states["ministry"])


@lru_cache(maxsize=2)
def _read(config_dir: Path, regions: tuple[str, ...], _state: str) -> MinistryEvaluation:
    return read_ministry_evaluation(config_dir, regions=regions)


def region_evaluation(project: Project, region_code: str) -> MinistryEvaluation:
    """Return the evaluation with the scores of one region alone, and note that these were read and no others."""
    with unrecorded():
        evaluation = published_evaluation(project)
    note(f"ministry:{region_code}", evaluation.region_state(region_code))
    return evaluation.model_copy(update={"scores": evaluation.of_region(region_code)})


def read_ministry_evaluation(config_dir: Path, *, regions: Collection[str]) -> MinistryEvaluation:
    """Read and check ``config/ministry_evaluation.yml``.

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
    path = config_dir / MINISTRY_FILE
    content = read_config(path, why=WHY_MINISTRY)
    try:
        evaluation = MinistryEvaluation.model_validate(content)
    except ValidationError as error:
        raise BadInputError(record_faults(path, error)) from error
    raise_if_any(_spec_faults(path, evaluation))
    faults = list(_name_faults(path, evaluation, regions))
    raise_if_any(faults or _total_faults(path, evaluation))
    return evaluation


def _with_weights(spec: IndexSpec, weights: Mapping[str, float]) -> IndexSpec:
    elements = (replace(one, weight=weights.get(one.code, one.weight)) for one in spec.elements)
    return replace(spec, elements=tuple(elements))


def _spec_faults(path: Path, evaluation: MinistryEvaluation) -> Iterator[Fault]:
    try:
        tops = evaluation.index.of_level(evaluation.index.level_names[-1])
    except BadInputError as error:
        yield from (replace(one, where=f"{path}, spec: {one.where}") for one in error.faults)
        return
    if len(tops) != 1:
        codes = ", ".join(one.code for one in tops)
        yield _fault(path, "spec", f"the evaluation has {len(tops)} totals ({codes}), not one")


def _name_faults(path: Path, evaluation: MinistryEvaluation, regions: Collection[str]) -> Iterator[Fault]:
    codes = set(evaluation.weights)
    named = Counter(one.code for one in evaluation.dimensions)
    if set(named) != codes or max(named.values(), default=1) > 1:
        yield _fault(
            path,
            "dimensions",
            f"they must be those of spec, each once: {_listed(codes)}; got: {_listed(named.elements())}",
        )
    for number, other in enumerate(evaluation.other_weights, start=1):
        if set(other.weights) != codes:
            yield _fault(
                path,
                f"other_weights, entry {number}",
                f"each dimension needs a weight: {_listed(codes)}; got: {_listed(other.weights)}",
            )
    for score in evaluation.scores:
        where = f"scores, {score.region_code} in {score.year}"
        if score.region_code not in regions:
            yield _fault(path, where, "there is no such region in config/regions.csv")
        if score.parts and set(score.parts) != codes:
            what = f"all parts are needed, or none: {_listed(codes)}; got: {_listed(score.parts)}"
            yield _fault(path, where, what)
    for (code, year), count in Counter((one.region_code, one.year) for one in evaluation.scores).items():
        if count > 1:
            yield _fault(path, f"scores, {code} in {year}", f"the score stands {count} times")


def _total_faults(path: Path, evaluation: MinistryEvaluation) -> Iterator[Fault]:
    totals = evaluation.recomputed()
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


def _listed(codes: Any) -> str:
    return ", ".join(sorted(codes)) or "none"


def _fault(path: Path, where: str, what: str) -> Fault:
    return Fault(where=f"{path}, {where}", what=what, why=WHY_MINISTRY, remedy=REMEDY_MINISTRY)
