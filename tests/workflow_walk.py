"""Walks through a workflow's jobs as GitHub's runner would: each in a checkout of its own, ``run`` steps executed.

Workflows of this repository are called and matrices are run; of actions, artifacts are handed on and the others left
out. Of the expression language it knows what the workflows here use, and refuses the rest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML  # YAML 1.2, as GitHub reads it: in 1.1 the key `on` is a truth value

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(file.name for file in FOLDER.glob("*.yml"))

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def load(name: str) -> dict[str, Any]:
    """A workflow as data."""
    document: dict[str, Any] = YAML(typ="safe", pure=True).load((FOLDER / name).read_text(encoding="utf-8"))
    return document


def jobs(name: str) -> dict[str, dict[str, Any]]:
    """A workflow's jobs by name."""
    found: dict[str, dict[str, Any]] = load(name)["jobs"]
    return found


def steps(name: str) -> list[dict[str, Any]]:
    """Every step of every job, but those of workflows that are called."""
    return [step for job in jobs(name).values() for step in job.get("steps", ())]


def scripts(name: str) -> list[str]:
    """The scripts of a workflow's ``run`` steps."""
    return [step["run"] for step in steps(name) if "run" in step]


def value_of(expression: str, context: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each form
    """An expression's value in a context of nested mappings; what is not there is empty, as on GitHub."""
    if " || " in expression:
        return next(filter(None, (value_of(part, context) for part in expression.split(" || "))), "")
    if " && " in expression:
        return all(value_of(part, context) for part in expression.split(" && "))
    if " == " in expression:
        left, right = (value_of(part, context) for part in expression.split(" == "))
        return left == right
    if expression == "!cancelled()":
        return True
    if re.fullmatch(r"'[^']*'", expression):
        return expression[1:-1]
    if (inner := re.fullmatch(r"fromJSON\((.*)\)", expression)) is not None:
        return json.loads(value_of(inner[1], context))
    assert re.fullmatch(r"[a-z_-]+(\.[a-z_-]+)+", expression), f"the walk does not know this expression: {expression}"
    value: Any = context
    for name in expression.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return value


def filled(text: str, context: Mapping[str, Any]) -> str:
    """A text with its expressions replaced by their values."""
    return _EXPRESSION.sub(lambda match: str(value_of(match[1], context)), str(text))


def holds(condition: str | None, context: Mapping[str, Any], *, failed: bool) -> bool:
    """Whether a step or job with this ``if`` runs; without a status function, only where nothing has failed."""
    if condition is None:
        return not failed
    match = _EXPRESSION.fullmatch(condition)
    assert match is not None
    assert "cancelled()" in match[1], f"the walk does not know this condition: {condition}"
    return bool(value_of(match[1], context))


@dataclass
class Walk:
    """One run of a workflow: each job's result (success, failure, skipped), exit code and outputs.

    Jobs of a called workflow are named after the caller's (``matrix / plan``), those of a matrix end with its values.
    `checkout` is what each job clones; `path` comes first on their PATH.
    """

    checkout: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    actions: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where jobs and artifacts lie, and what fake tools may write into: ``$WALK``."""
        return self.checkout.parent

    def run(self, name: str) -> Walk:
        """Walk through all jobs in the order in which they stand."""
        self.outputs = self._workflow(name, self.inputs, "")
        return self

    def _workflow(self, name: str, inputs: Mapping[str, str], within: str) -> dict[str, str]:
        """Run a workflow's jobs; its outputs, if it is one that is called."""
        needs: dict[str, Any] = {}
        for job_name, job in jobs(name).items():
            needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            context = {"inputs": inputs, "needs": {other: needs[other] for other in needed}}
            if holds(job.get("if"), context, failed=any(needs[other]["result"] != "success" for other in needed)):
                needs[job_name] = self._job(f"{within}{job_name}", job, context)
            else:
                needs[job_name] = {"result": "skipped", "outputs": {}}
            self.results[f"{within}{job_name}"] = needs[job_name]["result"]
        told = load(name)["on"].get("workflow_call", {}).get("outputs", {})
        return {key: filled(one["value"], {"jobs": needs}) for key, one in told.items()}

    def _job(self, name: str, job: dict[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
        """Run a job, each of a matrix, or the workflow that it calls; what others may need of it."""
        if "uses" in job:
            given = {key: filled(text, context) for key, text in job["with"].items()}
            outputs = self._workflow(job["uses"].rpartition("/")[2], given, f"{name} / ")
            own = [result for job_name, result in self.results.items() if job_name.startswith(f"{name} / ")]
            return {"result": "failure" if "failure" in own else "success", "outputs": outputs}
        matrix = job.get("strategy", {}).get("matrix")
        if matrix is None:
            code, outputs = self._steps(name, job, context)
            self.codes[name] = code
            return {"result": "failure" if code else "success", "outputs": outputs}
        match = _EXPRESSION.fullmatch(matrix)
        assert match is not None
        for row in value_of(match[1], context)["include"]:
            code, _ = self._steps(f"{name} {row['name']}", job, {**context, "matrix": row})
            self.codes[f"{name} {row['name']}"] = code
        codes = [code for job_name, code in self.codes.items() if job_name.startswith(f"{name} ")]
        return {"result": "failure" if any(codes) else "success", "outputs": {}}

    def _steps(self, name: str, job: dict[str, Any], given: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
        context: dict[str, Any] = {**given, "steps": {}}
        place = self.folder / "jobs" / re.sub(r"\W+", "-", name)
        subprocess.run(["git", "clone", "-q", self.checkout, place], check=True)  # noqa: S607 - whichever git is there
        code = 0
        for step in job["steps"]:
            if not holds(step.get("if"), context, failed=code != 0):
                continue
            if "uses" in step:
                self._action(step, context, place)
                continue
            environment = {key: filled(value, context) for key, value in step.get("env", {}).items()}
            found, outputs = self._script(step["run"], environment, place)
            context["steps"][step.get("id", "")] = {"outputs": outputs}
            code = code or found
        return code, {key: filled(text, context) for key, text in job.get("outputs", {}).items()}

    def _action(self, step: Mapping[str, Any], context: Mapping[str, Any], place: Path) -> None:
        action = step["uses"].partition("@")[0]
        self.actions.append(action)
        if not action.endswith("load-artifact"):
            return
        given = {key: filled(value, context) for key, value in step["with"].items()}
        artifacts = self.folder / "artifacts"
        if action == "actions/upload-artifact":
            there = [path for path in given["path"].split() if (place / path).exists()]
            base = Path(os.path.commonpath([Path(path).parent for path in given["path"].split()]))
            for path in there:
                target = artifacts / given["name"] / Path(path).relative_to(base)
                shutil.copytree(place / path, target, dirs_exist_ok=True)
        else:
            for artifact in sorted(artifacts.glob("*")):
                if fnmatchcase(artifact.name, given["pattern"]):
                    own = "" if "merge-multiple" in given else artifact.name
                    shutil.copytree(artifact, place / given["path"] / own, dirs_exist_ok=True)

    def _script(self, script: str, extra: dict[str, str], place: Path) -> tuple[int, dict[str, str]]:
        files = {key: self.folder / key.lower() for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        environment = {**os.environ, "WALK": str(self.folder), **extra}
        environment |= {key: str(file) for key, file in files.items()}
        environment["PATH"] = self.path + os.pathsep + environment["PATH"]
        command = ["bash", "-e", "-c", script]
        done = subprocess.run(command, cwd=place, env=environment, check=False)
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)
