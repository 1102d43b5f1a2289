"""Blueprints as they are read: every member known, or refused by its name.

An op's struct is a frozen dataclass, which stands beside its module. Its fields are the document's members, and a
field's default is what a document that leaves the member out means. A field without a default is a member that no
document may leave out. A trailing underscore is Python's affair: `in_` is the member "in".

A dataclass may have `faults()`, which yields what contradicts itself in it, in words.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any, Iterator

from .errors import BlueprintError


class HeldPart(str):
    """The name of a part that lies in the one that names it: its child."""


class OtherPart(str):
    """The name of a part that has its own place elsewhere."""


@dataclasses.dataclass(frozen=True)
class ViewStep:
    """One step of a view, as the method of torch.Tensor of that name takes it."""

    kind: str
    arguments: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class TensorRef:
    """A tensor of the model, seen through view steps from first to last."""

    tensor: str
    view: tuple[ViewStep, ...] = ()


# How many arguments a step has; None: any number.
_STEPS = {"select": 2, "narrow": 3, "transpose": 2, "view": None}


def read(kind: type, document: Any, at: str) -> Any:
    """The struct `kind` that the document says; `at` says where it lies, for messages."""
    if not isinstance(document, dict):
        raise BlueprintError(f"{at} should be an object, is {document!r}")
    members = _members(kind)
    for member in document:
        if member not in members:
            raise BlueprintError(f"{at} has a member '{member}', which this version of garage.torch does not know")
    values = {}
    for member, (field, hint) in members.items():
        if member in document:
            values[field.name] = _value(hint, document[member], f"{at}.{member}")
        elif field.default is dataclasses.MISSING:
            raise BlueprintError(f"{at} has no '{member}'")
    struct = kind(**values)
    for fault in struct.faults() if hasattr(struct, "faults") else ():
        raise BlueprintError(f"{at} {fault}")
    return struct


def walk(value: Any) -> Iterator[Any]:
    """All that a struct says: every value in it, and in what is in it."""
    yield value
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from walk(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from walk(item)


@functools.lru_cache(maxsize=None)
def _members(kind: type) -> dict[str, tuple[dataclasses.Field, Any]]:
    hints = typing.get_type_hints(kind)
    return {field.name.rstrip("_"): (field, hints[field.name]) for field in dataclasses.fields(kind)}


def _value(hint: Any, document: Any, at: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(hint), document, at)
    if origin is typing.Literal:
        if document in typing.get_args(hint):
            return document
        raise BlueprintError(f"{at} is {document!r}, which this version of garage.torch does not know")
    if origin is tuple:
        if not isinstance(document, list):
            raise BlueprintError(f"{at} should be a list, is {document!r}")
        item = typing.get_args(hint)[0]
        return tuple(_value(item, one, f"{at}.{index}") for index, one in enumerate(document))
    if hint is ViewStep:
        return _step(document, at)
    if dataclasses.is_dataclass(hint):
        return read(hint, document, at)
    return _plain(hint, document, at)


def _one_of(kinds: tuple, document: Any, at: str) -> Any:
    """A value that may be absent, or one of several structs, each under its own name: {"rope": {...}}."""
    if document is None and type(None) in kinds:
        return None
    some = [kind for kind in kinds if kind is not type(None)]
    if len(some) == 1:
        return _value(some[0], document, at)
    if not isinstance(document, dict):
        raise BlueprintError(f"{at} should be an object, is {document!r}")
    plain = [kind for kind in some if getattr(kind, "STANDS_AS_IT_IS", False)]
    named = {kind.NAME: kind for kind in some if kind not in plain}
    if len(document) == 1 and next(iter(document)) in named:
        ((name, inner),) = document.items()
        return read(named[name], inner, f"{at}.{name}")
    if plain:
        return read(plain[0], document, at)
    raise BlueprintError(f"{at} is of a kind that this version of garage.torch does not know: {', '.join(document)}")


def _step(document: Any, at: str) -> ViewStep:
    if not isinstance(document, dict) or len(document) != 1:
        raise BlueprintError(f"{at} should be one view step, is {document!r}")
    ((kind, arguments),) = document.items()
    if kind not in _STEPS:
        raise BlueprintError(f"{at} is a view step '{kind}', which this version of garage.torch does not know")
    numbers = _value(tuple[int, ...], arguments, f"{at}.{kind}")
    if _STEPS[kind] not in (None, len(numbers)):
        raise BlueprintError(f"{at}.{kind} has {len(numbers)} arguments, should have {_STEPS[kind]}")
    return ViewStep(kind, numbers)


def _plain(hint: Any, document: Any, at: str) -> Any:
    if hint is float and isinstance(document, int) and not isinstance(document, bool):
        return float(document)
    wanted = str if issubclass(hint, str) else hint
    if type(document) is not wanted:
        raise BlueprintError(f"{at} should be of {wanted.__name__}, is {document!r}")
    return hint(document)
