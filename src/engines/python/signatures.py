"""Parameters and signatures of callables, without running code of theirs."""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

from sojourn_kernel.lookup import Found, Unknown, is_class, mro_of, vars_of
from sojourn_kernel.previews import fact, made_in_python, preview

BUILT_IN = {
    id(kind)
    for kind in (
        types.BuiltinFunctionType,
        types.MethodDescriptorType,
        types.WrapperDescriptorType,
        types.MethodWrapperType,
        types.ClassMethodDescriptorType,
    )
}
VARIABLE, VARIABLE_KEYWORDS = 0x04, 0x08
WRAPPERS = 20
TEXT_CHARACTERS = 80


def function_of(found: Found) -> Found:
    """
    The function behind a callable: past decorators that say what they wrap, into `__init__` of a class.
    @raises Unknown for what is not called or is written in C
    """
    value, bound = found
    for _ in range(WRAPPERS):
        kind = type(value)
        if kind is types.FunctionType:
            inner = value.__dict__.get('__wrapped__')
            if type(inner) is not types.FunctionType:
                return Found(value, bound)
            value = inner
        elif kind is types.MethodType:
            value, bound = value.__func__, True
        elif kind is functools._lru_cache_wrapper:
            value = value.__dict__.get('__wrapped__')
        elif is_class(value):
            value, bound = _maker(value), True
        else:
            return Found(_call_of(kind), True)
    raise Unknown


def _maker(kind: type) -> types.FunctionType:
    for base in mro_of(kind):
        for name in ('__init__', '__new__'):
            made = vars_of(base).get(name)
            made = made.__func__ if type(made) is staticmethod else made
            if type(made) is types.FunctionType:
                return made
    raise Unknown


def _call_of(kind: type) -> types.FunctionType:
    for base in mro_of(kind):
        made = vars_of(base).get('__call__')
        if type(made) is types.FunctionType:
            return made
    raise Unknown


def keywords_of(found: Found) -> list[str]:
    """Names of the parameters that can be given by name."""
    try:
        value, bound = function_of(found)
    except Unknown:
        signature = _built_in(found.value)
        if signature is None:
            return []
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return [name for name, parameter in signature.parameters.items() if parameter.kind in kinds]
    code = value.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return list(names[max(code.co_posonlyargcount, int(bound)) :])


def signature_of(found: Found) -> str | None:
    """`(a, b: int = 1, *rest, c)`; None when it is not known."""
    try:
        value, bound = function_of(found)
    except Unknown:
        signature = _built_in(found.value)
        return None if signature is None else str(signature)
    return _written(value, int(bound))


def _built_in(value: Any) -> inspect.Signature | None:
    in_c = is_class(value) and not made_in_python(value)
    if id(type(value)) not in BUILT_IN and not in_c:
        return None
    try:
        return inspect.signature(value)
    except (ValueError, TypeError):
        return None


def _written(function: types.FunctionType, skipped: int) -> str:
    code = function.__code__
    count, only = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    notes = function.__dict__.get('__annotations__') or _annotations(function)
    defaults = function.__defaults__ or ()
    given = dict(zip(names[count - len(defaults) : count], defaults))
    given.update(function.__kwdefaults__ or {})
    pieces = [_parameter(name, notes, given) for name in names[:count]]
    if code.co_posonlyargcount:
        pieces.insert(code.co_posonlyargcount, '/')
    star = bool(code.co_flags & VARIABLE)
    if star or only:
        pieces.append('*' + _parameter(names[count + only], notes, {}) if star else '*')
    pieces.extend(_parameter(name, notes, given) for name in names[count : count + only])
    if code.co_flags & VARIABLE_KEYWORDS:
        pieces.append('**' + _parameter(names[count + only + int(star)], notes, {}))
    back = ' -> ' + _note(notes['return']) if 'return' in notes else ''
    return '(%s)%s' % (', '.join(pieces[skipped:] if count else pieces), back)


def _annotations(function: types.FunctionType) -> dict[str, Any]:
    """Since Python 3.14 they are code that would have to be run."""
    if hasattr(types.FunctionType, '__annotate__'):
        return {}
    found = function.__annotations__
    return found if type(found) is dict else {}


def _parameter(name: str, notes: dict[str, Any], given: dict[str, Any]) -> str:
    text = name
    if name in notes:
        text += ': ' + _note(notes[name])
    if name in given:
        default = preview(given[name], TEXT_CHARACTERS)
        text += ' = ' + default if name in notes else '=' + default
    return text


def _note(note: Any) -> str:
    if type(note) is str:
        return note[:TEXT_CHARACTERS]
    return str(fact(note, '__qualname__')) if is_class(note) else preview(note, TEXT_CHARACTERS)
