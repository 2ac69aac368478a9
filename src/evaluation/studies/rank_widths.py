"""How wide the intervals of ranks are, and what they still tell apart.

Belongs here: summaries of ranks with intervals. Does not belong here: the ranks (`evaluation.studies.ranks`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

UPPER_SHARE = 0.9
"""The interval that nine regions in ten do not exceed."""


def interval_widths(scores: pd.DataFrame) -> pd.DataFrame:
    """Return how wide the intervals of ranks are, for each score that is ranked.

    Parameters
    ----------
    scores
        Table `scores` of one edition.

    Returns
    -------
    DataFrame
        code; over the regions of the commonest composition: n_ranked, median_width (places that a region's interval holds, both
        ends counted), high_width (not exceeded by nine regions in ten), n_quarter (places in a quarter of the list), n_top,
        n_bottom (regions of the best and of the last quarter whose whole interval lies in it; regions that share a rank are
        in a quarter only if all of them fit), share_apart (share of all pairs of regions whose intervals do not overlap),
        n_indicators (behind the score; with one, only goalposts can move a rank).
    """
    ranked = scores[scores["rank"].notna()]
    codes = list(dict.fromkeys(ranked["code"]))
    return pd.DataFrame(
        [_width_row(of_commonest_composition(ranked[ranked["code"] == code]), code) for code in codes]
    )


def of_commonest_composition(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the regions that are ranked against most others: those of the commonest composition."""
    return ranked[ranked["composition"] == ranked["composition"].value_counts().index[0]]


def _width_row(ranked: pd.DataFrame, code: str) -> dict[str, object]:
    low, high = (ranked[column].to_numpy() for column in ("rank_low", "rank_high"))
    width = high - low + 1
    count = len(ranked)
    last_shared = ranked["rank"] + ranked.groupby("rank")["rank"].transform("size") - 1
    quarter = count // 4
    pairs = count * (count - 1)
    return {
        "code": code,
        "n_ranked": count,
        "median_width": float(np.median(width)),
        "high_width": float(np.quantile(width, UPPER_SHARE)),
        "n_quarter": quarter,
        "n_top": int(((last_shared <= quarter) & (high <= quarter)).sum()),
        "n_bottom": int(((ranked["rank"] > count - quarter) & (low > count - quarter)).sum()),
        "share_apart": 2 * float((high[:, None] < low[None, :]).sum()) / pairs if pairs else np.nan,
        "n_indicators": int(ranked["n_indicators"].max()),
    }
