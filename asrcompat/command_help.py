"""What ``--help`` says: the commands by what a person wants, and of each one what it does, examples and exit codes.

A test gives every example to the parser, so that none of them outlives its option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_WORSE = "something is worse than baseline.toml expects, and is named"
_USAGE = "wrong usage or configuration"
_UNFINISHED = "the work could not be done: a cell ended in an error, or is missing"


@dataclass(frozen=True, kw_only=True)
class Help:
    """Of one command: a line for the list, what more there is to say, examples with what they do, exit codes."""

    line: str
    more: str = ""
    examples: Mapping[str, str]
    codes: Mapping[int, str]

    @property
    def about(self) -> str:
        """The paragraphs before the options."""
        first = f"{self.line[0].upper()}{self.line[1:]}."
        return f"{first}\n\n{self.more}" if self.more else first

    @property
    def epilog(self) -> str:
        """What follows the options."""
        shown = "\n".join(f"  {command}\n      {does}" for command, does in self.examples.items())
        codes = "\n".join(f"  {code}  {meaning}" for code, meaning in self.codes.items())
        return f"examples:\n{shown}\n\nexit codes:\n{codes}"


_RUN_CODES = {0: "nothing is worse than expected", 1: _WORSE, 2: _USAGE, 3: _UNFINISHED}

GROUPS: Mapping[str, Mapping[str, Help]] = {
    "what do I install, and what is wrong with what I have?": {
        "ask": Help(
            line="what to install: tested environments nearest to what you want and have",
            more="Environments in which all that you ask for was seen to work, nearest first, each with the command\n"
            "that installs it from its lock. Reads the published reports; needs no network.",
            examples={
                "asrcompat ask": "the newest in which the ways that people take most work",
                "asrcompat ask --torch 2.8 --paths s3prl-hf --have requirements.txt": "near to what you have",
                "asrcompat ask --espnet 2025 --s3prl '>=0.4.15' --json": "any ESPnet of 2025; for programs",
            },
            codes={0: "something fits", 1: "nothing does; what is nearest is told", 2: _USAGE, 3: "there is no report"},
        ),
        "doctor": Help(
            line="probe an environment that you have, and say what is wrong with it",
            more="Installs nothing and leaves the environment as it is.",
            examples={
                "asrcompat doctor --python env/bin/python": "all ways to load the checkpoint",
                "asrcompat doctor --weights synthetic-small --paths espnet-s3prl --devices cpu": "a quick look",
                "asrcompat doctor --config conf/train.yaml": "your own ESPnet configuration; wrong keys are named",
            },
            codes={
                0: "everything asked for works, or is unavailable there",
                1: "a path is broken or unstable, or a key is to blame",
                2: _USAGE,
                3: "it could not be found out",
            },
        ),
    },
    "run it": {
        "matrix": Help(
            line="run a profile's environments, then report",
            more="What is known already is not run again, and a run that was stopped goes on where it was.",
            examples={
                "asrcompat matrix --profile smoke": "a first look: one environment, a small checkpoint, minutes",
                "asrcompat matrix --environments 'py3.10*' --paths s3prl-hf --devices cpu": "a part of it",
                "asrcompat matrix --retry-errors --quiet": "what ended in an error; only what came of it",
            },
            codes=_RUN_CODES,
        ),
        "session": Help(
            line="run one environment, as its nox session does",
            examples={
                "asrcompat session py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2": "what is not known",
                "asrcompat session py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2 --paths s3prl-hf "
                "--again": "one path, known or not",
            },
            codes=_RUN_CODES,
        ),
        "report": Help(
            line="report from the results there are",
            examples={
                "asrcompat report": "the tables, the page and what there is to know",
                "asrcompat report --profile smoke --json": "what came of it, for programs",
                "asrcompat report --with box.json": "with a row that `doctor --out box.json` made elsewhere",
            },
            codes=_RUN_CODES,
        ),
        "plan": Help(
            line="what a profile would run and why, what not and why, and what that covers",
            examples={
                "asrcompat plan": "the environments of the default profile",
                "asrcompat plan --profile nightly --budget 20": "the 20 most valuable of those that cover all pairs",
                "asrcompat plan --shards 3 --json": "what three machines would run, for a CI's job matrix",
            },
            codes={0: "planned", 2: _USAGE, 3: "the index does not answer"},
        ),
        "merge": Help(
            line="take over what other machines found, and report on the whole profile",
            examples={
                "asrcompat merge shard1 shard2 shard3": "the work folders of three machines, or what holds them",
                "asrcompat merge box --devices cpu": "of machines that ran on the CPU alone: nothing else is missing",
            },
            codes=_RUN_CODES,
        ),
        "reinstall": Help(
            line="install some published locks again, other ones every day",
            examples={
                "asrcompat reinstall": "three of them",
                "asrcompat reinstall --count 10 --profile nightly": "ten of the nightly report's",
            },
            codes={0: "all install", 1: "one does not", 2: _USAGE, 3: "it could not be found out"},
        ),
    },
    "why does it fail, and what cures it?": {
        "remedy": Help(
            line="try what may cure the broken and unstable cells of a profile's results",
            more=(
                "It needs results of a `matrix` run, by default of profile core. Each change is made in a copy of the "
                "environment, installed and probed anew: minutes for each failure, which an estimate tells first. What "
                "is found is kept, and told by `report`."
            ),
            examples={
                "asrcompat remedy --budget 30": "begin nothing more after half an hour",
                "asrcompat remedy --environments 'py3.12*' --paths espnet-s3prl": "of some cells",
            },
            codes={
                0: "every cell has a verified remedy",
                1: "all was tried, and a cell has none",
                2: _USAGE,
                3: "it could not be found out: the budget, or an error of the harness",
            },
        ),
        "rules": Help(
            line="run what tells explanations of a profile's failures apart",
            examples={
                "asrcompat rules --budget 30": "begin nothing more after half an hour",
                "asrcompat rules --profile nightly --json": "on what each failure depends, for programs",
            },
            codes={0: "no run is left that would tell more", 2: _USAGE, 3: "some are left"},
        ),
        "bisect": Help(
            line="find the release, or the change between two locks, that broke or cured a path",
            examples={
                "asrcompat bisect --axis transformers": "outward from an environment in which the path works",
                "asrcompat bisect --axis torchaudio --good 2.8.0 --bad 2.9.0 --path s3prl-hf": "between two releases",
                "asrcompat bisect --locks good.txt bad.txt": "which of the changes between two locks",
            },
            codes={
                0: "found, or there is no limit up to the last release",
                2: _USAGE,
                3: "it could not be found out",
            },
        ),
    },
    "what happened?": {
        "diff": Help(
            line="what changed between two reports, and which packages moved",
            examples={
                "asrcompat diff HEAD~1 HEAD": "two revisions of this checkout",
                "asrcompat diff HEAD~1 reports --profile nightly --json": "a revision and a folder, for programs",
                "asrcompat diff old/results.json reports": "two reports that lie in folders",
            },
            codes={0: "no cell got worse", 1: "a cell got worse", 2: _USAGE},
        ),
        "why": Help(
            line="the story of one environment, or of some versions",
            examples={
                "asrcompat why py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2": "an environment",
                "asrcompat why 'torch=2.8.0 espnet=202611' --profile nightly": (
                    "some versions of a covering profile, once `plan --profile nightly` has made its plan"
                ),
            },
            codes={0: "told, also that no environment has these versions", 2: "there is no such plan, or wrong usage"},
        ),
    },
}

COMMANDS: Mapping[str, Help] = {name: told for group in GROUPS.values() for name, told in group.items()}


def listing() -> str:
    """All commands with a line each, by what a person wants."""
    width = max(map(len, COMMANDS))
    groups = (
        "\n".join([title, *(f"  {name:<{width}}  {told.line}" for name, told in group.items())])
        for title, group in GROUPS.items()
    )
    return "\n\n".join(groups)
