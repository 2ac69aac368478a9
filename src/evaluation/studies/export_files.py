"""The analysis panel as files: CSV, Parquet, Stata and Excel, with a codebook and a text on how to use and cite it.

Belongs here: the forms. Does not belong here: what the panel holds (`evaluation.studies.export`). Every form holds the
same figures, and the same panel gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.catalog import Text
from evaluation.provenance import FINGERPRINT_DIGITS, sha256_bytes, write_bytes_atomically
from evaluation.schema import GRADES
from evaluation.studies.export import ExportedPanel
from evaluation.studies.project import Project
from evaluation.tables import WORKBOOK_DATE, to_csv_bytes, to_xlsx_bytes

ExportFormat = Literal["csv", "parquet", "dta", "xlsx"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
STEM = "kota_cerdas_panel"
CODEBOOK = "codebook.csv"
SOURCES = "sources.csv"
ABOUT = "README.txt"
STATA_VERSION = 118
"""Format of Stata 14 and later: the oldest that holds UTF-8."""
LONGEST_LABEL = 80
"""Characters of a label in Stata."""
TITLE = Text(id="Panel analisis Kota Cerdas", en="Kota Cerdas analysis panel")
ROWS = Text(
    id="Satu baris satu kabupaten/kota dan tahun; kosong berarti tidak ada angka, bukan nol.",
    en="One row a region (kabupaten or kota) and year; missing means no figure, not zero.",
)
CITE = Text(
    id="Kutip penerbit angkanya (di bawah), lalu panel ini: {title}, sidik {fingerprint}, data sampai {date}.",
    en="Cite the publishers of the figures (below), then this panel: {title}, fingerprint {fingerprint}, data up to {date}.",
)
UNKNOWN_DATE = Text(id="tanggal tidak diketahui", en="an unknown date")
NOTES = (
    Text(
        id="Mutu (kolom _q): {grades}. Angka bermutu C disertakan, tetapi tidak dipakai dalam skor dan taksiran.",
        en="Grades (columns _q): {grades}. Figures of grade C are here, and are left out of scores and estimates.",
    ),
    Text(
        id="Kolom _w ada bila metode berganti: jangan mengurangkan angka yang masa metodenya berbeda.",
        en="A column _w is there where the method changed: do not take differences across its values.",
    ),
    Text(
        id="Kolom score_ hanya terisi pada tahun edisi; edisi tidak dikurangkan satu sama lain. score_..._like = 0: skor "
        "dari dimensi yang lain daripada kebanyakan daerah, tidak sebanding.",
        en="Columns score_ are filled in years of editions only; editions are not subtracted from each other. score_..._like "
        "= 0: the score was made from other dimensions than most, and is not comparable.",
    ),
    Text(
        id="joined adalah tahun pertama bergabung; cohort = joined + 1, tahun pertama pengaruh dicari; kosong: tidak ada "
        "dalam daftar peserta yang ditemukan (daftar 2022-2023 tidak lengkap).",
        en="joined is the year of first joining; cohort = joined + 1, the first year an effect is looked for; missing: in "
        "none of the lists of participants found (those of 2022-2023 are incomplete).",
    ),
    Text(
        id="Wilayah mengikuti sistem 34 provinsi; tahun sebelum suatu daerah dibentuk bermutu C bila ada.",
        en="Regions are those of the 34-province system; figures from before a region was created are graded C.",
    ),
)
CORRECTED = Text(id="Diralat atau dipersoalkan", en="Corrected or disputed")
SOURCES_HEADING = Text(id="Sumber dan ketentuannya", en="Sources and their terms")
CITATION_HEADING = Text(id="Cara mengutip", en="How to cite")
NOTES_HEADING = Text(id="Yang perlu diketahui", en="What to know")


def write_panel(
    panel: ExportedPanel,
    folder: Path,
    *,
    project: Project,
    data_date: str,
    formats: Sequence[ExportFormat] = EXPORT_FORMATS,
) -> tuple[Path, ...]:
    """Write the panel in the forms asked for, with codebook, sources and README; each file whole or not at all.

    Parameters
    ----------
    panel
        What `evaluation.studies.export.build_panel` returned.
    folder
        Where to; files of these names are replaced.
    project
        Gives the words of the grades and the corrections on record.
    data_date
        Day the latest dated figure was received, empty where none is dated.
    formats
        Forms of the panel.

    Returns
    -------
    tuple of Path
        The files, in the order written.
    """
    about = readme(panel, project=project, data_date=data_date)
    files: dict[str, bytes] = {f"{STEM}.{form}": _WRITERS[form](panel, project, about) for form in formats}
    files |= {
        CODEBOOK: to_csv_bytes(panel.codebook),
        SOURCES: to_csv_bytes(panel.sources),
        ABOUT: about.encode("utf-8"),
    }
    for name, content in files.items():
        write_bytes_atomically(folder / name, content)
    return tuple(folder / name for name in files)


def csv_bytes(panel: ExportedPanel) -> bytes:
    """Return the panel as CSV; figures are written so that reading gives the same numbers."""
    return to_csv_bytes(panel.table)


def parquet_bytes(panel: ExportedPanel) -> bytes:
    """Return the panel as Parquet, labels of columns as metadata of its fields."""
    arrow = pa.Table.from_pandas(panel.table, preserve_index=False)
    labels = panel.labels
    fields = [field.with_metadata({"label": labels[field.name]}) for field in arrow.schema]
    arrow = arrow.cast(pa.schema(fields))
    buffer = io.BytesIO()
    pq.write_table(arrow, buffer, compression="zstd")
    return buffer.getvalue()


def stata_bytes(panel: ExportedPanel, grade_words: Mapping[str, str]) -> bytes:
    """Return the panel as a Stata file: grades as 1, 2, 3 with value labels, missing values as missing.

    Parameters
    ----------
    panel
        The panel.
    grade_words
        Grade to what a reader may do with a figure of it.
    """
    table = panel.table.copy()
    ranks = {grade: float(rank) for rank, grade in enumerate(GRADES, start=1)}
    for name in panel.grades:
        table[name] = table[name].map(ranks).astype("float64")
    for name in table.columns:
        if isinstance(table[name].dtype, pd.Int64Dtype):
            table[name] = table[name].astype("float64")
    words = {rank: f"{grade} {grade_words[grade]}" for rank, grade in enumerate(GRADES, start=1)}
    buffer = io.BytesIO()
    table.to_stata(
        buffer,
        write_index=False,
        version=STATA_VERSION,
        time_stamp=WORKBOOK_DATE,
        data_label=TITLE.get(panel.language),
        variable_labels={name: label[:LONGEST_LABEL] for name, label in panel.labels.items()},
        value_labels={name: words for name in panel.grades},
    )
    return buffer.getvalue()


def xlsx_bytes(panel: ExportedPanel, about: str) -> bytes:
    """Return the panel as a workbook: panel, codebook, sources, and the text on how to use and cite it."""
    lines = pd.DataFrame({"README": about.splitlines()})
    return to_xlsx_bytes(
        {"panel": panel.table, "codebook": panel.codebook, "sources": panel.sources, "readme": lines}
    )


def readme(panel: ExportedPanel, *, project: Project, data_date: str) -> str:
    """Return what the panel is, how to cite it, whose figures it holds under which terms, and what to know."""
    language = panel.language
    fingerprint = sha256_bytes(csv_bytes(panel))[:FINGERPRINT_DIGITS]
    title = TITLE.get(language)
    date = data_date or UNKNOWN_DATE.get(language)
    grades = "; ".join(f"{grade} {word}" for grade, word in _grade_words(panel, project).items())
    blocks = [
        [title, "=" * len(title), ROWS.get(language)],
        [
            _heading(CITATION_HEADING, panel),
            CITE.get(language).format(title=title, fingerprint=fingerprint, date=date),
        ],
        [_heading(SOURCES_HEADING, panel), *(_source_line(row) for row in panel.sources.itertuples())],
        [
            _heading(NOTES_HEADING, panel),
            *(f"- {note.get(language).format(grades=grades)}" for note in NOTES),
        ],
    ]
    corrections = _correction_lines(panel, project)
    if corrections:
        blocks.append([_heading(CORRECTED, panel), *corrections])
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _heading(text: Text, panel: ExportedPanel) -> str:
    words = text.get(panel.language)
    return f"{words}\n{'-' * len(words)}"


def _source_line(row: object) -> str:
    citation, licence = getattr(row, "citation"), getattr(row, "licence")  # noqa: B009
    address, vintages = getattr(row, "address"), getattr(row, "vintages")  # noqa: B009
    return f"- {citation} [{getattr(row, 'source')}; {licence}; {vintages}; {address}]"  # noqa: B009


def _correction_lines(panel: ExportedPanel, project: Project) -> list[str]:
    held = set(panel.sources["source"])
    return [
        f"- {one.dated.isoformat()} {one.code}: {one.variable}, {one.region_code}, {one.year}. "
        f"{one.what.get(panel.language)} {one.why.get(panel.language)} ({one.said_by})"
        for one in project.corrections
        if one.source in held
    ]


def _grade_words(panel: ExportedPanel, project: Project) -> dict[str, str]:
    words = project.catalog.framework.grade_words
    return {grade: words[grade].name.get(panel.language) for grade in GRADES}  # type: ignore[index]


_WRITERS = {
    "csv": lambda panel, project, about: csv_bytes(panel),
    "parquet": lambda panel, project, about: parquet_bytes(panel),
    "dta": lambda panel, project, about: stata_bytes(panel, _grade_words(panel, project)),
    "xlsx": lambda panel, project, about: xlsx_bytes(panel, about),
}
