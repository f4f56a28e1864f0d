"""A file in fairseq's own format, given to S3PRL's entries: what it says of one that nobody has converted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..cell import CheckFailed, Passed
from ..paths import _s3prl
from ..record import describe_exception

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "load"
GROUP = "finetuning"
PATHS = ("s3prl-converted",)


def run(cell: Cell) -> None:
    """The raw file as it is; with the option that has S3PRL convert it; the converted one by the entry's other name."""
    cell.check("raw-file", lambda: _raw(cell, "as it is"))
    cell.check("raw-file-fairseq", lambda: _raw(cell, "with the option `fairseq`", fairseq=True))
    cell.check("wav2vec2-local", lambda: _local(cell))


def _raw(cell: Cell, how: str, **options: Any) -> Passed:
    from s3prl.nn import S3PRLUpstream

    # what S3PRL converts, it writes beside the file
    file = os.path.join(cell.context.folder, "raw-%s.pt" % "-".join(["file", *options]))
    os.symlink(cell.context.fairseq, file)
    try:
        S3PRLUpstream("wav2vec2_custom", path_or_url=file, extra_conf=options)
    except Exception as error:
        told = describe_exception(error)
        message = "fairseq's file does not load %s: %s: %s" % (how, told["exception"], told["message"])
        raise CheckFailed(message) from error
    return Passed("fairseq's file loads %s" % how)


def _local(cell: Cell) -> Passed:
    import torch
    from s3prl.nn import S3PRLUpstream

    file = _s3prl.converted(cell.context)
    one, other = (S3PRLUpstream(name, path_or_url=file).state_dict() for name in ("wav2vec2_custom", "wav2vec2_local"))
    unequal = [name for name in one if not torch.equal(one[name], other.get(name, one[name].new_empty(0)))]
    if unequal or one.keys() != other.keys():
        raise CheckFailed("wav2vec2_local gives another model than wav2vec2_custom", unequal=unequal)
    return Passed("wav2vec2_local loads the converted file as wav2vec2_custom does: %d equal tensors" % len(one))
