"""The project's words as frozen dataclasses.

Everything that leaves the harness is made of these classes: per-environment result files, and
``reports/results.json``, the one source of every published form (`asrcompat.result_files`).
"""

from asrcompat.model.cell import Cell, Check, Evidence, Features, Trials
from asrcompat.model.changes import Changes, Difference, LastVerdicts, Moved
from asrcompat.model.environment import Environment, EnvironmentResult
from asrcompat.model.results import Results
from asrcompat.model.searches import Boundary, BoundaryRun, Earlier, Remedy, RemedyCell
from asrcompat.model.words import UNRECOGNISED, CheckOutcome, Device, LockName, Outcome, Stage, Weights

__all__ = [
    "UNRECOGNISED",
    "Boundary",
    "BoundaryRun",
    "Cell",
    "Changes",
    "Check",
    "CheckOutcome",
    "Device",
    "Difference",
    "Earlier",
    "Environment",
    "EnvironmentResult",
    "Evidence",
    "Features",
    "LastVerdicts",
    "LockName",
    "Moved",
    "Outcome",
    "Remedy",
    "RemedyCell",
    "Results",
    "Stage",
    "Trials",
    "Weights",
]
