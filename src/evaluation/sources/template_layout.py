"""What a template says to whoever fills it in, in Bahasa Indonesia and English, and where it says it.

Belongs here: words and places that writing and reading share. Does not belong here: either of these
(`evaluation.sources.template_workbook`, `evaluation.sources.template`).
"""

from __future__ import annotations

from evaluation.catalog import Language, Text

MACHINE_SHEET = "_template"
FORM = "kota-cerdas template"
VERSION = "1"
ALL_REGIONS = "all"
FIELD_ROWS = {"office": 4, "document": 5, "filled_on": 6}
"""Field to its row; the words stand in column A, what is filled in in column B."""
HEADING_ROW = 8
FIRST_YEAR_COLUMN = 4
MACHINE_FIELDS = (
    "form",
    "version",
    "indicator",
    "variable",
    "unit",
    "title",
    "shown_unit",
    "region",
    "years",
)
ENTRY_SHEET = "Isian"
HELP_SHEETS: dict[Language, str] = {"id": "Petunjuk", "en": "Instructions"}
FIELDS = {
    "office": Text(id="Instansi pengisi", en="Office that fills this in"),
    "document": Text(id="Dokumen sumber", en="Document the figures are from"),
    "filled_on": Text(id="Tanggal pengisian", en="Date"),
}
NEEDED_FIELDS = ("office", "document")
HEADINGS = ("Kode BPS", "Kabupaten/Kota", "Provinsi")
UNIT = Text(id="Satuan", en="Unit")
FROM_TO = Text(id="antara {low} dan {high}", en="between {low} and {high}")
AT_LEAST = Text(id="{low} atau lebih", en="{low} or more")
AT_MOST = Text(id="{high} atau kurang", en="{high} or less")
ANY_NUMBER = Text(id="bilangan", en="a number")
INPUT_TITLE = "Isi angka"
INPUT_MESSAGE = "Tulis angka saja, tanpa satuan dan tanpa tanda %. Kosongkan bila tidak ada."
ERROR_TITLE = "Angka tidak mungkin"
ERROR_MESSAGE = "Nilai yang mungkin: {possible}. Kosongkan sel bila angkanya tidak ada."
STEPS = (
    Text(
        id="Isi sel putih di lembar {sheet}: satu baris satu kabupaten/kota, satu kolom satu tahun.",
        en="Fill in the white cells of the sheet {sheet}: one row a region, one column a year.",
    ),
    Text(
        id="Isi juga instansi pengisi dan dokumen sumber. Angka tanpa sumber tidak dapat dipakai.",
        en="Name the office and the document too. A figure without a source cannot be used.",
    ),
    Text(
        id="Tulis angka saja dalam satuan yang tertera: 45,5 untuk 45,5 persen, bukan 45,5% dan bukan 0,455.",
        en="Write figures only, in the unit stated: 45.5 for 45.5 percent, neither 45.5% nor 0.455.",
    ),
    Text(
        id="Kosongkan sel bila angkanya tidak ada. Jangan tulis 0, strip, atau n/a: kosong berarti tidak ada.",
        en="Leave a cell empty where there is no figure. No 0, dash or n/a: empty means none.",
    ),
    Text(
        id="Jangan memakai rumus. Tempelkan sebagai nilai.",
        en="No formulas. Paste values.",
    ),
    Text(
        id="Jangan mengubah kode, nama, satuan, tahun, atau susunan lembar; berkas yang diubah ditolak.",
        en="Leave codes, names, unit, years and layout as they are; a changed file is refused.",
    ),
    Text(
        id="Kantor daerah cukup mengisi barisnya sendiri; baris lain boleh kosong.",
        en="A region's own office need only fill its own row; the others may stay empty.",
    ),
    Text(
        id="Kirim kembali berkas ini. Pengelola memasukkannya dengan: evaluation data add BERKAS.xlsx",
        en="Send this file back. It is taken in with: evaluation data add FILE.xlsx",
    ),
    Text(
        id="Angka yang dilaporkan sendiri diberi mutu paling tinggi B: pakai dengan hati-hati.",
        en="Self-reported figures are graded B at best: use with care.",
    ),
)
