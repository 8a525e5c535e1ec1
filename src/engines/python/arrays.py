"""Arrays that share memory stay arrays that share memory.

In the first pass each view is stored as values and its memory is noted. Where two views, or a view and the
owner of its memory, both belong to the state, the second pass stores the memory once and the views as places
in it.
"""

from __future__ import annotations

import sys
from typing import Any

from sojourn_kernel import rebuild


def numpy() -> Any:
    """The module when the session has imported it; never imports it."""
    found = sys.modules.get('numpy')
    return found if hasattr(found, 'ndarray') else None


def owner_of(array: Any) -> Any:
    """The array that owns the memory of a view; the array itself when it owns its own."""
    ndarray = type(array)
    while type(array.base) is ndarray:
        array = array.base
    return array


def bounds(array: Any) -> tuple[int, int]:
    """First address and address after the last of what an array can reach."""
    low = high = array.__array_interface__['data'][0]
    if array.size == 0:
        return low, low
    for length, stride in zip(array.shape, array.strides):
        if stride < 0:
            low += (length - 1) * stride
        else:
            high += (length - 1) * stride
    return low, high + array.itemsize


class SharedMemory:
    """All views met in the first pass, by the owner of their memory."""

    def __init__(self) -> None:
        self._views: dict[int, dict[int, tuple[Any, Any, set[int]]]] = {}
        self._owners: dict[int, tuple[Any, set[int]]] = {}
        self._stored: dict[int, tuple[Any, int]] = {}

    def note(self, array: Any, node: int) -> None:
        """An array of the state, owner or view, met in node number `node`."""
        if array.dtype.hasobject:
            return
        owner = owner_of(array)
        if owner is array:
            self._owners.setdefault(id(array), (array, set()))[1].add(node)
            return
        contiguous = owner.flags.c_contiguous or owner.flags.f_contiguous
        if contiguous and not owner.dtype.hasobject:
            # The reference keeps both alive, so that their ids stay theirs.
            views = self._views.setdefault(id(owner), {})
            views.setdefault(id(array), (array, owner, set()))[2].add(node)

    def join(self, kept: set[int]) -> list[set[int]]:
        """
        Decides which memory is stored as shared. Returns the nodes, of those kept, that belong together.
        """
        joined = []
        for owner_id, noted in self._views.items():
            views = [(array, nodes & kept) for array, _, nodes in noted.values() if nodes & kept]
            _, owners = self._owners.get(owner_id, (None, set()))
            owners = owners & kept
            if not views or (not owners and len(views) < 2):
                continue
            owner = next(iter(noted.values()))[1]
            if owners:
                self._stored[owner_id] = (owner, bounds(owner)[0])
            else:
                self._stored[owner_id] = self._segment(owner, [array for array, _ in views])
            joined.append(owners.union(*(nodes for _, nodes in views)))
        return joined

    def _segment(self, owner: Any, views: list[Any]) -> tuple[Any, int]:
        """Only the stretch of memory that the views reach: the rest of a large owner may be garbage."""
        module = numpy()
        reached = [bounds(view) for view in views]
        low, high = min(low for low, _ in reached), max(high for _, high in reached)
        straight = owner if owner.flags.c_contiguous else owner.T
        start = low - bounds(owner)[0]
        return module.ndarray((high - low,), module.uint8, buffer=straight, offset=start).copy(), low

    def reduce(self, array: Any) -> tuple[Any, ...] | None:
        """A view as a place in stored memory; None when it is to be stored as values."""
        owner = owner_of(array)
        if owner is array or id(owner) not in self._stored or array.dtype.hasobject:
            return None
        memory, start = self._stored[id(owner)]
        offset = array.__array_interface__['data'][0] - start
        place = (memory, offset, array.shape, array.strides, array.dtype, bool(array.flags.writeable))
        return rebuild.array_view, place
