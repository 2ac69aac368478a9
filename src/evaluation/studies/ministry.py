"""The ministry's own evaluation, ``config/ministry_evaluation.yml``: its published scores, as frozen, checked records.

Belongs here: what the file may say, and what a region's page reads of it. Does not belong here: its weights as an index
and totals recomputed from their parts (`evaluation.studies.ministry_index`): pages that only tell a score do not depend
on the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from evaluation.catalog import Record, Text, read_config, record_faults
from evaluation.catalog.model import Named, Number
from evaluation.catalog.years import Year
from evaluation.errors import BadInputError, Fault, raise_if_any
from evaluation.provenance import fingerprint
from evaluation.studies.project import Project, config_state
from evaluation.studies.reads import note, unrecorded

MINISTRY_FILE = "ministry_evaluation.yml"
WHY_MINISTRY = "published scores stand on the pages of these regions"
REMEDY_MINISTRY = "see docs/configuration.md for the fields"

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

    def of_region(self, region_code: str) -> tuple[PublishedScore, ...]:
        """Return the published scores of a region, earliest first."""
        own = (score for score in self.scores if score.region_code == region_code)
        return tuple(sorted(own, key=lambda score: score.year))

    def region_state(self, region_code: str) -> str:
        """Return a hash of all that is told of a region's published scores."""
        scores = self.of_region(region_code)
        if not scores:
            return fingerprint([])
        told = self.model_dump(mode="json", exclude={"scores"})
        return fingerprint([told, *(score.model_dump(mode="json") for score in scores)])


def region_evaluation(project: Project, region_code: str) -> MinistryEvaluation:
    """Return the evaluation with the scores of one region alone, and note that these were read and no others."""
    with unrecorded():
        evaluation = published_scores(project)
    note(f"ministry:{region_code}", evaluation.region_state(region_code))
    return evaluation.model_copy(update={"scores": evaluation.of_region(region_code)})


def published_scores(project: Project) -> MinistryEvaluation:
    """Return the ministry's own evaluation, and note that it was read; the check before a run looks at its totals."""
    states = {part: config_state(project, part) for part in ("registry", "ministry")}
    for part, state in states.items():
        note(f"config:{part}", state)
    return _read(project.config_dir, project.registry.codes, states["ministry"])


@lru_cache(maxsize=2)
def _read(config_dir: Path, regions: tuple[str, ...], _state: str) -> MinistryEvaluation:
    evaluation = parse_evaluation(config_dir)
    raise_if_any(name_faults(config_dir / MINISTRY_FILE, evaluation, regions))
    return evaluation


def parse_evaluation(config_dir: Path) -> MinistryEvaluation:
    """Return the records of ``config/ministry_evaluation.yml``.

    Raises
    ------
    BadInputError
        When the file is absent, or a field cannot be read.
    """
    path = config_dir / MINISTRY_FILE
    content = read_config(path, why=WHY_MINISTRY)
    try:
        return MinistryEvaluation.model_validate(content)
    except ValidationError as error:
        raise BadInputError(record_faults(path, error)) from error


def ministry_fault(path: Path, where: str, what: str) -> Fault:
    """Return a fault of the file."""
    return Fault(where=f"{path}, {where}", what=what, why=WHY_MINISTRY, remedy=REMEDY_MINISTRY)


def listed(codes: Iterable[str]) -> str:
    """Return codes for a message."""
    return ", ".join(sorted(codes)) or "none"


def name_faults(path: Path, evaluation: MinistryEvaluation, regions: Collection[str]) -> Iterator[Fault]:
    """Find regions that do not exist, scores that stand twice, and dimensions that are not named or left out."""
    codes = {one.code for one in evaluation.dimensions}
    for code, count in Counter(one.code for one in evaluation.dimensions).items():
        if count > 1:
            yield ministry_fault(path, "dimensions", f"{code!r} stands {count} times")
    for number, other in enumerate(evaluation.other_weights, start=1):
        if set(other.weights) != codes:
            yield ministry_fault(
                path,
                f"other_weights, entry {number}",
                f"each dimension needs a weight: {listed(codes)}; got: {listed(other.weights)}",
            )
    for score in evaluation.scores:
        where = f"scores, {score.region_code} in {score.year}"
        if score.region_code not in regions:
            yield ministry_fault(path, where, "there is no such region in config/regions.csv")
        if score.parts and set(score.parts) != codes:
            what = f"all parts are needed, or none: {listed(codes)}; got: {listed(score.parts)}"
            yield ministry_fault(path, where, what)
    for (code, year), count in Counter((one.region_code, one.year) for one in evaluation.scores).items():
        if count > 1:
            yield ministry_fault(path, f"scores, {code} in {year}", f"the score stands {count} times")
