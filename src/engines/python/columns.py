"""
Tables as columns of plain buffers in the layout of Arrow: https://arrow.apache.org/docs/format/Columnar.html.

Takes frames, series and arrays apart. Missing values of pandas are nulls; what has no column type is refused.
"""

from __future__ import annotations

import struct
import sys
from typing import Any, Iterator, NamedTuple

from sojourn_kernel.previews import is_array, is_frame, is_numpy_scalar, is_series, preview, type_name
from sojourn_kernel.sizes import TooMuch

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
TIME_UNITS = ('s', 'ms', 'us', 'ns')


class NoColumns(Exception):
    """Says why a value is no table of columns."""


class Column(NamedTuple):
    name: str
    # `int64`, `uint8`, `float64`, `bool`, `utf8`, `binary`, `timestamp`, `duration` and their like.
    kind: str
    length: int
    nulls: int
    # Which values are there, a bit each; empty when all are. Then the buffers of the kind.
    buffers: list[bytes]
    unit: str = ''
    zone: str = ''


def columns_of(value: Any, limit: int) -> list[Column]:
    """@raises NoColumns · TooMuch when it is larger than `limit` bytes"""
    parts = list(_parts(value))
    if sum(int(values.nbytes) for _, values in parts) > limit:
        raise TooMuch
    made, left = [], limit
    for name, values in parts:
        column = _column(name, values, left)
        left -= sum(map(len, column.buffers))
        if left < 0:
            raise TooMuch
        made.append(column)
    return made


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if is_frame(value):
        yield from _index(value.index)
        for place in range(value.shape[1]):
            yield _name(value.columns[place]), value.iloc[:, place]
    elif is_series(value):
        yield from _index(value.index)
        yield 'value' if value.name is None else _name(value.name), value
    elif is_array(value) and value.dtype.names and value.ndim == 1:
        for name in value.dtype.names:
            yield name, value[name]
    elif is_array(value) and value.ndim == 1:
        yield 'value', value
    elif is_array(value) and value.ndim == 2:
        for place in range(value.shape[1]):
            yield str(place), value[:, place]
    elif is_array(value):
        raise NoColumns('has %d dimensions, which are no columns.' % value.ndim)
    else:
        raise NoColumns('is no table: a %s has no columns.' % type_name(value))


def _index(index: Any) -> Iterator[tuple[str, Any]]:
    """The labels of rows, unless they are only numbers of rows; named as reset_index() does."""
    if type(index) is sys.modules['pandas'].RangeIndex and index.name is None:  # type: ignore[attr-defined]
        return
    for place in range(index.nlevels):
        name = index.names[place]
        default = 'index' if index.nlevels == 1 else 'level_%d' % place
        yield default if name is None else _name(name), index.get_level_values(place).to_series()


def _name(name: Any) -> str:
    return name if type(name) is str else preview(name)


def _column(name: str, values: Any, limit: int) -> Column:
    dtype, mask, zone = values.dtype, None, ''
    if is_series(values):
        mask = values.isna().to_numpy(dtype=bool)
        if getattr(dtype, 'tz', None) is not None:
            zone = str(dtype.tz)
            values = values.dt.tz_convert('UTC').dt.tz_localize(None)
            dtype = values.dtype
        # Types of pandas' own have no layout that others know.
        plain = getattr(dtype, 'kind', 'O') in 'biufmM' and hasattr(dtype, 'newbyteorder')
        values = values.to_numpy() if plain else values.to_numpy(dtype=object)
        dtype = values.dtype
    if dtype.kind in 'iuf' and dtype.itemsize <= 8:
        return _numbers(name, values, mask)
    if dtype.kind == 'b':
        return _finish(name, 'bool', mask, [_bits(values)], len(values))
    if dtype.kind in 'mM':
        return _times(name, values, zone)
    if dtype.kind in 'OUS':
        return _objects(name, values.tolist(), mask, limit)
    raise NoColumns('has no Arrow form: column %s is of type %s.' % (_name(name), dtype))


def _numbers(name: str, values: Any, mask: Any) -> Column:
    kind = {'i': 'int', 'u': 'uint', 'f': 'float'}[values.dtype.kind]
    data = values.astype(values.dtype.newbyteorder('<'), copy=False).tobytes()
    return _finish(name, '%s%d' % (kind, 8 * values.dtype.itemsize), mask, [data], len(values))


def _times(name: str, values: Any, zone: str) -> Column:
    numpy = sys.modules['numpy']
    unit = numpy.datetime_data(values.dtype)[0]  # type: ignore[attr-defined]
    count = numpy.datetime_data(values.dtype)[1]  # type: ignore[attr-defined]
    letter = values.dtype.kind
    if unit not in TIME_UNITS or count != 1:
        unit = 's' if unit in ('Y', 'M', 'W', 'D', 'h', 'm') and letter == 'M' else 'us'
        values = values.astype('%s8[%s]' % (letter, unit))
    mask = numpy.isnat(values)  # type: ignore[attr-defined]
    data = values.astype('<i8').tobytes()
    kind = 'timestamp' if letter == 'M' else 'duration'
    return _finish(name, kind, mask, [data], len(values))._replace(unit=unit, zone=zone)


def _objects(name: str, items: list[Any], mask: Any, limit: int) -> Column:
    """Values of any class that are all of one kind: texts, bytes, truths, whole numbers or numbers."""
    missing = [_is_missing(item) for item in items] if mask is None else [bool(flag) for flag in mask]
    there = [_plain(item) for item, gone in zip(items, missing) if not gone]
    kinds = {id(type(item)): type(item) for item in there}
    if kinds.keys() <= {id(str)}:
        return _texts(name, 'utf8', items, missing, limit)
    if kinds.keys() == {id(bytes)}:
        return _texts(name, 'binary', items, missing, limit)
    numpy = sys.modules['numpy']
    if kinds.keys() == {id(bool)}:
        form = 'bool'
    elif kinds.keys() == {id(int)} and all(INTEGER_MIN <= item <= INTEGER_MAX for item in there):
        form = 'int64'
    elif kinds.keys() <= {id(int), id(float)}:
        form = 'float64'
    else:
        odd = sorted(type_name(item) for item in {key: item for key, item in zip(kinds, there)}.values())
        raise NoColumns('has no Arrow form: column %s holds %s.' % (_name(name), ', '.join(odd)))
    filled = [0 if gone else _plain(item) for item, gone in zip(items, missing)]
    try:
        values = numpy.array(filled, dtype=form)  # type: ignore[attr-defined]
    except OverflowError:
        raise NoColumns('has no Arrow form: column %s holds too large a number.' % _name(name)) from None
    flags = numpy.array(missing, dtype=bool)  # type: ignore[attr-defined]
    if form == 'bool':
        return _finish(name, 'bool', flags, [_bits(values)], len(values))
    return _numbers(name, values, flags)


def _is_missing(item: Any) -> bool:
    return item is None or (type(item) is float and item != item)


def _plain(item: Any) -> Any:
    return item.item() if is_numpy_scalar(type(item)) and hasattr(item, 'item') else item


def _texts(name: str, kind: str, items: list[Any], missing: list[bool], limit: int) -> Column:
    pieces, ends, size = [], [0], 0
    for item, gone in zip(items, missing):
        plain = b'' if gone else _plain(item)
        data = plain if type(plain) is bytes else plain.encode('utf-8', 'replace')
        size += len(data)
        if size > limit:
            raise TooMuch
        pieces.append(data)
        ends.append(size)
    flags = sys.modules['numpy'].array(missing, dtype=bool)  # type: ignore[attr-defined]
    offsets = struct.pack('<%di' % len(ends), *ends)
    return _finish(name, kind, flags, [offsets, b''.join(pieces)], len(items))


def _finish(name: str, kind: str, mask: Any, buffers: list[bytes], length: int) -> Column:
    nulls = 0 if mask is None else int(mask.sum())
    return Column(name, kind, length, nulls, [_bits(~mask) if nulls else b'', *buffers])


def _bits(flags: Any) -> bytes:
    numpy = sys.modules['numpy']
    return numpy.packbits(flags, bitorder='little').tobytes()  # type: ignore[attr-defined]
