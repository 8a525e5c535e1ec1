"""The zygote's memory in huge pages: a fork then copies one entry of the page table for every two megabytes, not 512.

Only what is there already is collapsed. Memory that a kernel gets later comes in small pages, so that it costs what it
needs, and a page of the zygote that a kernel writes to is copied by itself.
"""

from __future__ import annotations

import ctypes
import sys

from sojourn_kernel.libc import libc

# Since Linux 6.1; told to do it now, the machine does so whatever its setting for huge pages is.
MADV_COLLAPSE = 25
SIZE = 2 << 20
# The least that Python may ask the machine for at once, for its small objects, and the largest of these; see pymalloc.
ARENA = 256 << 10
SMALL = 512
# About what the usual libraries take.
RESERVED = 40 << 20


def reserve() -> list[bytes]:
    """
    Has Python take memory for its small objects in one stretch, before libraries lie between one piece and the next.
    Every piece is held by an object of the answer, and is free otherwise.
    """
    size = SMALL - sys.getsizeof(b'')
    objects = [b''] * (RESERVED // SMALL)
    for place in range(len(objects)):
        objects[place] = bytes(size)
    return objects[:: ARENA // SMALL // 2]


def collapse() -> int:
    """
    Does so with all anonymous memory of this process; what cannot be collapsed stays as it is.
    @returns the number of huge pages
    """
    if sys.platform != 'linux':
        return 0
    return sum(
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(SIZE), MADV_COLLAPSE) == 0
        for first, end in anonymous()
        for start in range(-(-first // SIZE) * SIZE, end - SIZE + 1, SIZE)
    )


def anonymous() -> list[tuple[int, int]]:
    """(first address, end) of every writable private mapping of no file."""
    with open('/proc/self/maps') as file:
        lines = [line.split() for line in file]
    places = [line[0].split('-') for line in lines if line[1].startswith('rw-p') and line[4] == '0']
    return [(int(first, 16), int(end, 16)) for first, end in places]
