"""The registry of regions: who exists when, under which code in which system, under which name."""

from evaluation.regions.codes import CODE_COLUMNS, CodeSystem
from evaluation.regions.names import NameIndex, Resolution, UnresolvedName, name_key
from evaluation.regions.registry import Registry, read_config_table, read_registry

__all__ = [
    "CODE_COLUMNS",
    "CodeSystem",
    "NameIndex",
    "Registry",
    "Resolution",
    "UnresolvedName",
    "name_key",
    "read_config_table",
    "read_registry",
]
