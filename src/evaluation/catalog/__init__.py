"""The configuration as frozen, checked records."""

from evaluation.catalog.corrections import Correction, read_corrections
from evaluation.catalog.load import Catalog, load_catalog
from evaluation.catalog.model import (
    Dimension,
    Framework,
    Indicator,
    Language,
    Pillar,
    Record,
    Segment,
    Source,
    Text,
)
from evaluation.catalog.read import read_config, read_text_table, record_faults

__all__ = [
    "Catalog",
    "Correction",
    "Dimension",
    "Framework",
    "Indicator",
    "Language",
    "Pillar",
    "Record",
    "Segment",
    "Source",
    "Text",
    "load_catalog",
    "read_config",
    "read_corrections",
    "read_text_table",
    "record_faults",
]
