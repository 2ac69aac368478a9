"""Methods for specialists: weights from judgements, from the data or from targets, and rankings without weights.

Belongs here: one module a method, each tested on a published worked example. Does not belong here: the steps every index
takes. The index of Mazziotta and Pareto is not among them: no example with its input was to be had.
"""

from evaluation.index.methods.ahp import (
    GroupPriorities,
    Priorities,
    group_priorities,
    pairwise_priorities,
)
from evaluation.index.methods.benefit_of_the_doubt import BenefitOfTheDoubt, benefit_of_the_doubt
from evaluation.index.methods.borda import BordaCount, borda_count
from evaluation.index.methods.critic import CriticWeights, critic_weights
from evaluation.index.methods.entropy import EntropyWeights, entropy_weights
from evaluation.index.methods.optimised import OptimisedWeights, optimised_weights

__all__ = [
    "BenefitOfTheDoubt",
    "BordaCount",
    "CriticWeights",
    "EntropyWeights",
    "GroupPriorities",
    "OptimisedWeights",
    "Priorities",
    "benefit_of_the_doubt",
    "borda_count",
    "critic_weights",
    "entropy_weights",
    "group_priorities",
    "optimised_weights",
    "pairwise_priorities",
]
