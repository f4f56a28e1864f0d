"""Templates as they were compiled before, kept where Python keeps modules that it compiled, and on its terms.

To compile them takes twice as long as all else of a report. In a work folder they would travel from machine to machine
with results, and be run; where Python's own are, nobody else's are looked for.
"""

from __future__ import annotations

import marshal
import sys
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from asrcompat.run.code import hash_of
from asrcompat.run.store import write_bytes

_PACKAGE = Path(__file__).parents[1]
FOLDER = Path(__file__).with_name("templates") / "__pycache__"
_DIGEST = 32  # bytes


class Compiled(BytecodeCache):
    """The compiled templates of one environment of jinja's, which is called `name`.

    Each stands behind the digest of what it is, of what it was made from and what made it: another is made anew.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template's code, if it is whole and of now."""
        with suppress(OSError):
            content = self._file(bucket).read_bytes()
            if content[:_DIGEST] == _digest(bucket, content[_DIGEST:]):
                bucket.code = marshal.loads(content[_DIGEST:])  # noqa: S302 - as trusted as the modules beside it

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code, unless Python is told to keep none or there is no room for it."""
        if sys.dont_write_bytecode:
            return
        code = marshal.dumps(bucket.code)
        with suppress(OSError):
            write_bytes(self._file(bucket), _digest(bucket, code) + code)

    def _file(self, bucket: Bucket) -> Path:
        return FOLDER / f"{self._name}-{bucket.key}.{sys.implementation.cache_tag}"


def _digest(bucket: Bucket, code: bytes) -> bytes:
    return sha256(b"\0".join([_made_by(), bucket.checksum.encode(), code])).digest()


@cache
def _made_by() -> bytes:
    """What compiles a template: constants in it are escaped by our own code meanwhile."""
    ours = hash_of([*sorted((_PACKAGE / "report").glob("*.py")), _PACKAGE / "printable.py"], _PACKAGE)
    return MAGIC_NUMBER + f"{version('jinja2')} {version('markupsafe')} {ours}".encode()
