"""A group of paths that share a parent: import once, fork a child per path.

Paths share a parent when their module lists are prefixes of one another, so that each child finds exactly what a
process of its own would have imported, in that order; only what torch's optimisers import at their first use is there
sooner. A group of one with ``"preimport": false`` is the *fresh* mode: the child imports for itself, and forking cannot
have had a part in what it does.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import platform
import shutil
import sys
import time
from types import ModuleType
from typing import Any, Dict, List, Optional, Tuple

from . import guard, ladder, threads
from .cell import not_the_packages, write_check
from .isolate import Limits, run_child
from .record import Record, describe_exception, now


def main(settings_file: str) -> None:
    """Probe the paths of a settings file (its form: `asrcompat.run.probing`), one record each."""
    with open(settings_file, encoding="utf-8") as file:
        settings = json.load(file)
    group = _Group(settings)
    guard.install(group.on_network)
    for name in settings["path_files"]:
        group.probe(name)
    # Every child shut its interpreter down; this one has imported and done nothing else, and freeing all that takes a
    # second or two.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Group:
    def __init__(self, settings: Dict[str, Any]) -> None:
        self.settings = settings
        self.record: Optional[Record] = None
        self.imported: List[str] = []
        self.import_seconds = 0.0
        self.failure: Optional[Tuple[str, Dict[str, Any]]] = None

    def on_network(self, target: str) -> None:
        if self.record is not None:
            self.record.event("network", target=target)

    def probe(self, name: str) -> None:
        """Climb the ladder on one path."""
        file = os.path.join(self.settings["folder"], name + ".jsonl")
        self.record = record = Record(file)
        preimport = self.settings["preimport"]
        module = load_path(name, self.settings["path_files"][name])
        empty(self.settings["home"], self.settings["folder"])  # what one path downloads is not there for the next
        if preimport:
            self.import_modules(module, record)
            if self.failure is not None:
                record.event("finished")
                return
            warm_up()
        end = run_child(
            lambda: self.child(name, module, record),
            log=os.path.join(self.settings["folder"], name + ".log"),
            record=file,
            limits=self.limits(),
        )
        record.event("ended", pid=end.pid, reason=end.reason, kind=end.kind, seconds=end.seconds)
        record.close()

    def child(self, name: str, module: ModuleType, record: Record) -> None:
        """What the forked child does."""
        record.event("child", pid=os.getpid())
        sys.unraisablehook = lambda info: record.event(
            "unraisable", message="%s: %s" % (getattr(info.exc_type, "__name__", "?"), info.exc_value)
        )
        threads.take(self.settings["threads_file"])
        if not self.settings["preimport"]:
            self.import_modules(module, record)
        if self.failure is None:
            try:
                ladder.climb(name, module, self.settings, record)
            except Exception as error:  # outside of every check: the probe's own fault, and no package's
                record.event("fault", **describe_exception(error))
        record.event("finished")

    def import_modules(self, module: ModuleType, record: Record) -> None:
        """Import what the path needs beyond what is imported already; a failure holds for every path after it."""
        mode = "forked" if self.settings["preimport"] else "fresh"
        record.event("started", pid=os.getpid(), started=now(), mode=mode, versions=self.versions())
        for entry in module.MODULES[len(self.imported) :]:
            if self.failure is not None:
                break
            record.event("begin", stage="import", check="import", required=True, module=entry)
            start = time.monotonic()
            try:
                import_entry(entry)
            except (Exception, SystemExit) as error:
                data = dict(describe_exception(error), module=entry)
                self.failure = ("error" if not_the_packages(error) else "failed", data)
            self.import_seconds += time.monotonic() - start
            self.imported.append(entry)
        outcome, data = self.failure or ("passed", {"modules": module.MODULES})
        message = data.get("message", "")
        write_check(record, "import", "import", True, outcome, message, data, self.import_seconds)

    def versions(self) -> Dict[str, str]:
        """Versions of the distributions asked about, as this interpreter finds them installed."""
        from importlib import metadata

        found = {"python": platform.python_version()}
        for name in self.settings["distributions"]:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return found

    def limits(self) -> Limits:
        values = self.settings["limits"]
        memory = int(values["memory_gb"] * 1e9)
        seconds = values["cell_seconds"]
        seconds += 0 if self.settings["preimport"] else values["import_seconds"]
        return Limits(
            seconds=seconds,
            train_seconds=values["train_seconds"],
            findings_seconds=sum(self.settings["findings"].values()),
            silence_seconds=values["silence_seconds"],
            import_seconds=0 if self.settings["preimport"] else values["import_seconds"],
            memory_bytes=memory,
            output_bytes=int(values["output_mb"] * 1e6),
            exit_seconds=values["exit_seconds"],
            data_bytes=memory if self.settings["device"] == "cpu" else None,
        )


def load_path(name: str, file: str) -> ModuleType:
    """The module of a path from its file, as a member of this package's ``paths``."""
    full_name = __name__.rpartition(".")[0] + ".paths." + name.partition("@")[0].replace("-", "_")
    spec = importlib.util.spec_from_file_location(full_name, file)
    if spec is None or spec.loader is None:
        raise ImportError("no path file: " + file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    spec.loader.exec_module(module)
    return module


def import_entry(entry: str) -> None:
    """Import ``module`` or, as ``from module import attribute`` does, ``module:attribute``."""
    name, _, attribute = entry.partition(":")
    module = importlib.import_module(name)
    if attribute:
        try:
            getattr(module, attribute)
        except AttributeError as error:
            raise ImportError("cannot import name %r from %r" % (attribute, name)) from error


def warm_up() -> None:
    """Have torch import in the parent what making the first optimiser imports: one or two seconds of every child.

    That is its compiler, as far as no package imported it already. Nothing is computed and no thread started. Where it
    fails, nothing is said here: the stage that makes an optimiser meets the same.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        with contextlib.suppress(Exception):
            torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])


def empty(folder: str, inside: str) -> None:
    """Empty a folder; refuses one that does not lie inside of the other, which may be somebody's."""
    if not os.path.realpath(folder).startswith(os.path.join(os.path.realpath(inside), "")):
        raise ValueError("not emptied: %s does not lie inside of %s" % (folder, inside))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
