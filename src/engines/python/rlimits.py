"""Limits that the kernel counts for each process: memory, size of a file, open files, processes of the uid."""

from __future__ import annotations

import os
import resource

OPEN_FILES = 1024


def apply(memory_bytes: int, file_bytes: int, process_count: int | None) -> None:
    """Lowers the limits for good. Memory is what the process may take beyond what it was forked with.

    `process_count` counts processes and threads of the uid, so it is None where others share the uid.
    """
    virtual, data = _memory_now()
    # DATA counts what is private and writable; only the size of the whole address space counts shared mappings too.
    _lower(resource.RLIMIT_DATA, data + memory_bytes)
    _lower(resource.RLIMIT_AS, virtual + memory_bytes)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)
    if process_count is not None:
        _lower(resource.RLIMIT_NPROC, process_count)
    for name in ('RLIMIT_MSGQUEUE', 'RLIMIT_RTPRIO'):
        if hasattr(resource, name):
            _lower(getattr(resource, name), 0)


def _lower(which: int, wanted: int) -> None:
    _, hard = resource.getrlimit(which)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (value, value))


def _memory_now() -> tuple[int, int]:
    """Bytes of address space and of data that the fork began with: the preloaded modules are not the session's."""
    try:
        with open('/proc/self/statm', 'rb') as file:
            pages = [int(field) for field in file.read().split()]
    except OSError:
        return 0, 0
    size = os.sysconf('SC_PAGE_SIZE')
    return pages[0] * size, pages[5] * size
