"""Limits that the machine counts for each process: memory, processor time, size of a file, open files, processes."""

from __future__ import annotations

import os
import resource
from typing import Any

OPEN_FILES = 1024


def apply(settings: dict[str, Any], has_own_uid: bool) -> None:
    """
    Lowers the limits for good, to the sandbox's settings. Memory is what the process may take beyond what it was
    forked with; processes are counted by uid, which is nobody's limit where others share it.
    """
    virtual, data = _memory_now()
    memory_bytes = settings['memory_bytes']
    # DATA counts what is private and writable; only the size of the whole address space counts shared mappings too.
    _lower(resource.RLIMIT_DATA, data + memory_bytes)
    _lower(resource.RLIMIT_AS, virtual + memory_bytes)
    _lower(resource.RLIMIT_FSIZE, settings['file_bytes'])
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)
    if settings['cpu_s'] > 0:
        # A second between the signal that says so and the one that does not: only the former tells why.
        _lower(resource.RLIMIT_CPU, settings['cpu_s'], 1)
    if has_own_uid:
        _lower(resource.RLIMIT_NPROC, settings['process_count'])
    for name in ('RLIMIT_MSGQUEUE', 'RLIMIT_RTPRIO'):
        if hasattr(resource, name):
            _lower(getattr(resource, name), 0)


def _lower(which: int, wanted: int, grace: int = 0) -> None:
    _, hard = resource.getrlimit(which)
    bound = wanted + grace if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(which, (min(wanted, bound), min(wanted + grace, bound)))


def _memory_now() -> tuple[int, int]:
    """Bytes of address space and of data that the fork began with: the preloaded modules are not the session's."""
    try:
        with open('/proc/self/statm', 'rb') as file:
            pages = [int(field) for field in file.read().split()]
    except OSError:
        return 0, 0
    size = os.sysconf('SC_PAGE_SIZE')
    return pages[0] * size, pages[5] * size
