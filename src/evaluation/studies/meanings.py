"""What the titles of received files stand for: the indicator, the source whose segment carries it, the unit.

Belongs here: joining files with the catalogue. Does not belong here: the figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from evaluation.catalog import Catalog, Indicator, Segment
from evaluation.catalog.model import SELF_REPORTED
from evaluation.errors import Fault
from evaluation.provenance import ReceivedVariable
from evaluation.sources.titles import TitleBook
from evaluation.studies.received import ReceivedFile, Title

How = Literal["named", "known_title", "in_file"]
"""Named by whoever brings the file; known from config/received_titles.csv; written in the file itself."""
WHY_MEANING = "figures filed under another indicator change its scores and estimates"
WHY_SEGMENT = (
    "the catalogue says which source carries an indicator in which year; others would be read by nobody"
)
WHY_YEAR = "figures under a wrong year shift a whole series"
REMEDY_MEANING = "name it: --indicator CODE; or add the title to config/received_titles.csv"
REMEDY_YEAR = "state it: --year YEAR"


@dataclass(frozen=True)
class Meaning:
    """What one title of a file stands for.

    Parameters
    ----------
    title
        Of the file.
    indicator
        What it stands for; None for a title that is known and not taken, or not known.
    year_offset
        Added to the year of the file.
    how
        How it is known.
    remark
        Why it is not taken.
    """

    title: Title
    indicator: Indicator | None
    year_offset: int = 0
    how: How = "known_title"
    remark: str = ""


@dataclass(frozen=True)
class Use:
    """A title of a file in one source: its variable, and the years of the file that the source carries."""

    title: Title
    indicator: Indicator
    segment: Segment
    year_offset: int
    years: tuple[int, ...]

    @property
    def variable(self) -> ReceivedVariable:
        """The entry for ``origin.yml``; without years where the source carries all of them."""
        limited = bool(self.title.years) and set(self.years) != set(self.title.years)
        return ReceivedVariable(
            variable=self.segment.variable,
            unit=self.segment.unit,
            year_offset=self.year_offset,
            years=self.years if limited else (),
        )


def meanings_of(
    file: ReceivedFile, *, catalog: Catalog, book: TitleBook, named: str | None
) -> tuple[list[Meaning], list[Fault]]:
    """Return what each title of a file stands for.

    Parameters
    ----------
    named
        Code of the indicator of a file with one title, as stated by whoever brings it.
    """
    if file.format in ("tidy", "template"):
        return _from_file(file, catalog)
    if named is not None:
        return _as_named(file, catalog.indicators[named])
    meanings = [_known(file, title, catalog, book) for title in file.titles]
    unknown = [meaning for meaning in meanings if meaning.indicator is None]
    if len(unknown) < len(meanings):
        return meanings, []
    return meanings, [
        _fault(str(file.path), f"title {meaning.title.text!r}: {meaning.remark}", REMEDY_MEANING)
        for meaning in unknown
    ]


def _known(file: ReceivedFile, title: Title, catalog: Catalog, book: TitleBook) -> Meaning:
    # the web tables and the answers of the WebAPI are the same tables under the same titles
    known_as = "bps_web_table" if file.format == "bps_webapi" else file.format
    guess = book.guess(title.text, format=known_as, table=file.table)
    if guess.entry is None:
        return Meaning(title, None, remark=guess.reason)
    if not guess.entry.indicator:
        return Meaning(title, None, remark=guess.entry.seen_in)
    return Meaning(title, catalog.indicators[guess.entry.indicator], year_offset=guess.entry.year_offset)


def _as_named(file: ReceivedFile, indicator: Indicator) -> tuple[list[Meaning], list[Fault]]:
    if len(file.titles) == 1:
        return [Meaning(file.titles[0], indicator, how="named")], []
    shown = ", ".join(repr(title.text) for title in file.titles)
    what = f"--indicator names one indicator, and the file has {len(file.titles)} titles: {shown}"
    remedy = "leave --indicator out, and add titles that are not known to config/received_titles.csv"
    return [], [_fault(str(file.path), what, remedy)]


def _from_file(file: ReceivedFile, catalog: Catalog) -> tuple[list[Meaning], list[Fault]]:
    owner = {segment.variable: indicator for indicator, segment in catalog.segments()}
    meanings, faults = [], []
    for title in file.titles:
        if title.key in owner:
            meanings.append(Meaning(title, owner[title.key], how="in_file"))
        else:
            remedy = "write a variable of config/indicators, or list it there (use: available)"
            what = f"variable {title.key!r} is in no indicator of the catalogue"
            faults.append(_fault(str(file.path), what, remedy))
    return meanings, faults


def uses_of(
    file: ReceivedFile,
    meanings: Sequence[Meaning],
    *,
    config_dir: Path,
    year: int | None,
    source: str | None,
) -> tuple[list[Use], list[Fault]]:
    """Return, for each title that is taken, the sources that carry its years.

    Parameters
    ----------
    year
        Year of a file that states none.
    source
        The one source to file under, as stated by whoever brings it.
    """
    faults: list[Fault] = []
    found: dict[tuple[Title, str], Use] = {}
    for meaning in meanings:
        if meaning.indicator is None:
            continue
        years = meaning.title.years or ((year,) if year is not None else ())
        if not years:
            faults.append(_year_fault(file))
        for one in years:
            use = _use(file, meaning, one, source)
            if use is None:
                faults.append(_uncovered(file, meaning, one, config_dir, source))
                continue
            key = (use.title, use.segment.source)
            before = found.get(key)
            years_there = (*before.years, one) if before else (one,)
            found[key] = Use(use.title, use.indicator, use.segment, use.year_offset, years_there)
    uses = list(found.values())
    return uses, [*dict.fromkeys(faults), *_split_faults(file, uses)]


def _use(file: ReceivedFile, meaning: Meaning, year: int, source: str | None) -> Use | None:
    assert meaning.indicator is not None
    wanted = SELF_REPORTED if file.format == "template" else source
    for segment in meaning.indicator.segments:
        if segment.covers(year + meaning.year_offset) and wanted in (None, segment.source):
            return Use(meaning.title, meaning.indicator, segment, meaning.year_offset, (year,))
    return None


def _split_faults(file: ReceivedFile, uses: Sequence[Use]) -> Iterator[Fault]:
    """Find tidy files whose rows belong to several sources: such a file cannot be taken in part."""
    sources = sorted({use.segment.source for use in uses})
    if file.format == "tidy" and len(sources) > 1:
        shown = "; ".join(
            f"{use.title.key} {', '.join(map(str, use.years))} to {use.segment.source}" for use in uses
        )
        what = f"its rows belong to {len(sources)} sources: {shown}"
        yield _fault(str(file.path), what, "bring the rows of each source as a file of its own")


def _year_fault(file: ReceivedFile) -> Fault:
    guess = file.year_in_name
    suggestion = f"; its name suggests {guess}: --year {guess}" if guess else ""
    what = f"the file does not say of which year or edition it is{suggestion}"
    return Fault(where=str(file.path), what=what, why=WHY_YEAR, remedy=REMEDY_YEAR)


def _uncovered(
    file: ReceivedFile, meaning: Meaning, year: int, config_dir: Path, source: str | None
) -> Fault:
    indicator = meaning.indicator
    assert indicator is not None
    of_year = year + meaning.year_offset
    if file.format == "template":
        what = f"{indicator.code} of {of_year} is not taken from templates"
        remedy = f"add a segment of the source {SELF_REPORTED} for it, or bring the publisher's own table"
        return Fault(where=str(file.path), what=what, why=WHY_SEGMENT, remedy=remedy)
    of_source = f" of source {source}" if source else ""
    return Fault(
        where=str(file.path),
        what=f"no segment{of_source} of {indicator.code} covers {of_year}",
        why=WHY_SEGMENT,
        remedy=_widening(indicator, of_year, config_dir, source),
    )


def _widening(indicator: Indicator, year: int, config_dir: Path, source: str | None) -> str:
    """Return which line of the configuration to change, and to what."""
    candidates = [segment for segment in indicator.segments if source in (None, segment.source)]
    if not candidates:
        return f"add a segment to {indicator.code} in config/indicators, with the source and its years"
    nearest = min(candidates, key=lambda one: min(abs(one.first_year - year), abs(one.last_year - year)))
    number = indicator.segments.index(nearest)
    place = segment_place(config_dir, indicator.code, number)
    first, last = min(nearest.first_year, year), nearest.years[1]
    wide = f"[{first}, {last if last is not None and last >= year else 'null'}]"
    window = "" if indicator.window_of(year) is not None else (
        f", and the last of its windows likewise if the method is the same since {indicator.windows[-1].years[0]}; "
        "if the method changed, begin a new window"
    )  # fmt: skip
    shown = ", ".join("null" if one is None else str(one) for one in nearest.years)
    return f"in {place} write `years: {wide}` for `years: [{shown}]`{window} (docs/bring_data.md)"


def segment_place(config_dir: Path, code: str, number: int) -> str:
    """Return the file and line in which the years of an indicator's segment stand."""
    for path in sorted((config_dir / "indicators").glob("*.yml")):
        root = yaml.compose(path.read_text(encoding="utf-8-sig"))
        for entry in _field(root, "indicators").value if root else ():
            if _field(entry, "code").value == code:
                line = _field(_field(entry, "segments").value[number], "years").start_mark.line + 1
                return f"config/indicators/{path.name}, line {line}"
    return "config/indicators"


def _field(mapping: yaml.Node, name: str) -> yaml.Node:
    return next(value for key, value in mapping.value if key.value == name)


def indicator_sources(uses: Iterable[Use]) -> frozenset[str]:
    """Return every source of the indicators concerned: what there is of them may stand in any."""
    return frozenset(segment.source for use in uses for segment in use.indicator.segments)


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_MEANING, remedy=remedy)
