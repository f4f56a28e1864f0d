"""Stage ``load``: the checkpoint by its real name, through the path's own code."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any, List

from ..ladder import CheckFailed
from ..paths import Context

if TYPE_CHECKING:
    from ..ladder import Cell

# How Transformers has told of parameters that a checkpoint did not fill: a warning to release 4, a table from 5 on.
_FRESH = re.compile(r"newly initialized|\bMISSING\b")


def run(cell: Cell) -> None:
    """Load; then, not required, whether the loader itself reported parameters that it initialised afresh."""
    said: List[str] = []

    def build() -> Any:
        if "torch" in sys.modules:  # what a path adds on top is initialised at random
            sys.modules["torch"].manual_seed(cell.settings["seed"])
        context = Context(
            model=cell.settings["model"],
            device=cell.device,
            symbols=cell.settings["symbols"],
            fixtures=cell.settings["fixtures"],
            folder=cell.settings["scratch"],
        )
        with _listening(said):
            subject = cell.path.load(context)
        subject.model.to(cell.device)
        return subject

    def report() -> None:
        fresh = [text for text in said if _FRESH.search(text)]
        if fresh:
            raise CheckFailed("the loader says: " + fresh[0][:2000])

    cell.subject = cell.check("load", build)
    cell.check("loader-report", report, required=False)


class _listening:  # noqa: N801 - reads as a verb at its one use
    """Collect warnings and log records of level WARNING and above while the block runs."""

    def __init__(self, said: List[str]) -> None:
        self.said = said
        self.handler = logging.Handler(logging.WARNING)
        self.handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]

    def __enter__(self) -> None:
        # Transformers' logger does not hand its records on to the root logger
        self.loggers = [logging.getLogger(), logging.getLogger("transformers")]
        for logger in self.loggers:
            logger.addHandler(self.handler)
        self.warnings = warnings.catch_warnings(record=True)
        self.caught = self.warnings.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.warnings.__exit__(*error)
        self.said.extend(str(warning.message) for warning in self.caught or ())
        for logger in self.loggers:
            logger.removeHandler(self.handler)
