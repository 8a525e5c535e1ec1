"""
Values as JSON, without running code of theirs: exactly where JSON has the same thing, else by one fixed rule
each.

Tuples, sets and arrays become lists, numbers that are none in JSON null, integers that not every reader of
JSON can hold text, bytes base64, times ISO 8601. Frames become columns, index and rows.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import sys
import uuid
from typing import Any, NamedTuple

from sojourn_kernel.previews import is_array, is_frame, is_numpy_scalar, is_series, type_name
from sojourn_kernel.sizes import TooMuch

DEPTH = 64
# Beyond it many readers of JSON round integers.
SAFE_INTEGER = 2**53 - 1
# What a value counts beside its own text: the server takes as long for it as for so much text.
OVERHEAD_BYTES = 64
# By id, because a metaclass of the session may have an equality of its own.
LISTS = {id(kind) for kind in (tuple, set, frozenset, range)}
TEXTS = {id(kind) for kind in (decimal.Decimal, uuid.UUID)}
TIMES = {id(kind) for kind in (datetime.datetime, datetime.date, datetime.time)}
PLAIN_KEYS = {id(kind) for kind in (type(None), bool, int, float)} | TEXTS


class NoJson(Exception):
    """Says which part of a value has no JSON form."""


class JsonValue(NamedTuple):
    value: Any
    # True when nothing was changed: the same JSON makes an equal value again.
    exact: bool


def to_json_value(value: Any, limit: int) -> JsonValue:
    """@raises NoJson · TooMuch when it is larger than `limit` bytes"""
    writer = _Writer(limit)
    made = writer.write(value, '', 0)
    return JsonValue(made, writer.exact)


class _Writer:
    def __init__(self, limit: int) -> None:
        self.exact = True
        self._left = limit

    def write(self, value: Any, path: str, depth: int) -> Any:
        kind = type(value)
        self._spend(OVERHEAD_BYTES)
        if value is None or kind is bool:
            return value
        if kind is str:
            self._spend(len(value))
            return value
        if kind is int:
            return self._integer(value)
        if kind is float:
            return self._float(value)
        if depth >= DEPTH:
            raise NoJson('is nested deeper than %d%s.' % (DEPTH, _at(path[:100])))
        if kind is list:
            return [self.write(item, '%s[%d]' % (path, at), depth + 1) for at, item in enumerate(value)]
        if kind is dict:
            return self._mapping(value, path, depth)
        self.exact = False
        return self._converted(value, kind, path, depth)

    def _converted(self, value: Any, kind: type, path: str, depth: int) -> Any:
        if id(kind) in LISTS:
            return [self.write(item, '%s[%d]' % (path, at), depth + 1) for at, item in enumerate(value)]
        if kind is bytes or kind is bytearray:
            self._spend(len(value) * 4 // 3)
            return base64.b64encode(value).decode()
        if id(kind) in TEXTS:
            return str(value)
        if id(kind) in TIMES:
            return value.isoformat()
        if is_numpy_scalar(kind):
            return self._scalar(value, path, depth)
        if is_array(value):
            self._expect(value.size)
            return self.write(value.tolist(), path, depth)
        if is_series(value):
            return self._series(value, path, depth)
        if is_frame(value):
            return self._frame(value, path, depth)
        return self._pandas_scalar(value, kind, path, depth)

    def _pandas_scalar(self, value: Any, kind: type, path: str, depth: int) -> Any:
        pandas = sys.modules.get('pandas')
        if pandas is not None:
            if value is getattr(pandas, 'NaT', None) or value is getattr(pandas, 'NA', None):
                return None
            if any(kind is getattr(pandas, name, None) for name in ('Timestamp', 'Timedelta')):
                return value.isoformat()
            if any(kind is getattr(pandas, name, None) for name in ('Interval', 'Period')):
                return str(value)
        for base in (str, int, float, list, tuple, dict):
            if issubclass(kind, base):
                return self.write(_as_base(value, base), path, depth + 1)
        raise NoJson('has no JSON form: %s object%s.' % (type_name(value), _at(path)))

    def _integer(self, value: int) -> Any:
        if -SAFE_INTEGER <= value <= SAFE_INTEGER:
            return value
        self.exact = False
        # The interpreter refuses to write longer ones in tens.
        text = str(value) if value.bit_length() <= 10_000 else hex(value)
        self._spend(len(text))
        return text

    def _float(self, value: float) -> Any:
        if value - value == 0:
            return value
        self.exact = False
        return None

    def _scalar(self, value: Any, path: str, depth: int) -> Any:
        kind = value.dtype.kind
        if kind in 'Mm':
            return None if str(value) == 'NaT' else str(value)
        if kind == 'c' or kind == 'V':
            raise NoJson('has no JSON form: %s%s.' % (value.dtype, _at(path)))
        # A long double has no smaller form of its own.
        return self.write(float(value) if kind == 'f' else value.item(), path, depth)

    def _mapping(self, value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in value.items():
            name = self._key(key, path)
            if name in made:
                raise NoJson('has two keys that are the same in JSON: %.100s%s.' % (name, _at(path)))
            self._spend(len(name))
            made[name] = self.write(item, '%s[%.50r]' % (path, name), depth + 1)
        return made

    def _key(self, key: Any, path: str) -> str:
        if type(key) is str:
            return key
        self.exact = False
        if id(type(key)) in PLAIN_KEYS or is_numpy_scalar(type(key)):
            return str(key)
        if id(type(key)) in TIMES:
            return key.isoformat()
        if type(key) is tuple:
            return str(tuple(self._key(part, path) for part in key))
        pandas = sys.modules.get('pandas')
        if pandas is not None and type(key) is getattr(pandas, 'Timestamp', None):
            return key.isoformat()
        raise NoJson('has a key of type %s, which JSON has not%s.' % (type_name(key), _at(path)))

    def _series(self, value: Any, path: str, depth: int) -> Any:
        self._expect(len(value))
        return {
            'name': self.write(value.name, path, depth + 1),
            'index': self.write(value.index.tolist(), path, depth + 1),
            'data': self.write(value.tolist(), path, depth + 1),
        }

    def _frame(self, value: Any, path: str, depth: int) -> Any:
        self._expect(len(value) * value.shape[1])
        columns = [value.iloc[:, place].tolist() for place in range(value.shape[1])]
        rows = list(zip(*columns)) if columns else [()] * len(value)
        return {
            'columns': [self._key(name, path) for name in value.columns.tolist()],
            'index': self.write(value.index.tolist(), path, depth + 1),
            'data': self.write(rows, path, depth + 1),
        }

    def _expect(self, count: int) -> None:
        """Before anything is made of so many values."""
        if count * OVERHEAD_BYTES > self._left:
            raise TooMuch

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooMuch


def _as_base(value: Any, base: type) -> Any:
    """What a value of a derived class holds, without asking that class."""
    if base is dict:
        return dict(dict.items(value))
    if base in (list, tuple):
        return list(base.__iter__(value))  # type: ignore[attr-defined]
    if base is str:
        return str.__str__(value)
    return base.__add__(value, base())  # type: ignore[operator]


def _at(path: str) -> str:
    return ' at %s' % path if path else ''
