"""From an executed notebook to its page: title, menus, foot, place.

Belongs here: what surrounds a page's content. Does not belong here: making HTML of cells
(`evaluation.reporting.export`) or running notebooks (`evaluation.execution`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from evaluation.catalog import Language
from evaluation.catalog.model import SELF_REPORTED
from evaluation.provenance import FINGERPRINT_DIGITS
from evaluation.reporting.export import (
    FootItem,
    Link,
    Page,
    PageWords,
    export_html,
    prepare_templates,
    write_page,
)
from evaluation.reporting.labels import Labels
from evaluation.reporting.words import LANGUAGES
from evaluation.studies.processed import look_at_code
from evaluation.studies.project import Project, open_project
from evaluation.studies.reads import unrecorded
from evaluation.studies.regional import region_data_date

LANGUAGE_NAMES: dict[Language, str] = {"id": "Bahasa Indonesia", "en": "English"}


def publish(
    executed: NotebookNode,
    *,
    target_name: str,
    language: Language,
    parameters: Mapping[str, Any],
    fingerprint: str,
    path: Path,
    reports_root: Path,
    project: Project | None = None,
) -> None:
    """Write the page of an executed notebook to its place, whole or not at all.

    Parameters
    ----------
    executed
        The executed notebook.
    target_name
        Name of the report in ``config/reports.yml``, for region pages followed by the code.
    language, parameters, fingerprint
        What made it; printed at its foot.
    path
        The page, below ``reports_root``.
    reports_root
        Folder of all pages.

    Raises
    ------
    EvaluationError
        When the notebook does not make a page that can be shown.
    """
    labels = Labels(project or open_project(), language)
    place = path.relative_to(reports_root).as_posix()
    # A region's page notes its own rows (`studies.regional`); its name and joining years are among them.
    with unrecorded():
        page = Page(
            title=_title(target_name, parameters, labels),
            language=language,
            path=place,
            words=_page_words(labels),
            site=labels.words.say("Kota Cerdas: evaluation of the smart-city programme"),
            kicker=_kicker(target_name, parameters, labels),
            navigation=_navigation(labels),
            languages=tuple(
                Link(LANGUAGE_NAMES[code], _in_language(place, code), code) for code in LANGUAGES
            ),
            foot=_foot(target_name, _all_parameters(executed, parameters), fingerprint, labels),
        )
    html = export_html(executed, page=page, translate=labels.words.translate)
    write_page(html, page=page, reports_root=reports_root)


def get_ready(project: Project) -> None:
    """Read and compile what every page of a project needs, so that processes forked from this one need not.

    Raises
    ------
    EvaluationError
        When the configuration or the catalogue of messages is at fault.
    """
    prepare_templates()
    for language in LANGUAGES:
        words = Labels(project, language).words
        words.say("Data"), words.number(1234.5, signed=True), words.listing("ab"), words.day(date(2024, 1, 1))
    _ = project.programme, project.study_plan
    look_at_code()


def _title(target_name: str, parameters: Mapping[str, Any], labels: Labels) -> str:
    if "region_code" in parameters:
        return labels.region(str(parameters["region_code"]))
    return _titles(labels)[target_name.split(":")[0]]()


def _titles(labels: Labels) -> dict[str, Callable[[], str]]:
    say = labels.words.say
    return {
        "overview": lambda: say(
            "Smart cities in Indonesia: where regions stand and what is known of the programme"
        ),
        "impact": lambda: say("What is known of the programme's effect?"),
        "power": lambda: say("What effect could be seen?"),
        "region_effects": lambda: say("Which regions stand out from their synthetic twins?"),
        "pillars": lambda: say("How are the six pillars scored, and how do regions spread?"),
        "index_audit": lambda: say("How far can the scores be trusted?"),
        "indicators": lambda: say("Which indicators are used, and which are wanted?"),
        "data_audit": lambda: say("Which data are there, and what may they be used for?"),
    }


def _kicker(target_name: str, parameters: Mapping[str, Any], labels: Labels) -> str:
    if "region_code" not in parameters:
        return ""
    region = labels.project.registry.by_code.loc[str(parameters["region_code"])]
    joined = labels.project.programme.entries
    years = joined.loc[joined["region_code"] == parameters["region_code"], "joined"]
    status = (
        labels.words.say("joined {years}", years=labels.words.listing(map(str, years)))
        if len(years)
        else labels.words.say("in no list of participants")
    )
    return f"{region['province']} · {labels.region_type(region['type'])} · {status}"


def _page_words(labels: Labels) -> PageWords:
    say = labels.words.say
    return PageWords(
        skip=say("Skip to the content"),
        contents=say("On this page"),
        navigation=say("Main pages"),
        languages=say("Language"),
        foot=say("About this page"),
    )


def _navigation(labels: Labels) -> tuple[Link, ...]:
    say, language = labels.words.say, labels.language
    home = "index.html" if language == "id" else f"{language}/index.html"
    return (
        Link(say("Overview"), home),
        Link(say("Impact"), f"{language}/impact.html"),
        Link(say("Power"), f"{language}/power.html"),
        Link(say("Regions' effects"), f"{language}/region-effects.html"),
        Link(say("Pillars"), f"{language}/pillars.html"),
        Link(say("Trust"), f"{language}/index-audit.html"),
        Link(say("Indicators"), f"{language}/indicators.html"),
        Link(say("Data"), f"{language}/data-audit.html"),
    )


def _in_language(place: str, language: Language) -> str:
    """Return where the same page stands in another language; only the Indonesian index lies at the root."""
    inner = place.split("/", 1)[1] if place.split("/", 1)[0] in LANGUAGES else place
    return inner if language == "id" and inner == "index.html" else f"{language}/{inner}"


def _foot(
    target_name: str, parameters: Mapping[str, Any], fingerprint: str, labels: Labels
) -> tuple[FootItem, ...]:
    say = labels.words.say
    project = labels.project
    received = _data_date(parameters, project)
    when = labels.words.day(date.fromisoformat(received)) if received else say("unknown")
    given = "; ".join(f"{name} = {value}" for name, value in sorted(parameters.items())) or "–"
    return (
        FootItem(say("Data received until"), when),
        FootItem(say("Parameters"), given),
        FootItem(say("Fingerprint"), fingerprint[:FINGERPRINT_DIGITS], code=True),
        FootItem(say("Make this page again"), _command(target_name, parameters, labels), code=True),
        FootItem(
            say("How to cite"),
            say(
                "Kota Cerdas evaluation workbench, {title}, data received until {date}, fingerprint {fingerprint}. "
                "Cite the publishers of the figures as well.",
                title=_title(target_name, parameters, labels),
                date=when,
                fingerprint=fingerprint[:FINGERPRINT_DIGITS],
            ),
        ),
        FootItem(say("Sources and their terms"), _terms(labels)),
    )


def _all_parameters(executed: NotebookNode, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of the notebook, the defaults of its parameters cell replaced by what was given."""
    defaults: dict[str, Any] = {}
    for cell in executed.cells:
        if "parameters" in cell.metadata.get("tags", []):
            for line in ast.parse(cell.source).body:
                if (
                    isinstance(line, ast.AnnAssign)
                    and isinstance(line.target, ast.Name)
                    and line.value is not None
                ):
                    defaults[line.target.id] = ast.literal_eval(line.value)
    return {**defaults, **given}


def _data_date(parameters: Mapping[str, Any], project: Project) -> str:
    """Return the day the latest dated figure was received, among the region's own on a region's page."""
    if "region_code" in parameters:
        return region_data_date(project, str(parameters["region_code"]))
    from evaluation.studies.audit import data_date  # no part of what a region's page is made of

    return data_date(project.raw_dir)


def _terms(labels: Labels) -> str:
    """Return each publisher with the terms of its figures, as far as they are known."""
    terms: dict[str, list[str]] = {}
    for code, source in labels.catalog.sources.items():
        if code == SELF_REPORTED:
            continue  # nobody's product: the table that shows such a figure says who told it
        known = terms.setdefault(source.publisher, [])
        licence = source.licence.get(labels.language)
        if licence not in known:
            known.append(licence)
    return "; ".join(f"{publisher}: {' / '.join(licences)}" for publisher, licences in sorted(terms.items()))


def _command(target_name: str, parameters: Mapping[str, Any], labels: Labels) -> str:
    """Return the command that makes this very page again, parameters included."""
    chosen = f"--language {labels.language}"
    if "region_code" in parameters:
        return (
            f"evaluation run --only regions --region {parameters['region_code']} {chosen}"
            if int(parameters["edition"]) == max(labels.catalog.framework.edition_years)
            else f"evaluation run 05_region_report -p region_code {parameters['region_code']} "
            f"-p edition {parameters['edition']} {chosen}"
        )
    return f"evaluation run --only national {chosen}"
