"""What is tested: matrix.toml, validated, and the environments it asks for.

A `Spec` holds the file's tables. Its profiles name environments by grids of axis values; each becomes a `Request`,
which keeps the file's words and the pins that apply. Faults of the file are raised all at once as `SpecError`.
"""

from .document import (
    Axes,
    Exclusion,
    GridEntry,
    Index,
    Limits,
    Model,
    PinRule,
    ProbeSettings,
    Profile,
    TorchaudioRule,
)
from .expand import matches
from .load import SCHEMA_FILE, Spec, known_paths, load_spec, schema, write_schema
from .problems import Problem, SpecError
from .request import Pin, Request, environment_id, request_id, torchaudio_for

__all__ = [
    "SCHEMA_FILE",
    "Axes",
    "Exclusion",
    "GridEntry",
    "Index",
    "Limits",
    "Model",
    "Pin",
    "PinRule",
    "ProbeSettings",
    "Problem",
    "Profile",
    "Request",
    "Spec",
    "SpecError",
    "TorchaudioRule",
    "environment_id",
    "known_paths",
    "load_spec",
    "matches",
    "request_id",
    "schema",
    "torchaudio_for",
    "write_schema",
]
