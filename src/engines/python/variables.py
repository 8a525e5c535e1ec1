"""Listing, reading and writing the variables of a session."""

from __future__ import annotations

import keyword
import types
from typing import Any

from sojourn_kernel.display import mime_bundle
from sojourn_kernel.previews import preview, shape_of, size_of, type_name


class OperationError(Exception):
    """An answer with a code of the server's error table."""

    def __init__(self, code: str, detail: str, **fields: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fields = fields


def is_listed(name: object, value: object) -> bool:
    """Modules and names that begin with an underscore are the machinery of a session, not its content."""
    # issubclass, because isinstance() would ask the value for its __class__, which may be the user's code.
    return type(name) is str and not name.startswith('_') and not issubclass(type(value), types.ModuleType)


def count_variables(namespace: dict[str, Any]) -> int:
    return sum(1 for name, value in list(namespace.items()) if is_listed(name, value))


def list_variables(namespace: dict[str, Any]) -> dict[str, Any]:
    """Every variable with type, size in bytes, preview and, for arrays and frames, shape."""
    listed = [_summary(name, value) for name, value in list(namespace.items()) if is_listed(name, value)]
    return {'variables': listed, 'variable_count': len(listed)}


def _summary(name: str, value: Any) -> dict[str, Any]:
    summary: dict[str, Any] = {'name': name, 'type': type_name(value), 'size': 0, 'preview': ''}
    try:
        shape = shape_of(value)
        if shape is not None:
            summary['shape'] = shape
        summary['size'] = size_of(value)
        summary['preview'] = preview(value)
    except Exception as error:  # an odd object must not hide all others
        summary['preview'] = '<%s object; no preview: %s>' % (summary['type'], type(error).__name__)
    return summary


def get_variable(namespace: dict[str, Any], name: str) -> dict[str, Any]:
    """One variable as a mime bundle; this runs its own repr()."""
    if name not in namespace or name == '__builtins__':
        raise OperationError('variable_not_found', "No variable '%s' in this session." % name, name=name)
    value = namespace[name]
    try:
        data = mime_bundle(value)
    except Exception as error:  # the user's own __repr__
        data = {'text/plain': '<%s object; its repr() failed: %s>' % (type_name(value), type(error).__name__)}
    return {'name': name, 'type': type_name(value), 'size': size_of(value), 'data': data}


def set_variable(namespace: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Sets a variable to a JSON value."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith('__'):
        raise OperationError('invalid_params', "'%s' is not a name for a variable." % name, name=name)
    namespace[name] = value
    return _summary(name, value)
