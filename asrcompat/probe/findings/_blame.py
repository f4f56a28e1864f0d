"""Which key a failure is to be blamed on: the one without which, or with another value in which, it is gone.

Nothing is known here of packages or versions. The order in which keys are tried comes from the failure itself: keys
and values that its message names, then those of the part whose construction its traceback goes through, then the rest.
"""

from __future__ import annotations

import contextlib
import copy
import difflib
import re
import traceback
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ._trial import Fault, Trial

Key = Tuple[Any, ...]

_MOST = 8  # faults looked for in one configuration
_SPARE_SECONDS = 5.0
_ABSENT: Any = object()
_TIMES = re.compile(r"(?<=\d)x(?=\d)")  # in shapes, as torch writes them

# What the loss has no part in.
_APART = re.compile(
    r"batch|num_|max_epoch|patience|keep_|best_|seed|log|dist|ngpu|token|bpe|use_amp|grad|accum|val_|valid"
)


def faults(
    trial: Trial, config: Dict[str, Any], failure: BaseException
) -> Tuple[List[Fault], Dict[str, Any], Optional[BaseException]]:
    """The keys to blame; the configuration with all of them mended; and the failure that is left, if one is."""
    found: List[Fault] = []
    left: Optional[BaseException] = failure
    while left is not None and len(found) < _MOST:
        blamed = _blame(trial, config, left)
        if blamed is None:
            break
        fault, config, left = blamed
        found.append(fault)
    return found, config, left


def _blame(
    trial: Trial, config: Dict[str, Any], failure: BaseException
) -> Optional[Tuple[Fault, Dict[str, Any], Optional[BaseException]]]:
    """The first key with a change by which it comes further; else one that the message names, and that changes it."""
    told = in_words(failure)
    width = trial.width
    if (lacking := _missing(failure, told)) is not None:
        return lacking, config, None
    otherwise = None
    for key, named, near in _suspects(config, failure):
        value = _get(config, key)
        for other in _instead(value, failure, width, key):
            if trial.cell.seconds_left() < _SPARE_SECONDS:
                return otherwise
            changed = _changed(config, key, other)
            left = trial(changed)
            fault = _fault(key, value, other, told, width, left)
            meant = named or near or other is not _ABSENT
            if left is None or (meant and _reached(left) > _reached(failure)):
                return fault, changed, left
            if named and otherwise is None and not _same(left, failure):
                otherwise = (fault, changed, left)
    return otherwise


def in_words(failure: BaseException) -> str:
    """Type and message; of a bare assertion, what it asserts."""
    return "%s: %s" % (type(failure).__name__, str(failure).strip() or _place(failure))


def _reached(failure: BaseException) -> Tuple[int, ...]:
    """How far a trial came: the lines at which it, and ESPnet's building of the model, were left."""
    frames = traceback.extract_tb(failure.__traceback__)
    return tuple(
        next((frame.lineno or 0 for frame in frames if frame.name == name), 0) for name in ("_try", "build_model")
    )


def _suspects(config: Dict[str, Any], failure: BaseException) -> List[Tuple[Key, bool, bool]]:
    """Keys in the order in which they are tried; whether the failure names them, and comes from their part."""
    message = _TIMES.sub(" by ", str(failure))
    part = _part(failure)
    ranked = []
    for key in _leaves(config):
        name, value = key[-1], _get(config, key)
        named = _says(message, str(name)) or (_plain(value) and _says(message, str(value)))
        near = part is not None and key[0] == part
        if named or near or not _APART.search(str(key[0])):
            # the more deeply a key stands, the less else goes with it
            ranked.append(((not (named and near), not named, not near, -len(key)), key, named, near))
    return [(key, named, near) for _, key, named, near in sorted(ranked, key=lambda one: one[0])]


def _instead(value: Any, failure: BaseException, width: Optional[int], key: Key) -> Iterator[Any]:
    """What to put in a value's place: what the message suggests, then nothing at all."""
    message = _TIMES.sub(" by ", str(failure))
    if isinstance(value, int) and not isinstance(value, bool):
        numbers = [int(number) for number in re.findall(r"(?<![\w.])\d+(?![\w.])", message)]
        if value in numbers:
            yield from dict.fromkeys(one for one in [width, *numbers] if one is not None and one != value)
    if isinstance(value, str):
        choices = re.findall(r"'([^']+)'", message) + _registered(key)
        yield from difflib.get_close_matches(value, [one for one in choices if one != value], 1)
        with contextlib.suppress(ValueError):
            yield float(value)  # YAML 1.1 reads 1e-4 as a text
    yield _ABSENT


def _registered(key: Key) -> List[str]:
    """Names that S3PRL knows; ESPnet's frontend only asserts that the name is one of them."""
    if key != ("frontend_conf", "frontend_conf", "upstream"):
        return []
    from s3prl.nn import S3PRLUpstream

    return list(S3PRLUpstream.available_names())


def _fault(key: Key, value: Any, other: Any, told: str, width: Optional[int], left: Optional[BaseException]) -> Fault:
    works = "the model builds and gives a loss" if left is None else "it comes further, to the next failure"
    if other is _ABSENT:
        remedy, how = "remove it", "without this key"
    else:
        remedy, how = "write %s" % other, "with %s in its place" % other
    what = "the features are %d wide; " % width if width is not None and other == width else ""
    return Fault(".".join(map(str, key)), value, "%s%s; %s %s" % (what, told, how, works), remedy)


def _missing(failure: BaseException, told: str) -> Optional[Fault]:
    """A key that is not there: the part's construction says what it lacks."""
    part = _part(failure)
    lacking = re.search(r"missing \d+ required \S+ arguments?: '(\w+)'", str(failure))
    if part is None or lacking is None:
        return None
    return Fault("%s.%s" % (part, lacking.group(1)), None, "it is not given; " + told, "give it")


def _part(failure: BaseException) -> Optional[str]:
    """The part of the configuration, such as ``frontend_conf``, that the failing construction was given."""
    for frame in traceback.extract_tb(failure.__traceback__):
        if (found := re.search(r"\*\*\s*args\.(\w+)", frame.line or "")) is not None:
            return found.group(1)
    return None


def _place(failure: BaseException) -> str:
    """The line that raised, for want of a message."""
    frames = traceback.extract_tb(failure.__traceback__)
    return "" if not frames else (frames[-1].line or "")


def _same(one: BaseException, other: BaseException) -> bool:
    return (type(one), str(one)) == (type(other), str(other))


def _says(message: str, word: str) -> bool:
    return re.search(r"(?<!\w)%s(?!\w)" % re.escape(word), message) is not None


def _plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and len(str(value)) > 1


def _leaves(config: Dict[str, Any], above: Key = ()) -> Iterator[Key]:
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key)


def _get(config: Dict[str, Any], key: Key) -> Any:
    value: Any = config
    for part in key:
        value = value[part]
    return value


def _changed(config: Dict[str, Any], key: Key, value: Any) -> Dict[str, Any]:
    changed = copy.deepcopy(config)
    place = changed
    for part in key[:-1]:
        place = place[part]
    if value is _ABSENT:
        del place[key[-1]]
    else:
        place[key[-1]] = value
    return changed
