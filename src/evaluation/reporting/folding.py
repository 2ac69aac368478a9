"""Parts of a page that are folded away until a reader asks for them; print shows them.

Belongs here: folding finished charts and tables. Does not belong here: what they show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup


class Shown(Protocol):
    """What a page shows: a chart or a table."""

    def __html__(self) -> str:
        """Return the whole as HTML."""
        ...


@dataclass(frozen=True, repr=False)
class Folded:
    """Charts and tables under a line that opens them; needs no script.

    Parameters
    ----------
    summary
        The line, in the reader's language.
    parts
        What it opens.
    """

    summary: str
    parts: tuple[Shown, ...]

    def __repr__(self) -> str:
        return f"Folded({self.summary!r})"

    def _repr_html_(self) -> str:
        return self.__html__()

    def __html__(self) -> str:
        """Return the whole as HTML."""
        body = Markup("").join(Markup(part.__html__()) for part in self.parts)
        return str(
            Markup('<details class="fold"><summary>{}</summary>{}</details>').format(self.summary, body)
        )
