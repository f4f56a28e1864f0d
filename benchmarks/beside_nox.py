"""The same cells by this harness, by a plain noxfile with uv, and by one with pip, in paired rounds.

The cells: environments of core, on three paths, without findings. Everybody is given the lock of every environment, the
checkpoint, the speech and the references; every installer has all files in its cache (pip: as built wheels in a
folder), and all begin without environments. The noxfiles (contest/rival_noxfile.py) make one process per path, which
runs the very probe that the harness runs, with all cores for its arithmetic, and write compiled modules. Nothing but
the wall clock is compared, and only where all three come to the same outcomes.

Loading and training is what the probes do from `load` to `train`: nearly all of it arithmetic. The floor is what
nobody can avoid: installing from a warm cache as the quickest of them did, importing once per environment, loading and
training; these as they took inside the harness's own run, with others beside it, and spread over the environments that
it runs at a time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path

from contest.bench import ROOT, prepared
from contest.harness import by_the_harness
from contest.noxfiles import by_a_noxfile, wheels
from contest.table import HARNESS, WITH_PIP, WITH_UV, page

from asrcompat.run import host

README = ROOT / "README.md"
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"


def main() -> None:
    """Measure, print, and write the table into the README where asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environments", default="*", help="patterns of core's environments (default: all, on three paths)"
    )
    parser.add_argument("--weights", default="synthetic-base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".asrcompat")
    parser.add_argument("--write", action="store_true", help="the table into the README")
    given = parser.parse_args()
    if subprocess.run(
        ["/usr/bin/env", "git", "status", "--porcelain"], cwd=ROOT, capture_output=True, check=True
    ).stdout:
        raise SystemExit("there are changes that are not committed: what is measured is what is committed")
    readme = README.read_text(encoding="utf-8")
    if given.write and not readme.partition(BEGIN)[2].partition(END)[1]:
        raise SystemExit(f"{README.name} has no place for the table, between {BEGIN} and {END}")
    folder = given.folder / "asrcompat-benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    for one in folder.iterdir():
        if one.is_dir() and one.name != "wheels":  # which are fetched once
            shutil.rmtree(one)
    bench = prepared(folder, given.environments.split(","), given.weights)
    wheels(bench)
    jobs = min(host.usable_cores(), len(bench.sources))
    entrants = {
        HARNESS: lambda: by_the_harness(bench, jobs),
        WITH_UV: lambda: by_a_noxfile(bench, "uv"),
        WITH_PIP: lambda: by_a_noxfile(bench, "virtualenv"),
    }
    by_the_harness(bench, jobs)  # warm: uv's cache, and the files themselves
    rounds = []
    for number in range(given.rounds):
        names = list(entrants)
        turned = names[number % len(names) :] + names[: number % len(names)]
        took = {name: entrants[name]() for name in turned}
        print({name: round(one.wall, 1) for name, one in took.items()}, flush=True)
        if len({json.dumps(sorted(map(str, one.outcomes.items()))) for one in took.values()}) != 1:
            raise SystemExit(f"not the same cells: { {name: one.outcomes for name, one in took.items()} }")
        rounds.append({name: took[name] for name in names})
    text = page(bench, rounds, jobs)
    print(text)
    if given.write:
        before, _, rest = readme.partition(BEGIN)
        after = rest.partition(END)[2]
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
