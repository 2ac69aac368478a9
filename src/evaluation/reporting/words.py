"""Words and numbers in the reader's language, from one message catalogue.

English source text is the message; ``locale/id.po`` holds the Indonesian. Numbers, years and lists inside a
sentence are written the way the language writes them. A message without a translation is an error: half a
sentence in another language is worse than no page.

Format specifications in messages, after a colon: ``n0`` ``n1`` ``n2`` numbers with so many decimals, ``s1``
the same with a sign, ``p1`` with a per cent sign, ``g`` up to the decimals needed, ``y`` a year.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from babel.dates import format_date
from babel.lists import format_list
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from evaluation.catalog import Language, Text
from evaluation.errors import EvaluationError
from evaluation.provenance import fingerprint

LANGUAGES: tuple[Language, ...] = ("id", "en")
SOURCE_LANGUAGE: Language = "en"
LOCALE_DIR = Path(__file__).parent / "locale"
NO_VALUE = "–"
MINUS = "−"

_NUMBER_SPEC = re.compile(r"^(?P<kind>[nsp])(?P<decimals>\d)$")


_SPOKEN: dict[str, None] = {}


def begin_recording() -> None:
    """Forget which messages were said so far."""
    _SPOKEN.clear()


def spoken() -> tuple[str, ...]:
    """Return the messages said since `begin_recording`, in English, sorted."""
    return tuple(sorted(_SPOKEN))


def translations(language: Language) -> Mapping[str, str]:
    """Return message to translation; nothing for the source language, in which a message is its own."""
    return {} if language == SOURCE_LANGUAGE else read_messages(language)


def message_state(message: str, known: Mapping[str, str]) -> str:
    """Return the hash of a message's translation."""
    return fingerprint([[message, known.get(message, message)]])


class MissingTranslationError(EvaluationError):
    """A message that the catalogue does not have in the language asked for."""


class Words:
    """Speaks one language.

    Parameters
    ----------
    language
        ``id`` for Bahasa Indonesia, ``en`` for English.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._formatter = _LocalFormatter(language)

    @cached_property
    def _messages(self) -> dict[str, str]:
        return read_messages(self.language)

    def say(self, message: str, /, **values: Any) -> str:
        """Return a message in the language, its placeholders filled.

        Raises
        ------
        MissingTranslationError
            When the catalogue lacks the message.
        """
        return self._formatter.vformat(self._translated(message), (), values)

    def translate(self, text: str) -> str:
        """Return a whole text (a notebook's prose cell) in the language; nothing is filled in."""
        return self._translated(text)

    def pick(self, text: Text) -> str:
        """Return the words of a bilingual text of the configuration."""
        return text.get(self.language)

    def number(self, value: float, decimals: int = 1, *, signed: bool = False) -> str:
        """Return a number with the separators of the language; missing is a dash."""
        return self._formatter.format_field(value, f"{'s' if signed else 'n'}{decimals}")

    def tick(self, value: float, *, signed: bool = False) -> str:
        """Return a number on an axis, with no more decimals than it needs."""
        text = self._formatter.format_field(value, "g")
        return f"+{text}" if signed and value > 0 else text

    def listing(self, items: Iterable[str]) -> str:
        """Return items as an enumeration: a, b and c."""
        parts = list(items)
        return format_list(parts, locale=self.language) if parts else ""

    def day(self, when: date) -> str:
        """Return a date in long form."""
        return format_date(when, format="long", locale=self.language)

    def _translated(self, message: str) -> str:
        _SPOKEN[message] = None
        if self.language == SOURCE_LANGUAGE:
            return message
        translated = self._messages.get(message)
        if not translated:
            raise MissingTranslationError(
                f"message without a translation into {self.language!r}: {message!r}. "
                "Run `make messages` and translate it in src/evaluation/reporting/locale."
            )
        return translated


def read_messages(language: Language) -> dict[str, str]:
    """Return message to translation for a language, read again in this process only when the catalogue was touched."""
    found = (LOCALE_DIR / f"{language}.po").stat()
    return _messages(language, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=len(LANGUAGES))
def _messages(language: Language, _modified: int, _size: int) -> dict[str, str]:
    with (LOCALE_DIR / f"{language}.po").open("rb") as stream:
        catalogue = read_po(stream, locale=language)
    return {
        str(entry.id): str(entry.string)
        for entry in catalogue
        if entry.id and entry.string and not entry.fuzzy
    }


class _LocalFormatter(Formatter):
    """Fills placeholders with numbers as the language writes them."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, float) and math.isnan(value):
            return NO_VALUE
        if format_spec == "y":
            return str(int(value))
        if format_spec == "g":
            return self._decimal(value, "#,##0.######")
        match = _NUMBER_SPEC.match(format_spec)
        if match is None:
            return str(format(value, format_spec))
        decimals = int(match["decimals"])
        digits = "#,##0" + ("." + "0" * decimals if decimals else "")
        rounds_to_zero = round(abs(float(value)), decimals) == 0
        if match["kind"] == "s" and not rounds_to_zero:
            digits = f"+{digits};-{digits}"
        return self._decimal(0 if rounds_to_zero else value, digits) + ("%" if match["kind"] == "p" else "")

    def _decimal(self, value: float, pattern: str) -> str:
        return format_decimal(value, format=pattern, locale=self._language).replace("-", MINUS)
