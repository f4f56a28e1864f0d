"""Entry of a new process: ``python <this file> told.jsonl package.module argument ...`` does as ``python -m`` would.

Before the module the network is refused; after it, what it raised is told in the form of `record`, so that nobody has
to read it off a log.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from typing import List, Optional


def main(told: str, module: str, arguments: List[str]) -> None:
    """Run a module as the main one. The process leads a group of its own: all that it starts can be ended with it."""
    os.setpgid(0, 0)
    probe = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    names = runpy.run_path(os.path.join(probe, "__main__.py"))
    names["_load_package"]()
    guard, records = (importlib.import_module(names["_PRIVATE_NAME"] + one) for one in (".guard", ".record"))
    record = records.Record(told)
    guard.install(lambda target: record.event("network", target=target))

    sys.path[0] = os.getcwd()  # as with -m; it was this file's folder
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except BaseException as error:
        links = records.chain(error)
        record.event(
            "raised",
            missing=_missing(error),
            errors=[[link.errno, str(link)] for link in links if isinstance(link, OSError)],
            refused=guard.refused(error),
            **records.describe_exception(error),
        )
        raise


def _missing(error: Optional[BaseException]) -> Optional[str]:
    """The module whose absence was the reason; one that was missed on the way, and done without, is not."""
    while error is not None and not isinstance(error, ModuleNotFoundError):
        error = error.__cause__
    return None if error is None else error.name


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
