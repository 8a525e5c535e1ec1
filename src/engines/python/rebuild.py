"""What stored state calls to come back: every function here is named in pickles on disk.

The names and parameters are a format: they may gain variants, but what is here keeps working. Objects that
may refer to each other in circles are made empty first and filled when the circle is closed.
"""

from __future__ import annotations

import abc
import builtins
import functools
import importlib
import marshal
import sys
import types
import typing
from typing import Any, Callable


class Home:
    """
    Where rebuilt functions live, and where definitions of other parts are found while a state is restored.
    """

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.find_definition: Callable[[str], Any] | None = None
        self.display: Callable[..., Any] | None = None
        self.clear_output: Callable[[bool], None] | None = None
        # True when the state was stored by a Python with the same bytecode.
        self.same_bytecode = True


home = Home()


def display(*values: Any, **options: Any) -> Any:
    """
    Shows values as richly as they can, in the order of the output. A builtin of every session, with the
    options `display_id`, `update`, `metadata`, `include`, `exclude` and `raw`.
    """
    return None if home.display is None else home.display(*values, **options)


def settle(made: Any, steps: Any) -> None:
    """The end of a circle: the steps have done their work while they were read."""


def definition(key: str) -> Any:
    """A function or class that is stored in a part of its own."""
    if home.find_definition is None:
        raise LookupError('no state is being restored')
    return home.find_definition(key)


def module(name: str) -> types.ModuleType:
    if name == '__main__':
        return sys.modules['__main__']
    return importlib.import_module(name)


def attribute(module_name: str, path: str) -> Any:
    """An object that a module owns, such as a sentinel or a bound method of a module's own instance."""
    found: Any = module(module_name)
    for name in path.split('.'):
        found = getattr(found, name)
    return found


def code(data: bytes, filename: str, name: str, line: int, variables: tuple[str, ...]) -> types.CodeType:
    """A code object: as stored, or compiled again from its source when this Python reads another bytecode."""
    if home.same_bytecode:
        return marshal.loads(data)
    source = home.sources.get(filename)
    if source is None:
        raise ValueError("'%s' was stored by another version of Python and its source is not known" % name)
    candidates = [
        found
        for found in _nested_code(compile(source, filename, 'exec', dont_inherit=True))
        if found.co_name == name and found.co_firstlineno == line
    ]
    exact = [found for found in candidates if found.co_varnames == variables]
    if not (exact or candidates):
        raise ValueError("the source of '%s' was not found in %s" % (name, filename))
    return (exact or candidates)[0]


def _nested_code(outer: types.CodeType) -> list[types.CodeType]:
    found = []
    for constant in outer.co_consts:
        if isinstance(constant, types.CodeType):
            found.append(constant)
            found.extend(_nested_code(constant))
    return found


def function(code_: types.CodeType, place: tuple[Any, ...], name: str, cells: Any) -> types.FunctionType:
    """An empty function. `place` is ('main',), ('module', name) or ('own', globals)."""
    if place[0] == 'main':
        scope = home.namespace
    elif place[0] == 'module':
        scope = vars(module(place[1]))
    else:
        scope = place[1]
        scope.setdefault('__builtins__', builtins)
    return types.FunctionType(code_, scope, name, None, cells)


def fill_function(made: types.FunctionType, fields: dict[str, Any]) -> None:
    attributes = fields.pop('__dict__')
    for name, value in fields.items():
        setattr(made, name, value)
    made.__dict__.update(attributes)


def fill_mapping(made: dict[str, Any], items: dict[str, Any]) -> None:
    made.update(items)


def fill_attributes(made: Any, attributes: dict[str, Any]) -> None:
    made.__dict__.update(attributes)


def cell() -> types.CellType:
    return types.CellType()


def fill_cell(made: types.CellType, contents: Any) -> None:
    made.cell_contents = contents


def cached(made: Callable[..., Any], size: int | None, typed: bool) -> Any:
    """functools.lru_cache with an empty cache."""
    return functools.lru_cache(maxsize=size, typed=typed)(made)


def cached_property(made: Callable[..., Any], attribute_name: str | None) -> Any:
    result = functools.cached_property(made)
    result.attrname = attribute_name
    return result


def exception(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """An exception with these `args`, whatever its own __init__ would want."""
    made = kind.__new__(kind, *arguments)
    made.args = arguments
    return made


def type_variable(name: str, constraints: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    made = typing.TypeVar(name, *constraints, **keywords)  # type: ignore[misc]
    made.__module__ = '__main__'
    return made


def named_type(kind: str, arguments: tuple[Any, ...]) -> Any:
    """A ParamSpec, TypeVarTuple or NewType of the session."""
    made = getattr(typing, kind)(*arguments)
    made.__module__ = '__main__'
    return made


def view(mapping: Any, kind: str) -> Any:
    """`keys`, `values` or `items` of a dict."""
    return getattr(mapping, kind)()


def library_meta(meta: type) -> type:
    """The first metaclass that was not written in the session: its __new__ knows the memory layout."""
    for candidate in meta.__mro__:
        found = getattr(sys.modules.get(candidate.__module__), candidate.__qualname__, None)
        if candidate.__module__ != '__main__' and found is candidate:
            return candidate
    return type


def class_(meta: type, name: str, bases: tuple[type, ...], fields: dict[str, Any]) -> type:
    """
    A class without its attributes. Its bases are not told: what they did when it was first made is in the
    state.
    """
    told = {base for first in bases for base in first.__mro__[:-1] if '__init_subclass__' in vars(base)}
    hooks = {base: vars(base)['__init_subclass__'] for base in told}
    maker = library_meta(meta)
    try:
        for base in hooks:
            type.__setattr__(base, '__init_subclass__', classmethod(_ignore_subclass))
        try:
            return maker.__new__(meta, name, bases, fields)  # type: ignore[call-overload]
        except TypeError:
            # Some metaclasses of the library only accept what their own syntax produces.
            return type.__new__(meta, name, bases, fields)
    finally:
        for base, hook in hooks.items():
            type.__setattr__(base, '__init_subclass__', hook)


def _ignore_subclass(cls: type, **options: Any) -> None:
    pass


def fill_class(made: type, attributes: dict[str, Any]) -> None:
    setter = library_meta(type(made)).__setattr__
    for name, value in attributes.items():
        setter(made, '__annotate__' if name == '__annotate_func__' else name, value)


def register(made: abc.ABCMeta, subclasses: list[type]) -> None:
    for subclass in subclasses:
        made.register(subclass)


def enum_(
    meta: Any, name: str, bases: tuple[type, ...], members: dict[str, Any], fields: dict[str, Any]
) -> type:
    """An enumeration with its members and without its methods."""
    fields_ = meta.__prepare__(name, bases)
    for field, value in {**fields, **members}.items():
        fields_[field] = value
    return library_meta(meta).__new__(meta, name, bases, fields_)  # type: ignore[call-overload]


def fill_enum(made: Any, attributes: dict[str, Any], member_fields: dict[str, dict[str, Any]]) -> None:
    for name, value in attributes.items():
        type.__setattr__(made, name, value)
    for name, fields in member_fields.items():
        made._member_map_[name].__dict__.update(fields)


def array_view(
    owner: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any, writeable: bool
) -> Any:
    """An array on the memory of another one."""
    import numpy

    if not owner.flags.c_contiguous:
        owner = owner.T
    made = numpy.ndarray(shape, dtype, buffer=owner, offset=offset, strides=strides)
    made.flags.writeable = writeable and owner.flags.writeable
    return made
