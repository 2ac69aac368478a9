"""The systems of region codes.

Belongs here: which systems there are, in which column of ``regions.csv`` each stands, and how its codes are written.
"""

from __future__ import annotations

from typing import Literal

CodeSystem = Literal["bps_2021", "bps_2024", "kemendagri", "kemendagri_2021"]
"""BPS before and since the provinces of 2022; Kemendagri since and before them."""

CODE_COLUMNS: dict[CodeSystem, str] = {
    "bps_2021": "region_code",
    "bps_2024": "bps_code_2024",
    "kemendagri": "kemendagri_code",
    "kemendagri_2021": "kemendagri_code_pre2022",
}
CODE_FORMATS: dict[CodeSystem, str] = {
    "bps_2021": "[0-9]{4}",
    "bps_2024": "[0-9]{4}",
    "kemendagri": r"[0-9]{2}\.?[0-9]{2}",
    "kemendagri_2021": r"[0-9]{2}\.?[0-9]{2}",
}
