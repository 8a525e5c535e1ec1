"""
Writes FlatBuffers, the encoding of Arrow's metadata: https://flatbuffers.dev/internals.

A buffer is made from its end to its beginning, so that what is referred to is there first. A reference is the
distance from the end of the buffer.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, Sequence


class Scalar(NamedTuple):
    """A field that stands in the table itself; `form` is struct's letter."""

    form: str
    value: Any


class Ref(NamedTuple):
    """A field or an item that stands elsewhere in the buffer."""

    place: int


class Builder:
    def __init__(self) -> None:
        # The bytes in reverse.
        self._bytes = bytearray()

    def text(self, text: str) -> Ref:
        data = text.encode('utf-8', 'replace')
        self._align(4, len(data) + 1)
        self._put(b'\0')
        self._put(data)
        self._put(struct.pack('<I', len(data)))
        return Ref(len(self._bytes))

    def references(self, items: Sequence[Ref]) -> Ref:
        """A vector of tables."""
        self._align(4, 4 * len(items))
        for item in reversed(items):
            self._reference(item)
        self._put(struct.pack('<I', len(items)))
        return Ref(len(self._bytes))

    def structs(self, pairs: Sequence[tuple[int, int]]) -> Ref:
        """A vector of structs of two 64-bit integers, which is what Arrow has."""
        self._align(8, 16 * len(pairs))
        for pair in reversed(pairs):
            self._put(struct.pack('<qq', *pair))
        self._put(struct.pack('<I', len(pairs)))
        return Ref(len(self._bytes))

    def table(self, fields: dict[int, Scalar | Ref]) -> Ref:
        """A table from its slots; slots that are left out have their default."""
        start = len(self._bytes)
        places: dict[int, int] = {}
        for slot, field in fields.items():
            if isinstance(field, Ref):
                self._align(4, 0)
                self._reference(field)
            else:
                data = struct.pack('<' + field.form, field.value)
                self._align(len(data), 0)
                self._put(data)
            places[slot] = len(self._bytes)
        self._align(4, 0)
        self._put(bytes(4))
        table = len(self._bytes)
        count = max(places, default=-1) + 1
        slots = [table - places[slot] if slot in places else 0 for slot in range(count)]
        self._put(struct.pack('<%dH' % (count + 2), 4 + 2 * count, table - start, *slots))
        self._bytes[table - 4 : table] = struct.pack('<i', len(self._bytes) - table)[::-1]
        return Ref(table)

    def finish(self, root: Ref) -> bytes:
        self._align(8, 4)
        self._reference(root)
        return bytes(self._bytes[::-1])

    def _reference(self, item: Ref) -> None:
        self._put(struct.pack('<I', len(self._bytes) + 4 - item.place))

    def _align(self, size: int, ahead: int) -> None:
        """Fills up so that what begins after `ahead` further bytes begins at a multiple of `size`."""
        self._put(bytes(-(len(self._bytes) + ahead) % size))

    def _put(self, data: bytes) -> None:
        self._bytes += data[::-1]
