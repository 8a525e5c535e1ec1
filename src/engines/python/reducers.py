"""
How small objects that pickle does not know are taken apart. Each function gets the pickler, which none of
them needs.
"""

from __future__ import annotations

import types
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


def reduce_weak_mapping(pickler: Any, item: Any) -> Any:
    return type(item), (), None, None, iter(list(item.items()))


def reduce_weak_reference(pickler: Any, item: Any) -> Any:
    target = item()
    if target is None:
        raise TypeError('a weak reference to an object that is gone')
    return weakref.ref, (target,)


def reduce_read_only_mapping(pickler: Any, item: Any) -> Any:
    return types.MappingProxyType, (dict(item),)
