"""
How small objects that pickle does not know are taken apart. Each function gets the pickler, which none of
them needs.
"""

from __future__ import annotations

import collections
import gc
import types
import typing
import weakref
from typing import Any

from sojourn_kernel import rebuild
from sojourn_kernel.definitions import is_importable


def reduce_property(pickler: Any, item: property) -> Any:
    return property, (item.fget, item.fset, item.fdel, item.__doc__)


def reduce_method_wrapper(pickler: Any, item: Any) -> Any:
    return type(item), (item.__func__,)


def reduce_cached_property(pickler: Any, item: Any) -> Any:
    return rebuild.cached_property, (item.func, item.attrname)


def reduce_type_variable(pickler: Any, item: Any) -> Any:
    """By value: by name it would look for itself in the namespace."""
    if is_importable(item) or item.__module__ != '__main__':
        return NotImplemented
    keywords = {
        'bound': item.__bound__,
        'covariant': item.__covariant__,
        'contravariant': item.__contravariant__,
    }
    return rebuild.type_variable, (item.__name__, item.__constraints__, keywords)


def reduce_parameters_variable(pickler: Any, item: Any) -> Any:
    """ParamSpec; by value, as above."""
    if is_importable(item) or item.__module__ != '__main__':
        return NotImplemented
    return rebuild.named_type, (type(item).__name__, (item.__name__,))


def reduce_new_type(pickler: Any, item: Any) -> Any:
    """typing.NewType; by value, as above."""
    if is_importable(item) or item.__module__ != '__main__':
        return NotImplemented
    return rebuild.named_type, ('NewType', (item.__qualname__, item.__supertype__))


def reduce_view(pickler: Any, item: Any) -> Any:
    """The keys, values or items of a dict, which is the only thing that such a view refers to."""
    (mapping,) = gc.get_referents(item)
    return rebuild.view, (mapping, type(item).__name__.rpartition('_')[2])


def reduce_memory(pickler: Any, item: Any) -> Any:
    owner = item.obj
    whole = item.ndim == 1 and item.format == 'B' and item.contiguous
    if type(owner) not in (bytes, bytearray) or not whole or item.nbytes != len(owner):
        raise TypeError('a view of a part of memory')
    return memoryview, (owner,)


def reduce_stream(pickler: Any, item: Any) -> Any:
    """The session's own stdout or stderr."""
    return rebuild.attribute, ('sys', item.name.strip('<>'))


def reduce_weak_mapping(pickler: Any, item: Any) -> Any:
    return type(item), (), None, None, iter(list(item.items()))


def reduce_weak_reference(pickler: Any, item: Any) -> Any:
    target = item()
    if target is None:
        raise TypeError('a weak reference to an object that is gone')
    return weakref.ref, (target,)


def reduce_read_only_mapping(pickler: Any, item: Any) -> Any:
    return types.MappingProxyType, (dict(item),)


VIEWS = tuple(
    type(view)
    for mapping in ({}, collections.OrderedDict())
    for view in (mapping.keys(), mapping.values(), mapping.items())
)
# Of the Pythons that have them.
NAMED_TYPES = tuple(
    (getattr(typing, name), reducer)
    for name, reducer in (
        ('ParamSpec', reduce_parameters_variable),
        ('TypeVarTuple', reduce_parameters_variable),
        ('NewType', reduce_new_type),
    )
    if isinstance(getattr(typing, name, None), type)
)
