"""Names of paths: a way to load the checkpoint, and the state that the checkpoint is in.

``s3prl-hf`` loads the repository as published, by its public name; ``s3prl-hf@resaved`` a local folder with the same
weights in another state, as people have it.
"""

from __future__ import annotations

from pathlib import Path

PATHS_FOLDER = Path(__file__).parents[1] / "probe" / "paths"

PUBLISHED = "published"
# What each state is, for the reader of a report.
STATES = {
    PUBLISHED: "the repository as published, by its public name",
    "preprocessor": "a local folder: as published, with the preprocessor_config.json that it lacks",
    "resaved": "a local folder: saved again by Transformers 4 (safetensors, new parameter names)",
    "resaved-5": "a local folder: saved again by Transformers 5 (safetensors, the names that it was loaded with)",
    "converted": "a local file: what S3PRL's converter makes of it where fairseq is installed, as people hand it on",
}


def split_path(name: str) -> tuple[str, str]:
    """The path's own name and the checkpoint's state."""
    path, _, state = name.partition("@")
    return path, state or PUBLISHED


def known_paths(folder: Path = PATHS_FOLDER) -> dict[str, Path]:
    """The files of all paths by their own names, found in their folder: a new one needs no entry anywhere."""
    return {file.stem.replace("_", "-"): file for file in sorted(folder.glob("[!_]*.py"))}


def state_problem(name: str) -> str | None:
    """What is wrong with the state in a path's name; None where nothing is."""
    known = [state for state in STATES if state != PUBLISHED]
    _, at, state = name.partition("@")
    if not at or state in known:
        return None
    return f"unknown state of the checkpoint {state!r} in {name!r}: there are {', '.join(known)}"
