"""A pickler that knows what a session is made of: functions and classes by value, modules by name.

A function or class of the session is a *definition*. It is stored in one place and referred to by key from
everywhere else, so that it is one object again after a restore. Only the standard library is used.
"""

from __future__ import annotations

import dataclasses
import functools
import marshal
import pickle
import sys
import types
import typing
import weakref
from typing import Any, Callable

from sojourn_kernel import rebuild
from sojourn_kernel.arrays import SharedMemory, numpy
from sojourn_kernel.classes import Step, reduce_class
from sojourn_kernel.definitions import Definitions, GlobalsShell, LimitedBuffer, TooLarge, is_importable
from sojourn_kernel.output import TextStream
from sojourn_kernel.reducers import (
    NAMED_TYPES,
    VIEWS,
    reduce_cached_property,
    reduce_memory,
    reduce_method_wrapper,
    reduce_property,
    reduce_read_only_mapping,
    reduce_stream,
    reduce_type_variable,
    reduce_view,
    reduce_weak_mapping,
    reduce_weak_reference,
)

PROTOCOL = 5
FUNCTION_FIELDS = ('__module__', '__qualname__', '__doc__', '__defaults__', '__kwdefaults__')
# Objects that are compared by identity and belong to a module.
SENTINELS = {
    id(getattr(dataclasses, name)): ('dataclasses', name)
    for name in ('MISSING', 'KW_ONLY', '_HAS_DEFAULT_FACTORY', '_FIELD', '_FIELD_CLASSVAR', '_FIELD_INITVAR')
    if hasattr(dataclasses, name)
}
# Types that every pickler knows although no module shows them.
NAMELESS = {id(type(None)), id(type(...)), id(type(NotImplemented))}
TYPE_NAMES = {id(value): ('types', name) for name, value in vars(types).items() if isinstance(value, type)}
TYPE_NAMES[id(weakref.ref)] = ('weakref', 'ref')
# The flag of types that a class statement made (Py_TPFLAGS_HEAPTYPE); others are never taken apart.
MADE_IN_PYTHON = 1 << 9


class SessionPickler(pickle.Pickler):
    """Pickles one node or group. `inline` holds the ids of the definitions that are stored here."""

    def __init__(
        self,
        buffer: LimitedBuffer,
        definitions: Definitions,
        memory: SharedMemory,
        inline: set[int],
        node: int | None,
    ) -> None:
        super().__init__(buffer, PROTOCOL)
        self._buffer = buffer
        self._definitions = definitions
        self._memory = memory
        self._inline = inline
        # The node whose arrays are noted; None in the second pass, where shared memory is written as such.
        self._node = node
        self._bare: set[int] = set()
        self._filled: set[int] = set()
        self._expected_cells: set[int] = set()
        self._fixed: set[int] = set()
        # Everything this pickle refers to and does not hold.
        self.references: set[int] = set()
        # Globals of its functions that belong to no module.
        self.scopes: dict[int, dict[str, Any]] = {}

    def reducer_override(self, item: Any) -> Any:
        kind = type(item)
        reducer = REDUCERS.get(id(kind))
        if reducer is not None:
            return reducer(self, item)
        if issubclass(kind, type):
            return self._class(item)
        if id(item) in SENTINELS:
            return rebuild.attribute, SENTINELS[id(item)]
        module = numpy()
        if module is not None and kind is module.ndarray:
            return self._array(item)
        if issubclass(kind, BaseException):
            return self._exception(item)
        if issubclass(kind, types.ModuleType):
            return self._module(item)
        self._fix_labels(item, kind)
        return NotImplemented

    def _definition(self, item: Any, reduce: Callable[[Any], Any]) -> Any:
        key = self._definitions.key_of(item)
        if id(item) in self._inline:
            return reduce(item)
        self.references.add(id(item))
        return rebuild.definition, (key,)

    def _step(self, step: Step) -> Any:
        return step.call, step.arguments

    def _function(self, item: types.FunctionType) -> Any:
        return NotImplemented if is_importable(item) else self._definition(item, self._reduce_function)

    def _reduce_function(self, item: types.FunctionType) -> Any:
        cells = item.__closure__
        self._expected_cells.update(id(cell) for cell in cells or ())
        made = rebuild.function, (item.__code__, self._place(item), item.__name__, cells)
        if id(item) in self._bare:
            return made
        return *made, self._filling(item), None, None, rebuild.settle

    def _place(self, item: types.FunctionType) -> tuple[Any, ...]:
        scope = item.__globals__
        if scope is self._definitions.main.__dict__:
            return ('main',)
        name = scope.get('__name__')
        if isinstance(name, str) and getattr(sys.modules.get(name), '__dict__', None) is scope:
            return ('module', name)
        shells = self._definitions.shells
        self.scopes[id(scope)] = scope
        return 'own', shells.setdefault(id(scope), GlobalsShell(scope))

    def _filling(self, item: types.FunctionType) -> list[Step]:
        """The steps that fill a function, its closure and, where it has globals of its own, those."""
        if id(item) in self._filled:
            return []
        self._filled.add(id(item))
        steps = []
        for cell in item.__closure__ or ():
            steps.extend(self._cell_filling(cell))
        shell = self._definitions.shells.get(id(item.__globals__))
        if shell is not None:
            steps.extend(self._shell_filling(shell))
        fields = {name: getattr(item, name) for name in FUNCTION_FIELDS}
        fields.update(_annotations(item))
        fields['__dict__'] = dict(vars(item))
        steps.append(Step(rebuild.fill_function, item, fields))
        return steps

    def _cell(self, item: types.CellType) -> Any:
        if id(item) in self._expected_cells:
            return rebuild.cell, ()
        return rebuild.cell, (), self._cell_filling(item), None, None, rebuild.settle

    def _cell_filling(self, item: types.CellType) -> list[Step]:
        if id(item) in self._filled:
            return []
        self._filled.add(id(item))
        try:
            return [Step(rebuild.fill_cell, item, item.cell_contents)]
        except ValueError:  # an empty cell: a name that was never bound
            return []

    def _shell_filling(self, shell: GlobalsShell) -> list[Step]:
        if id(shell) in self._filled:
            return []
        self._filled.add(id(shell))
        return [Step(rebuild.fill_mapping, shell, shell.contents)]

    def _shell(self, item: GlobalsShell) -> Any:
        return dict, ()

    def _code(self, item: types.CodeType) -> Any:
        self._definitions.filenames.add(item.co_filename)
        try:
            # Version 2 has no references, whose presence depends on reference counts: the same code, the same
            # bytes.
            data = marshal.dumps(item, 2)
        except ValueError:
            data = marshal.dumps(item)
        return rebuild.code, (data, item.co_filename, item.co_name, item.co_firstlineno, item.co_varnames)

    def _class(self, item: type) -> Any:
        if id(item) in NAMELESS or is_importable(item):
            return NotImplemented
        if id(item) in TYPE_NAMES:
            return rebuild.attribute, TYPE_NAMES[id(item)]
        return self._definition(item, reduce_class) if item.__flags__ & MADE_IN_PYTHON else NotImplemented

    def _module(self, item: types.ModuleType) -> Any:
        if sys.modules.get(item.__name__) is not item:
            raise TypeError("cannot pickle 'module' object")
        return rebuild.module, (item.__name__,)

    def _cached(self, item: Any) -> Any:
        """functools.lru_cache: what it wraps, and its settings. The cache itself begins anew."""
        if is_importable(item):
            return NotImplemented
        inner = item.__wrapped__
        settings = item.cache_parameters()
        attributes = Step(rebuild.fill_attributes, item, dict(vars(item)))
        steps = [attributes]
        if id(inner) in self._inline:
            # The function may lead back to its own wrapper, so it is filled when the wrapper exists.
            self._bare.add(id(inner))
            steps = [*self._filling(inner), attributes]
        arguments = (inner, settings['maxsize'], settings['typed'])
        return rebuild.cached, arguments, steps, None, None, rebuild.settle

    def _exception(self, item: BaseException) -> Any:
        """A session's exception class may want other arguments than those it passed to its base."""
        kind = type(item)
        if kind.__reduce__ is not BaseException.__reduce__ or is_importable(kind):
            return NotImplemented
        return rebuild.exception, (kind, item.args), vars(item) or None

    def _method(self, item: types.MethodType | types.BuiltinMethodType) -> Any:
        """Methods of a module's own instance, such as random.randint, stay bound to that instance."""
        owner = getattr(item, '__module__', None)
        legacy = sys.modules.get('numpy.random.mtrand')
        if owner is None and legacy is not None and item.__self__ is getattr(legacy, '_rand', None):
            owner = 'numpy.random'
        found = getattr(sys.modules.get(owner or ''), item.__name__, None)
        if owner != '__main__' and type(found) is type(item) and found == item:
            return rebuild.attribute, (owner, item.__name__)
        return NotImplemented

    def _array(self, item: Any) -> Any:
        if item.nbytes > self._buffer.left and not item.dtype.hasobject:
            raise TooLarge  # before the copy of its bytes is made
        if id(item) in self._fixed:
            return NotImplemented
        if self._node is not None:
            self._memory.note(item, self._node)
            return NotImplemented
        return self._memory.reduce(item) or NotImplemented

    def _fix_labels(self, item: Any, kind: type) -> None:
        """The labels of pandas objects cannot change, so sharing them ties nothing together."""
        pandas = sys.modules.get('pandas')
        index = getattr(pandas, 'Index', None)
        if index is None:
            return
        if issubclass(kind, index):
            data = getattr(item, '_data', None)
            inner = [data, getattr(data, '_ndarray', None), *getattr(item, '_codes', ())]
            self._fixed.update(id(part) for part in inner if part is not None)
        elif issubclass(kind, (pandas.DataFrame, pandas.Series)):  # type: ignore[union-attr]
            # One list of the class, which each of its objects stores.
            self._fixed.add(id(kind._metadata))  # type: ignore[attr-defined]

    def fixed(self) -> set[int]:
        """Ids of arrays that never change."""
        return self._fixed


class ScopePickler(SessionPickler):
    """
    For states with functions whose globals are a dict of their own, which may also be a variable: it stays
    one.
    """

    def persistent_id(self, item: Any) -> Any:
        shell = self._definitions.shells.get(id(item)) if type(item) is dict else None
        return None if shell is None else (shell, self._shell_filling(shell))


def _annotations(item: types.FunctionType) -> dict[str, Any]:
    if hasattr(item, '__annotate__'):
        # Since Python 3.14 annotations are made when asked for, and asking may fail.
        return {'__annotate__': item.__annotate__}
    return {'__annotations__': item.__annotations__}


# By id of the type: a session's metaclass may make its classes unhashable.
REDUCERS: dict[int, Callable[[SessionPickler, Any], Any]] = {
    id(kind): reducer
    for kind, reducer in (
        (Step, SessionPickler._step),
        (types.FunctionType, SessionPickler._function),
        (types.CellType, SessionPickler._cell),
        (GlobalsShell, SessionPickler._shell),
        (types.CodeType, SessionPickler._code),
        (types.ModuleType, SessionPickler._module),
        (functools._lru_cache_wrapper, SessionPickler._cached),
        (types.MethodType, SessionPickler._method),
        (types.BuiltinMethodType, SessionPickler._method),
        (property, reduce_property),
        (staticmethod, reduce_method_wrapper),
        (classmethod, reduce_method_wrapper),
        (functools.cached_property, reduce_cached_property),
        (typing.TypeVar, reduce_type_variable),
        (weakref.WeakKeyDictionary, reduce_weak_mapping),
        (weakref.WeakValueDictionary, reduce_weak_mapping),
        (weakref.ref, reduce_weak_reference),
        (types.MappingProxyType, reduce_read_only_mapping),
        (memoryview, reduce_memory),
        (TextStream, reduce_stream),
        *((kind, reduce_view) for kind in VIEWS),
        *NAMED_TYPES,
    )
}
