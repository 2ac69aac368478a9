"""No sentence is missing in either language, and none has lost or invented a placeholder."""

from __future__ import annotations

import re

import pytest

from evaluation.catalog import Text
from evaluation.reporting.messages import collect_messages, spoken
from evaluation.reporting.words import MissingTranslationError, Words, read_messages
from evaluation.studies.project import Project

PLACEHOLDER = re.compile(r"\{[a-z_]+(?::[a-z0-9]+)?\}")


@pytest.fixture(scope="module")
def messages(project: Project) -> dict[str, list[str]]:
    return collect_messages(project.notebooks_dir)


def test_every_message_has_an_indonesian_translation(messages: dict[str, list[str]]) -> None:
    translated = read_messages("id")
    assert [message for message in messages if not translated.get(message)] == []


def test_the_catalogue_holds_no_message_that_nobody_says(messages: dict[str, list[str]]) -> None:
    assert sorted(set(read_messages("id")) - set(messages)) == []


def test_translations_keep_their_placeholders() -> None:
    changed = {
        message: translation
        for message, translation in read_messages("id").items()
        if sorted(PLACEHOLDER.findall(message)) != sorted(PLACEHOLDER.findall(translation))
    }
    assert changed == {}


def test_a_message_without_translation_stops_the_page() -> None:
    with pytest.raises(MissingTranslationError, match="make messages"):
        Words("id").say("No such sentence exists here.")


@pytest.mark.parametrize(
    ("language", "expected"),
    [("id", "12.345,6; +1,25; 0,00; 2024; –"), ("en", "12,345.6; +1.25; 0.00; 2024; –")],
)
def test_numbers_are_written_as_the_language_writes_them(language: str, expected: str) -> None:
    formatter = Words(language)._formatter  # type: ignore[arg-type]
    values = {"a": 12345.6, "b": 1.25, "c": -0.001, "d": 2024.0, "e": float("nan")}
    assert formatter.vformat("{a:n1}; {b:s2}; {c:s2}; {d:y}; {e:n1}", (), values) == expected


def test_bilingual_texts_answer_in_both_languages() -> None:
    text = Text(id="daerah", en="region")
    assert (Words("id").pick(text), Words("en").pick(text)) == ("daerah", "region")


def test_a_sentence_inside_another_is_collected_too() -> None:
    source = 'x = words.say("outer {a}", a=say("inner"))\nsay(text)\nsay(\n    "in two "\n    "lines"\n)\n'
    assert spoken(source) == ["outer {a}", "inner", "in two lines"]
