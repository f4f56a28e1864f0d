"""What is said while something runs: warnings, and log records of level WARNING and above."""

from __future__ import annotations

import logging
import warnings
from typing import Any, List


class listening:  # noqa: N801 - reads as a verb where it is used
    """Collect what is said while the block runs."""

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
