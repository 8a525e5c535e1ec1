"""How large values are and what shape they have, without running code of theirs.

Arrays and frames have the size of their buffers, index included. Containers are walked; where there is too
much to walk, what was seen stands for the rest and the size is marked as an estimate.
"""

from __future__ import annotations

import sys
import types
from itertools import islice
from typing import Any, NamedTuple

from sojourn_kernel.previews import CONTAINERS, TEXTS, fact, is_array, is_frame, is_series, preview

WALK_ITEMS = 10_000
# Of one container.
SOME_ITEMS = 2000
COLUMNS = 100
NAME_CHARACTERS = 200
ARRAY_BYTES = 112


class TooMuch(Exception):
    """More than one answer may hold."""


class Size(NamedTuple):
    bytes: int
    estimated: bool


def size_of(value: Any) -> Size:
    """
    A walk over at most 10 000 objects, each counted once. Items that are left out count like those beside
    them.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, float]] = [(value, 1.0)]
    total = inner = inner_weight = 0.0
    estimated = False
    while waiting and len(seen) < WALK_ITEMS:
        item, weight = waiting.pop()
        if id(item) in seen:
            continue
        own = _own_size(item) * weight
        total += own
        if seen:
            inner, inner_weight = inner + own, inner_weight + weight
        seen.add(id(item))
        objects, count = _inside(item)
        if count > len(objects) > 0:
            estimated = True
            weight *= count / len(objects)
        waiting.extend((found, weight) for found in objects)
    left = sum(weight for item, weight in waiting if id(item) not in seen)
    if left and inner_weight:
        total += left * inner / inner_weight
    return Size(int(total), estimated or left > 0)


def _inside(item: Any) -> tuple[list[Any], int]:
    """Objects that belong to an item, and how many there are of them, of which these are the first."""
    kind = type(item)
    if kind is dict:
        return [*islice(item.keys(), SOME_ITEMS), *islice(item.values(), SOME_ITEMS)], 2 * len(item)
    if id(kind) in CONTAINERS:
        return list(islice(item, SOME_ITEMS)), len(item)
    if is_array(item):
        some = list(islice(item.flat, SOME_ITEMS)) if item.dtype.hasobject else []
        return some, int(item.size) if some else 0
    if is_frame(item):
        return _objects_of_frame(item)
    if is_series(item):
        return _objects_of(item)
    fields = _instance_fields(item)
    return ([fields], 1) if fields is not None else ([], 0)


def _objects_of(series: Any) -> tuple[list[Any], int]:
    if str(series.dtype) != 'object':
        return [], 0
    return list(series.iloc[:SOME_ITEMS]), len(series)


def _objects_of_frame(frame: Any) -> tuple[list[Any], int]:
    columns = [place for place, dtype in enumerate(frame.dtypes) if str(dtype) == 'object']
    some: list[Any] = []
    each = max(SOME_ITEMS // max(len(columns), 1), 10)
    for place in columns:
        if len(some) >= SOME_ITEMS:
            break
        some.extend(frame.iloc[:each, place])
    return some, len(frame) * len(columns)


def _instance_fields(item: Any) -> dict[str, Any] | None:
    # issubclass, because isinstance() asks the object for its __class__
    if issubclass(type(item), (type, types.ModuleType, types.FunctionType)):
        return None
    try:
        fields = object.__getattribute__(item, '__dict__')
    except AttributeError:
        return None
    return fields if type(fields) is dict else None


def _own_size(item: Any) -> int:
    if is_array(item):
        return int(item.nbytes) + ARRAY_BYTES
    if is_frame(item):
        return int(item.memory_usage(index=True).sum())
    if is_series(item):
        return int(item.memory_usage(index=True))
    if fact(type(item), '__module__') == 'builtins':
        return sys.getsizeof(item)
    return object.__sizeof__(item)


def facts_of(value: Any) -> dict[str, Any]:
    """`shape` of arrays and tables, `length` of containers, and `dtype` or the first hundred `columns`."""
    if is_frame(value):
        columns = [
            {'name': _label(name), 'dtype': str(dtype)[:NAME_CHARACTERS]}
            for name, dtype in zip(value.columns[:COLUMNS], value.dtypes[:COLUMNS])
        ]
        return {'shape': [int(length) for length in value.shape], 'columns': columns}
    if is_array(value) or is_series(value):
        shape = [int(length) for length in value.shape]
        return {'shape': shape, 'dtype': str(value.dtype)[:NAME_CHARACTERS]}
    if id(type(value)) in CONTAINERS or id(type(value)) in TEXTS:
        return {'length': len(value)}
    return {}


def _label(name: Any) -> str:
    return name[:NAME_CHARACTERS] if type(name) is str else preview(name, NAME_CHARACTERS)
