"""How the words of a command line are read, the same for every command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.studies.project import Project


def positive(text: str) -> int:
    """Return a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more; got: {text}")
    return value


def items(text: str) -> list[str]:
    """Return the items of a list written with commas."""
    named = [item.strip() for item in text.split(",") if item.strip()]
    if not named:
        raise argparse.ArgumentTypeError("must name at least one")
    return named


def project_of(arguments: argparse.Namespace) -> Project:
    """Return the project a command is about."""
    from evaluation.studies.project import open_project

    return open_project(Path(arguments.project) if arguments.project else None)
