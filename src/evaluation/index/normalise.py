"""Values to scores by fixed goalposts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluation.index.spec import Transform

_TRANSFORMS: dict[Transform, Callable[..., np.ndarray]] = {
    "linear": np.asarray,
    "log": np.log,
    "log1p": np.log1p,
}


def goalpost_scores(
    values: np.ndarray,
    *,
    goalposts: tuple[float, float],
    direction: int,
    transform: Transform,
    score_range: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores between fixed goalposts, capped at both ends, and where they were capped.

    Parameters
    ----------
    values
        Values in the indicator's unit, NaN where missing; any shape.
    goalposts
        Values of the lowest and the highest end, low before high.
    direction
        +1 when more is better, -1 when less is better.
    transform
        Scale on which distances are measured.
    score_range
        Score at the worst and at the best goalpost.

    Returns
    -------
    scores, capped
        Of the shape of ``values``; NaN and False where the value is missing.

    Notes
    -----
    With f the transform and (a, b) the score range, s = a + (b - a) (f(x) - f(low)) / (f(high) - f(low)),
    measured from the other end when the direction is -1, and x held within [low, high]. Human Development
    Report technical note 1 and BPS (new-method IPM) use the same form with fixed goalposts.
    """
    low, high = goalposts
    scale = _TRANSFORMS[transform]
    held = np.clip(values, low, high)
    position = (scale(held) - scale(low)) / (scale(high) - scale(low))
    if direction < 0:
        position = 1.0 - position
    lowest, highest = score_range
    capped = (values < low) | (values > high)
    return lowest + (highest - lowest) * position, capped
