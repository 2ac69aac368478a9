"""A paragraph that a notebook shows and a page prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Prose:
    """Finished sentences, shown as a paragraph (Markdown).

    Parameters
    ----------
    text
        One or more sentences in the reader's language.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def paragraph(*sentences: str) -> Prose:
    """Return sentences as one paragraph; empty ones are left out."""
    return Prose(" ".join(sentence for sentence in sentences if sentence))


def bullets(items: list[str]) -> Prose:
    """Return items as a list."""
    return Prose("\n".join(f"- {item}" for item in items))
