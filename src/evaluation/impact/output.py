"""What every result offers to take away: a table, a summary, a chart, LaTeX and Excel.

Belongs here: laying out `tidy()`, `glance()` and the design of any result. Does not belong here: numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluation.charts import Chart
from evaluation.impact.plots import interval_forest
from evaluation.provenance import write_bytes_atomically
from evaluation.tables import to_xlsx_bytes

LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
"""Characters that LaTeX reads as commands, and how they are printed."""

DEFAULT_DIGITS = 4
"""Significant digits in LaTeX; Excel has all of them."""


class Tabular:
    """A result with a table; `tidy` and `glance` belong to the class that inherits."""

    def tidy(self) -> pd.DataFrame:
        """Return the table of estimates."""
        raise NotImplementedError

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole."""
        raise NotImplementedError

    def to_latex(self, *, columns: tuple[str, ...] | None = None, digits: int = DEFAULT_DIGITS) -> str:
        """Return the table as a LaTeX tabular (package booktabs).

        Parameters
        ----------
        columns
            Columns of `tidy` in their order; all that are not empty when None.
        digits
            Significant digits.
        """
        table = self.tidy()
        kept = list(columns) if columns else [name for name in table if not table[name].isna().all()]
        return latex_table(table[kept], digits=digits)

    def to_xlsx(self) -> bytes:
        """Return a workbook with sheets estimates, summary and, where there is one, design."""
        sheets = self.sheets()
        design = getattr(self, "design", None)
        if design is not None:
            rows = [{"field": name, "value": json.dumps(value)} for name, value in design.as_dict().items()]
            sheets["design"] = pd.DataFrame(rows)
        return to_xlsx_bytes({name: _endless_as_text(sheet) for name, sheet in sheets.items()})

    def to_excel(self, path: Path | str) -> Path:
        """Write the workbook of `to_xlsx` whole or not at all, and return its path.

        Parameters
        ----------
        path
            Of the file; its folder is made if it does not exist.
        """
        write_bytes_atomically(Path(path), self.to_xlsx())
        return Path(path)

    def sheets(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the workbook by name."""
        return {"estimates": self.tidy(), "summary": self.glance()}


class OneEstimate(Tabular):
    """A result of one row with an estimate, and an interval where there is one."""

    def glance(self) -> pd.DataFrame:
        """Return the one row of `tidy`."""
        return self.tidy()

    def plot(self, *, title: str = "Estimate and interval") -> Chart:
        """Draw the estimate with its interval.

        Parameters
        ----------
        title
            Of the chart.
        """
        row = self.tidy().reindex(columns=["estimate", "conf_low", "conf_high", "margin"])
        return interval_forest(row.assign(label="estimate"), title=title)


def latex_table(table: pd.DataFrame, *, digits: int = DEFAULT_DIGITS) -> str:
    """Return a table as a LaTeX tabular.

    Parameters
    ----------
    table
        Any table.
    digits
        Significant digits of numbers that are not whole.
    """
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    lines = [
        r"\begin{tabular}{" + "".join("r" if one else "l" for one in numeric) + "}",
        r"\toprule",
        " & ".join(_escape(str(name)) for name in table) + r" \\",
        r"\midrule",
        *(
            " & ".join(_cell(value, digits) for value in row) + r" \\"
            for row in table.itertuples(index=False)
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _endless_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with infinite ends of intervals as the text inf, which a workbook can hold."""
    kept = table.copy()
    for name in kept.select_dtypes("float"):
        endless = np.isinf(kept[name])
        if endless.any():
            kept[name] = kept[name].astype(object).where(~endless, kept[name].map("{:g}".format))
    return kept


def _cell(value: Any, digits: int) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and np.isinf(value):
        return r"$\infty$" if value > 0 else r"$-\infty$"
    if isinstance(value, float):
        return f"${value:.{digits}g}$"
    return _escape(str(value))


def _escape(text: str) -> str:
    return "".join(LATEX_SPECIAL.get(character, character) for character in text)
