"""Broken variants of received files: either every figure is right, or the file is refused; never a wrong figure.

The files are the real ones where they are on the machine (../shared/raw_examples), and tables in the layout of BPS made
from the figures of the repository. Each variant is one to three changes: rows shuffled, dropped, doubled, blank;
names swapped, misspelled, in other cases and forms; numbers in other notations; other encodings, separators, carriers;
headers moved; cells shifted, garbled, merged; files cut off.
"""

from __future__ import annotations

import datetime
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.errors import BadInputError
from evaluation.provenance import Origin
from evaluation.regions import Registry, read_registry
from evaluation.sources.formats import read_received, recognise
from evaluation.sources.grid import cell_text, open_grids
from received_tables import (
    FSVA_TITLES,
    IPM_TITLES,
    RAW_EXAMPLES,
    ROOT,
    SIPSN_TITLES,
    Row,
    Table,
    bps_table,
    csv_bytes,
    origin_of,
    published,
    xlsx_bytes,
)

FEWEST_VARIANTS = 1_000
"""Variants of the slow run, at least."""
QUICK_VARIANTS = 40
IPM_TITLE = "[Metode Baru] Pengeluaran per Kapita Disesuaikan (Ribu Rupiah/Orang/Tahun)"
Random = np.random.Generator
Figures = dict[tuple[str, int, str], float]


class Base:
    """A table that is right: its cells by region, what its titles stand for, and its figures."""

    def __init__(self, name: str, table: Table, origin: Origin, name_column: int) -> None:
        self.name, self.table, self.origin, self.name_column = name, table, origin, name_column
        header = [cell_text(cell) for cell in table.head[0]]
        self.is_bps = origin.format == "bps_web_table"
        if self.is_bps:
            title = next(title for title in header if title in origin.variables)
            self.columns = {
                column: (title, int(cell_text(year)))
                for column, year in enumerate(table.head[1])
                if cell_text(year)
            }
        else:
            fixed = origin.year if origin.year is not None else 2024
            self.columns = {
                column: (title, fixed) for column, title in enumerate(header) if title in origin.variables
            }

    def figures(self, table: Table, *, years_kept: bool = True) -> Figures:
        """Return the figures that the table still holds, by what each row is known to be of."""
        found: Figures = {}
        for row in table.rows:
            for column, (title, year) in self.columns.items():
                use = self.origin.variables[title]
                text = cell_text(self._original(row)[column]) if row.region_code and row.kept else ""
                if text and text != "-" and (row.region_code, column) not in table.emptied:
                    key = (row.region_code, year + use.year_offset, use.variable)
                    found[key] = float(text.replace(",", ""))
        return found

    @property
    def originals(self) -> dict[str, tuple[Any, ...]]:
        return {row.region_code: row.cells for row in self.table.rows if row.region_code}

    def _original(self, row: Row) -> tuple[Any, ...]:
        return self.originals_cached[row.region_code]

    @property
    def originals_cached(self) -> dict[str, tuple[Any, ...]]:
        if not hasattr(self, "_originals"):
            self._originals = self.originals
        return self._originals


@cache
def registry() -> Registry:
    return read_registry(ROOT / "config")


@cache
def bases() -> tuple[Base, ...]:
    return tuple(_bases())


def _bases() -> Iterator[Base]:
    for variable, title, table in (("hdi", "[Metode Baru] Indeks Pembangunan Manusia", 413),
                                   ("adj_expenditure_pc", IPM_TITLE, 416)):  # fmt: skip
        figures = published(ROOT, "bps_ipm", variable, (2020, 2021))
        made = bps_table(figures, title=title, years=(2020, 2021), registry=registry(), table=table)
        yield Base(f"made {variable}", made, origin_of(IPM_TITLES, format="bps_web_table"), 0)
    if RAW_EXAMPLES.is_dir():
        for path in sorted((RAW_EXAMPLES / "bps_xlsx").iterdir())[::4]:
            yield Base(path.name, _bps_file(path), origin_of(IPM_TITLES, format="bps_web_table"), 0)
        for path in sorted((RAW_EXAMPLES / "fsva_csv").iterdir()):
            origin = origin_of(FSVA_TITLES, format="fsva", year=int(path.stem[-4:]))
            yield Base(path.name, _long_file(path, 0), origin, 0)
        for path in sorted((RAW_EXAMPLES / "sipsn_csv").iterdir()):
            yield Base(path.name, _long_file(path, 2), origin_of(SIPSN_TITLES, format="sipsn"), 2)


def _bps_file(path: Path) -> Table:
    """Return a real file with the region of each row: in the order of codes, as read before anything is broken."""
    rows = open_grids(path)[0].rows
    codes = iter(registry().codes)
    body = [Row("" if str(cells[0]).isupper() else next(codes), cells) for cells in rows[2:] if str(cells[1])]
    return Table(head=rows[:2], rows=tuple(body), foot=rows[2 + len(body) :])


def _long_file(path: Path, name_column: int) -> Table:
    """Return a real file with the region of each row, told by province and name written out in full."""
    rows = open_grids(path)[0].rows
    body = []
    for cells in rows[1:]:
        text = str(cells[name_column])
        province, name = text.split(" - ", 1) if name_column == 0 else (str(cells[1]), text)
        bare = "kabupaten" if name_column == 0 else "any"
        (code,) = registry().resolve([name], province=[province], bare=bare).codes  # type: ignore[arg-type]
        assert code
        body.append(Row(code, cells))
    return Table(head=rows[:1], rows=tuple(body))


def test_the_bases_are_read_right_as_they_are(tmp_path: Path) -> None:
    for base in bases():
        assert len(base.figures(base.table)) > 300
        assert outcome(base, base.table, csv_bytes(base.table.grid()), tmp_path) == "right"
        assert outcome(base, base.table, xlsx_bytes(base.table.grid()), tmp_path) == "right"


# Changes of rows and cells: each takes a table, and returns one that holds the same figures where it still holds them.


def shuffle_rows(base: Base, table: Table, random: Random) -> Table:
    return table.with_rows([table.rows[i] for i in random.permutation(len(table.rows))])


def move_a_row(base: Base, table: Table, random: Random) -> Table:
    rows = list(table.rows)
    rows.insert(int(random.integers(len(rows))), rows.pop(int(random.integers(len(rows)))))
    return table.with_rows(rows)


def swap_names(base: Base, table: Table, random: Random) -> Table:
    first, second = random.choice(len(table.rows), size=2, replace=False)
    if random.random() < 0.7:
        second = min(first + 1, len(table.rows) - 1)
    rows = list(table.rows)
    names = rows[first].cells[base.name_column], rows[second].cells[base.name_column]
    rows[first] = _with_cell(rows[first], base.name_column, names[1])
    rows[second] = _with_cell(rows[second], base.name_column, names[0])
    return table.with_rows(rows)


def shift_names(base: Base, table: Table, random: Random) -> Table:
    """Insert a cell into the column of names: every name below stands one row too low."""
    start = int(random.integers(len(table.rows) - 1))
    rows = list(table.rows)
    names = [row.cells[base.name_column] for row in rows[start:]]
    for offset, name in enumerate(names[:-1]):
        rows[start + 1 + offset] = _with_cell(rows[start + 1 + offset], base.name_column, name)
    return table.with_rows(rows)


def drop_rows(base: Base, table: Table, random: Random) -> Table:
    left = random.random(len(table.rows)) > random.choice([0.005, 0.1, 0.6])
    return table.with_rows([row for row, stays in zip(table.rows, left, strict=True) if stays])


def double_a_row(base: Base, table: Table, random: Random) -> Table:
    rows = list(table.rows)
    place = int(random.integers(len(rows)))
    rows.insert(place, rows[place])
    return table.with_rows(rows)


def double_a_row_with_other_figures(base: Base, table: Table, random: Random) -> Table:
    rows = list(table.rows)
    place = int(random.integers(len(rows)))
    column = next(iter(base.columns))
    rows.insert(place, _with_cell(rows[place], column, "1.11"))
    return table.with_rows(rows)


def blank_rows(base: Base, table: Table, random: Random) -> Table:
    rows = list(table.rows)
    blank = Row("", tuple("" for _ in table.head[0]))
    for _ in range(int(random.integers(1, 5))):
        rows.insert(int(random.integers(len(rows))), blank)
    return table.with_rows(rows)


def header_moved(base: Base, table: Table, random: Random) -> Table:
    above = [tuple("" for _ in table.head[0])] * int(random.integers(1, 4))
    above[0] = ("Diunduh oleh Bappeda", *above[0][1:])
    return replace(table, head=(*above, *table.head))


def column_inserted(base: Base, table: Table, random: Random) -> Table:
    """Put a numbered column before the others, as people do."""
    return replace(
        table,
        head=tuple(("No" if number == 0 else "", *cells) for number, cells in enumerate(table.head)),
        rows=tuple(replace(row, cells=("", *row.cells)) for row in table.rows),
        foot=tuple(("", *cells) for cells in table.foot),
    )


def cells_shifted(base: Base, table: Table, random: Random) -> Table:
    rows = list(table.rows)
    place = int(random.integers(len(rows)))
    cells = list(rows[place].cells)
    cells.insert(base.name_column + 1, "")
    rows[place] = replace(rows[place], cells=tuple(cells))
    return table.with_rows(rows)


def misspelled(base: Base, table: Table, random: Random) -> Table:
    rows = list(table.rows)
    place = int(random.integers(len(rows)))
    name = str(rows[place].cells[base.name_column])
    at = int(random.integers(len(name)))
    spoilt = random.choice([name[:at] + name[at + 1 :], name[:at] + "x" + name[at:], name[:at]])
    rows[place] = _with_cell(rows[place], base.name_column, str(spoilt))
    return table.with_rows(rows)


def other_case(base: Base, table: Table, random: Random) -> Table:
    change = [str.upper, str.lower, str.title][int(random.integers(3))]
    return _each_name(base, table, change)


def other_form(base: Base, table: Table, random: Random) -> Table:
    forms: list[Callable[[str], str]] = [
        lambda name: f"  {name} ",
        lambda name: name.replace(" ", "\xa0"),
        lambda name: name.replace(" ", "  "),
        lambda name: name.replace("Kota ", "KOTA ").replace("Kab. ", "Kabupaten "),
        lambda name: name.replace("Kepulauan", "Kep."),
    ]
    return _each_name(base, table, forms[int(random.integers(len(forms)))])


def type_lost(base: Base, table: Table, random: Random) -> Table:
    """Take "Kota" from every name: cities get the name of the kabupaten."""
    return _each_name(
        base, table, lambda name: name.replace("Kota ", "").replace("kota ", "").replace("KOTA ", "")
    )


def province_lost(base: Base, table: Table, random: Random) -> Table:
    headings = [place for place, row in enumerate(table.rows) if not row.region_code]
    if not headings:
        return drop_rows(base, table, random)
    gone = int(random.choice(headings))
    return table.with_rows([row for place, row in enumerate(table.rows) if place != gone])


def decimal_comma(base: Base, table: Table, random: Random) -> Table:
    return _each_figure(base, table, random, lambda text: text.replace(",", "").replace(".", ","))


def indonesian_thousands(base: Base, table: Table, random: Random) -> Table:
    def written(text: str) -> str:
        number = text.replace(",", "")
        decimals = len(number.partition(".")[2])
        english = f"{float(number):,.{decimals}f}"
        return english.replace(",", "_").replace(".", ",").replace("_", ".")

    return _each_figure(base, table, random, written)


def english_thousands(base: Base, table: Table, random: Random) -> Table:
    def written(text: str) -> str:
        number = text.replace(",", "")
        return f"{float(number):,.{len(number.partition('.')[2])}f}"

    return _each_figure(base, table, random, written)


def three_decimals(base: Base, table: Table, random: Random) -> Table:
    """Write every figure as 1.234: a number with decimals, or with a sign between thousands?"""
    return _each_figure(base, table, random, lambda text: f"{float(text.replace(',', '')):.3f}")


def native_numbers(base: Base, table: Table, random: Random) -> Table:
    return _each_figure(base, table, random, lambda text: float(text.replace(",", "")))


def with_percent_sign(base: Base, table: Table, random: Random) -> Table:
    return _each_figure(base, table, random, lambda text: f"{text}%")


def garbled_cell(base: Base, table: Table, random: Random) -> Table:
    cells = [
        "abc",
        "12,3,4",
        "1 234",
        "4.5.6",
        True,
        datetime.datetime(2022, 5, 13),
        "#REF!",
        "14.27 *",
        "1e9x",
    ]
    return _one_figure(base, table, random, cells[int(random.integers(len(cells)))])


def missing_cell(base: Base, table: Table, random: Random) -> Table:
    """Take figures out, by the marks that stand for a missing one."""
    for _ in range(int(random.integers(1, 6))):
        mark = ["-", "...", "", "n.a.", "NA", "–"][int(random.integers(6))]
        table = _one_figure(base, table, random, mark, empties=True)
    return table


def other_notation_in_one_cell(base: Base, table: Table, random: Random) -> Table:
    columns = [column for column in base.columns if table.rows]
    column = int(random.choice(columns))
    holding = [
        place
        for place, row in enumerate(table.rows)
        if row.region_code and column < len(row.cells) and "." in str(row.cells[column])
    ]
    if not holding:
        return table
    place = int(random.choice(holding))
    text = str(table.rows[place].cells[column]).replace(",", "").replace(".", ",")
    rows = list(table.rows)
    rows[place] = _with_cell(rows[place], column, text)
    return table.with_rows(rows)


def foot_lost(base: Base, table: Table, random: Random) -> Table:
    return replace(table, foot=())


def second_block(base: Base, table: Table, random: Random) -> Table:
    """Paste the whole table below itself, under other years."""
    if not base.is_bps:
        return double_a_row(base, table, random)
    again = [Row("", cells) for cells in (table.head[-2], ("", "2031", "2032"))]
    return table.with_rows([*table.rows, *again, *(replace(row, region_code="") for row in table.rows)])


def garbled_header(base: Base, table: Table, random: Random) -> Table:
    last = list(table.head[-1])
    column = int(random.choice(list(base.columns)))
    last[min(column, len(last) - 1)] = str(random.choice(["20l8", "", "Tahun", "x"]))
    return replace(table, head=(*table.head[:-1], tuple(last)))


def _with_cell(row: Row, column: int, cell: Any) -> Row:
    cells = list(row.cells)
    if column < len(cells):
        cells[column] = cell
    return replace(row, cells=tuple(cells))


def _each_name(base: Base, table: Table, change: Callable[[str], str]) -> Table:
    return table.with_rows(
        [_with_cell(row, base.name_column, change(str(row.cells[base.name_column]))) for row in table.rows]
    )


def _is_number(cell: Any) -> bool:
    try:
        float(str(cell).replace(",", ""))
    except ValueError:
        return False
    return bool(str(cell))


def _each_figure(base: Base, table: Table, random: Random, written: Callable[[str], Any]) -> Table:
    """Write the figures of one column, or of all, in another way; headings of provinces with them."""
    columns = list(base.columns)
    chosen = columns if random.random() < 0.5 else [columns[int(random.integers(len(columns)))]]
    rows = list(table.rows)
    for place, row in enumerate(rows):
        for column in chosen:
            if column < len(row.cells) and _is_number(row.cells[column]):
                rows[place] = _with_cell(rows[place], column, written(str(row.cells[column])))
    return table.with_rows(rows)


def _one_figure(base: Base, table: Table, random: Random, cell: Any, *, empties: bool = False) -> Table:
    holding = [place for place, row in enumerate(table.rows) if row.region_code]
    if not holding:
        return table
    place = int(random.choice(holding))
    column = int(random.choice(list(base.columns)))
    rows = list(table.rows)
    rows[place] = _with_cell(rows[place], column, cell)
    emptied = table.emptied | ({(rows[place].region_code, column)} if empties else set())
    return replace(table.with_rows(rows), emptied=emptied)


ROW_CHANGES = (
    shuffle_rows, move_a_row, swap_names, shift_names, drop_rows, double_a_row, double_a_row_with_other_figures,
    blank_rows, header_moved, column_inserted, cells_shifted, misspelled, other_case, other_form, type_lost,
    province_lost, decimal_comma, indonesian_thousands, english_thousands, three_decimals, native_numbers,
    with_percent_sign, garbled_cell, missing_cell, other_notation_in_one_cell, foot_lost, second_block,
    garbled_header,
)  # fmt: skip
MOVES_COLUMNS = (column_inserted, cells_shifted, header_moved)
"""These come last: after them the figures stand elsewhere."""

NOTATIONS = (
    decimal_comma, indonesian_thousands, english_thousands, three_decimals, native_numbers, with_percent_sign,
    other_notation_in_one_cell,
)  # fmt: skip
"""These read figures in the notation of the base: one of them at most."""
NAMES_OR_ROWS = (swap_names, shift_names, drop_rows)
"""Of two swapped names the row of one dropped: what is left is a table in order that nothing tells from a right one."""
ONE_OF = (MOVES_COLUMNS, NOTATIONS, NAMES_OR_ROWS)

# Carriers: each takes a table and returns the bytes of a file, which may be cut off or damaged.


def as_workbook(table: Table, random: Random) -> bytes:
    return xlsx_bytes(table.grid())


def as_second_sheet(table: Table, random: Random) -> bytes:
    return xlsx_bytes(table.grid(), sheets_before=("Kosong",))


def as_text(table: Table, random: Random) -> bytes:
    separator = [",", ";", "\t", "|"][int(random.integers(4))]
    encoding = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"][int(random.integers(5))]
    return csv_bytes(table.grid(), separator=separator, encoding=encoding)


def cut_off_text(table: Table, random: Random) -> bytes:
    content = csv_bytes(table.grid())
    return content[: int(random.integers(1, len(content)))]


def cut_off_workbook(table: Table, random: Random) -> bytes:
    content = xlsx_bytes(table.grid())
    return content[: int(random.integers(1, len(content)))]


def damaged_workbook(table: Table, random: Random) -> bytes:
    content = bytearray(xlsx_bytes(table.grid()))
    for place in random.integers(len(content), size=20):
        content[place] ^= 0x5A
    return bytes(content)


def as_html(table: Table, random: Random) -> bytes:
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in table.grid())
    return f"<html><body><table>{rows}</table></body></html>".encode()


def merged_figures(table: Table, random: Random) -> bytes:
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(table.grid())))
    sheet = workbook.worksheets[0]
    row = len(table.head) + 2 + int(random.integers(max(1, len(table.rows) - 3)))
    sheet.merge_cells(start_row=row, end_row=row + 1, start_column=2, end_column=2)
    return _saved(workbook)


def uncomputed_formula(table: Table, random: Random) -> bytes:
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(table.grid())))
    row = len(table.head) + 2 + int(random.integers(max(1, len(table.rows) - 3)))
    workbook.worksheets[0].cell(row, 2).value = "=1+1"
    return _saved(workbook)


def _saved(workbook: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


SOUND_CARRIERS = (as_workbook, as_second_sheet, as_text)
LOSSY_CARRIERS = (
    cut_off_text, cut_off_workbook, damaged_workbook, as_html, merged_figures, uncomputed_formula
)  # fmt: skip


def check_refusal(error: BadInputError) -> None:
    assert error.faults
    assert all(fault.what and fault.remedy and "berkas" in fault.where for fault in error.faults)


def outcome(base: Base, table: Table, content: bytes, folder: Path, *, may_lack: bool = False) -> str:
    """Return ``right`` or ``refused``; fail on a figure that is wrong, invented, or missing without a reason."""
    path = folder / "berkas.unduhan"
    path.write_bytes(content)
    try:
        if recognise(path).format != base.origin.format:
            return "refused"
        read = read_received(path, origin=base.origin, registry=registry())
    except BadInputError as error:
        check_refusal(error)
        return "refused"
    keys = zip(read["region_code"], read["year"].tolist(), read["variable"], strict=True)
    found = dict(zip(keys, read["value"].tolist(), strict=True))
    expected = base.figures(table)
    wrong = {key: (value, expected.get(key)) for key, value in found.items() if expected.get(key) != value}
    assert not wrong, f"{base.name}: {list(wrong.items())[:3]}"
    lacking = set(expected) - set(found)
    assert may_lack or not lacking, f"{base.name}: lacks {sorted(lacking)[:3]}"
    return "right"


def check_variant(seed: int, folder: Path, counts: Counter[str]) -> None:
    random = np.random.default_rng(seed)
    base = bases()[int(random.integers(len(bases())))]
    changes = [ROW_CHANGES[i] for i in random.integers(len(ROW_CHANGES), size=int(random.integers(0, 4)))]
    changes.sort(key=lambda change: MOVES_COLUMNS.index(change) + 1 if change in MOVES_COLUMNS else 0)
    if any(sum(change in group for change in changes) > 1 for group in ONE_OF):
        changes = changes[:1]
    lossy = not changes or random.random() < 0.15
    carriers = LOSSY_CARRIERS if lossy else SOUND_CARRIERS
    carrier = carriers[int(random.integers(len(carriers)))]
    table = base.table
    for change in changes:
        table = change(base, table, random)
    # a row with a lost name, and columns or rows that lost their header, are left out with the file's consent
    may_lack = lossy or garbled_header in changes
    counts[outcome(base, table, carrier(table, random), folder, may_lack=may_lack)] += 1
    counts.update(change.__name__ for change in changes)
    counts[carrier.__name__] += 1


def run_variants(number: int, folder: Path) -> Counter[str]:
    counts: Counter[str] = Counter()

    @settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(min_value=0, max_value=2**32 - 1))
    def variants(seed: int) -> None:
        check_variant(seed, folder, counts)

    variants()
    return counts


def test_a_broken_file_is_read_right_or_refused(tmp_path: Path) -> None:
    counts = run_variants(QUICK_VARIANTS, tmp_path)
    assert counts["right"] > 0
    assert counts["refused"] > 0


@pytest.mark.slow
def test_a_thousand_broken_files_are_read_right_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = run_variants(FEWEST_VARIANTS + 200, tmp_path)
    with capsys.disabled():
        print(f"\n{counts['right'] + counts['refused']} variants: {counts['right']} read right, "
              f"{counts['refused']} refused")  # fmt: skip
    assert counts["right"] + counts["refused"] >= FEWEST_VARIANTS
    assert min(counts["right"], counts["refused"]) > FEWEST_VARIANTS / 10
    for change in (*ROW_CHANGES, *SOUND_CARRIERS, *LOSSY_CARRIERS):
        assert counts[change.__name__] > 0, f"{change.__name__} was never tried"
