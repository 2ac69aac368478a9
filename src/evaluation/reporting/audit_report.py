"""The report on how far the scores can be trusted: an audit of the overall index in words.

Belongs here: opening the report, and its sentences. Does not belong here: its figures and tables
(`evaluation.reporting.audit_figures`, `evaluation.reporting.audit_tables`), the words of flags
(`evaluation.reporting.audit_flags`) or what is computed (`evaluation.studies.index_audit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from evaluation.catalog import Language
from evaluation.index.correlation import CorrelationLimits
from evaluation.reporting.audit_flags import element_name
from evaluation.reporting.labels import Labels
from evaluation.reporting.method_choices import interval_sentences, pillars_page
from evaluation.reporting.prose import Prose, paragraph
from evaluation.schema import INDEX_CODE
from evaluation.studies.alternatives import MOVED_FAR
from evaluation.studies.index_audit import IndexAudit, audit_edition
from evaluation.studies.project import Project, open_project
from evaluation.studies.states import global_state

HARDLY_ANYTHING = 0.25
"""Median interval, as a share of the list, from which on not even quarters can be told apart."""

LIMITS = CorrelationLimits()


@dataclass(frozen=True)
class AuditReport:
    """The audit of one edition's overall index, in one language.

    Parameters
    ----------
    labels
        Words of the language.
    audit
        The audit.
    """

    labels: Labels
    audit: IndexAudit

    @property
    def width(self) -> pd.Series:
        """How wide the intervals of the overall index's ranks are: its row of ``interval_widths``."""
        return self.audit.tables["interval_widths"].set_index("code").loc[INDEX_CODE]

    @property
    def leading_choice(self) -> pd.Series:
        """The choice that accounts alone for most of the movement: its row of ``sensitivity``, first order."""
        table = self.audit.tables["sensitivity"]
        first = table[table["order"] == "first"]
        return first.loc[first["estimate"].idxmax()]

    def name(self, code: str) -> str:
        """Return the name of an element of the index."""
        return element_name(code, self.labels)

    def choice(self, code: str) -> str:
        """Return the name of a choice that is varied."""
        plan = self.labels.project.uncertainty
        return next(one.name.get(self.labels.language) for one in plan.assumptions if one.code == code)

    def lead(self) -> Prose:
        """Return how far the scores can be trusted."""
        say, width, choice = self.labels.words.say, self.width, self.leading_choice
        return paragraph(
            self._verdict(),
            say(
                "Of the {k:n0} regions in the best quarter, {top:n0} lie in it with their whole interval; of the {k:n0} in "
                "the last, {bottom:n0}.",
                k=width["n_quarter"],
                top=width["n_top"],
                bottom=width["n_bottom"],
            ),
            say(
                "What moves ranks most is this choice: {choice}. It alone accounts for {share:p0} of their movement.",
                choice=self.choice(choice["factor"]).lower(),
                share=100 * choice["estimate"],
            ),
        )

    def _verdict(self) -> str:
        say, width = self.labels.words.say, self.width
        facts = {"year": self.audit.year, "n": width["n_ranked"], "width": width["median_width"]}
        if width["median_width"] <= MOVED_FAR:
            return say(
                "Ranks of the {year:y} edition can be read nearly place by place: under other sensible choices of method "
                "half of the {n:n0} regions stay within {width:n0} places.",
                **facts,
            )
        if width["median_width"] < HARDLY_ANYTHING * width["n_ranked"]:
            return say(
                "The overall scores of the {year:y} edition can be trusted for broad groups of regions, not for single "
                "places: under other sensible choices of method half of the {n:n0} ranks reach over {width:n0} places or "
                "more.",
                **facts,
            )
        return say(
            "The overall scores of the {year:y} edition say little about who stands before whom: under other sensible "
            "choices of method half of the {n:n0} ranks reach over {width:n0} places or more.",
            **facts,
        )

    def intervals(self) -> Prose:
        """Return how the intervals were made, and how many pairs of regions they tell apart."""
        say = self.labels.words.say
        return paragraph(
            *interval_sentences(self.labels),
            say(
                "Of all pairs of regions {share:p0} have intervals that do not overlap: only these can be called different.",
                share=100 * self.width["share_apart"],
            ),
            say("What is varied, how and why stands on the page {page}.", page=pillars_page(self.labels)),
        )

    def scope(self) -> Prose:
        """Return what is audited: the dimensions of the overall index, those it lacks, and the regions compared."""
        return Prose("\n\n".join(part for part in (self._dimensions_in(), *self._dimensions_out()) if part))

    def _dimensions_in(self) -> str:
        say, kept = self.labels.words.say, self.audit.indices.index_dimensions
        n_compared, n_all = len(self.audit.compared.units), len(self.audit.indices.wide)
        return " ".join(
            [
                say(
                    "Audited is the overall index of the {year:y} edition. It is made of {n:n0} of the {all:n0} dimensions "
                    "of the six pillars: {names}.",
                    year=self.audit.year,
                    n=len(kept),
                    all=len(self.labels.catalog.dimensions),
                    names=self.labels.words.listing(map(self.labels.dimension, kept)),
                ),
                say(
                    "Ranks are compared among the {n:n0} regions that have figures for all of these; {others:n0} regions "
                    "lack some.",
                    n=n_compared,
                    others=n_all - n_compared,
                ),
            ]
        )

    def _dimensions_out(self) -> tuple[str, str]:
        say, words = self.labels.words.say, self.labels.words
        count = self.audit.indices.pillars.scores.notna().sum()
        out = [
            code for code in self.labels.catalog.dimensions if code not in self.audit.indices.index_dimensions
        ]
        some = [
            say("{dimension} ({n:n0} regions)", dimension=self.labels.dimension(code), n=count[code])
            for code in out
            if count[code]
        ]
        none = [self.labels.dimension(code) for code in out if not count[code]]
        needed = self.labels.catalog.framework.coverage.index_dimension_share_of_regions
        return (
            say(
                "Left out, because fewer than {share:p0} of the regions have figures: {names}.",
                share=100 * needed,
                names=words.listing(some),
            )
            if some
            else "",
            say(
                "Left out, because no open figures of these years were found: {names}.",
                names=words.listing(none),
            )
            if none
            else "",
        )

    def figures(self) -> Prose:
        """Return how complete the figures are, and how many are extreme."""
        say, table = self.labels.words.say, self.audit.tables["indicators"]
        raw, left = (
            table[column].str.contains("outliers").fillna(False) for column in ("flags", "score_flags")
        )
        return paragraph(
            say(
                "{share:p1} of all figures are there, and none that is missing was guessed.",
                share=100 * table["n_available"].sum() / table["n_units"].sum(),
            ),
            say(
                "Of {n:n0} indicators {raw:n0} have figures so extreme that auditors would treat them. No figure is changed "
                "here: a logarithm or the goalposts keep them from setting the scale. Indicators whose scores are still "
                "uneven: {left:n0}.",
                n=len(table),
                raw=int(raw.sum()),
                left=int((raw & left).sum()),
            ),
        )

    def correlations(self) -> Prose:
        """Return how indicators go together."""
        say, table = self.labels.words.say, self.audit.tables["correlations"]
        positive, same = table["correlation"] > 0, int((table["correlation"] > LIMITS.high).sum())
        lowest, highest = (
            table.loc[getattr(table["correlation"], which)()] for which in ("idxmin", "idxmax")
        )
        return paragraph(
            say(
                "Of the {n:n0} pairs of indicators {positive:n0} rise together, as they should where all of them measure how "
                "well a region does.",
                n=len(table),
                positive=int(positive.sum()),
            ),
            say(
                "So closely that they tell the same (above {limit:n1}) are {high:n0} pairs.",
                limit=LIMITS.high,
                high=same,
            )
            if same
            else say("None are so close (above {limit:n1}) that they tell the same.", limit=LIMITS.high),
            say(
                "Closest are {first} and {second} ({r:n2}).",
                first=self.name(highest["first"]),
                second=self.name(highest["second"]),
                r=highest["correlation"],
            ),
            say(
                "Most opposed are {first} and {second} ({r:n2}).",
                first=self.name(lowest["first"]),
                second=self.name(lowest["second"]),
                r=lowest["correlation"],
            )
            if lowest["correlation"] < 0
            else "",
        )

    def influence(self) -> Prose:
        """Return which pillar decides most and which least, and what removing it would do."""
        say = self.labels.words.say
        weights = self.audit.tables["weights"]
        pillars = weights[weights["level"] == "pillar"].sort_values("main_effect_share", ascending=False)
        most, least = pillars.iloc[0], pillars.iloc[-1]
        removal = self.audit.tables["removal"]
        removed = removal[removal["level"] == "pillar"].set_index("code")["mean_abs_change"]
        facts = {"most": self.name(most["code"]), "least": self.name(least["code"])}
        return paragraph(
            say(
                "Weights say how scores are counted, not what decides ranks. {most} decides most: {high:p0} of what all pillars "
                "decide, with a weight of {weight:p0}; {least} decides least: {low:p0}.",
                high=100 * most["main_effect_share"],
                low=100 * least["main_effect_share"],
                weight=100 * most["share"],
                **facts,
            ),
            say(
                "Without {most} regions would move by {far:n0} places on average, without {least} by {near:n0}.",
                far=removed[most["code"]],
                near=removed[least["code"]],
                **facts,
            ),
        )

    def alternatives(self) -> Prose:
        """Return how far ranks move when the index is made otherwise."""
        say, table = self.labels.words.say, self.audit.tables["alternatives"]
        ordered = table.sort_values("mean_abs_change")
        least, most = ordered.iloc[0], ordered.iloc[-1]
        return paragraph(
            say(
                "The farthest alternative moves regions by {far:n0} places on average ({most}), the nearest by {near:n1} "
                "({least}).",
                far=most["mean_abs_change"],
                most=self.alternative_names[most["alternative"]],
                near=least["mean_abs_change"],
                least=self.alternative_names[least["alternative"]],
            ),
            say(
                "Each is another sensible way of making the index from the same figures. Z-scores and percentile ranks measure "
                "regions against each other, so a region's score would change whenever others do; that is why we do not use "
                "them."
            ),
        )

    def sensitivity(self) -> Prose:
        """Return which choice matters most, and how much lies in their combination."""
        say, choice = self.labels.words.say, self.leading_choice
        table = self.audit.tables["sensitivity"]
        alone = table.loc[table["order"] == "first", "estimate"].sum()
        return paragraph(
            say(
                "{choice}: this alone accounts for {share:p0} of the movement of ranks (95% interval {low:p0} to {high:p0}).",
                choice=self.choice(choice["factor"]),
                share=100 * choice["estimate"],
                low=100 * choice["conf_low"],
                high=100 * choice["conf_high"],
            ),
            say(
                "All choices taken one by one account for {alone:p0}; the rest comes of their combinations.",
                alone=100 * min(alone, 1.0),
            ),
            self._sensitivity_advice(choice["factor"]),
        )

    def _sensitivity_advice(self, code: str) -> str:
        say = self.labels.words.say
        kind = next(one.vary for one in self.labels.project.uncertainty.assumptions if one.code == code)
        if kind == "leave_out":
            return say(
                "So more open indicators would make ranks firmer than any refinement of weights or formulas."
            )
        return say("So it is worth agreeing on this choice before ranks are used for anything.")

    @property
    def alternative_names(self) -> dict[str, str]:
        """Name of each alternative."""
        say = self.labels.words.say
        return {
            "arithmetic": say("arithmetic means"),
            "minmax": say("lowest to highest figure"),
            "percentile_rank": say("percentile ranks"),
            "zscore": say("z-scores"),
            "equal_indicators": say("every indicator counts the same"),
            "component_weights": say("weights from principal components"),
        }

    def alternative_text(self, code: str) -> str:
        """Return what an alternative changes."""
        say = self.labels.words.say
        return {
            "arithmetic": lambda: say("A strong pillar makes up in full for a weak one."),
            "minmax": lambda: say(
                "Scores run from the lowest to the highest figure of these regions instead of between fixed goalposts."
            ),
            "percentile_rank": lambda: say(
                "A score is the share of regions that do worse; with arithmetic means, for a score of zero has no geometric "
                "one."
            ),
            "zscore": lambda: say(
                "A score is the distance from the mean in standard deviations; with arithmetic means, as before."
            ),
            "equal_indicators": lambda: say("Pillars and dimensions count by how many indicators they have."),
            "component_weights": self._component_text,
        }[code]()

    def _component_text(self) -> str:
        say, refused = self.labels.words.say, self.audit.alternatives.not_made
        text = say("Weights by how much each part shares with the others of its group (three or more).")
        if refused.empty:
            return text
        names = self.labels.words.listing(map(self.name, refused["code"]))
        return " ".join(
            [text, say("Not for {names}: too little is shared there, so weights stay equal.", names=names)]
        )


def open_audit_report(*, edition: int, language: Language, project: Project | None = None) -> AuditReport:
    """Return the report on how far the scores of an edition can be trusted.

    Opening it again in another language, with data and configuration unchanged, draws on the same audit.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    project = project or open_project()
    analysis = _analysis(project.root, edition, global_state(project))
    return AuditReport(labels=Labels(project, language), audit=analysis)


@lru_cache(maxsize=1)
def _analysis(root: Path, edition: int, state: str) -> IndexAudit:
    """Return the audit of an edition; ``state`` makes a changed figure or setting a new audit."""
    return audit_edition(Project(root=root), edition)
