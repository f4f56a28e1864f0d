"""A checkout with a small matrix on a miniature index, whose runs and sessions are processes as a person's are.

Only the probe is a stand-in (`fake_probe`); planning, locks, environments, scheduling and results are the real ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import fake_probe
import psutil
from conftest import ROOT
from miniature import MiniatureIndex
from small_run import small_matrix

PLENTY_GB = 100.0  # as the tests within one process have it

_NOXFILE = """\
import sys
sys.path.insert(0, {tests!r})
import fake_probe
fake_probe.install()
"""


def make_checkout(folder: Path, index: MiniatureIndex) -> Path:
    """Make the checkout in a folder."""
    (folder / "matrix.toml").write_text(small_matrix(index), encoding="utf-8")
    claims = folder / "fixtures" / "claims"
    claims.mkdir(parents=True)
    shutil.copy(ROOT / "fixtures" / "claims" / "config.toml", claims)
    own = (ROOT / "noxfile.py").read_text(encoding="utf-8").replace("from __future__ import annotations\n", "")
    stand_in = _NOXFILE.format(tests=str(Path(__file__).parent))
    (folder / "noxfile.py").write_text(f"from __future__ import annotations\n{stand_in}{own}", encoding="utf-8")
    return folder


def command(checkout: Path, session: str = "matrix", *arguments: str) -> list[str]:
    """The command of a run in the checkout, as a person gives it."""
    nox = [sys.executable, "-m", "nox", "--noxfile", str(checkout / "noxfile.py"), "--session", session]
    return [*nox, "--", "--torch-index", "none", "--jobs", "2", *arguments]


def environment(checkout: Path, free_gb: float | None = PLENTY_GB) -> dict[str, str]:
    """The variables of a run: a cache of its own, and compiled modules written, whoever has that turned off.

    `free_gb` is what the run takes for free on its disk, since a run on a small one goes another way; None asks it.
    """
    own = {"UV_CACHE_DIR": str(checkout / "uv-cache"), "PYTHONUNBUFFERED": "1"}
    if free_gb is not None:
        own[fake_probe.FREE_VARIABLE] = str(free_gb)
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}, **own}


@contextmanager
def start(checkout: Path, words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Begin a run; what it prints is in ``output.txt``. Where a test leaves it, it is over or is killed."""
    with (
        (checkout / "output.txt").open("a", encoding="utf-8") as output,
        subprocess.Popen(
            words, cwd=checkout, env=environment(checkout), stdout=output, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def run(
    checkout: Path, words: Sequence[str], *, seconds: float = 120, free_gb: float | None = PLENTY_GB
) -> tuple[int, str]:
    """A run to its end: exit code and what it printed."""
    done = subprocess.run(
        words,
        cwd=checkout,
        env=environment(checkout, free_gb),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def published(checkout: Path) -> str:
    """The published results without what differs from run to run: times, and which report was there before."""
    told = json.loads((checkout / "reports" / "results.json").read_bytes())
    # a run that was disturbed has published a report too, which the one after it replaced: the first verdict of a cell
    # that was in error there is told as one, and a run of all anew as compared with it
    told["changes"] = None
    text = json.dumps(told, indent=1)
    text = re.sub(r'"(generated_at|ran_at|started|since)": "[^"]*"', r'"\1": "when"', text)
    return re.sub(r'"(resolve|install|probe|load to step)": [\d.]+', r'"\1": 0', text)


def processes_in(checkout: Path) -> list[str]:
    """What still runs that has to do with a checkout."""
    found = []
    for one in psutil.process_iter(["pid", "cmdline", "status"]):
        line = " ".join(one.info["cmdline"] or ())
        if str(checkout) in line and one.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(f"{one.info['pid']}: {line}")
    return found
