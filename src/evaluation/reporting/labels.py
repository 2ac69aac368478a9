"""Names, units, values and sources as a reader's language writes them.

Belongs here: turning a code of the catalogue into words, and a figure into a figure with its unit. Does not
belong here: sentences about results (`evaluation.reporting.findings`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from evaluation.catalog import Catalog, Indicator, Language
from evaluation.reporting.words import NO_VALUE, Words
from evaluation.schema import INDEX_CODE
from evaluation.studies.project import Project

LOG_POINTS_TO_PERCENT = 100.0
"""A difference of logs times 100 is a difference in per cent, to within a tenth for the sizes seen here."""


@dataclass(frozen=True)
class Labels:
    """The catalogue's words in one language.

    Parameters
    ----------
    project
        Gives the catalogue and the registry.
    language
        ``id`` or ``en``.
    """

    project: Project
    language: Language

    @cached_property
    def words(self) -> Words:
        """The message catalogue in this language."""
        return Words(self.language)

    @property
    def catalog(self) -> Catalog:
        """The catalogue of the project."""
        return self.project.catalog

    def indicator(self, code: str) -> str:
        """Return the title of an indicator."""
        return self.catalog.indicators[code].title.get(self.language)

    def short_indicator(self, code: str) -> str:
        """Return the short title of an indicator."""
        return self.catalog.indicators[code].short_title.get(self.language)

    def unit(self, code: str) -> str:
        """Return the unit of an indicator in words."""
        return self.catalog.indicators[code].unit.get(self.language)

    def value(self, code: str, number: float) -> str:
        """Return a figure of an indicator with its sign or short unit, a dash where missing."""
        indicator = self.catalog.indicators[code]
        if math.isnan(number):
            return NO_VALUE
        return self._with_short_unit(self.words.number(number, indicator.decimals), indicator)

    def difference(self, code: str, number: float) -> str:
        """Return a difference of two figures: points for a percentage, the indicator's own unit for others."""
        if self.catalog.indicators[code].short_unit == "%":
            return self.words.say("{size} points", size=self.plain_value(code, number))
        return self.value(code, number)

    def plain_value(self, code: str, number: float) -> str:
        """Return a figure of an indicator without its unit."""
        return self.words.number(number, self.catalog.indicators[code].decimals)

    def axis_writer(self) -> Callable[[float], str]:
        """Return a function that writes the ticks of an axis."""
        return self.words.tick

    def value_writer(self, code: str) -> Callable[[float], str]:
        """Return a function that writes figures of one indicator."""
        return lambda number: self.plain_value(code, number)

    def score(self, number: float) -> str:
        """Return a score, without decimals: more would pretend a precision that it does not have."""
        return self.words.number(number, 0)

    def pillar(self, code: str) -> str:
        """Return the name of a pillar, or of the overall index."""
        if code == INDEX_CODE:
            return self.words.say("All pillars together")
        return self.catalog.pillars[code].short_name.get(self.language)

    def dimension(self, code: str) -> str:
        """Return the name of a dimension."""
        return self.catalog.dimensions[code].name.get(self.language)

    def band(self, number: float) -> str:
        """Return the name of a score band, empty where there is none."""
        names = {band.band: band.name.get(self.language) for band in self.catalog.framework.bands}
        return "" if math.isnan(number) else names[int(number)]

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of all bands, lowest first."""
        return tuple(band.name.get(self.language) for band in self.catalog.framework.bands)

    def grade_word(self, grade: str) -> str:
        """Return what a reader may do with a figure of this grade."""
        words = self.catalog.framework.grade_words
        return words[grade].name.get(self.language) if grade else ""  # type: ignore[index]

    def reasons(self, quality_reason: str) -> str:
        """Return the reasons of a grade in words, empty where there is none."""
        return "; ".join(self._reason(part) for part in quality_reason.split("+") if part)

    def data_years(self, first: float, last: float) -> str:
        """Return the years of the data behind a score."""
        if math.isnan(first):
            return ""
        return f"{int(first)}" if first == last else f"{int(first)}–{int(last)}"

    def sources(self, codes: Iterable[str]) -> str:
        """Return the line that names the publishers of the figures shown."""
        publishers = [
            self.catalog.sources[source].publisher
            for code in codes
            for source in self.catalog.indicators[code].sources()
        ]
        return self.words.say("Source: {publishers}.", publishers="; ".join(dict.fromkeys(publishers)))

    def region(self, region_code: str) -> str:
        """Return the full name of a region."""
        return str(self.project.registry.by_code.loc[region_code, "name"])

    def region_type(self, kind: str) -> str:
        """Return kabupaten or kota as the language says it."""
        return self.words.say("city (kota)") if kind == "kota" else self.words.say("regency (kabupaten)")

    def population_class(self, code: str) -> str:
        """Return the name of a population class."""
        classes = {size.code: size.name for size in self.catalog.framework.population_classes}
        return classes[code].get(self.language) if code else self.words.say("population not known")

    def island_group(self, name: str) -> str:
        """Return the name of an island group in the language."""
        return {
            "Sumatra": self.words.say("Sumatra"),
            "Java": self.words.say("Java"),
            "Bali": self.words.say("Bali"),
            "Kalimantan": self.words.say("Kalimantan"),
            "Sulawesi": self.words.say("Sulawesi"),
            "Nusa Tenggara": self.words.say("Nusa Tenggara"),
            "Maluku": self.words.say("Maluku"),
            "Papua": self.words.say("Papua"),
        }[name]

    def not_estimable(self, status: str) -> str:
        """Return why there is no estimate, from the status of a row of `estimates`."""
        _, reason, last_year = status.split(":")
        if reason == "beyond_data":
            return self.words.say("not yet estimable: data end in {year}", year=last_year)
        if reason == "method_changes":
            return self.words.say("not estimable: the method changed after {year}", year=last_year)
        return self._no_estimate_reasons()[reason]

    def remarks(self, status: str) -> str:
        """Return what an estimate lacks, from its status; empty where it lacks nothing."""
        return " ".join(self._remark(part) for part in status.split("+") if part)

    def _remark(self, part: str) -> str:
        kind, _, year = part.partition(":")
        if kind == "ends":
            return self.words.say("Its figures end in {year}.", year=year)
        return self.words.say(
            "The {year} joiners have no comparable regions here and are not in it.", year=year
        )

    def _no_estimate_reasons(self) -> dict[str, str]:
        say = self.words.say
        return {
            "no_comparison": say("not estimable: no clean comparison region has figures"),
            "always_treated": say("not estimable: there is no year before joining"),
            "not_observed": say("not estimable: no joiner has figures in both years"),
            "too_few_treated": say("not estimable: a single joiner has figures"),
            "no_control": say("not estimable: fewer than two clean comparison regions"),
            "singular_covariates": say("not estimable: comparison regions do not cover the joiners' traits"),
            "no_comparable_control": say("not estimable: some joiners have no region like them"),
            "logit_diverged": say("not estimable: joiners and comparison regions hardly overlap"),
            "too_few_like_controls": say(
                "not estimable: hardly a comparison region on an island of the joiners"
            ),
            "too_few_years_before": say("not estimable: too few years before joining"),
            "not_converged": say("not estimable: the weights could not be certified"),
            "no_data": say("not estimable: nobody has brought these figures yet"),
        }

    def _with_short_unit(self, text: str, indicator: Indicator) -> str:
        unit = indicator.short_unit
        if unit == "%":
            return f"{text}%"
        if unit == "Rp 000":
            return self.words.say("Rp {amount} thousand", amount=text)
        if unit == "Rp 10⁹":
            return self.words.say("Rp {amount} billion", amount=text)
        return f"{text} {unit}".rstrip()

    def _reason(self, code: str) -> str:
        say = self.words.say
        return {
            "one_copy": say("one copy of the publisher's table"),
            "doubtful_or_back_cast": say("conflicting copies, a level break, or a back-cast"),
            "implausible_change": say("a change beyond what is plausible in the time"),
            "parts_do_not_add_up": say("parts that do not add up to the published total"),
            "old_data": say("older than one year in this edition"),
            "partial_coverage": say("some dimensions have no data"),
            "low_coverage": say("most dimensions have no data"),
            "capped_at_goalpost": say("beyond the goalpost, held there"),
            "self_reported": say("reported by the region itself"),
            "corrected": say("corrected here: see the erratum"),
            "disputed": say("in dispute: see the note"),
        }[code.partition(":")[0]]
