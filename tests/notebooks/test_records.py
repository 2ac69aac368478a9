"""What is kept of a page is read back as it was written, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.execution.records import RECORDS_NAME, PageFile, Record, RecordBook

ONE = Record(
    target="region:id:1101",
    notebook="ab",
    parameters={"region_code": "1101", "language": "id"},
    code={"evaluation/tables.py": "0a"},
    files={},
    reads={"config:catalog": "é1", "region:2024:1101": "2b"},
    messages={"Data": "3c"},
    catalogue="cd",
    packages={"scipy": "1.17.1"},
    inputs="ef",
    page=PageFile(sha256="01", size=3, modified=4),
    fingerprint="12",
    output="reports/id/region/1101.html",
)
OTHER = replace(
    ONE, target="region:id:1102", parameters={"region_code": "1102"}, reads={"config:catalog": "é1"}
)


@pytest.fixture
def kept(tmp_path: Path) -> bytes:
    book = RecordBook(tmp_path)
    book.keep([ONE, OTHER])
    return (tmp_path / RECORDS_NAME).read_bytes()


def read_back(folder: Path, content: bytes) -> dict[str, Record]:
    (folder / RECORDS_NAME).write_bytes(content)
    return RecordBook(folder).records


def test_records_are_read_back_as_they_were(tmp_path: Path, kept: bytes) -> None:
    assert read_back(tmp_path, kept) == {ONE.target: ONE, OTHER.target: OTHER}


def test_a_bit_that_turned_anywhere_never_changes_what_a_record_says(tmp_path: Path, kept: bytes) -> None:
    for place in range(len(kept)):
        for bit in (0, 5):
            turned = bytes([kept[place] ^ (1 << bit)])
            found = read_back(tmp_path, kept[:place] + turned + kept[place + 1 :])
            assert all(found[name] in (ONE, OTHER) for name in found), kept[max(0, place - 20) : place + 20]


def test_a_set_that_was_spoilt_is_written_again_with_the_page(tmp_path: Path, kept: bytes) -> None:
    found = read_back(tmp_path, kept.replace(b"1.17.1", b"1.17.0", 1))
    assert found == {}
    RecordBook(tmp_path).keep([ONE])
    assert RecordBook(tmp_path).records == {ONE.target: ONE}


def test_records_hold_no_copies_of_what_they_share(tmp_path: Path) -> None:
    book = RecordBook(tmp_path)
    book.keep([ONE])
    book.keep([replace(OTHER, code=dict(ONE.code), packages=dict(ONE.packages))])
    records = [book.records[name] for name in (ONE.target, OTHER.target)]
    assert records[0].code is records[1].code
    assert records[0].packages is records[1].packages
    read = RecordBook(tmp_path).records
    assert read[ONE.target].messages is read[OTHER.target].messages


def test_the_file_is_written_anew_when_most_of_it_is_of_no_more_use(tmp_path: Path) -> None:
    book = RecordBook(tmp_path)
    for number in range(40):
        book.keep([replace(ONE, fingerprint=str(number))])
    long = (tmp_path / RECORDS_NAME).stat().st_size
    book.tidy()
    assert (tmp_path / RECORDS_NAME).stat().st_size < long / 4
    assert RecordBook(tmp_path).records == {ONE.target: replace(ONE, fingerprint="39")}
    book.keep([OTHER])
    assert set(RecordBook(tmp_path).records) == {ONE.target, OTHER.target}
