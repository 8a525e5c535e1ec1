"""
How a class of the session is taken apart so that rebuild.py can make it again: attributes, members,
registrations.
"""

from __future__ import annotations

import enum
import functools
import types
from typing import Any

from sojourn_kernel import rebuild

# Made by the class itself when it is made again.
OWN_FIELDS = ('__module__', '__qualname__', '__doc__', '__slots__')
REMADE = {'__dict__', '__weakref__', '__abstractmethods__', '_abc_impl', '__annotations_cache__', *OWN_FIELDS}
# Filled before all other attributes, so that instances among those find their methods.
BEHAVIOUR = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)


class Step:
    """Something to be done while the state is read: pickled as a call, at the place where it stands."""

    __slots__ = ('call', 'arguments')

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call = call
        self.arguments = arguments


def reduce_class(cls: type) -> tuple[Any, ...]:
    """The empty class and the steps that fill it, in the form that a pickler's reducer returns."""
    if isinstance(cls, enum.EnumMeta) and cls.__members__:
        return _reduce_enum(cls)
    fields = {name: value for name, value in vars(cls).items() if name in OWN_FIELDS}
    attributes = {name: value for name, value in vars(cls).items() if _is_stored(cls, name, value)}
    early = {name: value for name, value in attributes.items() if isinstance(value, BEHAVIOUR)}
    late = {name: value for name, value in attributes.items() if name not in early}
    if '__abstractmethods__' in vars(cls):
        # Sorted, so that an unchanged class gives the same bytes again.
        late['__abstractmethods__'] = frozenset(sorted(cls.__abstractmethods__))
    steps = [Step(rebuild.fill_class, cls, early), Step(rebuild.fill_class, cls, late)]
    registered = _registered(cls)
    if registered:
        steps.append(Step(rebuild.register, cls, registered))
    return rebuild.class_, (type(cls), cls.__name__, cls.__bases__, fields), steps, None, None, rebuild.settle


def _is_stored(cls: type, name: str, value: Any) -> bool:
    if name in REMADE:
        return False
    # Slots and the like are made with the class.
    made_by_class = (types.MemberDescriptorType, types.GetSetDescriptorType)
    return not (isinstance(value, made_by_class) and getattr(value, '__objclass__', None) is cls)


def _registered(cls: type) -> list[type]:
    if '_abc_impl' not in vars(cls):
        return []
    try:
        from _abc import _get_dump  # the only way to ask a class what was registered with it

        found = [reference() for reference in _get_dump(cls)[0]]
    except (ImportError, TypeError, AttributeError):
        return []
    return sorted(
        (item for item in found if item is not None), key=lambda item: (item.__module__, item.__qualname__)
    )


def _reduce_enum(cls: Any) -> tuple[Any, ...]:
    members = {name: member._value_ for name, member in cls._member_map_.items()}
    fields = {
        name: value for name, value in vars(cls).items() if name in ('__module__', '__qualname__', '__doc__')
    }
    attributes = {
        name: value
        for name, value in vars(cls).items()
        if name not in members and _is_stored(cls, name, value) and _is_written_in_enum(cls, name, value)
    }
    machinery = {'_value_', '_name_', '__objclass__', '_sort_order_', '_hashable_values_'}
    member_fields = {
        name: {key: value for key, value in vars(member).items() if key not in machinery}
        for name, member in cls._member_map_.items()
    }
    steps = [Step(rebuild.fill_enum, cls, attributes, {}), Step(rebuild.fill_enum, cls, {}, member_fields)]
    arguments = (type(cls), cls.__name__, cls.__bases__, members, fields)
    return rebuild.enum_, arguments, steps, None, None, rebuild.settle


def _is_written_in_enum(cls: Any, name: str, value: Any) -> bool:
    """Leaves out what the enumeration machinery put into the class."""
    if name.startswith('_') and not name.startswith('__') and name.endswith('_'):
        return False
    if name in ('__new__', '__static_attributes__', '__firstlineno__'):
        return False
    function = getattr(value, '__func__', value)
    return not (isinstance(function, types.FunctionType) and function.__module__ == 'enum')
