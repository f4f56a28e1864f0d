"""What ``doctor`` does: look, probe, show, keep; and which exit code that makes."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from asrcompat.answering import answer
from asrcompat.doctor.examine import examine, listing
from asrcompat.doctor.given import Given, given
from asrcompat.doctor.look import look
from asrcompat.doctor.show import keys_to_blame, show
from asrcompat.errors import ExitCode, HarnessError, UsageError
from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.offered import lacking
from asrcompat.options import Options
from asrcompat.report.admit import admit
from asrcompat.result_files import dump
from asrcompat.run.cells import Settings
from asrcompat.run.console import console
from asrcompat.run.progress import Progress
from asrcompat.run.store import write_text


def doctor(options: Options, settings: Settings) -> int:
    """Probe an environment that is there already, and say what is wrong with it.

    Where its interpreter uses other packages of the axes than the probe sees, that is not found out.
    """
    own = _given(options)
    patient = look(options.python)
    _check_out(options.out)
    name = options.host or platform.node().partition(".")[0] or "host"
    progress = Progress(quiet=options.quiet or options.json)
    progress.tell(f"looks at {patient.python} (Python {patient.version}); installs nothing and leaves it as it is")
    if not patient.packages:
        progress.tell(
            "none of torch, transformers, s3prl, espnet is installed there; --python names another interpreter"
        )
    for text in patient.unseen:
        progress.tell(text)
    with progress.showing([name]):
        result = admit(examine(patient, settings, name=name, given=own, tell=progress.about(name)))
    kept = _keep(result, options, own)
    asked_by_name = bool(options.paths) or own is not None
    counted, absent = (result, {}) if asked_by_name else offered(result)
    if options.json:
        answer(dump(result))
    else:
        show(counted, console(), model=settings.model, absent=absent)
        print(f"result: {kept}")
    if not patient.elsewhere:
        return verdict(counted)
    if not options.json:
        print(
            f"not found out: this interpreter uses {patient.told_elsewhere} from elsewhere (`pip install --user` or "
            "PYTHONPATH), and the probe did not; install it into an environment, and name that one's python"
        )
    return ExitCode.UNFINISHED


def verdict(result: EnvironmentResult) -> ExitCode:
    """0 where all asked for works or is unavailable here, 1 where something is wrong, 3 where that is not known."""
    outcomes = {cell.outcome for cell in result.cells}
    keys = any(keys_to_blame(cell) for cell in result.cells)
    if keys or outcomes & {Outcome.BROKEN, Outcome.UNSTABLE}:
        return ExitCode.WORSE
    return ExitCode.UNFINISHED if Outcome.ERROR in outcomes else ExitCode.OK


def offered(result: EnvironmentResult) -> tuple[EnvironmentResult, Mapping[str, str]]:
    """The result without the paths that its environment does not offer; and those, each with the module it lacks.

    Where no other path could be tried, all count: all is not well in an environment with none of the packages.
    """
    absent = {cell.key: module for cell in result.cells if (module := lacking(cell)) is not None}
    rest = tuple(cell for cell in result.cells if cell.key not in absent)
    if all(cell.outcome is Outcome.UNAVAILABLE for cell in rest):
        return result, {}
    return replace(result, cells=rest), {path: module for (_, path, _), module in absent.items()}


def _given(options: Options) -> Given | None:
    if options.config is not None:
        if options.paths:
            message = "--paths and --config: a configuration of one's own is a path of its own; give one of the two"
            raise UsageError(message)
        if options.findings or options.recipe:
            message = "--findings and --recipe are for the matrix's paths: leave them out with --config"
            raise UsageError(message)
        return given(options.config, options.model)
    if options.model is not None:
        message = "--model is for a configuration of one's own: give --config train.yaml as well"
        raise UsageError(message)
    return None


def _check_out(out: Path | None) -> None:
    """Refuse, before the work is done, a file that could not be written after it."""
    if out is None:
        return
    if out.is_dir():
        message = f"--out {out}: this is a folder; give a file in it, such as {out / 'box.json'}"
        raise UsageError(message)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        message = f"--out {out}: nothing can be written into {out.parent}: {error.strerror}"
        raise UsageError(message) from error


def _keep(result: EnvironmentResult, options: Options, own: Given | None) -> Path:
    """Write the result where results are kept, then where it is asked for; gives the latter, else the former."""
    if own is not None:
        # beside the folder of this name, not in it: the next doctor empties that one
        kept = options.work_folder / "doctor" / f"{result.environment.id}.json"
        write_text(kept, dump(result))
    else:
        store = options.store
        store.write(result, lock=listing(result.environment))
        kept = store.file(result.environment.id)
    if options.out is None:
        return kept
    try:
        write_text(options.out, dump(result))
    except OSError as error:
        message = f"--out {options.out}: cannot be written: {error.strerror}; the result is kept in {kept}"
        raise HarnessError(message) from error
    return options.out
