"""Readers of received files: a vintage folder in, observations out.

Belongs here: reading, typing and checking at the door. Does not belong here: merging categories, converting
units, choosing between two values; that is `evaluation.indicators`' work.
"""

from evaluation.sources.origins import list_vintages, read_origin, vintage_order
from evaluation.sources.read import read_observations

__all__ = ["list_vintages", "read_observations", "read_origin", "vintage_order"]
