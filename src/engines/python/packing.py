"""Many small parts become a few larger ones: a part costs the store a file, whatever its size.

Which pack a part goes to depends on its name alone, so that one changed variable changes one pack.
"""

from __future__ import annotations

import zlib
from typing import Any, Iterator

SMALL_BYTES = 4096
# So few small parts stay by themselves.
FEW = 128
PACKS = 64


class Packer:
    """Holds back the small parts until all are known."""

    def __init__(self) -> None:
        self._small: list[tuple[str, dict[str, Any], bytes]] = []

    def takes(self, entry: dict[str, Any], data: bytes) -> bool:
        """True when the part is small and waits here now; `entry` is its line of the manifest."""
        small = len(data) < SMALL_BYTES
        if small:
            self._small.append((entry['part'], entry, data))
        return small

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """The parts to store. The entries of what was packed get `part`, `at` and `size`, in bytes."""
        if len(self._small) <= FEW:
            for name, _, data in self._small:
                yield name, data
            return
        packs: dict[int, list[tuple[str, dict[str, Any], bytes]]] = {}
        for item in self._small:
            number = zlib.crc32(item[0].encode('utf-8', 'surrogatepass')) % PACKS
            packs.setdefault(number, []).append(item)
        for number, items in sorted(packs.items()):
            pieces, at = [], 0
            for _, entry, data in sorted(items, key=lambda item: item[0]):
                entry.update(part='pack:%d' % number, at=at, size=len(data))
                pieces.append(data)
                at += len(data)
            yield 'pack:%d' % number, b''.join(pieces)


def unpack(entry: dict[str, Any], parts: dict[str, bytes]) -> bytes:
    """The bytes that an entry of the manifest stands for."""
    data = parts[entry['part']]
    return data[entry['at'] : entry['at'] + entry['size']] if 'at' in entry else data
