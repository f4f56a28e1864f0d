"""An encoder's hidden states, as its own forward pass hands them from layer to layer.

For packages that give the last hidden state only, or leave out what enters the first layer.
"""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple


def watch(layers: Sequence[Any], run: Callable[[], Any]) -> Tuple[Any, List[Any]]:
    """What `run` returns; and what entered the first of `layers` meanwhile, and left each of them."""
    states: List[Any] = []

    def enters(_layer: Any, arguments: Tuple[Any, ...]) -> None:
        states.append(arguments[0])

    def leaves(_layer: Any, _arguments: Any, result: Any) -> None:
        # some layers give attention weights too
        states.append(result[0] if isinstance(result, tuple) else result)

    hooks = [layers[0].register_forward_pre_hook(enters)]
    hooks += [layer.register_forward_hook(leaves) for layer in layers]
    try:
        return run(), states
    finally:
        for hook in hooks:
            hook.remove()
