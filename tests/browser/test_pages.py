"""Pages in a real browser: readable on a telephone, silent, and asking nobody for anything."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat.v4 as v4
import numpy as np
import pandas as pd
import pytest

from evaluation import charts
from evaluation.charts import palette
from evaluation.reporting.export import Link, Page, PageWords, export_html, write_page
from evaluation.reporting.folding import Folded
from evaluation.reporting.site import Filter, SearchLabels, link_all, region_search
from evaluation.tables import Column, download_links, html_table

sys.path.insert(0, str(Path(__file__).parent))
from chromium import Chromium, executable

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        executable() is None, reason="needs Chromium on the machine (apt-get install chromium)"
    ),
]

PHONE = 390
DESK = 1280
SMALLEST_TEXT = 11
"""CSS pixels; nothing on a page may be set smaller, charts included."""

LABELS = charts.StripLabels(
    "Kota Bandung",
    "80% tengah daerah sejenis",
    "median nasional",
    ("sangat rendah", "rendah", "sedang", "tinggi", "sangat tinggi"),
)


def number(value: float) -> str:
    return f"{value:.1f}".replace(".", ",")


def strip() -> charts.Chart:
    rows = pd.DataFrame(
        {
            "name": ["Tata kelola", "Branding", "Ekonomi", "Kehidupan", "Masyarakat", "Lingkungan"],
            "colour": list(palette.PILLARS.values()),
            "score": [99.0, 1.0, 63.0, 85.0, 86.0, np.nan],
            "peer_low": 30.0,
            "peer_high": 80.0,
            "national_median": 44.0,
            "band_name": "sangat tinggi",
            "years": "2021–2024",
            "grade": list("ABCABA"),
            "grade_word": "jangan dijadikan dasar",
            "missing_reason": "tidak ada data: timbulan sampah belum dilaporkan",
        }
    )
    return charts.pillar_strip(rows, labels=LABELS, format_value=number, title="Judul", alt="a")


def trends() -> charts.Chart:
    years = list(range(2010, 2025))
    value = [np.nan if year == 2016 else 1000.0 * (year - 2009) for year in years]
    frame = pd.DataFrame({"panel": "a", "year": years, "value": value})
    frame = frame.assign(peer_median=8e3, peer_low=6e3, peer_high=9e3)
    return charts.small_multiples(
        frame,
        panels=[charts.Panel("a", "Pengeluaran per kapita disesuaikan", "ribu rupiah", number, (2020,))] * 3,
        labels=charts.TrendLabels(
            "Kota Bandung", "median kota", "separuh tengah kota", "tidak ada", "terputus"
        ),
        marks=[charts.Mark(2017, "bergabung 2017"), charts.Mark(2021, "lagi 2021")],
        spans=[charts.Span(2020, 2021, "COVID-19")],
        title="Judul",
        alt="a",
    )


def forest() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "group": "a",
            "label": "Peserta 2017 dan 2018, sampai 2019",
            "estimate": [0.1, np.nan],
            "conf_low": -0.3,
            "conf_high": 0.5,
            "mde": 0.6,
            "value_text": "0,1 (−0,3 sampai 0,5)",
            "missing_reason": "belum dapat diperkirakan",
        }
    )
    group = charts.ForestGroup("a", "Kemiskinan", "poin persen", number, "lebih rendah", "lebih tinggi")
    labels = charts.ForestLabels("perkiraan", "tidak akan terlihat")
    return charts.forest(frame, groups=[group], labels=labels, title="Judul", alt="a")


def curve() -> charts.Chart:
    n = 34
    rows = pd.DataFrame(
        {
            "block": "a",
            "estimate": np.linspace(-0.6, 0.6, n),
            "conf_low": np.linspace(-0.9, 0.3, n),
            "conf_high": np.linspace(-0.3, 0.9, n),
            "headline": [place == 17 for place in range(n)],
            "estimator": ["dr" if place % 3 else "imputation" for place in range(n)],
        }
    )
    names = {"dr": "kekar ganda (Callaway–Sant'Anna)", "imputation": "imputasi (Borusyak–Jaravel–Spiess)"}
    return charts.specification_curve(
        rows,
        blocks=[charts.CurveBlock("a", "Peserta 2017 dan 2018, sampai 2019", "34 baris")],
        choices=[charts.Choice("estimator", "Penaksir", names)],
        labels=charts.CurveLabels(
            "di luar", "di dalam", "baris pokok", "pada baris pokok:", "tidak ada", "ukuran"
        ),
        format_value=number,
        margin=0.3,
        title="Judul",
        alt="a",
    )


def headline() -> charts.Chart:
    frame = pd.DataFrame(
        {
            "group": ["a", "b"],
            "label": "peserta 2017 dan 2018",
            "estimate": 0.1,
            "conf_low": -0.3,
            "conf_high": 0.5,
            "second_low": -0.4,
            "second_high": 0.6,
            "mde": 0.6,
            "margin": 0.3,
            "value_text": "+0,10 (−0,30 sampai +0,50)",
            "verdict": "belum jelas: pengaruh maupun ketiadaannya tidak terlihat",
            "missing_reason": "",
        }
    )
    groups = [
        charts.ForestGroup(code, "Kemiskinan", "poin", number, "lebih rendah", "lebih tinggi")
        for code in "ab"
    ]
    labels = charts.ForestLabels("perkiraan", "tidak akan terlihat", "ukuran", "menurut provinsi")
    return charts.forest(frame, groups=groups, labels=labels, title="Judul", alt="a", wide=True, compact=True)


def folded() -> Folded:
    frame = pd.DataFrame({"name": ["a"], "value": [1.0]})
    columns = [Column("name", "Nama"), Column("value", "Nilai", "number", number)]
    return Folded("Semua baris", (html_table(frame, columns=columns, caption="Baris"), headline()))


def regions() -> pd.DataFrame:
    codes = ["1101", "3273"]
    return pd.DataFrame(
        {
            "region_code": codes,
            "name": ["Kabupaten Simeulue", "Kota Bandung"],
            "province": ["Aceh", "Jawa Barat"],
            "page": [f"id/region/{code}.html" for code in codes],
            "col": [0, 1],
            "row": [0, 0],
            "overall": [0.0, np.nan],
            "economy": [4.0, 1.0],
            "score": [12.0, 9.0],
        }
    )


def tile_map() -> charts.Chart:
    layers = [charts.MapLayer(key, key, LABELS.bands) for key in ("overall", "economy")]
    return charts.tile_map(
        regions(), layers=layers, missing_label="tidak ada", switch_label="Pilar", title="Judul", alt="a"
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reports")
    frame = pd.DataFrame({"name": ["Pendapatan asli daerah"], "value": [12345.6]})
    columns = [Column("name", "Indikator"), Column("value", "Nilai", "number", number)]
    finder = region_search(
        regions(),
        labels=SearchLabels("Daerah", "Cari", "semua", "{shown} dari {total}"),
        columns=[Column("name", "Daerah"), Column("province", "Provinsi"), Column("score", "Skor", "number")],
        filters=[Filter("province", "Provinsi")],
    )
    downloads = download_links(
        {"skor": frame}, file_stem="kota", labels={"skor": "S", "xlsx": "X"}, heading="Ambil"
    )
    table = html_table(frame, columns=columns, caption="Tabel")
    items = [strip(), trends(), table, downloads, forest(), tile_map(), finder, headline(), curve(), folded()]
    cells = [
        v4.new_code_cell("x", outputs=[v4.new_output("display_data", data={"text/html": item._repr_html_()})])
        for item in items
    ]
    for path in ("index.html", "id/region/3273.html"):
        page = Page(
            title="Kota Bandung",
            language="id",
            path=path,
            words=PageWords("Langsung ke isi", "Isi", "Menu", "Bahasa", "Tentang"),
            navigation=(Link("Ikhtisar nasional", "index.html"), Link("Dampak program", "id/impact.html")),
        )
        html = export_html(v4.new_notebook(cells=cells), page=page, translate=str)
        write_page(html, page=page, reports_root=root)
    link_all(root)
    return root


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    pytest.importorskip("websocket", reason="needs websocket-client, which comes with JupyterLab")
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
def test_a_page_never_scrolls_sideways(browser: Chromium, reports: Path, width: int) -> None:
    browser.open((reports / "index.html").as_uri(), width=width)
    assert browser.value("innerWidth") == width
    assert browser.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_page_is_silent_and_asks_for_nothing(browser: Chromium, reports: Path, width: int) -> None:
    address = (reports / "index.html").as_uri()
    browser.open(address, width=width)
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [address]


def test_text_stays_readable_on_a_telephone(browser: Chromium, reports: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=PHONE)
    smallest = browser.value(
        """Math.min(...[...document.querySelectorAll("main *")]
        .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
        .filter(e => e.getClientRects().length)
        .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
    )
    assert smallest >= SMALLEST_TEXT


def test_blocks_of_the_headline_stand_side_by_side_where_there_is_room(
    browser: Chromium, reports: Path
) -> None:
    tops = "[...document.querySelectorAll('.forest.compact')[0].children].map(b => b.getBoundingClientRect().top)"
    browser.open((reports / "index.html").as_uri(), width=DESK)
    first, second = browser.value(tops)
    assert first == second
    browser.open((reports / "index.html").as_uri(), width=PHONE)
    first, second = browser.value(tops)
    assert second > first


def test_the_dots_of_a_specification_curve_do_not_touch_on_a_telephone(
    browser: Chromium, reports: Path
) -> None:
    browser.open((reports / "index.html").as_uri(), width=PHONE)
    width = browser.value("document.querySelector('.choice-track').getBoundingClientRect().width")
    dot = browser.value(
        "parseFloat(getComputedStyle(document.querySelector('.curve-dot.choice')).strokeWidth)"
    )
    assert width / 34 > dot


def test_what_is_folded_opens_without_a_script_and_in_print(browser: Chromium, reports: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=DESK)
    shown = "document.querySelector('.fold table').checkVisibility({contentVisibilityAuto: true})"
    assert browser.value("document.querySelector('.fold').open") is False
    height = "document.querySelector('.fold').getBoundingClientRect().height"
    closed = browser.value(height)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value(height) > closed + 50
    assert browser.value(shown) is True
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.value("document.querySelector('.fold > summary').click()")
    assert browser.value(height) > closed + 50


def test_what_a_page_offers_to_save_is_saved(browser: Chromium, reports: Path, tmp_path: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=DESK)
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.value("document.querySelector('a.download').click()")
    saved = tmp_path / "kota-skor.csv"
    for _ in range(100):
        if saved.exists():
            break
        time.sleep(0.05)
    assert saved.read_text(encoding="utf-8") == "name,value\nPendapatan asli daerah,12345.6\n"


def test_the_switch_changes_the_map(browser: Chromium, reports: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=DESK)
    classes = "[...document.querySelectorAll('.tile')].map(tile => tile.getAttribute('class'))"
    assert browser.value(classes) == ["tile c0", "tile missing"]
    browser.value("document.querySelectorAll('[data-layer]')[1].click()")
    assert browser.value(classes) == ["tile c4", "tile c1"]


def test_the_search_narrows_the_list_and_opens_the_page(browser: Chromium, reports: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=DESK)
    browser.value(
        """(() => { const search = document.querySelector(".finder input"); search.value = "bandung";
        search.dispatchEvent(new Event("input", {bubbles: true})); })()"""
    )
    assert browser.value("document.querySelector('.finder-count').textContent") == "1 dari 2"
    shown = (
        "[...document.querySelectorAll('.finder tbody tr')].filter(r => r.offsetParent).map(r => r.innerText)"
    )
    assert [row.split("\t")[0] for row in browser.value(shown)] == ["Kota Bandung"]
    assert browser.value("document.querySelector('.finder a[href]').href").endswith("id/region/3273.html")


def test_a_click_on_a_heading_sorts_by_number(browser: Chromium, reports: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=DESK)
    browser.value("document.querySelectorAll('.finder thead th')[2].click()")
    first = browser.value("document.querySelector('.finder tbody tr').innerText")
    assert first.startswith("Kabupaten Simeulue")


def test_a_link_to_a_page_that_does_not_exist_is_not_shown(browser: Chromium, reports: Path) -> None:
    browser.open((reports / "index.html").as_uri(), width=DESK)
    links = "[...document.querySelectorAll('.site nav li')].map(item => item.innerText).filter(Boolean)"
    assert browser.value(links) == ["Ikhtisar nasional"]
