"""Received tables as tests make and break them: rows that know whose figures they hold, saved in any carrier."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from evaluation.provenance import Origin, ReceivedVariable
from evaluation.regions import Registry

ROOT = Path(__file__).parents[1]
RAW_EXAMPLES = ROOT.parent / "shared" / "raw_examples"
FACTS = ROOT.parent / "shared" / "facts" / "observations"
NAME_HEADER = "Provinsi/Kabupaten/Kota"
ADDRESS = "https://www.bps.go.id/indicator/26/{table}/1/tabel.html"
IPM_TITLES = {
    "[Metode Baru] Indeks Pembangunan Manusia": ("hdi", "index 0-100"),
    "[Metode Baru] Umur Harapan Hidup Saat Lahir (UHH) (Tahun)": ("life_expectancy", "years"),
    "[Metode Baru] Rata-rata Lama Sekolah (Tahun)": ("mean_years_schooling", "years"),
    "[Metode Baru] Pengeluaran per Kapita Disesuaikan (Ribu Rupiah/Orang/Tahun)": (
        "adj_expenditure_pc",
        "thousand IDR/person/year",
    ),
    "[Metode Baru] Harapan Lama Sekolah (Tahun)": ("expected_years_schooling", "years"),
}
FSVA_TITLES = {
    "Pengeluaran Pangan (%)": ("hh_food_share_over65", "% of households spending >65% on food", -1),
    "Tanpa Listrik (%)": ("hh_no_electricity", "% of households", -1),
    "Tanpa Air Bersih (%)": ("hh_no_clean_water", "% of households", -1),
    "Lama Sekolah Perempuan (tahun)": ("female_mean_years_schooling_15plus", "years", -1),
    "Rasio Tenaga Kesehatan": (
        "health_worker_ratio",
        "population per health worker, density-weighted (FSVA)",
        -1,
    ),
    "IKP": ("food_security_index", "index 0-100", 0),
}
SIPSN_TITLES = {
    "Timbulan Sampah Tahunan(ton)": ("waste_generated", "tonnes/year"),
    "%Pengurangan Sampah(B/A)": ("waste_reduced_share", "%"),
    "%Penanganan Sampah(C/A)": ("waste_handled_share", "%"),
    "%Sampah Terkelola(B+C)/A": ("waste_managed_share", "%"),
    "Recycling Rate(D+E)/A": ("waste_recycling_rate", "%"),
}


def origin_of(
    titles: Mapping[str, tuple[Any, ...]], *, format: str, year: int | None = None, quality: str = "A"
) -> Origin:
    """Return what an ``origin.yml`` would say of a file with these titles."""
    return Origin(
        source="source",
        vintage="2022-10-10",
        publisher="",
        product="",
        citation="",
        address="",
        accessed="",
        licence="",
        code_system="bps_2021",
        files={},
        format=format,
        quality=quality,
        year=year,
        variables={title: ReceivedVariable(*use) for title, use in titles.items()},
    )


@dataclass(frozen=True)
class Row:
    """A row of a table: the region whose figures it holds ("" for none), its cells, years made missing."""

    region_code: str
    cells: tuple[Any, ...]
    kept: bool = True


@dataclass(frozen=True)
class Table:
    """A table above, of and below the figures, and what may have become missing on purpose."""

    head: tuple[tuple[Any, ...], ...]
    rows: tuple[Row, ...]
    foot: tuple[tuple[Any, ...], ...] = ()
    emptied: frozenset[tuple[str, int]] = field(default=frozenset())
    """Region code and column of figures that were taken out."""

    def grid(self) -> list[tuple[Any, ...]]:
        return [*self.head, *(row.cells for row in self.rows), *self.foot]

    def with_rows(self, rows: Sequence[Row]) -> Table:
        return replace(self, rows=tuple(rows))


def xlsx_bytes(rows: Sequence[Sequence[Any]], *, sheets_before: Sequence[str] = ()) -> bytes:
    """Return a workbook; text stays text, numbers are numbers."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        for name in sheets_before:
            workbook.add_worksheet(name)
        sheet = workbook.add_worksheet("Sheet1" if "Sheet1" not in sheets_before else "Tabel")
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                else:
                    sheet.write(number, column, cell)
    return buffer.getvalue()


def csv_bytes(rows: Sequence[Sequence[Any]], *, separator: str = ",", encoding: str = "utf-8") -> bytes:
    """Return a delimited text."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode(encoding)


def bps_table(
    figures: Mapping[str, Sequence[Any]], *, title: str, years: Sequence[int], registry: Registry, table: int
) -> Table:
    """Return a table in the layout of the web site of BPS.

    Parameters
    ----------
    figures
        Region code to the cells of the years, in order.
    """
    rows: list[Row] = []
    province = ""
    for region in registry.table.itertuples():
        if region.region_code not in figures:
            continue
        if region.province != province:
            province = region.province
            rows.append(Row("", (province.upper(), *["1.23"] * len(years))))
        name = region.name_ if hasattr(region, "name_") else registry.names.display[region.region_code]
        bare = name.removeprefix("Kabupaten ") if region.type == "kabupaten" else name
        rows.append(Row(region.region_code, (bare, *figures[region.region_code])))
    rows.append(Row("", ("INDONESIA", *["1.23"] * len(years))))
    blank = [""] * len(years)
    return Table(
        head=((NAME_HEADER, title, *blank[1:]), ("", *map(str, years))),
        rows=tuple(rows),
        foot=(
            ("", *blank),
            ("Untuk penjelasan lebih lanjut silahkan klik link di bawah ini", *blank),
            (f"Source Url: {ADDRESS.format(table=table)}", *blank),
            ("Access Time: October 10, 2022, 9:16 am", *blank),
        ),
    )


def published(project_root: Path, source: str, variable: str, years: Sequence[int]) -> dict[str, list[str]]:
    """Return published figures of the repository as a publisher writes them: region code to cells of the years."""
    path = next((project_root / "data" / "raw" / source).glob("*/*.csv"))
    table = pd.read_csv(path, dtype=str)
    chosen = table[(table["variable"] == variable) & table["year"].isin([str(year) for year in years])]
    wide = chosen.pivot_table(index="region_code", columns="year", values="value", aggfunc="first")
    decimals = 0 if variable == "adj_expenditure_pc" else 2
    return {
        str(code): [
            "-" if pd.isna(row.get(str(year))) else f"{float(row[str(year)]):.{decimals}f}" for year in years
        ]
        for code, row in wide.iterrows()
    }
