"""The validators that pydantic makes of classes: each is made when it is first used, once.

Made where a module is imported they would cost every command, whatever it reads.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_T = TypeVar("_T")


def adapter(kind: type[_T]) -> TypeAdapter[_T]:
    """The validator of a class."""
    return cast("TypeAdapter[_T]", _adapter(cast("Any", kind)))


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - a command that validates nothing does without

    return TypeAdapter(kind)
