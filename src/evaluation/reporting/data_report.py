"""The data audit and the list of indicators: what there is, how good it is, and what is wanted.

Belongs here: figures, tables and sentences about the data. Does not belong here: scores or estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pandas as pd

from evaluation.catalog import Indicator, Language
from evaluation.charts import Chart, coverage_matrix
from evaluation.reporting.errata import corrections_table
from evaluation.reporting.labels import Labels
from evaluation.reporting.prose import Prose, paragraph
from evaluation.sources.origins import UNDATED
from evaluation.studies import processed
from evaluation.studies.audit import code_systems_differ, coverage_by_year, recompute_hdi, source_summary
from evaluation.studies.project import Project, open_project
from evaluation.tables import Column, Table, download_links, html_table


@dataclass(frozen=True)
class DataReport:
    """All data of the project, in one language.

    Parameters
    ----------
    labels
        Words of the language.
    observations, indicators
        The tables of those names.
    """

    labels: Labels
    observations: pd.DataFrame
    indicators: pd.DataFrame

    @cached_property
    def sources(self) -> pd.DataFrame:
        """One row a source and vintage: figures, years, regions, figures by grade."""
        return source_summary(self.observations)

    def audit_lead(self) -> Prose:
        """Return how many figures there are and what they may be used for."""
        say, grades = self.labels.words.say, self.observations["quality"].value_counts()
        return Prose(
            say(
                "The workbench holds {n:n0} figures of {regions:n0} regions from {sources:n0} sources. "
                "{a:n0} of them exist in two agreeing copies or the publisher's own table, {b:n0} in one "
                "plausible copy; {c:n0} conflict, break a series or were back-cast, and are kept but left out "
                "of every score and estimate.",
                n=len(self.observations),
                regions=self.observations["region_code"].nunique(),
                sources=self.observations["source"].nunique(),
                a=grades["A"],
                b=grades["B"],
                c=grades["C"],
            )
        )

    def coverage_chart(self) -> Chart:
        """Return how many scored indicators each pillar has in each year."""
        say = self.labels.words.say
        counts = coverage_by_year(self.indicators, self.labels.catalog)
        return coverage_matrix(
            counts,
            pillars={code: self.labels.pillar(code) for code in self.labels.catalog.pillars},
            missing_label=say("no indicator"),
            title=say("Where there are data, and where there are none"),
            subtitle=say("Indicators that can carry a score, by pillar and year."),
            alt=say(
                "Years with at least one indicator, by pillar: {parts}.", parts=self._years_with_data(counts)
            ),
            note=say("An indicator counts in a year when at least half of the regions have a usable figure."),
        )

    def source_table(self) -> Table:
        """Return every source with its vintages, years, grades and terms."""
        say, catalog = self.labels.words.say, self.labels.catalog
        table = self.sources.assign(
            title=[catalog.sources[code].title.get(self.labels.language) for code in self.sources["source"]],
            publisher=[catalog.sources[code].publisher for code in self.sources["source"]],
            licence=[
                catalog.sources[code].licence.get(self.labels.language) for code in self.sources["source"]
            ],
            years=[
                self.labels.data_years(first, last)
                for first, last in zip(self.sources["first_year"], self.sources["last_year"], strict=True)
            ],
            received=[self._day(day) for day in self.sources["vintage"]],
        )
        whole = self.labels.words.number
        return html_table(
            table,
            columns=[
                Column("title", say("Source")),
                Column("publisher", say("Publisher")),
                Column("received", say("Received")),
                Column("years", say("Years")),
                Column("n_regions", say("Regions"), "number", lambda n: whole(n, 0)),
                Column("n_figures", say("Figures"), "number", lambda n: whole(n, 0)),
                Column("A", "A", "number", lambda n: whole(n, 0)),
                Column("B", "B", "number", lambda n: whole(n, 0)),
                Column("C", "C", "number", lambda n: whole(n, 0)),
                Column("licence", say("Terms")),
            ],
            caption=say("Sources as received, with the number of figures by grade"),
            wide=True,
            phone="cards",
        )

    def hdi_check(self) -> Prose:
        """Return how the HDI recomputed from its components agrees with the published one."""
        check = recompute_hdi(self.indicators)
        exact = check[check["year"] >= FIRST_EXACT_YEAR]
        wrong = exact[~exact["agrees"]]
        named = self.labels.words.listing(
            f"{self.labels.region(row.region_code)} {row.year}" for row in wrong.itertuples()
        )
        say = self.labels.words.say
        numbers = {
            "right": int(exact["agrees"].sum()),
            "n": len(exact),
            "first": exact["year"].min(),
            "last": exact["year"].max(),
        }
        text = say(
            "Recomputed from its four components, the human development index agrees with the published two "
            "decimals in {right:n0} of {n:n0} region-years from {first:y} to {last:y}.",
            **numbers,
        )
        if wrong.empty:
            return Prose(text)
        return paragraph(text, say("It differs in {named}.", named=named))

    def code_check(self) -> Prose:
        """Return how far the two official code systems differ."""
        differ, ambiguous = code_systems_differ(self.labels.project.registry)
        return Prose(
            self.labels.words.say(
                "The codes of Kemendagri and BPS differ for {differ:n0} of {n:n0} regions, and {ambiguous:n0} "
                "codes mean one region in one system and another in the other. Every file states its system, "
                "and no table is joined by a number alone.",
                differ=differ,
                n=len(self.labels.project.registry.codes),
                ambiguous=ambiguous,
            )
        )

    def left_out_table(self) -> Table:
        """Return which figures of grade C are kept and left out."""
        say = self.labels.words.say
        doubtful = self.observations[self.observations["quality"] == "C"]
        table = (
            doubtful.groupby(["source", "variable"])
            .agg(n=("value", "size"), first=("year", "min"), last=("year", "max"))
            .reset_index()
        )
        codes = self._indicator_of()
        table = table.assign(
            name=[
                self.labels.indicator(codes[key])
                for key in zip(table["source"], table["variable"], strict=True)
            ],
            years=[
                self.labels.data_years(first, last)
                for first, last in zip(table["first"], table["last"], strict=True)
            ],
        )
        return html_table(
            table,
            columns=[
                Column("name", say("Indicator")),
                Column("source", say("File")),
                Column("years", say("Years")),
                Column("n", say("Figures of grade C"), "number", lambda n: self.labels.words.number(n, 0)),
            ],
            caption=say("Figures that are kept with their grade and used in no score and no estimate"),
        )

    def indicators_lead(self) -> Prose:
        """Return how many indicators are used, shown beside, available and wanted."""
        catalog = self.labels.catalog
        return Prose(
            self.labels.words.say(
                "{scored:n0} indicators carry scores, {beside:n0} composites and context figures are shown "
                "beside them, {available:n0} more are in the data and not used, and {wanted:n0} that the "
                "pillars need have no open data.",
                scored=len(catalog.with_use("scored")),
                beside=len(catalog.with_use("beside")),
                available=len(catalog.with_use("available")),
                wanted=len(catalog.with_use("wanted")),
            )
        )

    def scored_table(self) -> Table:
        """Return every scored indicator with goalposts, windows and sources."""
        say, language = self.labels.words.say, self.labels.language
        rows = [
            {
                "pillar": self._place(indicator),
                "name": indicator.title.get(language),
                "unit": indicator.unit.get(language),
                "direction": say("more is better") if indicator.direction == 1 else say("less is better"),
                "goalposts": self._goalposts(indicator),
                "windows": "; ".join(_years(*window.years) for window in indicator.windows),
                "source": "; ".join(
                    dict.fromkeys(
                        self.labels.catalog.sources[source].publisher for source in indicator.sources()
                    )
                ),
            }
            for indicator in self._by_pillar("scored")
        ]
        return html_table(
            pd.DataFrame(rows),
            columns=[
                Column("name", say("Indicator")),
                Column("unit", say("Unit")),
                Column("direction", say("Direction")),
                Column("goalposts", say("Goalposts")),
                Column("windows", say("Years of one method")),
                Column("source", say("Publisher")),
            ],
            caption=say("Indicators that carry scores"),
            group_by="pillar",
            wide=True,
        )

    def goalpost_reasons(self) -> Table:
        """Return why each goalpost lies where it does."""
        say, language = self.labels.words.say, self.labels.language
        rows = [
            {
                "name": indicator.title.get(language),
                "goalposts": self._goalposts(indicator),
                "reason": indicator.goalposts.reason.get(language),
                "set_on": indicator.goalposts.set_on.isoformat(),
            }
            for indicator in self._by_pillar("scored")
            if indicator.goalposts is not None
        ]
        return html_table(
            pd.DataFrame(rows),
            columns=[
                Column("name", say("Indicator")),
                Column("goalposts", say("Goalposts")),
                Column("reason", say("Why there")),
                Column("set_on", say("Set on")),
            ],
            caption=say("Fixed goalposts with their reasons"),
        )

    def available_table(self) -> Table:
        """Return what else the data hold."""
        say, language = self.labels.words.say, self.labels.language
        uses = {"beside": say("shown beside"), "available": say("available, not used")}
        rows = [
            {
                "name": indicator.title.get(language),
                "use": uses[indicator.use],
                "unit": indicator.unit.get(language),
                "years": "; ".join(_years(*segment.years) for segment in indicator.segments),
                "about": indicator.description_short.get(language),
            }
            for indicator in self.labels.catalog.with_use("beside", "available")
        ]
        return html_table(
            pd.DataFrame(rows),
            columns=[
                Column("name", say("Indicator")),
                Column("use", say("How it is used")),
                Column("unit", say("Unit")),
                Column("years", say("Years")),
                Column("about", say("What it is")),
            ],
            caption=say("What else the data hold"),
        )

    def corrections_table(self) -> Table | Prose:
        """Return which published figures were corrected or are disputed."""
        return corrections_table(self.labels.project.corrections, self.labels)

    def wanted_table(self) -> Table:
        """Return what is wanted, from whom, and how to add it."""
        say, language = self.labels.words.say, self.labels.language
        rows = [
            {
                "pillar": self._place(indicator),
                "name": indicator.title.get(language),
                "publisher": indicator.wanted.publisher,
                "why": indicator.wanted.why_missing.get(language),
                "form": indicator.wanted.form.get(language),
            }
            for indicator in self._by_pillar("wanted")
            if indicator.wanted is not None
        ]
        return html_table(
            pd.DataFrame(rows),
            columns=[
                Column("name", say("Indicator wanted")),
                Column("publisher", say("Expected publisher")),
                Column("why", say("Why it is not here")),
                Column("form", say("How to add it")),
            ],
            caption=say("Figures that would fill the holes"),
            group_by="pillar",
            footnote=say(
                "For most of them a region's own office can fill in a workbook instead, for itself alone: see docs/templates.md."
            ),
        )

    def audit_downloads(self) -> Table:
        """Return the audit's tables as files."""
        say = self.labels.words.say
        return download_links(
            {"sources": self.sources, "hdi_check": recompute_hdi(self.indicators)},
            file_stem="kota-cerdas-audit",
            labels={
                "sources": say("Sources"),
                "hdi_check": say("Human development index, recomputed"),
                "xlsx": say("All tables (Excel)"),
            },
            heading=say("Take the figures of this page with you:"),
        )

    def _day(self, vintage: str) -> str:
        if vintage == UNDATED:
            return self.labels.words.say("date unknown")
        return self.labels.words.day(date.fromisoformat(vintage))

    def _years_with_data(self, counts: pd.DataFrame) -> str:
        covered = counts[counts["n_indicators"] > 0].groupby("pillar")["year"].nunique()
        return "; ".join(
            f"{self.labels.pillar(code)} {int(covered.get(code, 0))}" for code in self.labels.catalog.pillars
        )

    def _by_pillar(self, use: str) -> list[Indicator]:
        order = [*self.labels.catalog.dimensions, None]
        found = self.labels.catalog.with_use(use)  # type: ignore[arg-type]
        return sorted(found, key=lambda indicator: order.index(indicator.dimension))

    def _place(self, indicator: Indicator) -> str:
        if indicator.dimension is None:
            return self.labels.words.say("Context")
        pillar = self.labels.catalog.pillar_of[indicator.dimension]
        return f"{self.labels.pillar(pillar)} · {self.labels.dimension(indicator.dimension)}"

    def _goalposts(self, indicator: Indicator) -> str:
        if indicator.goalposts is None:
            return ""
        say, number = self.labels.words.say, self.labels.words
        ends = {
            "low": number.say("{end:g}", end=indicator.goalposts.low),
            "high": number.say("{end:g}", end=indicator.goalposts.high),
        }
        if indicator.transform == "linear":
            return say("{low} to {high}", **ends)
        return say("{low} to {high}, on a logarithmic scale", **ends)

    def _indicator_of(self) -> dict[tuple[str, str], str]:
        return {
            (segment.source, segment.variable): indicator.code
            for indicator, segment in self.labels.catalog.segments()
        }


FIRST_EXACT_YEAR = 2016
"""From this year on the components were published with the decimals the index was computed from."""


def open_data_report(*, language: Language, project: Project | None = None) -> DataReport:
    """Return the report on the data of a project."""
    project = project or open_project()
    return DataReport(
        labels=Labels(project, language),
        observations=processed.observations(project),
        indicators=processed.indicators(project),
    )


def _years(first: int, last: int | None) -> str:
    """Return a range of years; one that goes on has nothing after its dash."""
    return str(first) if first == last else f"{first}–{last or ''}"
