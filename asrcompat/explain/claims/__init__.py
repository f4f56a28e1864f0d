"""Statements of documents, judged by results.

A claim is one TOML file of ``fixtures/claims``. It says what is claimed and, part by part, which cells or checks bear
on it and what they would have to be. `judge_claims` looks them up in results and gives each claim a verdict:

- ``confirmed``: every observation agrees, in every environment, and every part was tested;
- ``refuted``: none does, in any;
- ``partly``: some do, or it depends on the environment, or a part could not be tested;
- ``not testable here``: nothing ran that bears on it.

Cells of outcome ``error`` and ``unavailable`` are no observations. A part that nothing ran for is told, and never
counted; so are cells that a part is about and that did not come to what it looks at.
"""

from .document import Document
from .judge import judge_claims
from .load import SCHEMA_FILE, load_claims, schema, write_schema
from .verdict import Claim, Evidence, LeftOut, PartVerdict, Verdict, as_data

__all__ = [
    "SCHEMA_FILE",
    "Claim",
    "Document",
    "Evidence",
    "LeftOut",
    "PartVerdict",
    "Verdict",
    "as_data",
    "judge_claims",
    "load_claims",
    "schema",
    "write_schema",
]
