"""The configuration as frozen, checked records."""

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
    "read_text_table",
    "record_faults",
]
