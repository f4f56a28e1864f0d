"""What is expected, and how a run compares with it. The expectations are data (baseline.toml), never code.

Results never come from here: with the baseline deleted a run finds the same, and only its exit code can differ.
"""

from .compare import Comparison, Difference, Expected, Unlisted, compare
from .document import ALL_PATHS, SCHEMA_FILE, Baseline, Expectation, load_baseline, schema, write_schema

__all__ = [
    "ALL_PATHS",
    "SCHEMA_FILE",
    "Baseline",
    "Comparison",
    "Difference",
    "Expectation",
    "Expected",
    "Unlisted",
    "compare",
    "load_baseline",
    "schema",
    "write_schema",
]
