"""One-line previews of values that never run user code and never take long.

Only types whose code is known are looked into: builtins, a few of the standard library, numpy arrays and
pandas objects. Everything else is shown by the name of its type.
"""

from __future__ import annotations

import sys
import types
from typing import Any

PREVIEW_CHARACTERS = 200
# The flag of types that a class statement made (Py_TPFLAGS_HEAPTYPE): their repr() may be the user's.
MADE_IN_PYTHON = 1 << 9
# Standard library types whose repr() is short, quick and not the user's.
PLAIN = {
    ('datetime', 'datetime'),
    ('datetime', 'date'),
    ('datetime', 'time'),
    ('datetime', 'timedelta'),
    ('datetime', 'timezone'),
    ('decimal', 'Decimal'),
    ('uuid', 'UUID'),
    ('pathlib', 'PosixPath'),
    ('pathlib', 'PurePosixPath'),
    ('pathlib._local', 'PosixPath'),
    ('re', 'Pattern'),
}
# By id, because a metaclass of the session may have a hash and an equality of its own.
CONTAINERS = {
    id(list): ('[', ']'),
    id(tuple): ('(', ')'),
    id(set): ('{', '}'),
    id(frozenset): ('frozenset({', '})'),
    id(dict): ('{', '}'),
}
SHORT = {id(kind) for kind in (bool, float, complex, range, type(None), type(...), type(NotImplemented))}
TEXTS = {id(str), id(bytes), id(bytearray)}


def type_name(value: Any) -> str:
    """`int`, `DataFrame`, `Point`: without the module, which the preview does not need."""
    return fact(type(value), '__qualname__')[:PREVIEW_CHARACTERS]


def fact(kind: type, name: str) -> str:
    """An attribute of a type, past any metaclass."""
    found = type.__getattribute__(kind, name)
    return found if type(found) is str else '?'


def made_in_python(kind: type) -> bool:
    """By a class statement, so that its methods may be the user's."""
    return bool(type.__getattribute__(kind, '__flags__') & MADE_IN_PYTHON)


def preview(value: Any, budget: int = PREVIEW_CHARACTERS) -> str:
    """At most `budget` characters."""
    text = _preview(value, budget, 0)
    text = ' '.join(text.split('\n'))
    return text if len(text) <= budget else text[: budget - 1] + '…'


def _preview(value: Any, budget: int, depth: int) -> str:
    kind = type(value)
    if id(kind) in SHORT:
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() < 1000 else '<int of %d bits>' % value.bit_length()
    if id(kind) in TEXTS:
        return repr(value) if len(value) <= budget else repr(value[:budget]) + '…'
    if id(kind) in CONTAINERS:
        return _container(value, kind, budget, depth)
    if kind is types.FunctionType:
        return _function(value)
    if issubclass(kind, type):
        return "<class '%s'>" % fact(value, '__qualname__')
    if is_array(value):
        return _array(value, budget, depth)
    if is_frame(value):
        return _frame(value, budget)
    if is_series(value):
        return _series(value, budget)
    if (fact(kind, '__module__'), fact(kind, '__qualname__')) in PLAIN or _is_of_numpy(kind):
        return repr(value)[:budget]
    return '<%s object>' % type_name(value)


def _container(value: Any, kind: type, budget: int, depth: int) -> str:
    opening, closing = CONTAINERS[id(kind)]
    if kind is set and not value:
        return 'set()'
    if depth > 3:
        return opening + '…' + closing
    pieces: list[str] = []
    used = 0
    for item in value.items() if kind is dict else value:
        left = max(budget - used, 8)
        if kind is dict:
            piece = _preview(item[0], left, depth + 1) + ': ' + _preview(item[1], left, depth + 1)
        else:
            piece = _preview(item, left, depth + 1)
        pieces.append(piece)
        used += len(piece) + 2
        if used >= budget:
            pieces.append('…')
            break
    comma = ',' if kind is tuple and len(value) == 1 else ''
    return opening + ', '.join(pieces) + comma + closing


def _function(value: types.FunctionType) -> str:
    code = value.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames[:count])
    position = count
    for flag, stars in ((0x04, '*'), (0x08, '**')):
        if code.co_flags & flag:
            names.append(stars + code.co_varnames[position])
            position += 1
    return '<function %s(%s)>' % (value.__name__, ', '.join(names))


def _module(name: str) -> Any:
    """A module that is imported already: a preview never imports."""
    module = sys.modules.get(name)
    return module if isinstance(module, types.ModuleType) else None


def _is_exactly(value: Any, module_name: str, type_name_: str) -> bool:
    module = _module(module_name)
    return module is not None and type(value) is getattr(module, type_name_, None)


def is_array(value: Any) -> bool:
    return _is_exactly(value, 'numpy', 'ndarray')


def is_frame(value: Any) -> bool:
    return _is_exactly(value, 'pandas', 'DataFrame')


def is_series(value: Any) -> bool:
    return _is_exactly(value, 'pandas', 'Series')


def is_numpy_scalar(kind: type) -> bool:
    """One of numpy's own, whose code is known."""
    generic = getattr(_module('numpy'), 'generic', None)
    return generic is not None and issubclass(kind, generic) and not made_in_python(kind)


def _is_of_numpy(kind: type) -> bool:
    return fact(kind, '__module__') == 'numpy' and not made_in_python(kind)


def _array(value: Any, budget: int, depth: int) -> str:
    head = 'array(shape=%r, dtype=%s)' % (value.shape, value.dtype)
    if value.dtype.hasobject or depth > 1:
        return head
    items = ', '.join(_scalar(item) for item, _ in zip(value.flat, range(8)))
    return '%s [%s%s]' % (head, items, ', …' if value.size > 8 else '')


def _scalar(item: Any) -> str:
    kind = type(item)
    if kind is float or (hasattr(item, 'dtype') and item.dtype.kind == 'f'):
        return '%.6g' % item
    return str(item) if is_numpy_scalar(kind) else _preview(item, 40, 2)


def _shape(shape: tuple[int, ...]) -> str:
    return '×'.join(str(length) for length in shape)


def _frame(value: Any, budget: int) -> str:
    columns = ['%s %s' % (_scalar(name), dtype) for name, dtype in zip(value.columns[:8], value.dtypes[:8])]
    more = ', …' if value.shape[1] > 8 else ''
    text = 'DataFrame %s: %s%s' % (_shape(value.shape), ', '.join(columns), more)
    if len(text) < budget - 20 and len(value) and value.shape[1]:
        first = [_scalar(value.iat[0, column]) for column in range(min(8, value.shape[1]))]
        text += '; first row: ' + ', '.join(first)
    return text


def _series(value: Any, budget: int) -> str:
    items = ', '.join(_scalar(value.iat[place]) for place in range(min(8, len(value))))
    return 'Series %s %s: %s%s' % (_shape(value.shape), value.dtype, items, ', …' if len(value) > 8 else '')
