"""From the options to what sessions and the laboratory run with."""

from __future__ import annotations

from dataclasses import replace

from asrcompat.argument_sets import NO_INDEX
from asrcompat.options import Options
from asrcompat.plan.prepare import Sources
from asrcompat.plan.torch_index import reachable
from asrcompat.run import host
from asrcompat.run.cells import Settings, unavailable_devices
from asrcompat.spec import Request


def settings_for(options: Options, sources: Sources | None, *, request: Request | None, threads: int) -> Settings:
    """What holds for one environment's session, or for all of a run where no request is given.

    `sources` are None where nothing is to be installed.
    """
    recipe = options.recipe or (request is not None and request.recipe)
    tried = options.spec.probe.findings if options.spec.profile(options.chosen_profile).findings else {}
    return Settings(
        root=options.root,
        work=options.work_folder,
        model=options.spec.model.name,
        weights=options.chosen_weights,
        paths=options.chosen_paths if request is None else options.paths_for(request),
        devices=options.chosen_devices,
        probe=options.spec.probe,
        findings={group: seconds for group, seconds in tried.items() if recipe or group != "recipe"},
        limits=options.spec.limits,
        install_arguments=() if sources is None else sources.install_arguments(request.as_of if request else None),
        threads=threads,
    )


def settings_as_found(options: Options) -> Settings:
    """What holds for an environment that is there already: no installation, and no findings but those asked for."""
    settings = settings_for(options, None, request=None, threads=options.threads or host.usable_cores())
    asked = {group: seconds for group, seconds in settings.findings.items() if options.findings or group == "recipe"}
    return replace(settings, findings=asked)


def sources_for(options: Options) -> Sources:
    """Where locks come from: torch from its own index of CPU builds, where that is asked for or can be reached."""
    index = options.spec.index
    torch_index = options.torch_index
    if torch_index is None and index.torch_cpu is not None:
        devices = options.chosen_devices
        cuda = "cuda" in devices and (options.cuda_elsewhere or not unavailable_devices(devices))
        torch_index = index.torch_cpu if not cuda and reachable(index.torch_cpu) else None
    return Sources(
        index=index,
        torch_index=None if torch_index == NO_INDEX else torch_index,
        work=options.work_folder,
        seconds=options.spec.limits.resolve_seconds,
        fresh=options.fresh,
        since=options.resolved_since,
    )
