"""The workflows: which commands they run, with which rights, and what becomes of the exit code.

Linting them is the lint session's; here they are walked through with the commands replaced (fast) and for real.
"""

from __future__ import annotations

import ast
import json
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
NIGHTLY, PAIRS, SHARDED = "nightly.yml", "pairs.yml", "sharded.yml"

# A `python` that makes a virtual environment of which nox does what the test wants.
FAKE_PYTHON = """\
#!/bin/sh
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "$@" >> "$WALK/pip.txt"\\n' > .venv/bin/pip
printf '#!/bin/sh\\necho "$@" >> "$WALK/asked.txt"; cat "$WALK/tools/shards.json"\\n' > .venv/bin/python
cp "$(dirname "$0")/nox" .venv/bin/nox
chmod +x .venv/bin/*
"""
SHARDS = {"include": [{"shard": f"{one}/2", "name": f"{one}-of-2", "stacks": f"torch{one}"} for one in (1, 2)]}


def nox_sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name for node in functions if any("nox.session" in ast.unparse(each) for each in node.decorator_list)}


def commands(name: str) -> list[list[str]]:
    """Every call of this project's own tools, as words."""
    lines = [line for script in scripts(name) for line in re.split(r"&&|\|\||\n", script)]
    lines = [line.removeprefix("shards=$(") for line in lines]
    return [shlex.split(line) for line in lines if line.strip().startswith((".venv/bin/", "python"))]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_by_commit_and_names_its_version(name: str) -> None:
    lines = [line for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if "uses: " in line]
    lines = [line for line in lines if "uses: ./" not in line]  # of this commit by itself
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
        assert "uses" in job or job["timeout-minutes"]
    assert name == SHARDED or load(name)["concurrency"]["group"]
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_foreign_text_gets_into_a_script(name: str) -> None:
    assert not [script for script in scripts(name) if "${{" in script]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_exists(name: str) -> None:
    found = commands(name)
    assert found or name == NIGHTLY, "which calls another workflow, and runs nothing of ours itself"
    for words in found:
        match words:
            case ["python", "-m", "venv", ".venv"] | [".venv/bin/pip", "install", "-q", "-e", "."]:
                continue
            case [".venv/bin/nox", "-s", ("matrix" | "merge" | "reinstall") as session, "--", *rest]:
                rest = ["1/2" if word == "$SHARD" else word for word in rest]
                assert parser().parse_args([session, *rest]).profile
            case [".venv/bin/python", "-m", "asrcompat", session, *rest]:
                rest = ["2" if word == "$SHARDS" else word.rstrip(")") for word in rest]
                assert parser().parse_args([session, *rest]).profile
            case [".venv/bin/nox", "-s", "tests", "--", "-m", "not real and not slow" | "real or slow"]:
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
    for job_name, job in jobs(name).items():
        if job_name not in ("publish", "verdict") and "steps" in job:
            assert SETUP in [step.get("run") for step in job["steps"]], job_name
    assert SETUP in readme
    assert ".venv/bin/nox -s matrix" in readme


def test_profiles_exist() -> None:
    spec = load_spec(ROOT / "matrix.toml")
    assert ".venv/bin/nox -s matrix -- --profile smoke" in scripts("pull-request.yml")
    assert "smoke" in spec.profiles
    assert load(PAIRS)["jobs"]["pairs"]["with"]["profile"] == "nightly"
    assert spec.profiles["nightly"].cover is not None
    assert load(NIGHTLY)["on"]["workflow_dispatch"]["inputs"]["profile"]["default"] == spec.default_profile
    assert (
        load(NIGHTLY)["jobs"]["matrix"]["with"]["profile"] == f"${{{{ inputs.profile || '{spec.default_profile}' }}}}"
    )


def cache_steps(job: str, kind: str, name: str = SHARDED) -> list[dict[str, Any]]:
    found = jobs(name)[job]["steps"]
    return [step["with"] for step in found if step.get("uses", "").startswith(f"actions/cache/{kind}@")]


@pytest.mark.parametrize("job", ["plan", "shard"])
def test_what_is_saved_is_what_is_restored(job: str) -> None:
    (saved,), (restored,) = cache_steps(job, "save"), cache_steps(job, "restore")
    assert saved["path"] == restored["path"]
    assert saved["key"] == restored["key"]
    prefixes = restored["restore-keys"].split("\n")[:-1]
    assert all(saved["key"].startswith(prefix) for prefix in prefixes)


def test_a_pull_request_reads_what_shards_save() -> None:
    (saved,) = cache_steps("shard", "save")
    (read,) = cache_steps("smoke", "restore", "pull-request.yml")
    assert read["path"] == saved["path"]
    assert all(saved["key"].startswith(prefix) for prefix in read["restore-keys"].split("\n")[:-1])
    assert not cache_steps("smoke", "save", "pull-request.yml")


def test_caches_go_by_torch_stack() -> None:
    (saved,) = cache_steps("shard", "save")
    assert "${{ matrix.stacks }}" in saved["key"]


def test_results_are_cached_and_environments_and_reports_are_not() -> None:
    (saved,) = cache_steps("shard", "save")
    assert {".asrcompat/*", "!.asrcompat/envs", "!.asrcompat/reports"} <= set(saved["path"].split())
    assert "!.asrcompat/results" not in saved["path"]


def test_results_that_no_run_of_tonight_kept_are_not_uploaded(tmp_path: Path) -> None:
    found = jobs(SHARDED)["shard"]["steps"]
    names = [step["name"] for step in found]
    assert (
        names.index("Save caches")
        < names.index("Leave out other nights' results")
        < names.index("Upload results and logs")
    )
    (run,) = [step["run"] for step in found if step["name"] == "Leave out other nights' results"]
    kept = tmp_path / ".asrcompat" / "results" / "synthetic-base"
    kept.mkdir(parents=True)
    for name, at in (("old.json", 100), ("tonight.json", 300)):
        (kept / name).touch()
        os.utime(kept / name, (at, at))
    (tmp_path / ".asrcompat" / "begun").touch()
    os.utime(tmp_path / ".asrcompat" / "begun", (200, 200))
    subprocess.run(["/bin/sh", "-c", run], cwd=tmp_path, check=True)
    assert [one.name for one in kept.iterdir()] == ["tonight.json"]


def git(*arguments: str, folder: Path) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit_all(folder: Path) -> None:
    git("init", "-q", folder=folder)
    git("add", "-A", folder=folder)
    git("commit", "-q", "-m", "all", folder=folder)


def checkout_with(folder: Path, nox: str) -> Walk:
    """A checkout with a committed report, and a nox that is the given script; a plan has two shards."""
    tools, checkout = folder / "tools", folder / "checkout"
    tools.mkdir()
    for name, text in (("python", FAKE_PYTHON), ("nox", f'#!/bin/sh\necho "$@" >> "$WALK/asked.txt"\n{nox}\n')):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    (tools / "shards.json").write_text(json.dumps(SHARDS), encoding="utf-8")
    (checkout / "reports").mkdir(parents=True)
    (checkout / "reports" / "results.json").write_text("old", encoding="utf-8")
    commit_all(checkout)
    return Walk(checkout=checkout, path=str(tools))


def asked(walk: Walk) -> list[str]:
    return (walk.folder / "asked.txt").read_text(encoding="utf-8").splitlines()


# What a shard and a merge leave behind; a merge takes what shards left.
SHARD = 'mkdir -p .asrcompat/results; echo "$7" > .asrcompat/results/of.txt'
MERGE = (
    'cat shards/*/results/of.txt > "$WALK/merged.txt"; echo new > reports/results.json; '
    'echo table >> "$GITHUB_STEP_SUMMARY"'
)


def does(*, shard: str = SHARD, merge: str = MERGE, otherwise: str = "exit 0") -> str:
    """A nox that does one thing for the session `matrix`, another for `merge`, and a third for all others."""
    return f'case "$2" in matrix) {shard};; merge) {merge};; *) {otherwise};; esac'


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_night_ends_with_the_merges_code_after_publishing(tmp_path: Path, code: int) -> None:
    walk = checkout_with(tmp_path, does(merge=f"{MERGE}; exit {code}")).run(NIGHTLY)
    assert walk.codes == {
        "matrix / plan": 0, "matrix / shard 1-of-2": 0, "matrix / shard 2-of-2": 0, "matrix / merge": 0,
        "publish": 0, "verdict": code,
    }  # fmt: skip
    assert asked(walk) == [
        "-m asrcompat plan --profile core --shards 3 --json",
        "-s matrix -- --profile core --shard 1/2",
        "-s matrix -- --profile core --shard 2/2",
        "-s merge -- shards/shard-1-of-2 shards/shard-2-of-2 --profile core",
    ]
    assert (walk.folder / "merged.txt").read_text(encoding="utf-8") == "1/2\n2/2\n"
    assert set((walk.folder / "pip.txt").read_text(encoding="utf-8").splitlines()) == {"install -q -e ."}
    assert walk.actions[-2:] == ["actions/upload-pages-artifact", "actions/deploy-pages"]
    assert walk.summary == "table\n"


@pytest.mark.parametrize("code", [1, 3])
def test_what_a_shard_found_is_the_merges_to_judge(tmp_path: Path, code: int) -> None:
    walk = checkout_with(tmp_path, does(shard=f"{SHARD}; exit {code}")).run(NIGHTLY)
    assert walk.results["matrix / shard"] == "success"
    assert walk.codes["verdict"] == 0


@pytest.mark.parametrize("nox", ["exit 2", "exit 137", "kill -9 $PPID"])
def test_a_shard_that_dies_is_red_and_the_others_are_merged(tmp_path: Path, nox: str) -> None:
    dies = f'case "$7" in 1/2) {nox};; *) {SHARD};; esac'
    walk = checkout_with(tmp_path, does(shard=dies, merge=f"{MERGE}; exit 3")).run(NIGHTLY)
    assert walk.results["matrix / shard"] == walk.results["matrix"] == "failure"
    assert (walk.folder / "merged.txt").read_text(encoding="utf-8") == "2/2\n"
    assert walk.codes["verdict"] == 3


@pytest.mark.parametrize(("merge", "code"), [("exit 3", 3), ("exit 0", 0), ("kill -9 $PPID", 3)])
def test_an_old_report_is_never_published_as_tonights(tmp_path: Path, merge: str, code: int) -> None:
    """Where the merge made no report, or took its step with it."""
    walk = checkout_with(tmp_path, does(merge=merge)).run(NIGHTLY)
    assert walk.results["publish"] == "skipped"
    assert walk.codes["verdict"] == code
    assert "actions/upload-pages-artifact" not in walk.actions


def test_without_a_plan_nothing_is_run_and_the_night_is_unfinished(tmp_path: Path) -> None:
    walk = checkout_with(tmp_path, does())
    (walk.folder / "tools" / "shards.json").unlink()
    walk.run(NIGHTLY)
    assert walk.results == {
        "matrix / plan": "failure", "matrix / shard": "skipped", "matrix / merge": "skipped",
        "matrix": "failure", "publish": "skipped", "verdict": "failure",
    }  # fmt: skip
    assert walk.codes["verdict"] == 3


def test_every_shard_runs_the_plan_that_was_made(tmp_path: Path) -> None:
    walk = checkout_with(tmp_path, does(shard=f'cat .asrcompat/plans/made.json >> "$WALK/planned.txt"; {SHARD}'))
    python = walk.folder / "tools" / "python"
    plans = "mkdir -p .asrcompat/plans; echo made > .asrcompat/plans/made.json"
    python.write_text(
        python.read_text(encoding="utf-8").replace('cat "$WALK', f'{plans}; cat "$WALK'), encoding="utf-8"
    )
    walk.run(NIGHTLY)
    assert (walk.folder / "planned.txt").read_text(encoding="utf-8") == "made\nmade\n"


@pytest.mark.parametrize(("pairs", "locks", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (3, 1, 3), (0, 3, 3), (2, 0, 2)])
def test_the_pairs_end_with_the_matrix_code_else_with_that_of_the_locks(
    tmp_path: Path, pairs: int, locks: int, code: int
) -> None:
    walk = checkout_with(tmp_path, does(merge=f"{MERGE}; exit {pairs}", otherwise=f"exit {locks}")).run(PAIRS)
    assert walk.codes["verdict"] == code
    assert asked(walk)[0] == "-m asrcompat plan --profile nightly --shards 4 --json"
    assert asked(walk)[-2:] == ["-s reinstall", "-s reinstall -- --profile nightly"]


def test_a_profile_is_passed_on_as_it_is(tmp_path: Path) -> None:
    walk = checkout_with(tmp_path, 'for word; do echo "$word"; done >> "$WALK/words.txt"')
    walk.inputs = {"profile": "smoke; $(touch x) --jobs 9"}
    walk.run(NIGHTLY)
    words = (walk.folder / "words.txt").read_text(encoding="utf-8").splitlines()
    assert words[:7] == ["-s", "matrix", "--", "--profile", "smoke; $(touch x) --jobs 9", "--shard", "1/2"]
    assert not list(walk.folder.glob("jobs/*/x"))


def test_a_broken_installation_is_unfinished_work(tmp_path: Path) -> None:
    walk = checkout_with(tmp_path, does())
    (tmp_path / "tools" / "python").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    walk.run(NIGHTLY)
    assert (walk.results["matrix"], walk.codes["verdict"]) == ("failure", 3)


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_pull_request_is_red_where_nox_is(tmp_path: Path, code: int) -> None:
    walk = checkout_with(tmp_path, f"exit {code}").run("pull-request.yml")
    assert walk.codes == {"checks": code, "smoke": code}
    assert asked(walk) == [
        "-s lint",
        "-s actionlint",
        "-s types",
        "-s tests -- -m not real and not slow",
        "-s matrix -- --profile smoke",
    ]


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
    assert walk.codes["matrix / merge"] == walk.codes["verdict"] == 0
    assert walk.results["publish"] == "skipped"  # only the default profile's report is the published one
    assert (tmp_path / "jobs" / "matrix-merge" / ".asrcompat" / "reports").is_dir()
    assert "s3prl-hf" in walk.summary
