"""Commands on data: bring one's own, compare vintages; fetch, templates and export are in `data_take`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from evaluation.cli.arguments import project_of
from evaluation.cli.data_add import add_add_command
from evaluation.cli.data_take import add_take_commands

if TYPE_CHECKING:
    import pandas as pd

SHOWN_CHANGES = 40
"""Changed figures listed on the terminal; --json and --all give all of them."""


def add_data_commands(commands: Any) -> None:
    """Add ``data METHOD``: figures in and out."""
    data = commands.add_parser("data", help="bring data, compare vintages, take data away")
    methods = data.add_subparsers(required=True, metavar="METHOD")
    add_add_command(methods)
    _add_diff(methods)
    add_take_commands(methods)


def _add_diff(methods: Any) -> None:
    diff = methods.add_parser("diff", help="received figures that changed between vintages")
    diff.add_argument(
        "vintages", nargs="*", metavar="VINTAGE",
        help="SOURCE/VINTAGE: one is compared with all before it, two with each other (default: the latest of each)",
    )  # fmt: skip
    diff.add_argument("--all", action="store_true", help="list every figure")
    diff.add_argument("--json", action="store_true", help="as JSON, every figure")
    diff.set_defaults(run=_diff)


def _diff(arguments: argparse.Namespace) -> None:
    from evaluation.errors import UsageError
    from evaluation.studies.vintages import vintage_changes

    named = arguments.vintages
    if len(named) > 2:
        raise UsageError(f"Two vintages at most are compared; got {len(named)}.")
    changes = vintage_changes(
        project_of(arguments), old=named[0] if len(named) == 2 else None, new=named[-1] if named else None
    )
    try:
        if arguments.json:
            records = json.loads(changes.to_json(orient="records", double_precision=15))
            print(json.dumps(records, ensure_ascii=False))
        else:
            _print_changes(changes, every=arguments.all)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever reads has read enough; what is left must not be flushed into the closed pipe at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_changes(changes: pd.DataFrame, *, every: bool) -> None:
    if changes.empty:
        print("No received figure changed.")
        return
    for (source, vintage, variable), rows in changes.groupby(["source", "vintage", "variable"], sort=True):
        counts = ", ".join(f"{n} {kind}" for kind, n in rows["kind"].value_counts().sort_index().items())
        first, last = rows["year"].min(), rows["year"].max()
        years = f"{first}-{last}" if first < last else str(first)
        print(f"{source}/{vintage}  {variable}  {years}: {counts}")
        shown = rows if every else rows.head(SHOWN_CHANGES)
        for row in shown.itertuples():
            print(f"  {row.kind:<9} {row.region_code} {row.region}, {row.year}: {_values(row)}")
        if len(shown) < len(rows):
            print(f"  ... and {len(rows) - len(shown)} more (--all)")


def _values(row: Any) -> str:
    before = "" if row.before != row.before else f"{row.before:.10g}"
    after = "" if row.after != row.after else f"{row.after:.10g}"
    return f"{before or 'none'} -> {after or 'none'} {row.unit}"
