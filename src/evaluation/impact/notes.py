"""What a result must say about itself, in words that can be translated.

Belongs here: the closed list of reasons why a comparison is not estimable, and remarks as a template with
values, so that a report says them in its own language. Does not belong here: the report's sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Reason = Literal[
    "beyond_data",
    "always_treated",
    "not_observed",
    "too_few_treated",
    "no_control",
    "singular_covariates",
    "no_comparable_control",
    "logit_diverged",
]

REASONS: MappingProxyType[Reason, str] = MappingProxyType(
    {
        "beyond_data": "The first year of effect lies beyond the data.",
        "always_treated": "Treated, or possibly treated, in every year of the data: there is no base year.",
        "not_observed": "No treated unit is observed in both the year and its base year.",
        "too_few_treated": "A single treated unit: its standard error cannot be estimated.",
        "no_control": "Fewer than two clean controls are observed in both the year and its base year.",
        "singular_covariates": "The covariates are collinear among the controls.",
        "no_comparable_control": "The covariates single out treated units that have no comparable control.",
        "logit_diverged": "The propensity score did not converge.",
    }
)
"""Why a comparison has no estimate: code to sentence (the key of the message catalogue)."""


@dataclass(frozen=True)
class Note:
    """One remark about a result.

    Parameters
    ----------
    code
        Short stable name of the remark.
    text
        The sentence, with ``{name}`` where a value goes; the key of the message catalogue.
    values
        The values by name.
    """

    code: str
    text: str
    values: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**self.values)


class NotEstimable(Exception):
    """A comparison has no estimate, for one of `REASONS`: an answer that the caller lists, not an error."""

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(REASONS[reason])
