"""The national overview: four numbers, a map, the search for a region, both headline designs, where data are.

Belongs here: the first page of the site. Does not belong here: what the pages behind it show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from evaluation.catalog import Language
from evaluation.charts import Chart, MapLayer, tile_map
from evaluation.reporting.data_report import DataReport
from evaluation.reporting.impact_answer import answer
from evaluation.reporting.impact_figures import headline_forest
from evaluation.reporting.impact_report import ImpactReport, open_impact_report
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, paragraph
from evaluation.reporting.rank_words import brief_rank
from evaluation.reporting.site import Filter, SearchLabels, page_link, region_search
from evaluation.reporting.tiles import RIGHT_HALF_FROM, joining_layer, region_page, region_tiles
from evaluation.schema import INDEX_CODE
from evaluation.studies import processed
from evaluation.studies.peers import region_groups
from evaluation.studies.project import Project, open_project
from evaluation.studies.scores import Edition, comparable_scores
from evaluation.tables import Column, Table


@dataclass(frozen=True)
class Overview:
    """The whole country in one edition, in one language.

    Parameters
    ----------
    labels
        Words of the language.
    edition
        The edition.
    indicators
        Table `indicators`.
    impact
        The report on the programme's impact.
    """

    labels: Labels
    edition: Edition
    indicators: pd.DataFrame
    impact: ImpactReport

    @property
    def project(self) -> Project:
        """The project."""
        return self.labels.project

    def lead(self) -> Prose:
        """Return what the workbench answers, for the country, in three sentences."""
        words = self.labels.words
        joined = self.project.programme.cohorts["joined"]
        return paragraph(
            words.say(
                "Since {first:y} at least {n:n0} of the {all:n0} regencies and cities have joined the smart-city "
                "programme.",
                first=joined.min(),
                n=int(joined.notna().sum()),
                all=len(joined),
            ),
            words.say(
                "This site says for each of them where it stands on six pillars, how sure that is, and what is "
                "known of the programme's effect."
            ),
            answer(self.impact),
        )

    def numbers(self) -> Table:
        """Return four plain numbers."""
        words = self.labels.words
        years = self.indicators["year"]
        scored = self.labels.catalog.with_use("scored")
        joined = self.project.programme.cohorts["joined"]
        items = (
            (words.say("regions"), words.number(len(joined), 0)),
            (words.say("years of data"), f"{years.min()}–{years.max()}"),
            (words.say("indicators with scores"), words.number(len(scored), 0)),
            (words.say("regions in the programme"), words.number(joined.notna().sum(), 0)),
        )
        cells = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items
        )
        return Table(html=f'<dl class="numbers">{cells}</dl>', caption=words.say("Four numbers"))

    def tile_map(self) -> Chart:
        """Return all regions as tiles, with a switch between pillars and the year of joining."""
        words = self.labels.words
        tiles = self._tiles()
        bands = self.labels.band_names
        layers = [
            MapLayer(code, self.labels.pillar(code), bands, f"{code}_text")
            for code in (INDEX_CODE, *self.labels.catalog.pillars)
        ]
        layers.append(joining_layer(self.labels))
        return tile_map(
            tiles,
            layers=layers,
            missing_label=words.say("no data, or figures for other dimensions"),
            switch_label=words.say("Pillar"),
            split_column=RIGHT_HALF_FROM,
            title=words.say("Where regions stand in {year:y}, pillar by pillar", year=self.edition.year),
            subtitle=words.say(
                "One tile a regency or city, roughly where it lies; bands of the score, {year:y} edition. A tile leads to the "
                "region's page.",
                year=self.edition.year,
            ),
            alt=self._map_alt(),
            note=words.say(
                "Bands of one pillar compare regions with figures for the same dimensions; bands of different pillars are "
                "not to be compared."
            ),
            source=self.labels.sources(self.edition.in_force),
        )

    def region_search(self) -> Table:
        """Return the list of all regions, to be searched and filtered."""
        words, registry = self.labels.words, self.project.registry.by_code
        groups = region_groups(self.project.registry, self.indicators, self.labels.catalog)
        joined = self.project.programme.cohorts.set_index("region_code")["joined"]
        overall = self._level(INDEX_CODE)
        alike = comparable_scores(self.edition.scores, INDEX_CODE).notna()
        rows = pd.DataFrame(
            {
                "region_code": registry.index,
                "name": registry["name"].to_numpy(),
                "page": [region_page(code, self.labels) for code in registry.index],
                "province": registry["province"].to_numpy(),
                "type": [self.labels.region_type(kind) for kind in registry["type"]],
                "size": [self.labels.population_class(size) for size in groups["population_class"]],
                "joined": [
                    words.say("in no list") if math.isnan(year) else str(int(year))
                    for year in joined.reindex(registry.index)
                ],
                "band": [
                    self.labels.band(band) or words.say("not compared")
                    for band in overall["band"].where(alike).reindex(registry.index)
                ],
                "score": overall["score"].where(alike).reindex(registry.index).to_numpy(),
                "rank": overall["rank"].where(alike).reindex(registry.index).to_numpy(),
                "rank_words": [
                    brief_rank(row, self.labels) for _, row in overall.reindex(registry.index).iterrows()
                ],
                "reason": words.say("figures for other dimensions"),
            }
        )
        return region_search(
            rows,
            labels=SearchLabels(
                caption=words.say("All regencies and cities"),
                search=words.say("Search a name or BPS code"),
                everything=words.say("all"),
                count="{shown} / {total}",
            ),
            columns=[
                Column("name", words.say("Region")),
                Column("province", words.say("Province")),
                Column("joined", words.say("Joined")),
                Column("band", words.say("Band, all pillars")),
                Column(
                    "score", words.say("Score, all pillars"), "number", self.labels.score, reason_key="reason"
                ),
                Column(
                    "rank",
                    words.say("Rank and interval"),
                    "number",
                    reason_key="reason",
                    render=lambda row: row["rank_words"],
                ),
            ],
            filters=[
                Filter("province", words.say("Province")),
                Filter("type", words.say("Type")),
                Filter("joined", words.say("Year of joining")),
                Filter("band", words.say("Band, all pillars")),
            ],
        )

    def impact_forest(self) -> Chart:
        """Return both headline designs in one figure."""
        return headline_forest(self.impact)

    def coverage_chart(self) -> Chart:
        """Return where there are data, by pillar and year."""
        return DataReport(self.labels, self.indicators.head(0), self.indicators).coverage_chart()

    def pages(self) -> Table:
        """Return links to every other page."""
        words, language = self.labels.words, self.labels.language
        links = (
            (words.say("What is known of the programme's effect"), f"{language}/impact.html"),
            (words.say("How the pillars are scored"), f"{language}/pillars.html"),
            (words.say("How far the scores can be trusted"), f"{language}/index-audit.html"),
            (words.say("All indicators, used and wanted"), f"{language}/indicators.html"),
            (words.say("Audit of the data"), f"{language}/data-audit.html"),
        )
        items = Markup("").join(Markup("<li>{}</li>").format(page_link(label, page)) for label, page in links)
        return Table(html=f'<ul class="pages">{items}</ul>', caption=words.say("Pages"))

    def _level(self, code: str) -> pd.DataFrame:
        scores = self.edition.scores
        return scores[scores["code"] == code].set_index("region_code")

    def _tiles(self) -> pd.DataFrame:
        tiles = region_tiles(self.labels)
        for code in (INDEX_CODE, *self.labels.catalog.pillars):
            level = self._level(code).reindex(tiles["region_code"])
            alike = (
                comparable_scores(self.edition.scores, code).reindex(tiles["region_code"]).notna().to_numpy()
            )
            tiles[code] = (level["band"] - 1).where(alike).to_numpy()
            tiles[f"{code}_text"] = [
                self._tile_text(row, comparable=comparable)
                for row, comparable in zip(level.itertuples(), alike, strict=True)
            ]
        return tiles

    def _tile_text(self, row: Any, *, comparable: bool) -> str:
        words = self.labels.words
        if math.isnan(row.score):
            return words.say("no data")
        if not comparable:
            return words.say("figures for other dimensions: not compared")
        return words.say(
            "{score:n0} ({band}), data {years}, grade {grade}",
            score=row.score,
            band=self.labels.band(row.band).lower(),
            years=self.labels.data_years(row.data_year_first, row.data_year_last),
            grade=row.quality,
        )

    def _map_alt(self) -> str:
        words, counts = self.labels.words, self._level(INDEX_CODE)["band"].value_counts()
        parts = [
            f"{name}: {words.number(counts.get(float(number), 0), 0)}"
            for number, name in enumerate(self.labels.band_names, start=1)
        ]
        return words.say("Regions by band, all pillars together: {parts}.", parts="; ".join(parts))


def open_overview(*, edition: int, language: Language, project: Project | None = None) -> Overview:
    """Return the national overview of one edition."""
    project = project or open_project()
    return Overview(
        labels=Labels(project, language),
        edition=processed.edition(project, edition),
        indicators=processed.indicators(project),
        impact=open_impact_report(language=language, project=project),
    )
