"""
Tables as an Arrow IPC stream: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format.

What our own columns cannot hold is left to pyarrow where the session's Python has it.
"""

from __future__ import annotations

import importlib
import struct
from typing import Any

from sojourn_kernel.columns import Column, NoColumns, columns_of
from sojourn_kernel.display import describe, has_method
from sojourn_kernel.flatbuffer import Builder, Ref, Scalar
from sojourn_kernel.previews import is_array, is_frame, is_series
from sojourn_kernel.sizes import TooMuch

STREAM_TYPE = 'application/vnd.apache.arrow.stream'
# Numbers of Arrow's Schema.fbs and Message.fbs.
VERSION_5 = 4
SCHEMA, RECORD_BATCH = 1, 3
INT, FLOAT, BINARY, UTF8, BOOL, TIMESTAMP, DURATION = 2, 3, 4, 5, 6, 10, 18
PRECISION = {'float16': 0, 'float32': 1, 'float64': 2}
UNIT = {'s': 0, 'ms': 1, 'us': 2, 'ns': 3}
PLAIN = {'utf8': UTF8, 'binary': BINARY, 'bool': BOOL}
END = struct.pack('<Ii', 0xFFFFFFFF, 0)


def arrow_stream(value: Any, limit: int) -> bytes:
    """@raises NoColumns · TooMuch when it is larger than `limit` bytes"""
    try:
        columns = columns_of(value, limit)
    except NoColumns as error:
        return _by_pyarrow(value, limit, error)
    body, buffers = _body(columns)
    return b''.join((_message(_schema, columns, b''), _message(_batch, (columns, buffers), body), END))


def _by_pyarrow(value: Any, limit: int, refused: NoColumns) -> bytes:
    ours = is_frame(value) or is_series(value) or is_array(value)
    if not ours and not has_method(type(value), '__arrow_c_stream__'):
        raise refused
    try:
        pyarrow: Any = importlib.import_module('pyarrow')
    except ImportError:
        raise NoColumns('%s pyarrow, which may know it, is not installed.' % refused) from None
    try:
        if is_frame(value):
            table = pyarrow.Table.from_pandas(value)
        else:
            table = pyarrow.table({'value': value} if ours else value)
    except Exception as error:  # of many kinds
        raise NoColumns('%s pyarrow says: %s.' % (refused, describe(error))) from None
    if table.nbytes > limit:
        raise TooMuch
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _body(columns: list[Column]) -> tuple[bytes, list[tuple[int, int]]]:
    """All buffers one after the other, each at a multiple of eight; and where each is."""
    pieces, places, at = [], [], 0
    for column in columns:
        for buffer in column.buffers:
            places.append((at, len(buffer)))
            padded = buffer + bytes(-len(buffer) % 8)
            pieces.append(padded)
            at += len(padded)
    return b''.join(pieces), places


def _message(make: Any, content: Any, body: bytes) -> bytes:
    builder = Builder()
    header_type, header = make(builder, content)
    fields = {
        3: Scalar('q', len(body)),
        2: header,
        0: Scalar('h', VERSION_5),
        1: Scalar('B', header_type),
    }
    data = builder.finish(builder.table(fields))
    return struct.pack('<Ii', 0xFFFFFFFF, len(data)) + data + body


def _schema(builder: Builder, columns: list[Column]) -> tuple[int, Ref]:
    fields = builder.references([_field(builder, column) for column in columns])
    return SCHEMA, builder.table({1: fields})


def _batch(builder: Builder, content: Any) -> tuple[int, Ref]:
    columns, places = content
    nodes = builder.structs([(column.length, column.nulls) for column in columns])
    buffers = builder.structs(places)
    length = columns[0].length if columns else 0
    return RECORD_BATCH, builder.table({0: Scalar('q', length), 1: nodes, 2: buffers})


def _field(builder: Builder, column: Column) -> Ref:
    number, described = _type(builder, column)
    name, children = builder.text(column.name), builder.references([])
    nullable, kind = Scalar('?', True), Scalar('B', number)
    return builder.table({0: name, 3: described, 5: children, 1: nullable, 2: kind})


def _type(builder: Builder, column: Column) -> tuple[int, Ref]:
    kind = column.kind
    if kind in PLAIN:
        return PLAIN[kind], builder.table({})
    if kind in PRECISION:
        return FLOAT, builder.table({0: Scalar('h', PRECISION[kind])})
    if kind == 'timestamp':
        zone = {1: builder.text(column.zone)} if column.zone else {}
        return TIMESTAMP, builder.table({**zone, 0: Scalar('h', UNIT[column.unit])})
    if kind == 'duration':
        return DURATION, builder.table({0: Scalar('h', UNIT[column.unit])})
    signed, bits = kind.startswith('int'), int(kind.lstrip('uint'))
    return INT, builder.table({0: Scalar('i', bits), 1: Scalar('?', signed)})
