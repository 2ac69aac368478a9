"""``data/processed/run.html``: the last run as one page without scripts or requests.

Belongs here: drawing the course of a run. Does not belong here: what a run notes
(`evaluation.execution.journal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from evaluation.execution.journal import TargetRecord
from evaluation.provenance import write_bytes_atomically

TIMELINE_NAME = "run.html"
WIDTH, ROW = 1000, 22
COLOURS = {"ok": "#4477AA", "failed": "#AA3377"}
OTHER = "#BBBBBB"
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;"
    "border-bottom:1px solid #ddd;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "pre{white-space:pre-wrap;margin:0}svg{width:100%;height:auto}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_timeline(processed_dir: Path, content: Mapping[str, Any], records: Iterable[TargetRecord]) -> None:
    """Write the page of a run.

    Parameters
    ----------
    processed_dir
        Where it goes.
    content
        What ``run.json`` says.
    records
        What became of each target.
    """
    shown = [record for record in records if record.status != "up to date"]
    html = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>Run of {escape(content['started'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>Run of {escape(content['started'])}</h1>"
        f"<p>{content['made']} pages made, {content['not_made']} not made, {content['up_to_date']} up to date, "
        f"in {content['seconds']:.1f} s; notebooks: {escape(', '.join(content['paths']) or 'none')}.</p>"
        f"{_drawing(shown)}{_table(shown)}</body></html>\n"
    )
    write_bytes_atomically(processed_dir / TIMELINE_NAME, html.encode())


def _drawing(records: list[TargetRecord]) -> str:
    timed = [record for record in records if record.seconds]
    if not timed:
        return ""
    end = max(record.started + record.seconds for record in timed)
    rows = 1 + max(record.worker for record in timed)
    bars = "".join(_bar(record, WIDTH / end) for record in timed)
    label = f"When each target ran on {rows} processes, over {end:.0f} seconds; the table lists the same"
    return f'<svg viewBox="0 0 {WIDTH} {rows * ROW}" role="img" aria-label="{label}">{bars}</svg>'


def _bar(record: TargetRecord, scale: float) -> str:
    return (
        f'<rect x="{record.started * scale:.2f}" y="{record.worker * ROW + 2}" '
        f'width="{max(record.seconds * scale, 0.5):.2f}" height="{ROW - 4}" '
        f'fill="{COLOURS.get(record.status, OTHER)}" stroke="#fff" stroke-width="0.4">'
        f"<title>{escape(record.target)}: {record.status}, {record.seconds:.2f} s</title></rect>"
    )


def _table(records: list[TargetRecord]) -> str:
    # what went wrong first, then the longest
    ordered = sorted(records, key=lambda record: (record.status == "ok", -record.seconds, record.target))
    rows = "".join(
        f"<tr><td>{escape(record.target)}</td><td>{record.status}</td>"
        f'<td class="n">{record.started:.2f}</td><td class="n">{record.seconds:.2f}</td>'
        f'<td class="n">{record.attempts}</td><td><pre>{escape(record.reason)}</pre></td></tr>'
        for record in ordered
    )
    head = "".join(
        f"<th>{name}</th>" for name in ("target", "outcome", "start, s", "length, s", "attempts", "why")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
