"""The workflows: which commands they run, with which rights, and what becomes of the exit code.

Linting them is the lint session's; here they are walked through with the commands replaced (fast) and for real.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from workflow_walk import FOLDER, ROOT, WORKFLOWS, Walk, jobs, load, scripts, steps

from asrcompat.options import parser
from asrcompat.spec import load_spec

SETUP = "python -m venv .venv && .venv/bin/pip install -q -e ."
NIGHTLY = "nightly.yml"

# A `python` that makes a virtual environment of which nox does what the test wants.
FAKE_PYTHON = """\
#!/bin/sh
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "$@" >> pip.txt\\n' > .venv/bin/pip
cp "$(dirname "$0")/nox" .venv/bin/nox
chmod +x .venv/bin/*
"""


def nox_sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name for node in functions if any("nox.session" in ast.unparse(each) for each in node.decorator_list)}


def commands(name: str) -> list[list[str]]:
    """Every call of this project's own tools, as words."""
    lines = [line for script in scripts(name) for line in re.split(r"&&|\|\||\n", script)]
    return [shlex.split(line) for line in lines if line.strip().startswith((".venv/bin/", "python"))]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_by_commit_and_names_its_version(name: str) -> None:
    lines = [line for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"\s+uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for name in WORKFLOWS:
        for step in steps(name):
            if "uses" in step:
                action, _, commit = step["uses"].partition("@")
                pins.setdefault("/".join(action.split("/")[:2]), set()).add(commit)
    assert {action: len(commits) for action, commits in pins.items()} == dict.fromkeys(pins, 1)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_are_given_by_job_and_least(name: str) -> None:
    assert load(name)["permissions"] == {}
    for job_name, job in jobs(name).items():
        wanted = {"publish": {"pages": "write", "id-token": "write"}, "verdict": {}}.get(job_name, {"contents": "read"})
        assert job["permissions"] == wanted
        assert job["timeout-minutes"]
    assert load(name)["concurrency"]["group"]
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_foreign_text_gets_into_a_script(name: str) -> None:
    assert not [script for script in scripts(name) if "${{" in script]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_exists(name: str) -> None:
    found = commands(name)
    assert found
    for words in found:
        match words:
            case ["python", "-m", "venv", ".venv"] | [".venv/bin/pip", "install", "-q", "-e", "."]:
                continue
            case [".venv/bin/nox", "-s", ("matrix" | "report" | "reinstall") as session, *rest] if rest:
                assert parser().parse_args([session, *rest[1:]]).profile
            case [".venv/bin/nox", "-s", "tests", "--", "-m", "not real" | "real"]:
                assert '"real: ' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
                session = "tests"
            case [".venv/bin/nox", "-s", session]:
                pass
            case _:
                pytest.fail(f"no documented command: {words}")
        assert session in nox_sessions()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_harness_is_installed_as_documented(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("python3", "python")
    assert SETUP in scripts(name)
    assert SETUP in readme
    assert ".venv/bin/nox -s matrix" in readme


def test_profiles_exist() -> None:
    spec = load_spec(ROOT / "matrix.toml")
    assert ".venv/bin/nox -s matrix -- --profile smoke" in scripts("pull-request.yml")
    assert "smoke" in spec.profiles
    assert spec.profiles["nightly"].cover is not None
    assert load(NIGHTLY)["on"]["workflow_dispatch"]["inputs"]["profile"]["default"] == spec.default_profile
    (run,) = [step for step in steps(NIGHTLY) if step.get("id") == "matrix"]
    assert run["env"]["PROFILE"] == f"${{{{ inputs.profile || '{spec.default_profile}' }}}}"


def cache_steps(name: str, kind: str) -> list[dict[str, Any]]:
    return [step["with"] for step in steps(name) if step.get("uses", "").startswith(f"actions/cache/{kind}@")]


def test_what_is_saved_is_what_is_restored() -> None:
    (saved,), (restored,) = cache_steps(NIGHTLY, "save"), cache_steps(NIGHTLY, "restore")
    (read,) = cache_steps("pull-request.yml", "restore")
    assert saved["path"] == restored["path"] == read["path"]
    assert saved["key"] == restored["key"]
    prefixes = restored["restore-keys"].split("\n")[:-1]
    assert all(saved["key"].startswith(prefix) for prefix in [*prefixes, read["key"]])
    assert not cache_steps("pull-request.yml", "save")


def test_an_old_nights_results_and_environments_are_not_cached() -> None:
    (saved,) = cache_steps(NIGHTLY, "save")
    assert {"!.asrcompat/results", "!.asrcompat/envs", "!.asrcompat/reports"} <= set(saved["path"].split())


def git(*arguments: str, folder: Path) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit_all(folder: Path) -> None:
    git("init", "-q", folder=folder)
    git("add", "-A", folder=folder)
    git("commit", "-q", "-m", "all", folder=folder)


def checkout_with(folder: Path, nox: str) -> Walk:
    """A checkout with a committed report, and a nox that is the given script."""
    tools, checkout = folder / "tools", folder / "checkout"
    tools.mkdir()
    for name, text in (("python", FAKE_PYTHON), ("nox", f"#!/bin/sh\n{nox}\n")):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    (checkout / "reports").mkdir(parents=True)
    (checkout / "reports" / "results.json").write_text("old", encoding="utf-8")
    commit_all(checkout)
    return Walk(checkout=checkout, path=str(tools))


NEW_REPORT = 'echo "$@" > asked.txt; echo new > reports/results.json; echo table >> "$GITHUB_STEP_SUMMARY"; exit '


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_night_ends_with_the_matrix_code_after_publishing(tmp_path: Path, code: int) -> None:
    walk = checkout_with(tmp_path, f"{NEW_REPORT}{code}").run(NIGHTLY)
    assert walk.codes == {"matrix": 0, "publish": 0, "verdict": code}
    assert (walk.checkout / "asked.txt").read_text(encoding="utf-8") == "-s matrix -- --profile core\n"
    assert (walk.checkout / "pip.txt").read_text(encoding="utf-8") == "install -q -e .\n"
    assert walk.actions == [
        "actions/checkout", "actions/setup-python", "actions/cache/restore", "actions/cache/save",
        "actions/upload-artifact", "actions/upload-pages-artifact", "actions/deploy-pages",
    ]  # fmt: skip
    assert walk.summary == "table\n"


@pytest.mark.parametrize(("nox", "code"), [("exit 3", 3), ("exit 0", 0), ("kill -9 $PPID", 3)])
def test_an_old_report_is_never_published_as_tonights(tmp_path: Path, nox: str, code: int) -> None:
    """Where the matrix made no report, or took its step with it, results are uploaded all the same."""
    walk = checkout_with(tmp_path, nox).run(NIGHTLY)
    assert walk.results["publish"] == "skipped"
    assert walk.codes["verdict"] == code
    assert "actions/upload-artifact" in walk.actions
    assert "actions/upload-pages-artifact" not in walk.actions


@pytest.mark.parametrize(("pairs", "locks", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (3, 1, 3), (0, 3, 3), (2, 0, 2)])
def test_the_pairs_end_with_the_matrix_code_else_with_that_of_the_locks(
    tmp_path: Path, pairs: int, locks: int, code: int
) -> None:
    walk = checkout_with(
        tmp_path, f'echo "$@" >> asked.txt; case "$2" in matrix) exit {pairs};; *) exit {locks};; esac'
    )
    walk.run("pairs.yml")
    assert walk.codes == {"pairs": code}
    asked = (walk.checkout / "asked.txt").read_text(encoding="utf-8").splitlines()
    again = ["-s reinstall", "-s reinstall -- --profile nightly"]
    assert asked == ["-s matrix -- --profile nightly --budget 180m", *again]
    assert walk.actions[-2:] == ["actions/cache/save", "actions/upload-artifact"]


def test_the_caches_of_pairs_are_their_own() -> None:
    (saved,), (restored,) = cache_steps("pairs.yml", "save"), cache_steps("pairs.yml", "restore")
    assert (saved["path"], saved["key"]) == (restored["path"], restored["key"])
    (prefix,) = restored["restore-keys"].split("\n")[:-1]
    assert saved["key"].startswith(prefix)
    assert not prefix.startswith(cache_steps(NIGHTLY, "restore")[0]["restore-keys"].split("\n")[0])


def test_a_profile_is_passed_on_as_it_is(tmp_path: Path) -> None:
    walk = checkout_with(tmp_path, 'for word; do echo "$word"; done > asked.txt')
    walk.inputs = {"profile": "smoke; $(touch x) --jobs 9"}
    walk.run(NIGHTLY)
    asked = (walk.checkout / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert asked == ["-s", "matrix", "--", "--profile", "smoke; $(touch x) --jobs 9"]
    assert not (walk.checkout / "x").exists()


def test_a_broken_installation_is_unfinished_work(tmp_path: Path) -> None:
    walk = checkout_with(tmp_path, "exit 0")
    (tmp_path / "tools" / "python").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    walk.run(NIGHTLY)
    assert (walk.results["matrix"], walk.codes["verdict"]) == ("failure", 3)


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_pull_request_is_red_where_nox_is(tmp_path: Path, code: int) -> None:
    walk = checkout_with(tmp_path, f'echo "$@" >> asked.txt; exit {code}').run("pull-request.yml")
    assert walk.codes == {"checks": code, "smoke": code}
    asked = (walk.checkout / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert asked == ["-s lint", "-s types", "-s tests -- -m not real", "-s matrix -- --profile smoke"]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(3600)
def test_a_night_for_real(tmp_path: Path) -> None:
    """The nightly's own commands in a copy of this checkout, on the smoke profile."""
    checkout = tmp_path / "checkout"
    for name in git("ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    commit_all(checkout)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(os.fspath(sys.executable))} "$@"\n', encoding="utf-8")
    (tools / "python").chmod(0o755)
    walk = Walk(checkout=checkout, path=str(tools), inputs={"profile": "smoke"}).run(NIGHTLY)
    assert walk.codes["matrix"] == walk.codes["verdict"] == 0
    assert walk.results["publish"] == "skipped"  # only the default profile's report is the published one
    assert (checkout / ".asrcompat" / "reports").is_dir()
    assert "s3prl-hf" in walk.summary
