"""Composite indices on any units: a specification and a table of values in, scores of every level out.

Belongs here: every step from values to scores. Does not belong here: regions, files, configuration.
"""

from evaluation.index.build import IndexResult, build_index
from evaluation.index.elements import elements_from_table
from evaluation.index.spec import (
    Element,
    Goalposts,
    IndexSpec,
    Level,
    Minimum,
    spec_from_mapping,
)
from evaluation.index.steps import Denominate, Impute, Normalise, Screen, Treat, Weight

__all__ = [
    "Denominate",
    "Element",
    "Goalposts",
    "Impute",
    "IndexResult",
    "IndexSpec",
    "Level",
    "Minimum",
    "Normalise",
    "Screen",
    "Treat",
    "Weight",
    "build_index",
    "elements_from_table",
    "spec_from_mapping",
]
