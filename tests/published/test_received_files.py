"""Files as users download them give the publishers' figures, every one, in any order and under any name.

The files are in ../shared/raw_examples, the figures in ../shared/facts/observations; a few of them stand here: Badan
Pusat Statistik, Indeks Pembangunan Manusia (metode baru), dynamic tables 413-417, accessed 10 October 2022.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.regions import Registry
from evaluation.sources.bps_web_table import parse_bps_web_table, read_bps_web_table
from evaluation.sources.formats import recognise
from evaluation.sources.fsva import read_fsva
from evaluation.sources.grid import open_grids
from evaluation.sources.sipsn import mismatches, parse_sipsn, read_sipsn
from evaluation.studies.project import Project
from received_tables import (
    FACTS,
    FSVA_TITLES,
    IPM_TITLES,
    RAW_EXAMPLES,
    SIPSN_TITLES,
    bps_table,
    origin_of,
    published,
    xlsx_bytes,
)

N_IPM = 30_570
N_FSVA = 9_252
N_SIPSN = 1_564
KEY = ["region_code", "year", "variable"]
PUBLISHED_2021 = {"Simeulue": 66.41, "Kota Bandung": 81.96, "Nduga": 32.84, "Kota Yogyakarta": 87.18}
"""Index of 2021 as BPS publishes it (dynamic table 413, accessed 2022-10-10)."""


@pytest.fixture(scope="module")
def registry(project: Project) -> Registry:
    return project.registry


def examples(folder: str) -> list[Path]:
    path = RAW_EXAMPLES / folder
    if not path.is_dir():
        pytest.skip("the files as users download them are not on this machine (../shared/raw_examples)")
    return sorted(path.iterdir())


def facts(name: str) -> pd.DataFrame:
    table = pd.read_csv(FACTS / name, dtype={"region_code": str})
    return table.rename(columns={"indicator": "variable"}).set_index(KEY).sort_index()


def read_bps(paths: list[Path], registry: Registry) -> pd.DataFrame:
    origin = origin_of(IPM_TITLES, format="bps_web_table")
    tables = [read_bps_web_table(path, origin=origin, registry=registry) for path in paths]
    return pd.concat(tables).set_index(KEY).sort_index()


def assert_same_figures(read: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert not read.index.duplicated().any()
    pd.testing.assert_index_equal(read.index, expected.index)
    for column in ("value", "unit", "quality"):
        assert (read[column].to_numpy() == expected[column].to_numpy()).all(), column


def test_the_thirty_bps_files_give_every_published_figure(registry: Registry) -> None:
    read = read_bps(examples("bps_xlsx"), registry)
    assert len(read) == N_IPM
    assert_same_figures(read, facts("bps_ipm.csv"))


def test_order_and_names_of_the_files_change_nothing(registry: Registry, tmp_path: Path) -> None:
    paths = np.random.default_rng(1).permutation(examples("bps_xlsx")).tolist()
    renamed = [
        tmp_path / f"unduhan {number}.{'csv' if number % 3 else 'txt'}" for number in range(len(paths))
    ]
    for path, other in zip(paths, renamed, strict=True):
        shutil.copy(path, other)
        assert recognise(other).format == "bps_web_table"
    assert_same_figures(read_bps(renamed, registry), facts("bps_ipm.csv"))


def test_a_bps_file_states_title_years_address_and_day(registry: Registry) -> None:
    path = next(path for path in examples("bps_xlsx") if path.name.endswith("Sekolah (1).xlsx"))
    layout = parse_bps_web_table(open_grids(path)[0], registry=registry)
    assert layout.titles == ("[Metode Baru] Harapan Lama Sekolah (Tahun)",)
    assert layout.years == (2018, 2019)
    assert layout.accessed == "2022-10-10"
    assert layout.address == (
        "https://www.bps.go.id/indicator/26/417/2/-metode-baru-harapan-lama-sekolah.html"
    )


def test_the_fsva_files_give_the_six_variables(registry: Registry) -> None:
    tables = [
        read_fsva(path, origin=origin_of(FSVA_TITLES, format="fsva", year=year), registry=registry)
        for path, year in zip(examples("fsva_csv"), (2018, 2019, 2020), strict=True)
    ]
    read = pd.concat(tables).set_index(KEY).sort_index()
    assert len(read) == N_FSVA
    assert_same_figures(read, facts("bkp_fsva.csv"))
    years = read.reset_index().groupby("variable")["year"].agg(["min", "max"])
    assert years.loc["food_security_index"].tolist() == [2018, 2020]
    assert years.drop("food_security_index").to_numpy().tolist() == [[2017, 2019]] * 5


def test_the_sipsn_files_give_2024_and_two_regions_more(registry: Registry) -> None:
    origin = origin_of(SIPSN_TITLES, format="sipsn")
    tables = [read_sipsn(path, origin=origin, registry=registry) for path in examples("sipsn_csv")]
    read = pd.concat(tables).set_index(KEY).sort_index()
    expected = facts("klhk_sipsn.csv").query("year == 2024")
    assert len(expected) == N_SIPSN
    assert_same_figures(read.loc[expected.index], expected)
    more = read.index.difference(expected.index).tolist()
    assert more == [("3376", 2024, "waste_generated"), ("3513", 2024, "waste_generated")]
    assert registry.names.display["3376"] == "Kota Tegal"
    assert registry.names.display["3513"] == "Kabupaten Probolinggo"


def test_parts_and_totals_of_the_sipsn_files_agree(registry: Registry) -> None:
    for path in examples("sipsn_csv"):
        assert not list(mismatches(parse_sipsn(open_grids(path)[0], registry=registry)))


def test_a_workbook_in_the_layout_of_bps_gives_the_published_index(
    project: Project, registry: Registry, tmp_path: Path
) -> None:
    """The same without the files: a workbook written from the figures of the repository, and four printed ones."""
    title = "[Metode Baru] Indeks Pembangunan Manusia"
    figures = published(project.root, "bps_ipm", "hdi", (2020, 2021))
    table = bps_table(figures, title=title, years=(2020, 2021), registry=registry, table=413)
    path = tmp_path / "x.xlsx"
    path.write_bytes(xlsx_bytes(table.grid()))
    read = read_bps([path], registry)
    assert len(read) == 1028
    names = {registry.names.display[code].removeprefix("Kabupaten "): code for code in registry.codes}
    for name, value in PUBLISHED_2021.items():
        assert read.loc[(names[name], 2021, "hdi"), "value"] == value
