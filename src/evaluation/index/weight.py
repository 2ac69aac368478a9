"""Weights of the children of an element: given, equal, or from rotated principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.errors import BadInputError, Fault
from evaluation.index.principal_components import components_of, varimax
from evaluation.index.scopes import row_groups
from evaluation.index.spec import Element, IndexSpec
from evaluation.index.steps import Weight


@dataclass(frozen=True)
class ComponentWeights:
    """Weights from rotated principal components, and what they were made from.

    Parameters
    ----------
    weights
        (k,), sum to one.
    loadings
        (k, m) after rotation.
    explained
        (m,) variance that each rotated component explains.
    component
        (k,) the component, from 0, that each indicator stands for.
    """

    weights: np.ndarray
    loadings: np.ndarray
    explained: np.ndarray
    component: np.ndarray


def weights_of(
    parent: str, scores: pd.DataFrame, spec: IndexSpec, *, method: str | None = None
) -> np.ndarray:
    """Return the weights of the children of an element, in their order.

    Parameters
    ----------
    parent
        Code of the element.
    scores
        Scores of its children, columns their codes; read for ``pca`` only.
    spec
        Elements, and the step `weight` (None: as the elements say).
    method
        Overrides the step's.
    """
    children = spec.children(parent)
    step = spec.weight or Weight()
    chosen = method or step.levels.get(children[0].level, step.method)
    if chosen == "equal":
        return np.ones(len(children))
    if chosen == "pca" and len(children) > 1:
        return _component_weights(parent, children, scores, step)
    return np.array([child.weight for child in children])


def component_weights(correlation: np.ndarray, step: Weight) -> ComponentWeights:
    """Return the weights of the Handbook from a correlation matrix.

    Parameters
    ----------
    correlation
        (k, k).
    step
        Number of components, or the rules by which they are kept.

    Raises
    ------
    BadInputError
        When the rules keep none, or those kept explain too little.

    Notes
    -----
    Components are rotated by varimax. Each indicator stands for the component on which its loading is largest in size;
    its weight is the square of this loading, over the component's explained variance, times the component's share of
    the variance that all components explain; then all are scaled to a sum of one. OECD/JRC Handbook (2008), section
    6.1, after Nicoletti, Scarpetta and Boylaud (2000), doi:10.1787/215182844604. Its table 18 follows this rule, while
    its text groups by the largest scaled square.
    """
    eigenvalues, loadings = components_of(correlation)
    kept = _n_components(eigenvalues, step)
    return weights_from_loadings(varimax(loadings[:, :kept]))


def weights_from_loadings(loadings: np.ndarray) -> ComponentWeights:
    """Return the weights of `component_weights` from rotated loadings, (k, m)."""
    squares = loadings**2
    explained = squares.sum(axis=0)
    component = np.argmax(np.abs(loadings), axis=1)
    own = squares[np.arange(len(loadings)), component]
    # Square over the component's variance, times its share: the variance cancels, but for the sum over components.
    weights = own / explained.sum()
    return ComponentWeights(weights / weights.sum(), loadings, explained, component)


def _n_components(eigenvalues: np.ndarray, step: Weight) -> int:
    if step.components is not None:
        return min(step.components, len(eigenvalues))
    shares = eigenvalues / eigenvalues.sum()
    kept = int(((eigenvalues >= step.min_eigenvalue) & (shares >= step.min_share)).sum())
    explained = float(shares[:kept].sum())
    if not kept or explained < step.min_cumulative:
        raise BadInputError(
            [
                Fault(
                    where="weight by pca",
                    what=f"{kept} components are kept and explain {explained:.0%} of the variance",
                    why=f"together they must explain {step.min_cumulative:.0%}",
                    remedy="name their number in components, ask for less, or weight otherwise",
                )
            ]
        )
    return kept


def _component_weights(
    parent: str, children: tuple[Element, ...], scores: pd.DataFrame, step: Weight
) -> np.ndarray:
    _, fitted, _ = next(row_groups(scores.index, step.scope, step.reference))
    complete = scores.loc[fitted, [child.code for child in children]].dropna().to_numpy(dtype=float)
    varied = len(complete) > 2 and (complete.min(axis=0) < complete.max(axis=0)).all()
    if not varied:
        raise BadInputError(
            [
                Fault(
                    where=f"weight by pca, {parent}",
                    what=f"{len(complete)} rows have all children, or a child does not vary among them",
                    why="correlations do not exist then",
                    remedy="screen or impute, or weight this level otherwise",
                )
            ]
        )
    try:
        return component_weights(np.corrcoef(complete, rowvar=False), step).weights
    except BadInputError as error:
        raise BadInputError(
            [Fault(f"{one.where}, {parent}", one.what, one.why, one.remedy) for one in error.faults]
        ) from None
