"""Listing, reading and writing the variables of a session."""

from __future__ import annotations

import base64
import keyword
import types
from itertools import islice
from typing import Any

from sojourn_kernel.arrow_stream import STREAM_TYPE, arrow_stream
from sojourn_kernel.columns import NoColumns
from sojourn_kernel.display import bundle_of
from sojourn_kernel.json_values import NoJson, to_json_value
from sojourn_kernel.previews import fact, is_array, is_frame, is_series, preview, type_name
from sojourn_kernel.sizes import TooMuch, facts_of, size_of

# What one answer may hold, before it is encoded.
ANSWER_BYTES = 16 << 20
# Beside the mime bundle a JSON value is given along only when it is small.
ASIDE_BYTES = 1 << 20
LISTED = 10_000
NAME_CHARACTERS = 1000
# By id, because a metaclass of the session may have an equality of its own.
FUNCTIONS = {id(types.FunctionType), id(types.BuiltinFunctionType)}
ROWS_OF = {id(kind) for kind in (list, tuple, range, str, bytes)}


class OperationError(Exception):
    """An answer with a code of the server's error table."""

    def __init__(self, code: str, detail: str, **fields: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.fields = fields


def is_listed(name: object, value: object) -> bool:
    """
    Modules, functions and names that begin with an underscore are the machinery of a session, not its
    content.
    """
    # issubclass, because isinstance() would ask the value for its __class__, which may be the user's code.
    machinery = issubclass(type(value), types.ModuleType) or id(type(value)) in FUNCTIONS
    return type(name) is str and not name.startswith('_') and not machinery


def count_variables(namespace: dict[str, Any]) -> int:
    return sum(1 for name, value in list(namespace.items()) if is_listed(name, value))


def list_variables(namespace: dict[str, Any], all_names: bool = False) -> dict[str, Any]:
    """
    Variables with type, size in bytes, shape and preview; with `all_names` every name but `__builtins__`.
    """
    found = [
        item
        for item in list(namespace.items())
        if (type(item[0]) is str and item[0] != '__builtins__' if all_names else is_listed(*item))
    ]
    listed = [_summary(name, value) for name, value in islice(found, LISTED)]
    answer: dict[str, Any] = {'variables': listed, 'variable_count': len(found)}
    if len(found) > LISTED:
        answer['truncated'] = True
    return answer


def _summary(name: str, value: Any) -> dict[str, Any]:
    summary: dict[str, Any] = {
        'name': name[:NAME_CHARACTERS],
        'type': type_name(value),
        'size_bytes': 0,
        'preview': '',
    }
    module = fact(type(value), '__module__')
    if module not in ('builtins', '__main__'):
        summary['module'] = module[:NAME_CHARACTERS]
    try:
        size = size_of(value)
        summary['size_bytes'] = size.bytes
        if size.estimated:
            summary['size_estimated'] = True
        summary.update(facts_of(value))
        summary['preview'] = preview(value)
    except Exception as error:  # an odd object must not hide all others
        summary['preview'] = '<%s object; no preview: %s>' % (summary['type'], type(error).__name__)
    return summary


def get_variable(namespace: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """
    One variable as a mime bundle, which runs its own repr(), as JSON or as an Arrow stream; or some of its
    rows.
    """
    name = request['name']
    if name not in namespace or name == '__builtins__':
        raise OperationError('variable_not_found', "No variable '%s' in this session." % name, name=name)
    value = namespace[name]
    answer = {'name': name, 'type': type_name(value), 'size_bytes': size_of(value).bytes, **facts_of(value)}
    if 'start' in request or 'end' in request:
        value, answer['rows'] = _rows(name, value, request.get('start', 0), request.get('end'))
    try:
        FORMS[request['format']](answer, value)
    except (NoJson, NoColumns) as error:
        raise OperationError('not_supported', "'%s' %s" % (name, error), name=name) from None
    except TooMuch:
        raise OperationError('payload_too_large', _too_much(name), name=name) from None
    return answer


def _too_much(name: str) -> str:
    return "'%s' is larger than %d bytes in this form; ask for some of its rows with start and end." % (
        name,
        ANSWER_BYTES,
    )


def _rows(name: str, value: Any, start: int, end: int | None) -> tuple[Any, dict[str, int]]:
    if is_frame(value) or is_series(value):
        total, part = len(value), value.iloc[start:end]
    elif is_array(value) and value.ndim > 0:
        total, part = len(value), value[start:end]
    elif id(type(value)) in ROWS_OF:
        total, part = len(value), value[start:end]
    else:
        detail = "'%s' is of type %s, which has no rows to choose from." % (name, type_name(value))
        raise OperationError('invalid_params', detail, name=name)
    last = total if end is None else min(end, total)
    return part, {'start': min(start, total), 'end': last, 'total': total}


def _with_mime(answer: dict[str, Any], value: Any) -> None:
    shown = bundle_of(value)
    answer['data'] = {'text/plain': '<%s object>' % answer['type']} if shown is None else shown.data
    if shown is not None and shown.metadata:
        answer['metadata'] = shown.metadata


def _with_all(answer: dict[str, Any], value: Any) -> None:
    _with_mime(answer, value)
    try:
        found = to_json_value(value, ASIDE_BYTES)
    except (NoJson, TooMuch):
        return
    if found.exact:
        answer['value'] = found.value


def _with_json(answer: dict[str, Any], value: Any) -> None:
    answer['value'], answer['exact'] = to_json_value(value, ANSWER_BYTES)


def _with_arrow(answer: dict[str, Any], value: Any) -> None:
    answer['content_type'] = STREAM_TYPE
    stream = arrow_stream(value, ANSWER_BYTES)
    answer['base64'] = base64.b64encode(stream).decode()


FORMS = {'auto': _with_all, 'mime': _with_mime, 'json': _with_json, 'arrow': _with_arrow}


def set_variable(namespace: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Sets a variable to a JSON value."""
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith('__'):
        raise OperationError('invalid_params', "'%s' is not a name for a variable." % name, name=name)
    namespace[name] = value
    return _summary(name, value)
