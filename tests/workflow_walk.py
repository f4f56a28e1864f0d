"""Walks through a workflow's jobs as GitHub's runner would, with ``run`` steps executed and actions left out.

Of the expression language it knows what the workflows here use, and refuses the rest.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """Every step of every job."""
    return [step for job in jobs(name).values() for step in job["steps"]]


def scripts(name: str) -> list[str]:
    """The scripts of a workflow's ``run`` steps."""
    return [step["run"] for step in steps(name) if "run" in step]


def value_of(expression: str, context: Mapping[str, Any]) -> Any:
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
    assert re.fullmatch(r"[a-z_-]+(\.[a-z_-]+)+", expression), f"the walk does not know this expression: {expression}"
    value: Any = context
    for name in expression.split("."):
        value = value.get(name, "") if isinstance(value, Mapping) else ""
    return value


def filled(text: str, context: Mapping[str, Any]) -> str:
    """A text with its expressions replaced by their values."""
    return _EXPRESSION.sub(lambda match: str(value_of(match[1], context)), text)


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
    """One run of a workflow in a checkout: each job's result (success, failure, skipped), its exit code and outputs."""

    checkout: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    actions: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    needs: dict[str, Any] = field(default_factory=dict)
    summary: str = ""

    def run(self, name: str) -> Walk:
        """Walk through all jobs in the order in which they stand."""
        for job_name, job in jobs(name).items():
            needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            context = {"inputs": self.inputs, "needs": self.needs}
            if holds(job.get("if"), context, failed=any(self.results[other] != "success" for other in needed)):
                self._job(job_name, job)
            else:
                self.results[job_name] = "skipped"
        return self

    def _job(self, name: str, job: dict[str, Any]) -> None:
        context: dict[str, Any] = {"inputs": self.inputs, "needs": self.needs, "steps": {}}
        code = 0
        for step in job["steps"]:
            if not holds(step.get("if"), context, failed=code != 0):
                continue
            if "uses" in step:
                self.actions.append(step["uses"].partition("@")[0])
                continue
            environment = {key: filled(value, context) for key, value in step.get("env", {}).items()}
            found, outputs = self._script(step["run"], environment)
            context["steps"][step.get("id", "")] = {"outputs": outputs}
            code = code or found
        self.codes[name] = code
        self.results[name] = "failure" if code else "success"
        self.needs[name] = {"outputs": {key: filled(text, context) for key, text in job.get("outputs", {}).items()}}

    def _script(self, script: str, extra: dict[str, str]) -> tuple[int, dict[str, str]]:
        files = {key: self.checkout.parent / key.lower() for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        environment = {**os.environ, **extra, **{key: str(file) for key, file in files.items()}}
        environment["PATH"] = self.path + os.pathsep + environment["PATH"]
        command = ["bash", "-e", "-c", script]
        done = subprocess.run(command, cwd=self.checkout, env=environment, check=False)
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)
