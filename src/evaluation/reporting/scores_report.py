"""The pillar scores of all regions in one edition: how they are made, how they spread, what is missing.

Belongs here: the national page on scores. Does not belong here: one region's scores
(`evaluation.reporting.region_report`).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evaluation.catalog import Language
from evaluation.catalog.model import Band
from evaluation.reporting.labels import Labels
from evaluation.reporting.method import scoring_sentences
from evaluation.reporting.prose import Prose, paragraph
from evaluation.schema import INDEX_CODE
from evaluation.studies import processed
from evaluation.studies.project import Project, open_project
from evaluation.studies.scores import Edition
from evaluation.tables import Column, Table, html_table


@dataclass(frozen=True)
class ScoresReport:
    """All scores of one edition, in one language.

    Parameters
    ----------
    labels
        Words of the language.
    edition
        The edition.
    others
        The other editions, for how their composition differs; scores of editions are never subtracted.
    """

    labels: Labels
    edition: Edition
    others: tuple[Edition, ...]

    def lead(self) -> Prose:
        """Return how regions spread over the bands, and what stands behind the scores."""
        words = self.labels.words
        scores = self.edition.scores
        overall = scores[(scores["code"] == INDEX_CODE) & scores["score"].notna()]
        dimensions = self.labels.catalog.dimensions
        with_data = scores[(scores["level"] == "dimension") & scores["score"].notna()]["code"].nunique()
        return paragraph(
            words.say(
                "In the {year:y} edition {n:n0} regions have an overall score; half of them lie between "
                "{low:n0} and {high:n0} of 100.",
                year=self.edition.year,
                n=len(overall),
                low=overall["score"].quantile(0.25),
                high=overall["score"].quantile(0.75),
            ),
            self._ranks_sentence(overall),
            words.say(
                "Of the {all:n0} dimensions of the six pillars {n:n0} have data in this edition, so every pillar "
                "is a part of what its name promises.",
                all=len(dimensions),
                n=with_data,
            ),
        )

    def _ranks_sentence(self, overall: pd.DataFrame) -> str:
        """Return how many places the overall ranks span for half of the regions, among those that are compared."""
        alike = overall[overall["composition"] == overall["composition"].mode().iloc[0]]
        places = (alike["rank_high"] - alike["rank_low"] + 1).median()
        return self.labels.words.say(
            "Under other choices of method the overall rank of half of them spans {places:n0} places or more of {n:n0}, so "
            "no rank is printed without its interval.",
            places=places,
            n=len(alike),
        )

    def bands_table(self) -> Table:
        """Return how many regions lie in each band, by pillar."""
        words = self.labels.words
        scores = self.edition.scores
        rows = []
        for code in (*self.labels.catalog.pillars, INDEX_CODE):
            level = scores[scores["code"] == code]
            counts = level["band"].value_counts()
            rows.append(
                {
                    "name": self.labels.pillar(code),
                    **{f"band_{band.band}": int(counts.get(float(band.band), 0)) for band in self._bands},
                    "missing": int(level["score"].isna().sum()),
                    "median": level["score"].median(),
                    "years": self.labels.data_years(
                        level["data_year_first"].min(), level["data_year_last"].max()
                    ),
                }
            )
        whole = lambda n: words.number(n, 0)  # noqa: E731
        return html_table(
            pd.DataFrame(rows),
            columns=[
                Column("name", words.say("Pillar")),
                *(
                    Column(f"band_{band.band}", band.name.get(self.labels.language), "number", whole)
                    for band in self._bands
                ),
                Column("missing", words.say("No score"), "number", whole),
                Column("median", words.say("Median score"), "number", self.labels.score),
                Column("years", words.say("Data years")),
            ],
            caption=words.say("Regions by score band, {year:y} edition", year=self.edition.year),
        )

    def composition_table(self) -> Table:
        """Return which indicators of which years carry each dimension, and how many regions have them."""
        words, catalog = self.labels.words, self.labels.catalog
        values = self.edition.figures
        rows = []
        for code in catalog.dimensions:
            indicators = [one for one in self.edition.in_force if catalog.indicators[one].dimension == code]
            members = values[values["indicator"].isin(indicators)]
            n_regions = members["region_code"].nunique()
            rows.append(
                {
                    "pillar": self.labels.pillar(catalog.pillar_of[code]),
                    "name": self.labels.dimension(code),
                    "indicators": words.listing(self._with_years(one) for one in indicators),
                    "n": float(n_regions) if n_regions else float("nan"),
                    "in_index": words.say("yes")
                    if code in self.edition.index_dimensions
                    else words.say("no"),
                    "reason": words.say("no open data in this edition: see the indicators wanted"),
                }
            )
        return html_table(
            pd.DataFrame(rows),
            columns=[
                Column("name", words.say("Dimension")),
                Column("indicators", words.say("Indicators and their data years"), reason_key="reason"),
                Column(
                    "n", words.say("Regions"), "number", lambda n: words.number(n, 0), reason_key="reason"
                ),
                Column("in_index", words.say("In the overall index")),
            ],
            caption=words.say("What carries each dimension in the {year:y} edition", year=self.edition.year),
            group_by="pillar",
            footnote=self.labels.catalog.framework.coverage.reason.get(self.labels.language),
        )

    def method(self) -> Prose:
        """Return how scores are made, with the reasons that stand in the configuration."""
        return Prose("\n\n".join(scoring_sentences(self.labels)))

    def capped(self) -> Prose:
        """Return how many figures lie beyond their goalposts."""
        scores = self.edition.scores
        level = scores[(scores["level"] == "indicator") & scores["score"].notna()]
        return Prose(
            self.labels.words.say(
                "{n:n0} of {all:n0} figures lie beyond their goalposts and are held there.",
                n=int((level["capped"] > 0).sum()),
                all=len(level),
            )
        )

    def editions_note(self) -> Prose:
        """Return why the editions are not subtracted, with what differs."""
        words = self.labels.words
        parts = [
            words.say(
                "The {other:y} edition rests on other indicators: only there {only_there}; only in {year:y} "
                "{only_here}.",
                other=other.year,
                year=self.edition.year,
                only_there=self._names(set(other.in_force) - set(self.edition.in_force)),
                only_here=self._names(set(self.edition.in_force) - set(other.in_force)),
            )
            for other in self.others
        ]
        parts.append(words.say("So the difference of two editions is not progress, and none is printed."))
        return paragraph(*parts)

    @property
    def _bands(self) -> tuple[Band, ...]:
        return self.labels.catalog.framework.bands

    def _with_years(self, indicator: str) -> str:
        years = self.edition.figures.loc[self.edition.figures["indicator"] == indicator, "data_year"]
        return (
            f"{self.labels.short_indicator(indicator)} ({self.labels.data_years(years.min(), years.max())})"
        )

    def _names(self, codes: set[str]) -> str:
        order = [code for code in self.labels.catalog.indicators if code in codes]
        return self.labels.words.listing(self.labels.short_indicator(code) for code in order) or "–"


def open_scores_report(*, edition: int, language: Language, project: Project | None = None) -> ScoresReport:
    """Return the report on one edition's scores.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    project = project or open_project()
    years = project.catalog.framework.edition_years
    return ScoresReport(
        labels=Labels(project, language),
        edition=processed.edition(project, edition),
        others=tuple(processed.edition(project, year) for year in years if year != edition),
    )
