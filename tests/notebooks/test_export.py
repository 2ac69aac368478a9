"""Export: everything a notebook shows reaches the page, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat.v4 as v4
import pandas as pd
import pytest
from nbformat import NotebookNode

from evaluation.charts import Chart
from evaluation.errors import EvaluationError
from evaluation.reporting.export import POLICY, FootItem, Link, Page, PageWords, export_html, write_page
from evaluation.reporting.site import Filter, SearchLabels, link_all, linked, region_search
from evaluation.tables import Column, html_table

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

PAGE = Page(
    title="Kota Bandung",
    language="id",
    path="id/region/3273.html",
    words=PageWords("Langsung ke isi", "Isi", "Menu", "Bahasa", "Tentang halaman ini"),
    languages=(
        Link("Bahasa Indonesia", "id/region/3273.html", "id"),
        Link("English", "en/region/3273.html", "en"),
    ),
    navigation=(Link("Ikhtisar", "index.html"),),
    foot=(FootItem("Membuat ulang", "evaluation run", code=True),),
)


def shown(*outputs: NotebookNode, tags: tuple[str, ...] = (), source: str = "secret_code()") -> NotebookNode:
    return v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def display(value: object) -> NotebookNode:
    return v4.new_output("display_data", data={"text/html": value._repr_html_(), "text/plain": repr(value)})  # type: ignore[attr-defined]


CHART = Chart(html="<i></i>", alt="kemiskinan turun", title="Judul")
TABLE = html_table(pd.DataFrame({"name": ["a"]}), columns=[Column("name", "Nama")], caption="Tabel")


def export(*cells: NotebookNode) -> str:
    notebook = v4.new_notebook(cells=list(cells))
    translations = {"## Over time": "## Perjalanan"}
    return export_html(notebook, page=PAGE, translate=lambda source: translations.get(source, source))


def test_code_and_parameters_stay_off_the_page() -> None:
    html = export(shown(display(CHART)), shown(display(TABLE), tags=("parameters",), source="region = 1"))
    assert "secret_code" not in html
    assert "<table" not in html


def test_hidden_cells_leave_nothing() -> None:
    html = export(shown(v4.new_output("stream", name="stderr", text="oh"), tags=("page-hide",)))
    assert "oh</" not in html
    assert "<figure" not in html


def test_figures_and_tables_arrive() -> None:
    html = export(shown(display(CHART), display(TABLE)), shown(display(CHART)))
    assert html.count("<figure") == 2
    assert html.count("<table") == 1


def test_a_picture_arrives_inside_a_figure_with_its_text() -> None:
    data = v4.new_output("display_data", data={"image/png": PIXEL}, metadata={"image/png": {"alt": "peta"}})
    html = export(shown(data))
    assert f'<img alt="peta" src="data:image/png;base64,{PIXEL}">' in html


def test_text_is_translated_before_it_is_rendered() -> None:
    assert '<h2 id="perjalanan">Perjalanan</h2>' in export(v4.new_markdown_cell("## Over time"))


def test_the_page_has_one_main_heading() -> None:
    html = export(v4.new_markdown_cell("# Region report\n\nText."))
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", html) == ["Kota Bandung"]


def test_contents_are_made_of_the_headings_of_a_long_page() -> None:
    cells = [v4.new_markdown_cell(f"## Bagian {part} & lain") for part in (1, 2, 3, 3)]
    html = export(*cells)
    links = re.findall(r'<a href="#([^"]+)">Bagian', html)
    assert links == ["bagian-1-lain", "bagian-2-lain", "bagian-3-lain", "bagian-3-lain-2"]
    assert all(f'id="{link}"' in html for link in links)
    assert 'class="contents"' not in export(*cells[:3])


def test_the_page_forbids_every_request_and_makes_none() -> None:
    html = export(shown(display(CHART)))
    assert POLICY.replace("'", "&#39;") in html
    assert not re.search(r"(?:src|<link[^>]*href)=\"https?:", html)


def test_the_same_notebook_gives_the_same_page() -> None:
    cells = [v4.new_markdown_cell("## Over time"), shown(display(CHART))]
    assert export(*cells) == export(*cells)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (v4.new_output("stream", name="stderr", text="FutureWarning"), "wrote to stderr"),
        (v4.new_output("stream", name="stdout", text="12"), "wrote to stdout"),
        (v4.new_output("error", ename="ValueError", evalue="bad", traceback=[]), "failed with ValueError"),
        (v4.new_output("display_data", data={"text/plain": "12"}), "only text/plain"),
        (v4.new_output("display_data", data={"image/png": PIXEL}), "no text alternative"),
        (
            v4.new_output("display_data", data={"text/html": "<figure><b>x</b></figure>"}),
            "no text alternative",
        ),
        (v4.new_output("display_data", data={"text/html": '<img src="data:,">'}), "no text alternative"),
        (
            v4.new_output("display_data", data={"text/html": '<script src="https://x.org/a.js">'}),
            "would fetch",
        ),
    ],
)
def test_what_a_reader_must_not_see_stops_the_export(output: NotebookNode, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        export(shown(output))


def test_every_fault_is_told_at_once() -> None:
    faults = [v4.new_output("stream", name="stderr", text=text) for text in ("one", "two")]
    with pytest.raises(EvaluationError, match=r"(?s)one.*two"):
        export(*(shown(fault) for fault in faults))


def test_links_lead_only_to_pages_that_exist(tmp_path: Path) -> None:
    path = write_page(export(shown(display(CHART))), page=PAGE, reports_root=tmp_path)
    (tmp_path / "index.html").write_text("<p></p>", encoding="utf-8")
    assert link_all(tmp_path) == [path]
    html = path.read_text(encoding="utf-8")
    assert '<a data-page="index.html" href="../../index.html">' in html
    assert '<a data-page="en/region/3273.html" hreflang="en">' in html
    assert link_all(tmp_path) == []


def test_a_link_is_withdrawn_when_its_page_is_gone() -> None:
    html = '<a class="x" data-page="en/a.html#top" lang="en">A</a>'
    real = linked(html, page="id/b.html", existing=["en/a.html"])
    assert real == '<a class="x" data-page="en/a.html#top" lang="en" href="../en/a.html#top">A</a>'
    assert linked(real, page="id/b.html", existing=[]) == html


def test_the_region_search_lists_every_region_without_scripts() -> None:
    rows = pd.DataFrame(
        {
            "region_code": ["3273", "1101"],
            "name": ["Kota Bandung", "Kabupaten Simeulue"],
            "page": ["id/region/3273.html", "id/region/1101.html"],
            "province": ["Jawa Barat", "Aceh"],
        }
    )
    labels = SearchLabels("Daerah", "Cari", "semua", "{shown} dari {total}")
    html = region_search(
        rows, labels=labels, columns=[Column("name", "Daerah")], filters=[Filter("province", "Provinsi")]
    ).html
    assert '<a data-page="id/region/3273.html">Kota Bandung</a>' in html
    assert 'data-search="1101 kabupaten simeulue aceh"' in html
    assert html.index("<option>Aceh") < html.index("<option>Jawa Barat")


def test_a_filter_that_could_never_match_is_refused() -> None:
    rows = pd.DataFrame({"region_code": ["1"], "name": ["a"], "page": ["a.html"], "Joined_in": ["x"]})
    labels = SearchLabels("", "", "", "")
    with pytest.raises(EvaluationError, match="Joined_in"):
        region_search(rows, labels=labels, columns=[Column("name", "n")], filters=[Filter("Joined_in", "x")])
