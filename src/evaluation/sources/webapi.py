"""Client of the BPS WebAPI: asks politely, waits and asks again, and keeps the key to itself.

Belongs here: sending requests, patience, paging, hiding the key. Does not belong here: what an answer says
(`evaluation.sources.webapi_answers`, `evaluation.sources.webapi_table`) or where it is filed
(`evaluation.sources.webapi_fetch`).

The service takes the key as a part of the address. Every address this module hands out, and every message it writes,
is without it; requests' own messages, which quote the whole address, are never passed on.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from evaluation.errors import BadInputError, Fault, UsageError, raise_if_any
from evaluation.sources.webapi_answers import (
    REMEDY_ABSENT,
    REMEDY_ERROR,
    REMEDY_FIREWALL,
    REMEDY_SHAPE,
    WHY_ANSWER,
    ListPage,
    decode_answer,
    is_torn,
    read_list_page,
    whole_number,
)

KEY_VARIABLE = "BPS_WEBAPI_KEY"
BASE_URL = "https://webapi.bps.go.id/v1/api/list"
NATIONAL_DOMAIN = "0000"
HIDDEN = "(key)"
LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")
"""Loggers that write whole addresses when someone listens."""
LARGEST_ANSWER = 64 * 2**20
"""Bytes; the largest regional table of many years is about a hundredth of it."""
MOST_PAGES = 500
CHUNK = 2**16
LONGEST_KEY = 256
LOOPBACK = ("localhost", "127.0.0.1", "::1")
REMEDY_LATER = "try again later; figures that were fetched before are untouched"
REMEDY_REDIRECT = "give the address that it sends to with --base-url, if it is the publisher's"


@dataclass(frozen=True)
class Pace:
    """How patiently and how fast the service is asked.

    Parameters
    ----------
    attempts
        How often one address is asked before giving up.
    first_wait, longest_wait
        Seconds before the second attempt, doubled for every further one, and the longest wait; a service that asks to
        wait longer (Retry-After) is not waited for.
    between
        Least seconds between two requests, whatever they answer.
    timeout
        Seconds to connect, and between two parts of an answer; a whole answer may take four times as long.
    """

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    between: float = 0.5
    timeout: float = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer as received.

    Parameters
    ----------
    address
        What was asked, without the key.
    content
        The bytes of the answer.
    """

    address: str
    content: bytes


@dataclass(frozen=True)
class _Failure:
    """Why one attempt gave nothing usable, and whether another might."""

    what: str
    remedy: str = REMEDY_LATER
    transient: bool = True
    wait: float | None = None


class WebApi:
    """A session with the service.

    Parameters
    ----------
    key
        The personal key.
    base_url
        Address before ``/model/...``.
    pace
        Patience and speed.
    sleep, clock
        How to wait, and how to tell time, in seconds.

    Raises
    ------
    UsageError
        When the key is empty, or the address would send it in the clear over a network.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = BASE_URL,
        pace: Pace = Pace(),
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = _checked_key(key)
        self._base_url = _checked_base(base_url)
        self._pace = pace
        self._sleep = sleep
        self._clock = clock
        self._session = requests.Session()
        self._last_request: float | None = None

    def __repr__(self) -> str:
        return f"WebApi({self._base_url!r})"

    def get(self, **path: object) -> Answer:
        """Return the usable answer to one question.

        Parameters
        ----------
        **path
            Names and values written into the address one after the other, in this order.

        Raises
        ------
        BadInputError
            When no attempt gave a usable answer: no connection, time-out, an error of the service, a web page, JSON
            that is torn every time, an answer that repeats the key.
        """
        address = "/".join(
            [self._base_url, *(f"{name}/{quote(str(value), safe='')}" for name, value in path.items())]
        )
        with _key_out_of_logs(self._hidden):
            content = self._asked_patiently(address)
        decode_answer(content, where=address)
        return Answer(address=address, content=content)

    def list_rows(self, model: str, **path: object) -> tuple[dict[str, Any], ...]:
        """Return the rows of all pages of a list.

        Raises
        ------
        BadInputError
            When a page is unusable, or the pages do not add up to what the first one states.
        """
        pages: list[ListPage] = []
        first = self.get(model=model, **path, page=1)
        pages.append(read_list_page(first.content, where=first.address))
        if pages[0].pages > MOST_PAGES:
            what = f"the list states {pages[0].pages} pages"
            raise BadInputError([_fault(first.address, what, REMEDY_SHAPE)])
        for number in range(2, pages[0].pages + 1):
            answer = self.get(model=model, **path, page=number)
            pages.append(read_list_page(answer.content, where=answer.address))
        raise_if_any(_paging_faults(first.address, pages))
        return tuple(row for page in pages for row in page.rows)

    def year_ids(
        self, *, variable: int, domain: str = NATIONAL_DOMAIN, language: str = "ind"
    ) -> dict[int, int]:
        """Return calendar year to the service's own number of it, for the years a table has."""
        path = {"lang": language, "domain": domain, "var": variable}
        rows = self.list_rows("th", **path)
        years = {whole_number(row.get("th")): whole_number(row.get("th_id")) for row in rows}
        if None in years or None in years.values() or len(years) < len(rows):
            what = f"years must be pairs of a year and its number, each once; got: {str(rows)[:120]}"
            raise BadInputError([_fault(f"{self._base_url}/model/th, var {variable}", what, REMEDY_SHAPE)])
        return {year: number for year, number in sorted(years.items()) if year and number is not None}

    def _asked_patiently(self, address: str) -> bytes:
        wait = self._pace.first_wait
        for attempt in range(1, self._pace.attempts + 1):
            result = self._attempt(address)
            if isinstance(result, bytes):
                return result
            pause = min(wait, self._pace.longest_wait) if result.wait is None else result.wait
            if not result.transient or attempt == self._pace.attempts or pause > self._pace.longest_wait:
                raise self._given_up(address, result, attempt=attempt, pause=pause)
            self._sleep(pause)
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _given_up(self, address: str, failure: _Failure, *, attempt: int, pause: float) -> BadInputError:
        asks = f"; it asks to wait {pause:g} seconds" if pause > self._pace.longest_wait else ""
        times = f" (asked {attempt} times)" if attempt > 1 else ""
        return BadInputError([_fault(address, f"{failure.what}{asks}{times}", failure.remedy)])

    def _attempt(self, address: str) -> bytes | _Failure:
        self._keep_distance()
        try:
            with self._session.get(
                f"{address}/key/{quote(self._key, safe='')}",
                timeout=self._pace.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = self._read_body(response)
                return body if isinstance(body, _Failure) else self._judged(response, body)
        except requests.Timeout:
            return _Failure(f"no answer within {self._pace.timeout:g} seconds")
        except requests.RequestException as error:
            # the error's own words quote the address with the key
            return _Failure(f"the connection failed ({type(error).__name__})")

    def _keep_distance(self) -> None:
        if self._last_request is not None:
            left = self._last_request + self._pace.between - self._clock()
            if left > 0:
                self._sleep(left)
        self._last_request = self._clock()

    def _read_body(self, response: requests.Response) -> bytes | _Failure:
        end = self._clock() + 4 * self._pace.timeout
        parts, size = [], 0
        for part in response.iter_content(CHUNK):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                return _Failure(f"the answer is larger than {LARGEST_ANSWER} bytes", transient=False)
            if self._clock() > end:
                return _Failure(f"the answer was not complete after {4 * self._pace.timeout:g} seconds")
        return b"".join(parts)

    def _judged(self, response: requests.Response, body: bytes) -> bytes | _Failure:
        status = response.status_code
        if status == 429 or status >= 500:
            wait = _seconds_to_wait(response.headers.get("Retry-After"))
            return _Failure(f"the service answers with status {status}", wait=wait)
        if 300 <= status < 400:
            target = urlsplit(self._hidden(response.headers.get("Location", "")))
            what = f"the service sends on to another address, {target.scheme}://{target.hostname}"
            return _Failure(what, remedy=REMEDY_REDIRECT, transient=False)
        if status != 200:
            return self._refused(status, body)
        if is_torn(body):
            return _Failure("the answer is torn off: no whole JSON")
        return self._without_key(body)

    def _refused(self, status: int, body: bytes) -> _Failure:
        """Return the failure of an answer that another try would not change, in the words of its text if it has any."""
        what = f"the service answers with status {status}"
        if body.lstrip().startswith(b"<"):
            return _Failure(what, remedy=REMEDY_FIREWALL, transient=False)
        try:
            decode_answer(self._hidden(body.decode("utf-8", errors="replace")).encode(), where="")
        except BadInputError as error:
            told = error.faults[0]
            return _Failure(f"{what}: {told.what}", remedy=told.remedy, transient=False)
        return _Failure(what, remedy=REMEDY_ERROR, transient=False)

    def _without_key(self, body: bytes) -> bytes | _Failure:
        """Return the answer if it does not repeat the key; an error that does is told without it."""
        text = body.decode("utf-8", errors="replace")
        hidden = self._hidden(text)
        if hidden == text:
            return body
        try:
            decode_answer(hidden.encode(), where="")
        except BadInputError as error:
            fault = error.faults[0]
            return _Failure(fault.what, remedy=fault.remedy, transient=False)
        what = "the answer repeats the key, so it cannot be kept as received"
        return _Failure(what, remedy=REMEDY_SHAPE, transient=False)

    def _hidden(self, text: str) -> str:
        # in capitals, small letters and as an address writes it
        for form in {self._key, quote(self._key, safe="")}:
            text = re.sub(re.escape(form), HIDDEN, text, flags=re.IGNORECASE)
        return text


def _checked_key(key: str) -> str:
    given = key.strip()
    if not given or len(given) > LONGEST_KEY or not given.isprintable() or " " in given:
        raise UsageError(
            f"The service needs a personal key; {KEY_VARIABLE} is empty or no key. Register at "
            f"https://webapi.bps.go.id (free), then: export {KEY_VARIABLE}=... It is never written to a file."
        )
    return given


def _checked_base(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"--base-url is the address before /model/..., like {BASE_URL}; got: {base_url!r}")
    if parts.username or parts.password:
        raise UsageError("--base-url must hold no user name or password: it is written into origin.yml")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise UsageError(
            f"--base-url must begin with https: the key would be readable on the way; got: {base_url!r}"
        )
    return base_url.rstrip("/")


def _seconds_to_wait(header: str | None) -> float | None:
    """Return what Retry-After asks for, in seconds or as a date (RFC 9110, section 10.2.3); None when it says nothing."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _paging_faults(address: str, pages: list[ListPage]) -> Iterator[Fault]:
    first = pages[0]
    for number, page in enumerate(pages, start=1):
        if (page.page, page.pages, page.total) != (number, first.pages, first.total):
            yield _fault(
                address,
                f"page {number} of {first.pages} says it is page {page.page} of {page.pages}, {page.total} rows in all",
                REMEDY_SHAPE,
            )
    rows = sum(len(page.rows) for page in pages)
    if rows != first.total:
        yield _fault(
            address, f"the pages hold {rows} rows and the service states {first.total}", REMEDY_SHAPE
        )
    if first.total == 0:
        yield _fault(address, "the list is empty", REMEDY_ABSENT)


@contextmanager
def _key_out_of_logs(hide: Callable[[str], str]) -> Iterator[None]:
    def without_key(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = hide(message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True

    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(without_key)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(without_key)


def _fault(where: str, what: str, remedy: str) -> Fault:
    return Fault(where=where, what=what, why=WHY_ANSWER, remedy=remedy)
