"""Tables: files that come out the same every time and read back as what went in."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest

from evaluation.errors import EvaluationError
from evaluation.tables import (
    Column,
    download_links,
    grade_badge,
    html_table,
    to_csv_bytes,
    to_xlsx_bytes,
)

FRAME = pd.DataFrame(
    {
        "region_code": ["0101", "3273"],
        "name": ["=1+1", "Kota <Bandung>"],
        "value": [np.nan, 3.87],
        "reason": ["tidak disurvei", ""],
    }
)
COLUMNS = [
    Column("name", "Daerah"),
    Column("value", "Nilai", "number", lambda value: f"{value:.2f}", "reason"),
]


def test_a_workbook_has_the_same_bytes_every_time() -> None:
    assert to_xlsx_bytes({"skor": FRAME}) == to_xlsx_bytes({"skor": FRAME})


def test_a_workbook_reads_back_as_what_went_in() -> None:
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx_bytes({"skor": FRAME, "kosong": FRAME.head(0)})))
    assert book.sheetnames == ["skor", "kosong"]
    rows = list(book["skor"].iter_rows(values_only=True))
    assert rows == [
        ("region_code", "name", "value", "reason"),
        ("0101", "=1+1", None, "tidak disurvei"),
        ("3273", "Kota <Bandung>", 3.87, None),
    ]


def test_text_that_looks_like_a_formula_stays_text() -> None:
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx_bytes({"skor": FRAME})))
    assert book["skor"]["B2"].data_type == "s"


def test_csv_reads_back_with_leading_zeros_and_empty_cells() -> None:
    back = pd.read_csv(io.BytesIO(to_csv_bytes(FRAME)), dtype={"region_code": str})
    assert back["region_code"].tolist() == ["0101", "3273"]
    assert np.isnan(back["value"][0])


def test_downloads_carry_the_tables_themselves() -> None:
    labels = {"skor": "Skor", "xlsx": "Excel"}
    html = download_links({"skor": FRAME}, file_stem="kota", labels=labels, heading="Ambil").html
    csv, xlsx = re.findall(r'href="data:[^,]+,([^"]+)"', html)
    assert base64.b64decode(csv) == to_csv_bytes(FRAME)
    assert base64.b64decode(xlsx) == to_xlsx_bytes({"skor": FRAME})
    assert 'download="kota-skor.csv"' in html


def test_a_missing_cell_is_hatched_and_says_why() -> None:
    html = html_table(FRAME, columns=COLUMNS, caption="c").html
    assert '<td class="hatched" data-label="Nilai"><span>tidak disurvei</span></td>' in html


def test_neighbouring_missing_cells_are_one_and_keep_the_width() -> None:
    frame = FRAME.assign(year=[None, "2024"])
    html = html_table(frame, columns=[*COLUMNS, Column("year", "Tahun")], caption="c").html
    assert '<td class="hatched" colspan="2"' in html


def test_cells_are_escaped() -> None:
    assert "Kota &lt;Bandung&gt;" in html_table(FRAME, columns=COLUMNS, caption="c").html


def test_groups_start_where_the_value_changes() -> None:
    html = html_table(FRAME, columns=COLUMNS, caption="c", group_by="region_code").html
    assert html.count('scope="rowgroup"') == 2


def test_a_cell_can_be_made_from_its_whole_row() -> None:
    column = Column("value", "Mutu", render=lambda row: grade_badge("B", f"{row['name']}"))
    html = html_table(FRAME, columns=[COLUMNS[0], column], caption="c").html
    assert '<span class="grade grade-b">' in html
    assert "B · Kota &lt;Bandung&gt;" in html


def test_a_grade_has_symbol_letter_and_word() -> None:
    assert re.sub(r"<[^>]+>", "", grade_badge("C", "jangan")) == "○C · jangan"


def test_an_unknown_grade_is_refused() -> None:
    with pytest.raises(EvaluationError, match="got: 'D'"):
        grade_badge("D", "x")


def test_a_table_without_its_column_is_refused() -> None:
    with pytest.raises(EvaluationError, match="median"):
        html_table(FRAME, columns=[Column("median", "Median")], caption="c")
