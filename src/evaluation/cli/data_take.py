"""The commands ``data fetch``, ``data template`` and ``data export``: figures and forms to take."""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import items, positive, project_of
from evaluation.cli.data_add import bring_files
from evaluation.errors import UsageError

if TYPE_CHECKING:
    from evaluation.catalog import Catalog, Segment
    from evaluation.provenance import ReceivedVariable
    from evaluation.sources.webapi_fetch import FetchedTable

FORMS = ("csv", "parquet", "dta", "xlsx")


def add_take_commands(methods: Any) -> None:
    """Add ``fetch``, ``template`` and ``export``."""
    _add_fetch(methods)
    _add_template(methods)
    _add_export(methods)


def year_list(text: str) -> list[int]:
    """Return the years of a list like ``2019,2021-2024``."""
    years: list[int] = []
    for part in items(text):
        found = re.fullmatch(r"((?:19|20)[0-9]{2})(?:-((?:19|20)[0-9]{2}))?", part)
        if found is None:
            raise argparse.ArgumentTypeError(f"must be years like 2024 or 2020-2024; got: {part}")
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last:
            raise argparse.ArgumentTypeError(f"the first year lies after the last; got: {part}")
        years.extend(range(first, last + 1))
    return sorted(set(years))


def forms(text: str) -> list[str]:
    """Return the forms of a list like ``csv,dta``."""
    named = items(text)
    unknown = [form for form in named if form not in FORMS]
    if unknown:
        raise argparse.ArgumentTypeError(f"must be of {', '.join(FORMS)}; got: {', '.join(unknown)}")
    return named


def _add_fetch(methods: Any) -> None:
    fetch = methods.add_parser("fetch", help="fetch a table of a publisher's web service, kept as received")
    fetch.add_argument("publisher", choices=("bps",), help="bps: the WebAPI of Badan Pusat Statistik")
    fetch.add_argument(
        "--variable", type=positive, required=True, metavar="N", help="number of the dynamic table, like 413"
    )
    fetch.add_argument("--years", type=year_list, required=True, metavar="YEARS", help="like 2020-2024")
    fetch.add_argument(
        "--domain", default="0000", metavar="CODE", help="whose table (default: 0000, national)"
    )
    fetch.add_argument("--turvar", type=int, metavar="N", help="one breakdown, where the table has several")
    fetch.add_argument("--turth", type=int, metavar="N", help="one part of the year, where it has several")
    fetch.add_argument("--indicator", metavar="CODE", help="the indicator that the table carries")
    fetch.add_argument("--source", metavar="NAME", help="its source in config/sources.yml, if it has several")
    fetch.add_argument("--base-url", metavar="URL", help="another address of the service")
    fetch.add_argument(
        "--out", type=Path, metavar="DIR", help="only keep the answers in this new folder; nothing is filed"
    )
    fetch.add_argument("--yes", action="store_true", help="file without asking")
    fetch.add_argument("--json", action="store_true", help="preview as JSON; asks nothing")
    fetch.set_defaults(run=_fetch)


def _add_template(methods: Any) -> None:
    template = methods.add_parser("template", help="write a workbook to fill in figures without open data")
    template.add_argument("indicator", metavar="INDICATOR", help="code of a wanted indicator")
    template.add_argument("--region", metavar="CODE", help="this region only (default: all)")
    template.add_argument(
        "--year", type=year_list, nargs="+", metavar="Y", help="years (default: latest edition's)"
    )
    template.add_argument("--out", type=Path, required=True, metavar="FILE.xlsx")
    template.set_defaults(run=_template)


def _add_export(methods: Any) -> None:
    export = methods.add_parser("export", help="write the analysis panel with a codebook and citations")
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    export.add_argument(
        "--format", type=forms, default=list(FORMS), metavar="csv,...", help=f"of {', '.join(FORMS)}"
    )
    export.add_argument(
        "--indicators", type=items, metavar="CODE,...", help="these only (default: all with figures)"
    )
    export.add_argument(
        "--years", type=year_list, metavar="YEARS", help="like 2010-2024 (default: all with figures)"
    )
    export.add_argument("--language", choices=("id", "en"), default="en", help="of labels and README")
    export.set_defaults(run=_export)


def _fetch(arguments: argparse.Namespace) -> None:
    from evaluation.sources.webapi_fetch import write_fetched

    meaning = _meaning(project_of(arguments).catalog, arguments) if arguments.indicator else None
    table = _fetched(arguments)
    if not arguments.json:
        print(f"{table.title}, unit {table.unit or 'not stated'}, years {', '.join(map(str, table.years))}")
    if arguments.out is not None:
        for path in write_fetched(table, arguments.out, accessed=date.today(), meaning=meaning):
            print(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        written = write_fetched(table, Path(folder) / "answers", accessed=date.today(), meaning=meaning)
        _file_answers(arguments, [path for path in written if path.suffix == ".json"])


def _fetched(arguments: argparse.Namespace) -> FetchedTable:
    from evaluation.sources.webapi import BASE_URL, KEY_VARIABLE, WebApi
    from evaluation.sources.webapi_fetch import fetch_table

    if not re.fullmatch("[0-9]{4}", arguments.domain):
        raise UsageError(
            f"--domain is a code of four digits, 0000 for the national office; got: {arguments.domain!r}"
        )
    api = WebApi(os.environ.get(KEY_VARIABLE, ""), base_url=arguments.base_url or BASE_URL)
    return fetch_table(
        api,
        variable=arguments.variable,
        years=arguments.years,
        registry=project_of(arguments).registry,
        domain=arguments.domain,
        turvar=arguments.turvar,
        turth=arguments.turth,
    )


def _file_answers(arguments: argparse.Namespace, answers: Sequence[Path]) -> None:
    """File answers as `data add` files any file that somebody downloaded."""
    taken = {"indicator", "source", "yes", "json", "project"}
    own = {name: value for name, value in vars(arguments).items() if name in taken}
    unsaid = dict.fromkeys(("year", "code_system", "quality", "accessed"))
    bring_files(argparse.Namespace(files=list(answers), revision=False, **unsaid, **own))


def _meaning(catalog: Catalog, arguments: argparse.Namespace) -> ReceivedVariable:
    from evaluation.provenance import ReceivedVariable

    segment = _segment_of(catalog, arguments.indicator, arguments.source, years=arguments.years)
    return ReceivedVariable(variable=segment.variable, unit=segment.unit)


def _segment_of(catalog: Catalog, code: str, source: str | None, *, years: Sequence[int]) -> Segment:
    """Return the one segment of an indicator that takes these years."""
    if code not in catalog.indicators:
        raise UsageError(f"There is no indicator {code!r}; config/indicators lists them.")
    segments = catalog.indicators[code].segments
    found = [
        segment
        for segment in segments
        if source in (None, segment.source)
        and all(segment.first_year <= year <= segment.last_year for year in years)
    ]
    if len(found) != 1:
        listed = "; ".join(f"{one.source} {one.first_year}-{one.last_year}" for one in segments) or "none"
        raise UsageError(
            f"These years lie in {len(found)} segments of {code}; name one with --source, or fetch fewer years. "
            f"Its segments: {listed}."
        )
    return found[0]


def _template(arguments: argparse.Namespace) -> None:
    from evaluation.provenance import write_bytes_atomically
    from evaluation.sources.template_workbook import template_bytes

    project = project_of(arguments)
    segment = _template_segment(project.catalog, arguments.indicator)
    years = [year for part in arguments.year for year in part] if arguments.year else None
    content = template_bytes(
        project.catalog.indicators[arguments.indicator],
        segment=segment,
        registry=project.registry,
        years=years or _usual_years(project.catalog, segment),
        region_code=arguments.region,
    )
    if arguments.out.exists():
        raise UsageError(f"{arguments.out} is there already and may be filled in; name another --out.")
    write_bytes_atomically(arguments.out, content)
    print(arguments.out)


def _template_segment(catalog: Catalog, code: str) -> Segment:
    from evaluation.catalog.model import SELF_REPORTED

    segments = {
        indicator.code: segment
        for indicator, segment in catalog.segments()
        if segment.source == SELF_REPORTED
    }
    if code not in segments:
        reason = "has open data, or is several figures" if code in catalog.indicators else "is no indicator"
        raise UsageError(f"{code!r} {reason}. There are templates of: {', '.join(segments)}.")
    return segments[code]


def _usual_years(catalog: Catalog, segment: Segment) -> list[int]:
    """Return the years of the latest edition that the segment takes; its own last ones where it takes none."""
    framework = catalog.framework
    last = min(max(framework.edition_years), segment.last_year)
    first = max(segment.first_year, last - framework.edition_window + 1)
    return list(range(first, last + 1))


def _export(arguments: argparse.Namespace) -> None:
    from evaluation.studies.audit import data_date
    from evaluation.studies.export import build_panel
    from evaluation.studies.export_files import write_panel

    project = project_of(arguments)
    if arguments.out.exists() and not arguments.out.is_dir():
        raise UsageError(f"--out is a folder, and {arguments.out} is a file.")
    panel = build_panel(
        project, indicators=arguments.indicators, years=arguments.years, language=arguments.language
    )
    written = write_panel(
        panel, arguments.out, project=project, data_date=data_date(project.raw_dir), formats=arguments.format
    )
    for path in written:
        print(path)
