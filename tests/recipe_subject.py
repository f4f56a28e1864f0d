"""What a recipe's checks ask of tensors and of a model, without torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class Value:
    """What `Freezing` asks of a tensor."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers
        self.shape = len(numbers)

    def cpu(self) -> Value:
        return self

    detach = cpu

    def __eq__(self, other: object) -> Any:
        assert isinstance(other, Value)
        return SimpleNamespace(all=lambda: self.numbers == other.numbers)

    __hash__ = None  # type: ignore[assignment]


class Module:
    """What `Freezing` and a reading of learning rates ask of a model."""

    def __init__(self, **named: Any) -> None:
        self.named = named

    def named_parameters(self) -> list[tuple[str, Any]]:
        return [
            pair
            for name, one in self.named.items()
            for pair in (
                [(f"{name}.{inner}", value) for inner, value in one.named_parameters()]
                if isinstance(one, Module)
                else [(name, one)]
            )
        ]

    def named_modules(self) -> list[tuple[str, Any]]:
        return [("", self), *((name, one) for name, one in self.named.items() if isinstance(one, Module))]

    def parameters(self) -> list[Any]:
        return [value for _, value in self.named_parameters()]


def subject() -> Any:
    upstream = Module(conv=Value(1, 2), bias=Value(3))
    return SimpleNamespace(upstream=upstream, model=Module(upstream=upstream, head=Value(4)))
