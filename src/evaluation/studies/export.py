"""The analysis panel, to be taken away: one row a region and year, with a codebook made from the catalogue.

Belongs here: which columns there are, what they hold and what is said of each. Does not belong here: the forms they are
written in (`evaluation.studies.export_files`).

Names of columns are valid in Stata (32 characters) and the same in every form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf

import numpy as np
import pandas as pd

from evaluation.catalog import Catalog, Indicator, Language, Text
from evaluation.errors import UsageError
from evaluation.schema import INDEX_CODE
from evaluation.studies import processed
from evaluation.studies.project import Project

LONGEST_NAME = 32
"""Characters of a variable's name in Stata."""
RESERVED_WORDS = (
    "_all _b byte _coef _cons double float if in int long _n _N _pi _pred _rc _skip str strL using with"
)
RESERVED = frozenset(RESERVED_WORDS.split())
"""Words that Stata keeps for itself (Stata user's guide, section 11.3)."""
GRADE, WINDOW, LIKE_MOST = "_q", "_w", "_like"
SCORE = "score_"
KEY_COLUMNS: Mapping[str, Text] = {
    "region_code": Text(id="Kode BPS (sistem 34 provinsi)", en="BPS code (34-province system)"),
    "region_name": Text(id="Nama kabupaten/kota", en="Name of the region"),
    "province": Text(id="Provinsi", en="Province"),
    "region_type": Text(id="kabupaten atau kota", en="kabupaten (regency) or kota (city)"),
    "island_group": Text(id="Kelompok pulau", en="Island group"),
    "year": Text(id="Tahun", en="Year"),
}
PROGRAMME_COLUMNS: Mapping[str, Text] = {
    "joined": Text(
        id="Tahun pertama bergabung; kosong: tidak pernah", en="Year of first joining; missing: never"
    ),
    "cohort": Text(
        id="Tahun pertama pengaruh dicari: joined + 1", en="First year an effect is looked for: joined + 1"
    ),
    "clean_control": Text(id="1: boleh menjadi pembanding", en="1: may serve as a comparison"),
    "doubtful_role": Text(id="Peran yang meragukan, bila ada", en="Doubtful role, where there is one"),
    "joining_confidence": Text(id="Keyakinan atas tahun bergabung", en="Confidence in the joining year"),
}
GRADE_OF = Text(id="Mutu: {title}", en="Grade: {title}")
WINDOW_OF = Text(
    id="Tahun awal masa metode tetap: {title}", en="First year of its constant-method window: {title}"
)
SCORE_OF = Text(id="Skor edisi: {title}", en="Score of the edition: {title}")
LIKE_MOST_OF = Text(
    id="1: skor dari dimensi yang sama dengan kebanyakan daerah: {title}",
    en="1: score made from the same dimensions as most: {title}",
)
OVERALL = Text(id="Seluruh pilar", en="All pillars together")
SCORE_UNIT = Text(id="skor 1-100", en="score 1-100")
DIRECTIONS = {
    1: Text(id="lebih tinggi lebih baik", en="more is better"),
    -1: Text(id="lebih rendah lebih baik", en="less is better"),
}


@dataclass(frozen=True)
class ExportedPanel:
    """The panel with what is said of it.

    Parameters
    ----------
    table
        One row a region and year, sorted; every region stands in every year, with missing values where there are no
        figures. Grades are letters, missing where there is no value.
    codebook
        One row a column of the table: name, kind, code, label, unit, direction, valid_low, valid_high, definition,
        sources, windows, first_year, last_year, n_figures, n_missing, coverage, grade_a, grade_b, grade_c.
    sources
        One row a source of a figure in the table: source, title, publisher, citation, licence, address, vintages,
        n_figures.
    language
        Of titles, units and definitions.
    """

    table: pd.DataFrame
    codebook: pd.DataFrame
    sources: pd.DataFrame
    language: Language

    @property
    def labels(self) -> dict[str, str]:
        """Name of a column to its label."""
        return dict(zip(self.codebook["name"], self.codebook["label"], strict=True))

    @property
    def grades(self) -> tuple[str, ...]:
        """Names of the columns that hold grades."""
        return tuple(self.codebook.loc[self.codebook["kind"] == "grade", "name"])


def build_panel(
    project: Project,
    *,
    indicators: Sequence[str] | None = None,
    years: Sequence[int] | None = None,
    language: Language = "en",
) -> ExportedPanel:
    """Return the analysis panel of a project.

    Parameters
    ----------
    project
        Its figures, scores and joiners.
    indicators
        Codes; all that have figures when None.
    years
        Calendar years; from the first to the last with a figure of these indicators when None.
    language
        ``id`` or ``en``.

    Raises
    ------
    UsageError
        When an indicator is unknown or has no figures, or none falls in these years.
    """
    figures, codes = _chosen_figures(project, indicators, years)
    rows = pd.MultiIndex.from_product(
        [project.registry.codes, _year_range(figures, years)], names=["region_code", "year"]
    )
    scores = processed.scores(project)
    columns = [
        *_indicator_columns(figures, codes, project.catalog, language),
        *_score_columns(scores[scores["year"].isin(rows.levels[1])], project.catalog, language),
    ]
    names = short_names([column.name for column in columns], taken=(*KEY_COLUMNS, *PROGRAMME_COLUMNS))
    wide = {name: column.cells.reindex(rows).to_numpy() for name, column in zip(names, columns, strict=True)}
    table = pd.concat([_keys(project, rows), pd.DataFrame(wide)], axis=1)
    return ExportedPanel(
        table=table,
        codebook=_codebook(table, names, columns, language),
        sources=_sources(figures, project.catalog, language),
        language=language,
    )


def short_names(names: Iterable[str], *, taken: Iterable[str] = ()) -> list[str]:
    """Return names that Stata takes: letters, digits and underscores, at most 32, each once, in the order given.

    A name that is too long keeps its ending after the last underscore (``_q``) where it has one.
    """
    used = set(taken) | RESERVED
    found = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
        plain = plain if re.match(r"[A-Za-z_]", plain) else f"v{plain}"
        candidates = (_shortened(plain, "" if number == 1 else str(number)) for number in count(1))
        free = next(candidate for candidate in candidates if candidate not in used)
        used.add(free)
        found.append(free)
    return found


def _shortened(name: str, number: str) -> str:
    ending = next((end for end in (LIKE_MOST, GRADE, WINDOW) if name.endswith(end)), "")
    ending = f"{number}{ending}"
    stem = name.removesuffix(ending.removeprefix(number)) if ending else name
    return f"{stem[: LONGEST_NAME - len(ending)]}{ending}"


@dataclass(frozen=True)
class _Column:
    """One column before it has its final name: cells by region and year, and its row of the codebook."""

    name: str
    kind: str
    code: str
    label: str
    cells: pd.Series
    about: Mapping[str, object]


def _chosen_figures(
    project: Project, indicators: Sequence[str] | None, years: Sequence[int] | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    table = processed.indicators(project)
    known = set(table["indicator"])
    asked = (
        [code for code in project.catalog.indicators if code in known] if indicators is None else indicators
    )
    lacking = [code for code in asked if code not in known]
    if lacking:
        raise UsageError(
            f"There are no figures of {', '.join(lacking)}. The indicators with figures are: {', '.join(sorted(known))}."
        )
    chosen = table[table["indicator"].isin(asked)]
    if years is not None:
        chosen = chosen[chosen["year"].isin(years)]
    if chosen.empty:
        raise UsageError("None of these indicators has a figure in these years; name other --years.")
    return chosen, tuple(code for code in project.catalog.indicators if code in set(asked))


def _year_range(figures: pd.DataFrame, years: Sequence[int] | None) -> list[int]:
    if years is not None:
        return sorted(set(years))
    return list(range(int(figures["year"].min()), int(figures["year"].max()) + 1))


def _keys(project: Project, rows: pd.MultiIndex) -> pd.DataFrame:
    frame = rows.to_frame(index=False)
    registry = project.registry.table.rename(columns={"name": "region_name", "type": "region_type"})
    cohorts = project.programme.cohorts.rename(
        columns={"role": "doubtful_role", "confidence": "joining_confidence"}
    )
    about = registry.merge(cohorts, on="region_code", how="left", validate="one_to_one")
    joined = frame.merge(about, on="region_code", how="left", validate="many_to_one")
    table = joined[[*KEY_COLUMNS, *PROGRAMME_COLUMNS]]
    whole = {"year": "int64", "joined": "Int64", "cohort": "Int64", "clean_control": "int8"}
    return table.astype(whole)


def _indicator_columns(
    figures: pd.DataFrame, codes: Sequence[str], catalog: Catalog, language: Language
) -> Iterable[_Column]:
    for code in codes:
        rows = figures[figures["indicator"] == code].set_index(["region_code", "year"])
        indicator = catalog.indicators[code]
        title = indicator.title.get(language)
        about = _about_indicator(indicator, rows, catalog, language)
        yield _Column(code, "indicator", code, title, rows["value"], about)
        label = GRADE_OF.get(language).format(title=title)
        yield _Column(f"{code}{GRADE}", "grade", code, label, rows["quality"].astype("object"), {})
        if len(rows["window"].unique()) > 1:
            label = WINDOW_OF.get(language).format(title=title)
            yield _Column(f"{code}{WINDOW}", "window", code, label, rows["window"].astype("Int64"), {})


def _about_indicator(
    indicator: Indicator, rows: pd.DataFrame, catalog: Catalog, language: Language
) -> dict[str, object]:
    low, high = indicator.bounds
    sources = [source for source in indicator.sources() if source in set(rows["source"])]
    windows = [
        f"{window.years[0]}-{'' if window.years[1] is None else window.years[1]}: {window.method.get(language)}"
        for window in indicator.windows
    ]
    direction = DIRECTIONS.get(indicator.direction or 0)
    return {
        "unit": indicator.unit.get(language),
        "direction": direction.get(language) if direction else "",
        "valid_low": np.nan if low == -inf else low,
        "valid_high": np.nan if high == inf else high,
        "definition": indicator.description_short.get(language),
        "sources": "; ".join(f"{source} ({catalog.sources[source].publisher})" for source in sources),
        "windows": "; ".join(windows),
    }


def _score_columns(scores: pd.DataFrame, catalog: Catalog, language: Language) -> Iterable[_Column]:
    titles = {
        INDEX_CODE: OVERALL,
        **{code: pillar.name for code, pillar in catalog.pillars.items()},
        **{code: dimension.name for code, dimension in catalog.dimensions.items()},
    }
    about = {"unit": SCORE_UNIT.get(language), "direction": DIRECTIONS[1].get(language)}
    for code, text in titles.items():
        rows = scores[scores["code"] == code].set_index(["region_code", "year"])
        if rows["score"].isna().all():
            continue
        title = text.get(language)
        label = SCORE_OF.get(language).format(title=title)
        yield _Column(f"{SCORE}{code}", "score", code, label, rows["score"], about)
        grades = rows["quality"].where(rows["score"].notna()).astype("object")
        label = GRADE_OF.get(language).format(title=title)
        yield _Column(f"{SCORE}{code}{GRADE}", "grade", code, label, grades, {})
        if code in catalog.pillars or code == INDEX_CODE:
            label = LIKE_MOST_OF.get(language).format(title=title)
            yield _Column(f"{SCORE}{code}{LIKE_MOST}", "composition", code, label, _like_most(rows), {})


def _like_most(rows: pd.DataFrame) -> pd.Series:
    """Return 1 where a score was made from the dimensions that most regions' was in that edition, else 0."""
    scored = rows[rows["score"].notna()]
    most = scored.groupby(level="year")["composition"].agg(lambda parts: parts.value_counts().index[0])
    same = scored["composition"] == scored.index.get_level_values("year").map(most)
    return same.astype("Int64").reindex(rows.index)


def _codebook(
    table: pd.DataFrame, names: Sequence[str], columns: Sequence[_Column], language: Language
) -> pd.DataFrame:
    rows: list[dict[str, object]] = [
        {"name": name, "kind": kind, "code": name, "label": text.get(language)}
        for kind, texts in (("key", KEY_COLUMNS), ("programme", PROGRAMME_COLUMNS))
        for name, text in texts.items()
    ]
    rows += [
        {"name": name, "kind": column.kind, "code": column.code, "label": column.label, **column.about}
        for name, column in zip(names, columns, strict=True)
    ]
    book = pd.DataFrame(rows)
    counted = pd.DataFrame([_counts(table, name) for name in book["name"]])
    return pd.concat([_with_grades(book, table, names, columns), counted], axis=1)


def _counts(table: pd.DataFrame, name: str) -> dict[str, object]:
    present = table[name].notna() & ~table[name].isin([""])
    years = table.loc[present, "year"]
    return {
        "first_year": years.min() if present.any() else pd.NA,
        "last_year": years.max() if present.any() else pd.NA,
        "n_figures": int(present.sum()),
        "n_missing": int((~present).sum()),
        "coverage": float(present.mean()),
    }


def _with_grades(
    book: pd.DataFrame, table: pd.DataFrame, names: Sequence[str], columns: Sequence[_Column]
) -> pd.DataFrame:
    """Return the codebook with the number of figures of each grade beside every column that has one of grades."""
    final = {column.name: name for name, column in zip(names, columns, strict=True)}
    of_value = {name: final.get(f"{column.name}{GRADE}") for name, column in zip(names, columns, strict=True)}
    for grade in ("A", "B", "C"):
        book[f"grade_{grade.lower()}"] = [
            int((table[found] == grade).sum()) if (found := of_value.get(name)) else pd.NA
            for name in book["name"]
        ]
    return book


def _sources(figures: pd.DataFrame, catalog: Catalog, language: Language) -> pd.DataFrame:
    rows = []
    for name, own in figures.groupby("source", sort=True):
        source = catalog.sources[str(name)]
        rows.append(
            {
                "source": name,
                "title": source.title.get(language),
                "publisher": source.publisher,
                "citation": " ".join(source.citation.split()),
                "licence": source.licence.get(language),
                "address": source.url,
                "vintages": ", ".join(sorted(set(own["vintage"]))),
                "n_figures": len(own),
            }
        )
    return pd.DataFrame(rows)
