"""What the BPS WebAPI answers, decoded: the envelope of every answer, and the pages of a list.

Belongs here: telling a usable answer from an error told with status 200, a firewall's page or a torn-off text. Does not
belong here: asking (`evaluation.sources.webapi`) or the table of a data answer (`evaluation.sources.webapi_table`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evaluation.errors import BadInputError, Fault, raise_if_any

WHY_ANSWER = "figures of an answer that is not what was asked for would be filed as the publisher's"
REMEDY_FIREWALL = (
    "open the address in a browser to see what the page says; wait, or ask from another network: the firewall in front "
    "of the service turns some networks and fast callers away"
)
REMEDY_TORN = "fetch it again; an answer that is torn every time is a matter for the publisher"
REMEDY_ERROR = (
    "check the key (BPS_WEBAPI_KEY), --variable and --domain against the publisher's site, then fetch again"
)
REMEDY_ABSENT = "look up the number of the table and its years on the publisher's site"
REMEDY_SHAPE = "compare with docs/webapi.md; if the service has changed its answers, the reader has to follow"
NOT_AVAILABLE = "not-available"
"""How the two words end that say that nothing was found: ``not-available`` and ``list-not-available``."""
SHOWN = 120
"""Characters of an unexpected text that a message repeats."""


@dataclass(frozen=True)
class ListPage:
    """One page of a list.

    Parameters
    ----------
    page, pages, total
        Number of this page, of all pages, and of the rows of all pages, as the service states them.
    rows
        The rows of this page.
    """

    page: int
    pages: int
    total: int
    rows: tuple[dict[str, Any], ...]


def is_torn(content: bytes) -> bool:
    """Tell whether a text begins as JSON and does not end as JSON: sent again, it may arrive whole."""
    if not content.lstrip().startswith((b"{", b"[")):
        return not content.strip()
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


def decode_answer(content: bytes, *, where: str) -> dict[str, Any]:
    """Return an answer's fields.

    Parameters
    ----------
    content
        The bytes as received.
    where
        File or address, for messages.

    Raises
    ------
    BadInputError
        When it is a web page, no whole JSON, names a field twice, tells an error, or says that nothing was found.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise _bad(where, f"this is a web page, not JSON; it begins: {_start_of(content)!r}", REMEDY_FIREWALL)
    try:
        answer = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_without_doubles, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise _bad(where, f"this is not UTF-8 (byte {error.start + 1})", REMEDY_TORN) from None
    except (ValueError, RecursionError) as error:
        raise _bad(where, f"this is no whole JSON: {error}", REMEDY_TORN) from None
    if not isinstance(answer, dict):
        raise _bad(
            where, f"the answer is no block of fields; it begins: {_start_of(content)!r}", REMEDY_SHAPE
        )
    raise_if_any(_status_faults(answer, where))
    return answer


def read_list_page(content: bytes, *, where: str) -> ListPage:
    """Return one page of a list answer.

    Raises
    ------
    BadInputError
        When it cannot be decoded or has not the shape of a list.
    """
    data = decode_answer(content, where=where).get("data")
    if not (isinstance(data, list) and len(data) == 2 and isinstance(data[0], dict)):
        raise _bad(where, "`data` of a list must hold the paging and the rows", REMEDY_SHAPE)
    paging, rows = data
    numbers = {name: whole_number(paging.get(name)) for name in ("page", "pages", "total")}
    lacking = [name for name, number in numbers.items() if number is None]
    if lacking or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        what = f"paging lacks {', '.join(lacking)}" if lacking else "the rows are no list of blocks"
        raise _bad(where, what, REMEDY_SHAPE)
    return ListPage(
        page=numbers["page"] or 0,
        pages=numbers["pages"] or 0,
        total=numbers["total"] or 0,
        rows=tuple(rows),
    )


def whole_number(value: object) -> int | None:
    """Return a whole number of 0 or more given as a number or as digits, None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    return None


def _status_faults(answer: dict[str, Any], where: str) -> Iterator[Fault]:
    availability = answer.get("data-availability")
    if str(availability).endswith(NOT_AVAILABLE):
        yield _fault(where, f"there are no data: the service says {availability!r}", REMEDY_ABSENT)
    elif str(answer.get("status", "")).upper() != "OK":
        told = answer.get("message", answer.get("status", "nothing"))
        yield _fault(where, f"the service tells an error: {str(told)[:SHOWN]!r}", REMEDY_ERROR)
    elif availability != "available":
        yield _fault(where, f"the service does not say that there are data: {availability!r}", REMEDY_SHAPE)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{', '.join(doubled[:5])} stands twice in one block, one of the two would be lost")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no figure")


def _start_of(content: bytes) -> str:
    return " ".join(content[: 4 * SHOWN].decode("utf-8", errors="replace").split())[:SHOWN]


def _bad(where: str, what: str, remedy: str) -> BadInputError:
    return BadInputError([_fault(where, what, remedy)])


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_ANSWER, remedy=remedy)
