"""Composite indices on any units: a specification and a table of values in, scores of every level out.

Belongs here: normalising, aggregating, coverage. Does not belong here: regions, files, configuration.
"""

from evaluation.index.build import IndexResult, build_index
from evaluation.index.spec import Element, IndexSpec, Level, Minimum

__all__ = ["Element", "IndexResult", "IndexSpec", "Level", "Minimum", "build_index"]
