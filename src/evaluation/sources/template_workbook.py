"""A workbook to be filled in by hand, for figures that nobody publishes as open data.

Codes and names are locked, cells check what is typed, and a hidden sheet says for machines what the figures are.

Belongs here: writing the workbook. Does not belong here: reading it (`evaluation.sources.template`), or which indicators
have one.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import xlsxwriter

from evaluation.catalog import Indicator, Language, Segment
from evaluation.errors import UsageError
from evaluation.regions import Registry
from evaluation.sources import template_layout as layout
from evaluation.tables import WORKBOOK_DATE


def template_bytes(
    indicator: Indicator,
    *,
    segment: Segment,
    registry: Registry,
    years: Sequence[int],
    region_code: str | None = None,
) -> bytes:
    """Return the workbook to be filled in; the same request gives the same bytes.

    Parameters
    ----------
    indicator
        What is asked for: title, unit and valid range.
    segment
        The segment its figures will carry: variable, unit and years.
    registry
        All regions.
    years
        One column each.
    region_code
        The only region; all when None.

    Raises
    ------
    UsageError
        When a year lies outside the segment, or there is no such region.
    """
    _check_request(indicator, segment, registry, years, region_code)
    regions = (
        registry.table
        if region_code is None
        else registry.table[registry.table["region_code"] == region_code]
    )
    ordered = sorted(set(years))
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        workbook.set_properties({"created": WORKBOOK_DATE})
        _write_entry_sheet(workbook, indicator, regions=regions, years=ordered)
        for language in layout.HELP_SHEETS:
            _write_help_sheet(workbook, indicator, language)
        _write_machine_sheet(workbook, _machine_fields(indicator, segment, region_code, ordered))
    return buffer.getvalue()


def possible_values(indicator: Indicator, language: Language) -> str:
    """Return the valid range of an indicator in layout."""
    low, high = indicator.bounds
    text = {
        (True, True): layout.FROM_TO,
        (True, False): layout.AT_LEAST,
        (False, True): layout.AT_MOST,
        (False, False): layout.ANY_NUMBER,
    }[(math.isfinite(low), math.isfinite(high))]
    return text.get(language).format(low=f"{low:g}", high=f"{high:g}")


def _check_request(
    indicator: Indicator, segment: Segment, registry: Registry, years: Sequence[int], region_code: str | None
) -> None:
    outside = [year for year in years if not segment.first_year <= year <= segment.last_year]
    if outside or not years:
        raise UsageError(
            f"{indicator.code} takes figures of {segment.first_year} and later; got: {', '.join(map(str, outside)) or 'no year'}"
        )
    if region_code is not None and region_code not in registry.codes:
        raise UsageError(
            f"region_code {region_code!r} is not in config/regions.csv; it is a BPS code of four digits like 3273"
        )


def _machine_fields(
    indicator: Indicator, segment: Segment, region_code: str | None, years: Sequence[int]
) -> dict[str, str]:
    return {
        "form": layout.FORM,
        "version": layout.VERSION,
        "indicator": indicator.code,
        "variable": segment.variable,
        "unit": segment.unit,
        "title": indicator.title.id,
        "shown_unit": _shown_unit(indicator),
        "region": region_code or layout.ALL_REGIONS,
        "years": ",".join(map(str, years)),
    }


def _shown_unit(indicator: Indicator) -> str:
    return f"{layout.UNIT.id}: {indicator.unit.id} ({possible_values(indicator, 'id')})"


def _write_entry_sheet(
    workbook: Any, indicator: Indicator, *, regions: pd.DataFrame, years: Sequence[int]
) -> None:
    sheet = workbook.add_worksheet(layout.ENTRY_SHEET)
    _write_head(workbook, sheet, indicator, years=years)
    _write_rows(workbook, sheet, regions, n_years=len(years))
    first, last = layout.FIRST_YEAR_COLUMN - 1, layout.FIRST_YEAR_COLUMN + len(years) - 2
    sheet.data_validation(
        layout.HEADING_ROW, first, layout.HEADING_ROW + len(regions) - 1, last, _validation(indicator)
    )
    for columns, width in (((0, 0), 24), ((1, 2), 36), ((first, last), 12)):
        sheet.set_column(*columns, width)
    sheet.freeze_panes(layout.HEADING_ROW, first)
    sheet.protect("", {"format_columns": True})


def _write_head(workbook: Any, sheet: Any, indicator: Indicator, *, years: Sequence[int]) -> None:
    bold = workbook.add_format({"bold": True})
    heading = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#E6E6E6"})
    entry = workbook.add_format({"locked": False, "border": 1, "num_format": "@"})
    sheet.write_string(0, 0, indicator.title.id, bold)
    sheet.write_string(1, 0, _shown_unit(indicator))
    for name, row in layout.FIELD_ROWS.items():
        sheet.write_string(row - 1, 0, layout.FIELDS[name].id, bold)
        sheet.write_blank(row - 1, 1, None, entry)
    for column, text in enumerate((*layout.HEADINGS, *map(str, years))):
        sheet.write_string(layout.HEADING_ROW - 1, column, text, heading)


def _write_rows(workbook: Any, sheet: Any, regions: pd.DataFrame, *, n_years: int) -> None:
    grey = workbook.add_format({"bg_color": "#F2F2F2"})
    entry = workbook.add_format({"locked": False, "border": 1})
    shown = regions[["region_code", "name", "province"]]
    for line, region in enumerate(shown.itertuples(index=False), start=layout.HEADING_ROW):
        for column, text in enumerate(region):
            sheet.write_string(line, column, str(text), grey)
        for column in range(n_years):
            sheet.write_blank(line, layout.FIRST_YEAR_COLUMN - 1 + column, None, entry)


def _validation(indicator: Indicator) -> dict[str, Any]:
    low, high = indicator.bounds
    rule: dict[str, Any] = {"validate": "decimal", "ignore_blank": True}
    if math.isfinite(low) and math.isfinite(high):
        rule |= {"criteria": "between", "minimum": low, "maximum": high}
    elif math.isfinite(low):
        rule |= {"criteria": ">=", "value": low}
    elif math.isfinite(high):
        rule |= {"criteria": "<=", "value": high}
    else:
        rule |= {"criteria": "between", "minimum": -1e300, "maximum": 1e300}
    return rule | {
        "input_title": layout.INPUT_TITLE,
        "input_message": layout.INPUT_MESSAGE,
        "error_title": layout.ERROR_TITLE,
        "error_message": layout.ERROR_MESSAGE.format(possible=possible_values(indicator, "id")),
    }


def _write_help_sheet(workbook: Any, indicator: Indicator, language: Language) -> None:
    sheet = workbook.add_worksheet(layout.HELP_SHEETS[language])
    wrap = workbook.add_format({"text_wrap": True, "valign": "top"})
    bold = workbook.add_format({"bold": True, "text_wrap": True})
    sheet.set_column(0, 0, 110)
    sheet.write_string(0, 0, indicator.title.get(language), bold)
    sheet.write_string(1, 0, indicator.description_short.get(language), wrap)
    unit = f"{layout.UNIT.get(language)}: {indicator.unit.get(language)} ({possible_values(indicator, language)})"
    sheet.write_string(2, 0, unit, wrap)
    for number, step in enumerate(layout.STEPS, start=1):
        text = step.get(language).format(sheet=layout.ENTRY_SHEET)
        sheet.write_string(3 + number, 0, f"{number}. {text}", wrap)
    sheet.protect()


def _write_machine_sheet(workbook: Any, fields: Mapping[str, str]) -> None:
    sheet = workbook.add_worksheet(layout.MACHINE_SHEET)
    for row, (name, value) in enumerate(fields.items()):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, value)
    sheet.protect()
    sheet.very_hidden()
