"""The configuration as frozen, checked records."""

from evaluation.catalog.load import Catalog, load_catalog, read_config, record_faults
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
    "record_faults",
]
