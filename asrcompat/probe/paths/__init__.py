"""The paths: one file for each way to load the checkpoint, named as the path with underscores.

A path's file has

- ``MODULES``: what a user's program would import before it loads the checkpoint, in that order, as a literal tuple of
  ``"module"`` or ``"module:attribute"``. It is read without running the file, and imported before the climb, so that a
  package's lazy import counts as stage ``import``.
- ``load(context)``: loads the checkpoint by its real name and returns a subject:

  ========================= ====================================================================================
  ``model``                 torch module with everything that trains
  ``upstream``              torch module whose parameters are the pretrained ones
  ``features(speech, n)``   speech [batch, samples] float32, n [batch] int64 samples → `Features`
  ``loss(speech, n, t, m)`` the same and labels t [batch, labels] int64 (padded with -1), m [batch] → scalar loss
  ========================= ====================================================================================

The file's imports of heavy packages stand inside its functions.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple


class Context(NamedTuple):
    """What a path may use: the model's public name, the device, label symbols, configurations, a folder to write in."""

    model: str
    device: str
    symbols: List[str]
    fixtures: str
    folder: str


class Features(NamedTuple):
    """What came out of the encoder, for padded input [batch, samples].

    ``layers``: hidden states from the encoder's input to its last layer, each [batch, frames, width];
    ``output``: what the next module is given, [batch, frames, width]; ``lengths``: its valid frames, [batch];
    ``mixed``: whether ``output`` is the mean of all layers (an untrained weighted sum) or the last of them.
    """

    layers: List[Any]
    output: Any
    lengths: Any
    mixed: bool
