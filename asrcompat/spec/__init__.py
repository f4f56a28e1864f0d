"""What is tested: matrix.toml, validated, and the environments it asks for.

A `Spec` holds the file's tables. Its profiles name environments by grids of axis values; each becomes a `Request`,
which keeps the file's words and the pins that apply. Faults of the file are raised all at once as `SpecError`.
"""

from .covering import Covering, PackageName
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
from .expand import general_pins, matches
from .load import SCHEMA_FILE, Spec, load_spec, schema, write_schema
from .paths import PUBLISHED, STATES, known_paths, split_path, state_problem
from .problems import Problem, SpecError
from .request import Pin, Request, environment_id, request_id, torch_for, torchaudio_for, undated_id
from .selector import selector

__all__ = [
    "PUBLISHED",
    "SCHEMA_FILE",
    "STATES",
    "Axes",
    "Covering",
    "Exclusion",
    "GridEntry",
    "Index",
    "Limits",
    "Model",
    "PackageName",
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
    "general_pins",
    "known_paths",
    "load_spec",
    "matches",
    "request_id",
    "schema",
    "selector",
    "split_path",
    "state_problem",
    "torch_for",
    "torchaudio_for",
    "undated_id",
    "write_schema",
]
