"""From the results that are kept to a verdict and a report: read, judge by the baseline, merge, publish."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asrcompat.baseline import Comparison, compare, load_baseline
from asrcompat.beside import beside
from asrcompat.concluding import conclude
from asrcompat.doctor import guests
from asrcompat.doctor.origins import unreleased
from asrcompat.errors import HarnessError
from asrcompat.explain.changed import Edition
from asrcompat.explain.claims import as_data, judge_claims
from asrcompat.explain.dated import judge_dated
from asrcompat.explain.judge import judge_failures
from asrcompat.explain.replaced import story
from asrcompat.explain.since import FILE as HISTORY
from asrcompat.explain.since import History, continued, dated, dump, parse
from asrcompat.history.replaced import named_locks, replaced
from asrcompat.model import Cell, Device, EnvironmentResult, Results
from asrcompat.options import Options
from asrcompat.plan.document import kept_plan
from asrcompat.report.admit import admit
from asrcompat.report.coverage import coverage_data
from asrcompat.report.merge import merge
from asrcompat.report.newest import written
from asrcompat.report.publish import publish
from asrcompat.report.summary import job_summary
from asrcompat.result_files import ResultError, parse_results, published_reports
from asrcompat.run.progress import Progress
from asrcompat.run.store import Store, update_text, write_text
from asrcompat.searched import searched
from asrcompat.spec import Request, environment_id

BASELINE = "baseline.toml"
CLAIMS = "fixtures/claims"


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is known of a choice of environments: `locks` are the texts of their locks, by what they are called."""

    results: Results
    comparison: Comparison
    locks: Mapping[str, str]


def publish_report(options: Options, judged: Sequence[Request], *, not_begun: Sequence[Request] = ()) -> int:
    """Publish and judge these environments from the results there are; those `not_begun` are told, and not judged."""
    known = gather(options, judged, not_begun=not_begun)
    folder = options.reports_folder
    before = replaced(folder, warn=Progress().tell)
    merged, cured = searched(options, Edition(name="", results=known.results, locks=known.locks), before)
    here = folder.resolve()
    place = here.relative_to(options.root).as_posix() if here.is_relative_to(options.root) else ""
    told = story(before, Edition(name="", results=merged, locks=known.locks), folder=place)
    merged = replace(merged, changes=told.changes, last=told.last)
    locks = {**known.locks, **cured, **told.locks}
    old = (named_locks(before.results) if before is not None else set()) - locks.keys()
    for name, text in locks.items():  # first: what is published must not name a lock that is not there
        update_text(folder / name, text)
    history = continued(_history(folder, before), merged)
    merged = dated(merged, history)
    publish(merged, folder, history=history, beside=neighbours(options))
    write_text(folder / HISTORY, dump(history))
    if _is_the_repositorys_own(options):
        _tell_in_readme(options.root)
    for name in old:
        (folder / name).unlink(missing_ok=True)
    if (summary := os.environ.get("GITHUB_STEP_SUMMARY")) is not None:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(job_summary(merged))
    conclude(options, merged, code=known.comparison.exit_code)
    return known.comparison.exit_code


def neighbours(options: Options) -> dict[str, str]:
    """The pages of other profiles' reports in the repository, from this one's folder, where it is published there too.

    Those that are there now: a report that is published for the first time is linked from others when they are next.
    """
    folder = options.reports_folder
    if folder != options.published_folder:
        return {}
    others = {one: replace(options, profile=one).published_folder for one in options.spec.profiles}
    return {
        profile: (Path(os.path.relpath(there, folder)) / "index.html").as_posix()
        for profile, there in others.items()
        if there != folder and (there / "index.html").is_file()
    }


def _is_the_repositorys_own(options: Options) -> bool:
    """Whether a report is the one that the repository keeps of its profile: the whole of it, on its own weights.

    Another may be published into the same folder; the README's answer is not to come from that.
    """
    return (
        options.reports_folder.resolve() == options.published_folder.resolve()
        and options.whole
        and options.as_of is None
        and options.chosen_weights == options.spec.weights_of(options.chosen_profile)
    )


def _tell_in_readme(root: Path) -> None:
    """The newest answer in the README, by all reports that are published now."""
    file = root / "README.md"
    if file.is_file():
        write_text(file, written(file.read_text(encoding="utf-8"), published_reports(root, warn=Progress().tell)))


def _history(folder: Path, before: Edition | None) -> History:
    """What the report's history holds so far; of one that cannot be read, what the last report itself tells."""
    try:
        return parse((folder / HISTORY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        Progress().tell(f"{folder / HISTORY}: cannot be read ({error}): it begins anew with the last report")
    return History() if before is None else continued(History(), before.results)


def published(options: Options) -> Results | None:
    """The report on the whole profile that the checkout holds; None where there is none, or none that can be read."""
    try:
        file = options.published_folder / "results.json"
        return parse_results(file.read_bytes(), source=str(file))
    except FileNotFoundError:
        return None
    except (OSError, ResultError) as error:
        Progress().tell(f"passed over: the published report: {error}")
        return None


def gather(options: Options, judged: Sequence[Request], *, not_begun: Sequence[Request] = ()) -> Known:
    """Put the results there are of these environments together, and explain them.

    Raises `HarnessError` where there are none.
    """
    store = options.store
    visiting = guests.read(
        options.guests,
        store.folder / guests.FOLDER,
        model=options.spec.model.name,
        weights=options.chosen_weights,
        warn=Progress().tell,
    )
    found = {request.id: read_result(store, request) for request in judged}
    results = [result for result in found.values() if result is not None]
    if not results:
        profile, weights = options.chosen_profile, options.chosen_weights
        others = ", ".join(store.beside())
        known = f" (of other weights there are some: {others})" if others else ""
        message = (
            f"no results of profile '{profile}' on {weights}{known}: run `nox -s matrix -- --profile {profile} "
            f"--weights {weights}`, or name the profile and weights that were run, such as `--profile smoke`"
        )
        raise HarnessError(message)
    comparison = judge(options, judged, results)
    planned = [name if (result := found[name]) is None else result.environment.id for name in found]
    merged = merge(
        [*results, *visiting],
        profile=options.chosen_profile,
        planned=[*planned, *(one.id for one in not_begun), *(one.environment.id for one in visiting)],
        expectations=comparison.as_data(),
    )
    merged = replace(merged, cells=_in_order(merged, options))
    # what is no release is a row, and no evidence on releases
    unknown = {one.id: one.lock for one in merged.environments if unreleased(one)}
    released = tuple(cell for cell in merged.cells if cell.environment not in unknown)
    claims = judge_claims(replace(merged, cells=released), options.root / CLAIMS)
    merged = replace(merged, claims=tuple(as_data(one) for one in claims))
    locks = {**_locks(store, results), **guests.locks(visiting)}
    further = beside(options, store, merged)
    known_locks = {name: text for name, text in locks.items() if name not in unknown.values()}
    merged = judge_failures(merged, known_locks | further.locks, beside=further.results, tried=further.tried)
    merged = replace(merged, dated=judge_dated(merged, locks))
    plan = None
    if options.spec.profile(options.chosen_profile).cover is not None:
        plan = kept_plan(options.work_folder, options.chosen_profile, options.as_of, warn=Progress().tell)
    if plan is not None:
        merged = replace(merged, coverage=coverage_data(plan, merged))
    return Known(results=merged, comparison=comparison, locks=locks)


def _in_order(results: Results, options: Options) -> tuple[Cell, ...]:
    """The cells of each environment by device and path as matrix.toml lists them, whichever run found which."""
    environments = {one.id: place for place, one in enumerate(results.environments)}
    paths = {
        path: place for place, path in enumerate(dict.fromkeys((*options.chosen_paths, *options.spec.probe.paths)))
    }
    devices = list(Device)

    def place(cell: Cell) -> tuple[int, int, int]:
        return environments[cell.environment], devices.index(cell.device), paths.get(cell.path, len(paths))

    return tuple(sorted(results.cells, key=place))


def _locks(store: Store, results: Sequence[EnvironmentResult]) -> dict[str, str]:
    """The texts of locks by their names; one that is gone is told and left out."""
    found: dict[str, str] = {}
    for environment in (one.environment for one in results):
        for name in (environment.lock, environment.pylock):
            try:
                found |= {} if name is None else {name: store.text(name)}
            except OSError as error:
                said = f"its lock cannot be read ({name}: {error.strerror}): run it again to publish it"
                Progress().tell(f"{environment.id}: {said}")
    return found


def judge(options: Options, judged: Sequence[Request], results: Sequence[EnvironmentResult]) -> Comparison:
    """Compare what was found with what was expected of these environments."""
    baseline = load_baseline(options.root / BASELINE, options.spec)
    by_id = {result.environment.id: result for result in results}
    planned = []
    cells = []
    for request in judged:
        result = next((by_id[identity] for identity in identities(request) if identity in by_id), None)
        identity = request.id if result is None else result.environment.id
        tried = [cell.key for cell in result.cells] if result is not None else []
        paths = options.paths_for(request)
        wanted = [(identity, path, device.value) for path in paths for device in options.chosen_devices]
        planned += list(dict.fromkeys([*wanted, *tried]))
        cells += list(result.cells) if result is not None else []
    return compare(baseline, planned=planned, cells=cells)


def read_result(store: Store, request: Request) -> EnvironmentResult | None:
    """The newest result of a request, whichever build of torch it is of."""
    warn = Progress().tell
    found = [result for identity in identities(request) if (result := store.read(identity, warn=warn)) is not None]
    return max((admit(result) for result in found), key=lambda result: result.generated_at, default=None)


def identities(request: Request) -> tuple[str, str]:
    """The ids under which a request's result may be kept: PyPI's build of torch, or the CPU build."""
    return request.id, environment_id(request.id, "cpu")
