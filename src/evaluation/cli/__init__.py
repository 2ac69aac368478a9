"""The command ``evaluation``: reads the command line, calls, sets the exit code.

Nothing is computed here, and nothing heavy is imported before the command is known. Messages are plain
English; the pages have the languages.
"""

from __future__ import annotations

import argparse
import errno
import gc
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from evaluation.cli.data import add_data_commands
from evaluation.cli.impact import add_impact_commands
from evaluation.cli.index import add_index_commands
from evaluation.cli.reports import add_report_commands
from evaluation.errors import BadInputError, EvaluationError, TargetsFailedError

EXIT_DEFECT = 1
EXIT_INTERRUPTED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""The disk is full, the quota is used up, or the folder can only be read."""

NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EIO, errno.EISDIR, errno.ENOTDIR, errno.ELOOP)
"""The file belongs to somebody else, is none, or the disk fails."""

DEFECT_NAME = "defect.txt"
OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    argv
        The words after ``evaluation``; those of the process when None.

    Returns
    -------
    int
        0 all made; 1 our defect; 2 wrong command or parameter; 3 bad data or configuration; 4 some targets
        failed; 5 another run holds the lock; 130 interrupted.
    """
    arguments = build_parser().parse_args(argv)
    # imports make objects by the hundred thousand that stay: looking through them for garbage finds none
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        arguments.run(arguments)
    except EvaluationError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except OSError as problem:
        if problem.errno in NO_ACCESS:
            print(
                f"{problem.filename or 'A file'} cannot be read or written: {problem.strerror}. What was finished is "
                "kept. Mend the rights or the disk, and run again.",
                file=sys.stderr,
            )
            return BadInputError.exit_code
        if problem.errno not in NO_ROOM:
            _tell_defect(arguments)
            return EXIT_DEFECT
        where = f" {problem.filename}" if problem.filename else ""
        print(
            f"Nothing more can be written{where}: {problem.strerror}. What was finished is kept.",
            file=sys.stderr,
        )
        return TargetsFailedError.exit_code
    except KeyboardInterrupt:
        print("Interrupted. What was finished is kept; run again to make the rest.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception:
        # the last door: whatever comes here is our defect, and a user shall not have to read a traceback
        _tell_defect(arguments)
        return EXIT_DEFECT
    return 0


def _tell_defect(arguments: argparse.Namespace) -> None:
    text = traceback.format_exc()
    if arguments.debug:
        print(text, file=sys.stderr)
        return
    path = _defect_path()
    path.write_text(text, encoding="utf-8")
    last = text.strip().splitlines()[-1]
    print(
        f"This is a defect of the program, not of your data: {last}\n"
        f"Please report it with the file {path}; --debug shows it here.",
        file=sys.stderr,
    )


def _defect_path() -> Path:
    processed = Path.cwd() / "data" / "processed"
    return (processed if processed.is_dir() else Path(tempfile.gettempdir())) / DEFECT_NAME


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="evaluation", description="Evaluates Indonesia's Smart City programme: data to reports."
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of a defect")
    parser.add_argument("--project", metavar="FOLDER", help="the checkout; the one you are in if not given")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_report_commands(commands)
    add_impact_commands(commands)
    add_data_commands(commands)
    add_index_commands(commands)
    return parser
