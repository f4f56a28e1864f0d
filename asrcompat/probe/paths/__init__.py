"""The paths: one file for each way to load the checkpoint, named as the path with underscores.

A path's file has

- ``MODULES``: what a user's program would import before it loads the checkpoint, in that order, as a literal tuple of
  ``"module"`` or ``"module:attribute"``. It is read without running the file, and imported before the climb, so that a
  package's lazy import counts as stage ``import``.
- ``BEHIND``: optional, packages that these use without being asked, as a literal tuple of modules: reports count a pair
  of packages as seen by the paths that use both.
- ``load(context)``: loads the checkpoint by its real name and returns a subject:

  ========================= ====================================================================================
  ``model``                 torch module with everything that trains
  ``upstream``              torch module whose parameters are the pretrained ones
  ``features(speech, n)``   speech [batch, samples] float32, n [batch] int64 samples → `Features`
  ``loss(speech, n, t, m)`` the same and labels t [batch, labels] int64 (padded with -1), m [batch] → scalar loss
  ``told``                  optional: what was put in place of something that is not there, in sentences
  ``untrained``             optional: parts that the package's own code keeps from training (`stages.backward.parts`)
  ========================= ====================================================================================

A path that is a toolkit's own training loop has ``train(context)`` too, which runs that and returns what it has to
tell; stage ``train`` asks for it after the trials.

The file's imports of heavy packages stand inside its functions.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional


class Context(NamedTuple):
    """What a path may use.

    ``model``: the checkpoint's public name, or the folder of one in another state; ``symbols``: of the labels;
    ``fixtures``: the checkout's configurations; ``folder``: to write in; ``fairseq``: the same checkpoint in fairseq's
    own format, a file.
    """

    model: str
    device: str
    symbols: List[str]
    fixtures: str
    folder: str
    fairseq: str


class Features(NamedTuple):
    """What came out of the encoder, for padded input [batch, samples].

    ``layers``: hidden states from the encoder's input to its last layer, each [batch, frames, width];
    ``output``: what the next module is given, [batch, frames, width]; ``lengths``: its valid frames, [batch];
    ``mixed``: whether ``output`` is the mean of all layers (an untrained weighted sum) or the last of them; None where
    it is neither.
    """

    layers: List[Any]
    output: Any
    lengths: Any
    mixed: Optional[bool]
