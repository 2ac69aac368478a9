"""How scores are made, in sentences from the configuration.

Belongs here: what several pages say of the method of scoring. Does not belong here: the method (`evaluation.index`).
"""

from __future__ import annotations

from evaluation.reporting.labels import Labels


def scoring_sentences(labels: Labels) -> list[str]:
    """Return how scores are made, with the reasons that stand in the configuration."""
    framework, say = labels.catalog.framework, labels.words.say
    low, high = framework.score_range
    return [
        say(
            "Each figure becomes a score from {low:n0} to {high:n0} between two fixed goalposts, and is held there beyond "
            "them.",
            low=low,
            high=high,
        ),
        _weights_sentence(labels),
        framework.aggregation.reason.get(labels.language),
        framework.coverage.reason.get(labels.language),
        framework.grades.reason.get(labels.language),
    ]


def _weights_sentence(labels: Labels) -> str:
    say, catalog = labels.words.say, labels.catalog
    weights = [
        *(indicator.weight for indicator in catalog.with_use("scored")),
        *(dimension.weight for dimension in catalog.dimensions.values()),
        *(pillar.weight for pillar in catalog.pillars.values()),
    ]
    if len(set(weights)) == 1:
        return say("All weights are equal.")
    return say("Weights differ; they stand in config/pillars.yml and config/indicators.")
