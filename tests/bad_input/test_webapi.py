"""The BPS WebAPI, asked over real sockets on this machine: right figures as published, or a clear refusal."""

from __future__ import annotations

import copy
import io
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from webapi_server import (
    KEY,
    Reply,
    Script,
    as_json,
    data_answer,
    hang,
    hang_up,
    list_page,
    page,
    serve,
    tear,
    year_pages,
)

from evaluation.errors import BadInputError, UsageError
from evaluation.provenance import Origin, ReceivedVariable
from evaluation.sources import read_origin
from evaluation.sources.webapi import Pace, WebApi
from evaluation.sources.webapi_fetch import FetchedTable, fetch_table, write_fetched
from evaluation.sources.webapi_table import is_webapi, parse_table, read_webapi
from evaluation.studies.project import Project

FAST = Pace(attempts=3, first_wait=0.001, longest_wait=0.05, between=0.0, timeout=0.2)
YEARS = list(range(2010, 2022))
MEANING = ReceivedVariable(variable="hdi", unit="index 0-100")
KEPT_SOURCE = "bps_ipm"
NOTHING = object()


def published(project: Project, year: int) -> pd.Series:
    """Return the published index of every region, from the kept files."""
    (path,) = (project.raw_dir / KEPT_SOURCE).glob("*/*.csv")
    table = pd.read_csv(path, dtype={"region_code": str})
    rows = table[(table["variable"] == "hdi") & (table["year"] == year)]
    return rows.set_index("region_code")["value"]


def as_listed(project: Project, values: pd.Series) -> dict[tuple[str, str], float]:
    """Return figures as the service lists them: provinces in capitals between their regions, the country last."""
    listed: dict[tuple[str, str], float] = {}
    for code, row in project.registry.by_code.iterrows():
        province = (f"{str(code)[:2]}00", f"<b>{row['province'].upper()}</b>")
        listed.setdefault(province, 50.0)
        if code in values.index:
            listed[(str(code), str(row["name"]).removeprefix("Kabupaten "))] = float(values[code])
    return {**listed, ("9999", "INDONESIA"): 70.0}


@pytest.fixture(scope="module")
def script_of(project: Project) -> Callable[[], Script]:
    tables = {
        year: data_answer(as_listed(project, published(project, year)), year=year) for year in (2019, 2020)
    }
    return lambda: Script(years=year_pages(YEARS), tables=copy.deepcopy(tables))


@pytest.fixture
def script(script_of: Callable[[], Script]) -> Script:
    return script_of()


@pytest.fixture
def base_url(script: Script) -> Iterator[str]:
    with serve(script) as address:
        yield address


def fetch(
    base_url: str, project: Project, *, years: tuple[int, ...] = (2019, 2020), **options: Any
) -> FetchedTable:
    api = WebApi(options.pop("key", KEY), base_url=base_url, pace=options.pop("pace", FAST))
    return fetch_table(api, variable=413, years=years, registry=project.registry, **options)


def origin_of(folder: Path) -> Origin:
    return read_origin(folder)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises((BadInputError, UsageError)) as caught:
        call()
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_figures_of_both_years_come_back_as_published(
    project: Project, base_url: str, tmp_path: Path
) -> None:
    table = fetch(base_url, project)
    folder = tmp_path / "bps_ipm" / "2026-11-24"
    written = write_fetched(table, folder, accessed=date(2026, 11, 24), meaning=MEANING)
    origin = origin_of(folder)
    for year in (2019, 2020):
        path = folder / f"bps_0000_413_{year}.json"
        assert path in written
        found = read_webapi(path, origin=origin, registry=project.registry)
        expected = published(project, year)
        pd.testing.assert_series_equal(
            found.set_index("region_code")["value"].sort_index(), expected.sort_index(), check_names=False
        )
        assert set(found["quality"]) == {"A"}
        assert set(found["unit"]) == {"index 0-100"}
    assert (origin.code_system, table.years, table.title) == (
        "bps_2021", (2019, 2020), "[Metode Baru] Indeks Pembangunan Manusia",
    )  # fmt: skip


def test_answers_are_kept_byte_for_byte(
    project: Project, script: Script, base_url: str, tmp_path: Path
) -> None:
    table = fetch(base_url, project, years=(2019,))
    write_fetched(table, tmp_path / "new", accessed=date(2026, 11, 24))
    kept = (tmp_path / "new" / "bps_0000_413_2019.json").read_bytes()
    assert kept == as_json(script.tables[2019])[2]
    assert is_webapi(kept)
    assert not is_webapi(as_json(script.years[0])[2])


def test_one_question_a_page_of_years_and_a_year(project: Project, script: Script, base_url: str) -> None:
    fetch(base_url, project)
    questions = [path.removesuffix(f"/key/{KEY}") for path in script.paths()]
    years = "/model/th/lang/ind/domain/0000/var/413/page/{}"
    data = "/model/data/lang/ind/domain/0000/var/413/th/{}"
    assert questions == [
        years.format(1),
        years.format(2),
        years.format(3),
        data.format(119),
        data.format(120),
    ]


def test_a_breakdown_is_passed_on(project: Project, script: Script, base_url: str) -> None:
    fetch(base_url, project, years=(2019,), turvar=7, turth=31, domain="3200")
    assert (
        script.paths()[-1] == f"/model/data/lang/ind/domain/3200/var/413/turvar/7/turth/31/th/119/key/{KEY}"
    )


def test_codes_of_the_later_system_are_recognised_by_their_names(
    project: Project, script: Script, base_url: str
) -> None:
    registry = project.registry.by_code
    answer = script.tables[2019]
    later = {int(code): int(new) for code, new in registry["bps_code_2024"].items()}
    for entry in answer["vervar"]:
        entry["val"] = later.get(entry["val"], entry["val"])
    content = answer["datacontent"]
    answer["datacontent"] = {
        f"{later.get(int(key[:4]), int(key[:4]))}{key[4:]}": value for key, value in content.items()
    }
    assert fetch(base_url, project, years=(2019,)).code_system == "bps_2024"


def test_figures_from_before_a_region_existed_are_graded_c(project: Project, tmp_path: Path) -> None:
    answer = data_answer(
        {("6502", "Bulungan"): 66.79, ("1116", "Aceh Jaya"): 66.0, ("7413", "Muna Barat"): 60.0}, year=2010
    )
    path = tmp_path / "answer.json"
    path.write_bytes(as_json(answer)[2])
    origin = Origin(
        "s", "undated", "p", "p", "c", "a", "d", "l", "bps_2021", {}, variables={"413": MEANING}
    )  # fmt: skip
    found = read_webapi(path, origin=origin, registry=project.registry).set_index("region_code")
    assert found["quality"].to_dict() == {"6502": "A", "1116": "A", "7413": "C"}


TROUBLES: dict[str, Reply | Callable[..., None]] = {
    "time-out": hang,
    "connection closed": hang_up,
    "half an answer": tear,
    "torn JSON with the right length": (200, {"Content-Type": "application/json"}, b'{"status": "OK", "da'),
    "nothing": (200, {"Content-Type": "application/json"}, b""),
    "too many requests": as_json({"status": "Error"}, status=429, headers={"Retry-After": "0"}),
    "too many requests, no time given": page(429),
    "too many requests, unreadable time": page(429, headers={"Retry-After": "soon"}),
    "internal error": page(500),
    "bad gateway": page(502, b""),
    "unavailable": page(503, headers={"Retry-After": "0"}),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_what_passes_is_asked_again_and_gives_the_same_bytes(
    trouble: Reply | Callable[..., None], project: Project, script_of: Callable[[], Script]
) -> None:
    script = script_of()
    script.trouble = [trouble, trouble]
    with serve(script) as base_url:
        table = fetch(base_url, project, years=(2019,))
    assert table.files["bps_0000_413_2019.json"] == as_json(script.tables[2019])[2]
    assert len(script.asked) == 4 + 2


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_what_does_not_pass_is_told_after_the_stated_attempts(
    trouble: Reply | Callable[..., None], project: Project, script: Script, base_url: str
) -> None:
    script.trouble = [trouble] * 10
    message = refusal(lambda: fetch(base_url, project))
    assert "(asked 3 times)" in message
    assert len(script.asked) == 3


def test_waits_double_and_the_time_asked_for_is_kept(project: Project, script: Script, base_url: str) -> None:
    script.trouble = [page(500), page(429, headers={"Retry-After": "7"}), page(503), page(500)]
    waits: list[float] = []
    pace = Pace(attempts=5, first_wait=1.0, longest_wait=8.0, between=0.0, timeout=1.0)
    api = WebApi(KEY, base_url=base_url, pace=pace, sleep=waits.append)
    api.get(model="th", lang="ind", domain="0000", var=413, page=1)
    assert waits == [1.0, 7.0, 4.0, 8.0]


def test_a_time_given_as_a_date_is_waited_for(project: Project, script: Script, base_url: str) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    script.trouble = [page(429, headers={"Retry-After": until})]
    waits: list[float] = []
    WebApi(KEY, base_url=base_url, pace=Pace(between=0.0), sleep=waits.append).get(model="th", page=1)
    assert len(waits) == 1
    assert 17 < waits[0] <= 20


def test_nobody_waits_an_hour(project: Project, script: Script, base_url: str) -> None:
    script.trouble = [page(429, headers={"Retry-After": "3600"})]
    message = refusal(lambda: fetch(base_url, project))
    assert "asks to wait 3600 seconds" in message
    assert len(script.asked) == 1


def test_requests_keep_their_distance(project: Project, base_url: str) -> None:
    now, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    pace = Pace(attempts=1, between=0.75, timeout=1.0)
    api = WebApi(KEY, base_url=base_url, pace=pace, sleep=sleep, clock=lambda: now[0])
    fetch_table(api, variable=413, years=[2019], registry=project.registry)
    assert waits == [0.75] * 3, "four questions, none of which takes any time by this clock"
    now[0] += 0.5
    api.get(model="th", page=1)
    assert waits[3:] == [0.25]


def test_an_answer_that_trickles_in_for_ever_is_given_up(
    project: Project, script: Script, base_url: str
) -> None:
    def trickle(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" " * 70_000)
            handler.wfile.flush()
            import time

            time.sleep(0.05)

    script.trouble = [trickle]
    message = refusal(lambda: fetch(base_url, project, pace=Pace(attempts=1, between=0.0, timeout=0.1)))
    assert "not complete after 0.4 seconds" in message


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (page(200), "a web page, not JSON; it begins: '<!DOCTYPE html>"),
        (page(403), "status 403"),
        (as_json({"status": "Error", "message": f"Invalid key {KEY}"}), "Invalid key (key)"),
        (as_json({"status": "Error", "message": "Wrong parameter"}), "tells an error: 'Wrong parameter'"),
        (
            as_json({"status": "OK", "data-availability": "list-not-available", "data": ""}),
            "'list-not-available'",
        ),
        (
            as_json({"status": "ERROR", "data-availability": "list-not-available"}, 404),
            "status 404: there are no data",
        ),
        (
            as_json({"status": "Error", "message": f"key {KEY}"}, 400),
            "status 400: the service tells an error: 'key (key)'",
        ),
        (as_json({"status": "OK", "data-availability": "soon"}), "does not say that there are data: 'soon'"),
        (as_json([1]), "no block of fields"),
        (as_json({"status": "OK", "data-availability": "available", "data": []}), "must hold the paging"),
        (
            as_json({"status": "OK", "data-availability": "available", "data": [{"page": 1}, []]}),
            "lacks pages, total",
        ),
        (page(302, b"", {"Location": f"https://elsewhere.example/login/{KEY}"}), "https://elsewhere.example"),
        ((200, {}, b"Too many requests"), "no whole JSON"),
        ((200, {}, b'{"status": "OK", "status": "OK"}'), "stands twice"),
        ((200, {}, b'{"status": "OK", "x": NaN}'), "NaN is no figure"),
    ],
)
def test_what_does_not_pass_with_time_is_told_at_once(
    reply: Reply, told: str, project: Project, script: Script, base_url: str
) -> None:
    script.trouble = [reply] * 10
    assert told in refusal(lambda: fetch(base_url, project))
    assert len(script.asked) == 1


def test_an_answer_that_repeats_the_key_is_not_kept(project: Project, script: Script, base_url: str) -> None:
    script.tables[2019]["request"] = f"/v1/api/list/key/{KEY.upper()}"
    assert "repeats the key" in refusal(lambda: fetch(base_url, project, years=(2019,)))


def pages_with(change: Callable[[list[Any]], object]) -> list[Any]:
    pages = year_pages(YEARS)
    change(pages)
    return pages


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        (pages_with(lambda p: p[1]["data"][1].pop()), "the pages hold 11 rows and the service states 12"),
        (pages_with(lambda p: p[1]["data"][0].update(page=1)), "page 2 of 3 says it is page 1"),
        (pages_with(lambda p: p[2]["data"][0].update(pages=4)), "page 3 of 3 says it is page 3 of 4"),
        (pages_with(lambda p: p[2]["data"][0].update(total=13)), "13 rows in all"),
        (pages_with(lambda p: p[0]["data"][0].update(pages=2)), "the pages hold 8 rows"),
        (pages_with(lambda p: p[0]["data"][0].update(pages=100000)), "states 100000 pages"),
        (pages_with(lambda p: p[0]["data"][1][0].update(th="2013")), "each once"),
        (pages_with(lambda p: p[0]["data"][1][0].update(th="Semester")), "pairs of a year and its number"),
        ([list_page([], number=1, pages=1, total=0)], "the list is empty"),
    ],
)
def test_pages_that_do_not_add_up_are_refused(
    pages: list[Any], told: str, project: Project, script: Script, base_url: str
) -> None:
    script.years = pages
    assert told in refusal(lambda: fetch(base_url, project))


def test_a_year_that_the_table_lacks_is_told_with_those_it_has(project: Project, base_url: str) -> None:
    assert "no year 2009, 2025; it has 2010, 2011" in refusal(
        lambda: fetch(base_url, project, years=(2009, 2019, 2025))
    )


def more(answer: dict[str, Any], part: str, number: int, label: str, key: str) -> None:
    answer[part].append({"val": number, "label": label})
    answer["datacontent"][key] = 5.0


def other(answer: dict[str, Any], part: str, number: int, label: str, key: str) -> None:
    answer[part] = [{"val": number, "label": label}]
    answer["datacontent"] = {key: 5.0}


def renamed(answer: dict[str, Any], code: int, label: str) -> None:
    next(entry for entry in answer["vervar"] if entry["val"] == code)["label"] = label


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: a["datacontent"].update({"110141301190": 1.0, "77": 2.0}), "1 cells have keys that no combination"),
        (lambda a: a["vervar"].pop(), "1 cells have keys that no combination"),
        (lambda a: more(a, "turtahun", 31, "Tahunan", "1101413011931"), "several parts of the year: 0 Tahun; 31 Tahunan"),
        (lambda a: more(a, "turvar", 7, "Laki-laki", "110141371190"), "several breakdowns: 0 Tidak ada; 7 Laki-laki"),
        (lambda a: a["datacontent"].update({"110141301190": "71,66"}), "this is no figure: '71,66'"),
        (lambda a: a["datacontent"].update({"110141301190": True}), "this is no figure: True"),
        (lambda a: a["datacontent"].update({"110141301190": [71.66]}), "this is no figure: [71.66]"),
        (lambda a: a["tahun"][0].update(label="2018"), "`tahun` 119 is labelled '2018'"),
        (lambda a: other(a, "var", 414, "x", "110141401190"), "table 413 was asked for, the answer is table 414"),
        (lambda a: other(a, "tahun", 118, "2018", "110141301180"), "year 2019 was asked for, the answer has cells of 2018"),
        (lambda a: a["var"].append({"val": 414, "label": "x"}), "more than one table"),
        (lambda a: a.update(turvar=[]), "`turvar` lists nothing"),
        (lambda a: a.update(datacontent={}), "`datacontent` holds no cell"),
        (lambda a: a["vervar"].append(dict(a["vervar"][0])), "`vervar` lists a number twice"),
        (lambda a: a["vervar"].append({"val": "x"}), "no pair of val and label"),
        (lambda a: renamed(a, 3273, "Kota Cimahi"), "the name is 'Kota Cimahi', the code that of Kota Bandung"),
        (lambda a: renamed(a, 3273, "Bandung"), "the name is 'Bandung', the code that of Kota Bandung"),
        (lambda a: renamed(a, 3204, "Kota Bandung"), "the code that of Kabupaten Bandung"),
        (lambda a: renamed(a, 1101, "Negeri Dongeng"), "the code that of Kabupaten Simeulue"),
        (lambda a: renamed(a, 1100, "Simeulue"), "'Simeulue' has no code"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_what_it_should_be_is_refused(
    change: Callable[[dict[str, Any]], object],
    told: str,
    project: Project,
    script: Script,
    base_url: str,
    tmp_path: Path,
) -> None:
    change(script.tables[2019])
    folder = tmp_path / "2026-11-24"

    def fetched_and_read() -> None:
        table = fetch(base_url, project, years=(2019,))
        write_fetched(table, folder, accessed=date(2026, 11, 24), meaning=MEANING)
        origin = origin_of(folder)
        read_webapi(folder / "bps_0000_413_2019.json", origin=origin, registry=project.registry)

    assert told in refusal(fetched_and_read)


def test_rows_numbered_in_another_way_than_by_code_are_refused(
    project: Project, script: Script, base_url: str
) -> None:
    answer = script.tables[2019]
    answer["vervar"] = [{"val": 800 + n, "label": entry["label"]} for n, entry in enumerate(answer["vervar"])]
    answer["datacontent"] = {f"{entry['val']}41301190": 1.0 for entry in answer["vervar"]}
    message = refusal(lambda: fetch(base_url, project, years=(2019,)))
    assert "the numbers of this table are not BPS codes" in message
    assert "more like these" in message


def test_a_key_that_two_combinations_give_is_refused_only_where_it_holds_a_figure() -> None:
    # breakdown 1 and year 119, and breakdown 11 and year 19, are both written 1119
    answer = data_answer({("1", "a"): 1.0}, year=2019, turvar=((1, "one"), (11, "eleven")))
    answer["tahun"].append({"val": 19, "label": "1919"})
    answer["datacontent"] = {"1413111190": 1.0}
    assert parse_table(as_json(answer)[2], where="answer").cells["turvar"].tolist() == ["11"]
    answer["datacontent"] = {"141311190": 1.0}
    message = refusal(lambda: parse_table(as_json(answer)[2], where="answer"))
    assert "1 cells have keys that two combinations" in message


def test_a_kept_answer_that_is_no_text_is_refused() -> None:
    assert "not UTF-8 (byte 13)" in refusal(lambda: parse_table(b'{"status": "\xff"}', where="answer"))


def test_empty_cells_are_missing_and_text_figures_are_read() -> None:
    figures = {("1101", "Simeulue"): "65.70", ("1102", "Aceh Singkil"): None, ("1103", "Aceh Selatan"): ""}
    cells = parse_table(as_json(data_answer(figures, year=2019))[2], where="answer").cells
    assert cells["value"].isna().tolist() == [False, True, True]
    assert cells["value"].iloc[0] == 65.70


def test_a_table_without_a_place_in_the_catalogue_is_not_read(
    project: Project, base_url: str, tmp_path: Path
) -> None:
    write_fetched(
        fetch(base_url, project, years=(2019,)), tmp_path / "2026-11-24", accessed=date(2026, 11, 24)
    )
    origin = origin_of(tmp_path / "2026-11-24")
    path = tmp_path / "2026-11-24" / "bps_0000_413_2019.json"
    message = refusal(lambda: read_webapi(path, origin=origin, registry=project.registry))
    assert "table 413 ('[Metode Baru] Indeks Pembangunan Manusia', in '') is not mapped" in message


def test_nothing_is_overwritten_and_a_failure_leaves_nothing(
    project: Project, base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = fetch(base_url, project, years=(2019,))
    write_fetched(table, tmp_path / "new", accessed=date(2026, 11, 24))
    assert "is there already" in refusal(
        lambda: write_fetched(table, tmp_path / "new", accessed=date(2026, 11, 25))
    )
    monkeypatch.setattr("os.rename", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        write_fetched(table, tmp_path / "other", accessed=date(2026, 11, 24))
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_the_key_is_in_no_file_no_log_and_no_message(
    project: Project, script: Script, base_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        script.trouble = [
            page(500),
            hang_up,
            as_json({"status": "Error", "message": f"key {KEY} too fast"}, status=429),
        ]
        api = WebApi(
            KEY, base_url=base_url, pace=Pace(attempts=5, first_wait=0.0, longest_wait=0.1, between=0.0)
        )
        table = fetch_table(api, variable=413, years=[2019], registry=project.registry)
        write_fetched(table, tmp_path / "new", accessed=date(2026, 11, 24), meaning=MEANING)
        script.trouble = [as_json({"status": "Error", "message": f"Invalid {KEY}"})]
        messages = [
            refusal(lambda: fetch(base_url, project)),
            refusal(lambda: fetch("http://127.0.0.1:9", project)),
        ]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "/model/data" in log.getvalue(), "requests are logged, so that their absence below says something"
    said = [log.getvalue(), *messages, repr(api), repr(table), *capfd.readouterr()]
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 2
    assert [text[:80] for text in (*said, *written) if KEY.lower() in text.lower()] == []
    assert all(f"/key/{KEY}" in path for path in script.paths()), "the service did receive it"


@pytest.mark.parametrize("key", ["", "  ", "two words", "x" * 300])
def test_a_key_that_is_none_is_refused_before_anything_is_asked(key: str) -> None:
    with pytest.raises(UsageError, match="BPS_WEBAPI_KEY is empty or no key"):
        WebApi(key)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://webapi.bps.go.id/v1/api/list", "must begin with https"),
        ("ftp://webapi.bps.go.id", "is the address before"),
        ("https://me:secret@webapi.bps.go.id/v1", "no user name"),
        ("https://webapi.bps.go.id/list?model=data", "is the address before"),
    ],
)
def test_an_address_that_would_give_the_key_away_is_refused(address: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        WebApi(KEY, base_url=address)
