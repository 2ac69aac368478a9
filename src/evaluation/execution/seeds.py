"""Random numbers that follow from the parameters of a notebook alone.

Forked processes would otherwise all continue the one stream of their parent, and ordinary kernels start each
with another. Belongs here: seeding the global generators. Library code has seeded generators of its own.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluation.provenance import fingerprint

SEED_DIGITS = 8
"""Hexadecimal digits of a fingerprint that make a seed: NumPy takes 32 bits."""


def seed_of(parameters: Mapping[str, Any]) -> int:
    """Return the seed that belongs to parameters."""
    return int(fingerprint("seed", dict(parameters))[:SEED_DIGITS], 16)


def seed_generators(seed: int) -> None:
    """Seed the global generators of `random` and NumPy."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  notebooks of users may draw from the global generator


def kernel_line(seed: int) -> str:
    """Return the line that makes an ordinary kernel seed its generators; it leaves no name behind."""
    return f"__import__({__name__!r}, fromlist=['seeds']).seed_before_first_cell({seed})"


def seed_before_first_cell(seed: int) -> None:
    """Seed the generators of this kernel when its first cell starts: its own start-up draws from them."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("only a running kernel can seed its first cell")
    events = shell.events

    def seed_once(*_: object) -> None:
        events.unregister("pre_run_cell", seed_once)
        seed_generators(seed)

    events.register("pre_run_cell", seed_once)
