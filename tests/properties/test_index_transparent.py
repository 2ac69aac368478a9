"""The engine against a short, slow version in pandas, on random hierarchies, options and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.index import Element, Goalposts, IndexSpec, Level, Minimum, Normalise, build_index

EXACT = 1e-12
"""Relative; a few dozen operations in another order."""

METHODS = ("goalposts", "minmax", "zscore", "percentile_rank", "rank", "distance_to_maximum")
POSITIVE = ("goalposts", "minmax", "rank")
MEANS = ("arithmetic", "geometric", "harmonic", "power")


@st.composite
def specs(draw: st.DrawFn) -> IndexSpec:
    """Draw a tree of two to four levels, one to three children each, with weights, directions and minima."""
    depth = draw(st.integers(1, 3))
    levels, elements, parents = [f"level{number}" for number in range(depth + 1)], [], ["top"]
    elements.append(Element("top", None, levels[-1]))
    weight = st.sampled_from([0.0, 0.5, 1.0, 3.0])
    for level in reversed(levels[:-1]):
        children: list[str] = []
        for parent in parents:
            weights = draw(st.lists(weight, min_size=1, max_size=3).filter(lambda drawn: sum(drawn) > 0))
            for number, own in enumerate(weights):
                code = f"{parent}.{number}"
                direction = draw(st.sampled_from([-1, 1])) if level == levels[0] else 1
                goalposts = Goalposts(2.0, 8.0) if level == levels[0] else None
                elements.append(
                    Element(code, parent, level, weight=own, direction=direction, goalposts=goalposts)
                )
                children.append(code)
        parents = children
    method = draw(st.sampled_from(METHODS))
    means = MEANS if method in POSITIVE else ("arithmetic",)
    return IndexSpec(
        elements=tuple(elements),
        levels=tuple(draw_level(draw, name, means) for name in levels[1:]),
        indicator_level=levels[0],
        normalise=Normalise(method=method, score_range=(1.0, 10.0)),  # type: ignore[arg-type]
    )


def draw_level(draw: st.DrawFn, name: str, means: tuple[str, ...]) -> Level:
    minimum = Minimum(share=draw(st.sampled_from([0.0, 0.5, 1.0])), count=draw(st.integers(0, 2)))
    aggregation: Any = draw(st.sampled_from(means))
    return Level(name, aggregation=aggregation, minimum=minimum, power=2.5 if aggregation == "power" else 1.0)


def slow_scores(values: pd.Series, element: Element, method: str) -> pd.Series:
    directed = values * element.direction
    span = directed.max() - directed.min()
    if method == "goalposts":
        held = values.clip(2.0, 8.0) * element.direction
        worst = 2.0 if element.direction == 1 else -8.0
        return 1 + 9 * (held - worst) / 6
    if method == "minmax":
        return 1 + 9 * (directed - directed.min()) / span
    if method == "zscore":
        return (directed - directed.mean()) / directed.std()
    if method == "rank":
        return directed.rank(method="min")
    if method == "percentile_rank":
        return (directed.rank(method="min") - 1) / (directed.count() - 1)
    return 1 - (directed.max() - directed) / span


def slow_mean(scores: pd.Series, weights: pd.Series, level: Level) -> float:
    there = scores.dropna()
    share = weights[there.index].sum() / weights.sum()
    if len(there) < level.minimum.count or share < level.minimum.share - 1e-9 or share == 0:
        return np.nan
    parts = weights[there.index] / weights[there.index].sum()
    if level.aggregation == "geometric":
        return float((there**parts).prod())
    power = {"arithmetic": 1.0, "harmonic": -1.0}.get(level.aggregation, level.power)
    return float((parts * there**power).sum() ** (1 / power))


def slow_index(values: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    assert spec.normalise is not None
    scores = {one.code: slow_scores(values[one.code], one, spec.normalise.method) for one in spec.indicators}
    for level in spec.levels:
        for element in spec.of_level(level.name):
            children = spec.children(element.code)
            frame = pd.DataFrame({child.code: scores[child.code] for child in children})
            weights = pd.Series({child.code: child.weight for child in children})
            scores[element.code] = frame.apply(slow_mean, axis=1, weights=weights, level=level)
    return pd.DataFrame(scores)[[element.code for element in spec.elements]]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specs(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]))
def test_the_engine_equals_a_short_transparent_version(spec: IndexSpec, seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    codes = [element.code for element in spec.indicators]
    values = pd.DataFrame(rng.normal(5, 2, (9, len(codes))), columns=codes)
    hidden = rng.random(values.shape) < missing
    hidden[:3] = False
    values = values.mask(hidden)
    result = build_index(values, spec)
    np.testing.assert_allclose(result.scores, slow_index(values, spec), rtol=EXACT, atol=EXACT)
    slow_ranks = slow_index(values, spec).rank(method="min", ascending=False)
    leaves = [one.code for one in spec.indicators]
    assert result.ranks[leaves].equals(slow_ranks[leaves]) or spec.normalise.method == "zscore"  # type: ignore[union-attr]
