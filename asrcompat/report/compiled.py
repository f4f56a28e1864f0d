"""Templates as they were compiled before, kept where Python keeps modules that it compiled, and on its terms.

To compile them takes twice as long as all else of a report. In a work folder they would travel from machine to machine
with results, and be run; where Python's own are, nobody else's are looked for.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

from asrcompat.run.code import hash_of

_PACKAGE = Path(__file__).parents[1]
FOLDER = Path(__file__).with_name("templates") / "__pycache__"


class Compiled(FileSystemBytecodeCache):
    """The compiled templates of one environment of jinja's, which is called `name`; another's, or a torn one, is none.

    What other code compiled is of another source to it: constants are escaped as they are compiled.
    """

    def __init__(self, name: str) -> None:
        super().__init__(str(FOLDER), f"{name}-%s.{sys.implementation.cache_tag}")

    def get_source_checksum(self, source: str) -> str:
        """What a template was made from and by."""
        return sha256(f"{_made_by()}\0{source}".encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template's code, if it is whole."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code, unless Python is told to keep none or there is no room for it."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            FOLDER.mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


@cache
def _made_by() -> str:
    """What compiles a template, as a digest: jinja, and our own code that escapes."""
    ours = hash_of([*sorted((_PACKAGE / "report").glob("*.py")), _PACKAGE / "printable.py"], _PACKAGE)
    return f"{version('jinja2')}-{version('markupsafe')}-{ours[:16]}"
