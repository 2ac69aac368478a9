"""A server on this machine that answers as the BPS WebAPI does, and misbehaves when told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "f00dfeedc0ffee0123456789abcdef42"
Reply = tuple[int, dict[str, str], bytes]
FIREWALL_PAGE = (
    b"<!DOCTYPE html><html><head><title>Request Rejected</title></head><body>Support ID 17</body></html>"
)


def as_json(answer: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(answer).encode()


def page(status: int, body: bytes = FIREWALL_PAGE, headers: dict[str, str] | None = None) -> Reply:
    return status, {"Content-Type": "text/html", **(headers or {})}, body


def list_page(rows: list[dict[str, Any]], *, number: int, pages: int, total: int) -> dict[str, Any]:
    paging = {"page": number, "pages": pages, "per_page": 10, "count": len(rows), "total": total}
    return {"status": "OK", "data-availability": "available", "data": [paging, rows]}


def year_pages(years: list[int], *, size: int = 4) -> list[dict[str, Any]]:
    rows = [{"th_id": year - 1900, "th": str(year)} for year in years]
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        list_page(part, number=number, pages=len(parts), total=len(rows))
        for number, part in enumerate(parts, start=1)
    ]


def data_answer(
    figures: dict[tuple[str, str], float | str | None],
    *,
    year: int,
    variable: int = 413,
    title: str = "[Metode Baru] Indeks Pembangunan Manusia",
    unit: str = "",
    turvar: tuple[tuple[int, str], ...] = ((0, "Tidak ada"),),
    turtahun: tuple[tuple[int, str], ...] = ((0, "Tahun"),),
) -> dict[str, Any]:
    """Return a data answer; ``figures`` maps (number, label) of a row to its figure."""
    keys = {
        f"{number}{variable}{turvar[0][0]}{year - 1900}{turtahun[0][0]}": value
        for (number, _), value in figures.items()
    }
    return {
        "status": "OK",
        "data-availability": "available",
        "var": [
            {
                "val": variable,
                "label": title,
                "unit": unit,
                "subj": "IPM",
                "decimal": "2",
                "note": "<p>catatan</p>",
            }
        ],
        "turvar": [{"val": number, "label": label} for number, label in turvar],
        "labelvervar": "Provinsi/Kabupaten/Kota",
        "vervar": [{"val": int(number), "label": label} for number, label in figures],
        "tahun": [{"val": year - 1900, "label": str(year)}],
        "turtahun": [{"val": number, "label": label} for number, label in turtahun],
        "datacontent": keys,
    }


@dataclass
class Script:
    """What the server answers, and what it was asked.

    Parameters
    ----------
    years
        Pages of the list of years.
    tables
        Year to data answer.
    trouble
        Replies given, one a request, before the usable ones.
    """

    years: list[Any]
    tables: dict[int, Any]
    trouble: list[Reply | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    asked: list[tuple[float, str]] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for _, path in self.asked]

    def reply(self, path: str) -> Reply:
        words = path.strip("/").split("/")
        question = dict(zip(words[0::2], words[1::2], strict=False))
        if question.get("key") != KEY:
            return as_json({"status": "Error", "message": f"Invalid key {question.get('key')}"})
        if question["model"] == "th":
            return as_json(self.years[int(question["page"]) - 1])
        answer = self.tables[int(question["th"]) + 1900]
        return (
            (200, {"Content-Type": "application/json"}, answer)
            if isinstance(answer, bytes)
            else as_json(answer)
        )


@contextmanager
def serve(script: Script) -> Iterator[str]:
    """Serve a script; yields the address before ``/model/...``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append((time.monotonic(), self.path))
            trouble = script.trouble.pop(0) if script.trouble else None
            if callable(trouble):
                trouble(self)
                return
            status, headers, body = trouble or script.reply(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing for longer than the client waits."""
    time.sleep(0.5)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.connection.close()


def tear(handler: BaseHTTPRequestHandler) -> None:
    """Announce a whole answer and send a part of it."""
    body = b'{"status": "OK", "data-availability": "avail'
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) + 400))
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True
