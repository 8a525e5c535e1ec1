"""
What a value looks like: a mime bundle made from its repr() and the `_repr_*_` methods that notebooks know.

Every form is the work of somebody's code: one that fails, is too large or is no JSON is left out and named,
and none of them ends the run that shows the value.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import Any, Callable, NamedTuple

from sojourn_kernel.frames import from_json, to_json
from sojourn_kernel.interrupts import Terminated
from sojourn_kernel.previews import CONTAINERS, type_name

TEXT_CHARACTERS = 1 << 20
# Richer forms larger than this are left out, as are those that no longer fit beside the others of one value;
# both as JSON. A frame of the wire holds more than the sum.
RICH_BYTES = 16 << 20
BUNDLE_BYTES = 40 << 20
# What a value inside of JSON counts at least: the server takes as long for it as for so much text.
VALUE_BYTES = 160
# JSON that is nested deeper is left out.
DEPTH = 64
FORMS = 50
# Builtin containers with more items are rendered item by item, so that rendering can stop.
LARGE_ITEMS = 10_000
REASON_CHARACTERS = 200
RICH_METHODS = {
    '_repr_html_': 'text/html',
    '_repr_markdown_': 'text/markdown',
    '_repr_latex_': 'text/latex',
    '_repr_svg_': 'image/svg+xml',
    '_repr_png_': 'image/png',
    '_repr_jpeg_': 'image/jpeg',
    '_repr_json_': 'application/json',
    '_repr_javascript_': 'application/javascript',
    '_repr_pdf_': 'application/pdf',
}
# The member of a bundle that names the forms which are missing: {mime type: reason}.
LEFT_OUT = 'application/vnd.sojourn.left-out+json'


class Shown(NamedTuple):
    """Mime type to content, binary as base64; and mime type to what else is known of it, such as a width."""

    data: dict[str, Any]
    metadata: dict[str, Any]


class LeftOut(ValueError):
    """Says why a form is not shown."""


class Forms:
    """A bundle while it is collected."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self._missing: dict[str, str] = {}
        self._room = BUNDLE_BYTES

    def attempt(self, name: str, work: Callable[[], Any]) -> Any:
        """What `work` gives; None when it fails, which is named under `name`."""
        try:
            return work()
        except (KeyboardInterrupt, Terminated):
            raise
        except BaseException as error:  # somebody's code; it may raise anything
            self._missing[exact(name)[:REASON_CHARACTERS]] = describe(error)
            return None

    def add(self, mime: str, content: Any, metadata: Any = None) -> None:
        """Takes one form in; a pair is content and metadata. None means that there is no such form."""
        if type(content) is tuple and len(content) == 2:
            content, metadata = content
        if content is None:
            return
        self.attempt(mime, lambda: self._take(exact(mime), content))
        if mime in self.data and metadata:
            self.attempt(mime, lambda: self.describe({mime: metadata}))

    def _take(self, mime: str, content: Any) -> None:
        if len(self.data) >= FORMS:
            raise LeftOut('one value shows at most %d forms' % FORMS)
        clean, size = cleaned(content)
        if size > RICH_BYTES:
            raise _too_large(size)
        if size > self._room:
            raise LeftOut('%d bytes; all forms of one value may have %d' % (size, BUNDLE_BYTES))
        self._room -= size
        self.data[mime] = clean

    def describe(self, metadata: Any) -> None:
        """Adds metadata, which is small or not taken."""
        clean, size = cleaned(dict(metadata))
        if size > TEXT_CHARACTERS:
            raise LeftOut('its metadata has %d bytes' % size)
        self.metadata.update(clean)

    def shown(self) -> Shown:
        missing = {name: reason for name, reason in self._missing.items() if name not in self.data}
        if missing:
            self.data[LEFT_OUT] = missing
        return Shown(self.data, self.metadata)


# Further makers of forms, for values of libraries that leave it to their host how they look.
painters: list[Callable[[Forms, Any], None]] = []


def bundle_of(value: Any) -> Shown | None:
    """
    All forms of a value, text/plain always among them; None for a value that has shown itself, by its
    `_ipython_display_`.
    """
    forms = Forms()
    kind = type(value)
    if not issubclass(kind, type):
        own = '_ipython_display_'
        if has_method(kind, own) and forms.attempt(own, lambda: _show_itself(value)):
            return None
        if has_method(kind, '_repr_mimebundle_'):
            forms.attempt('_repr_mimebundle_', lambda: _add_own_bundle(forms, value))
    forms.data['text/plain'] = _text(forms.data.get('text/plain'), value)
    if not issubclass(kind, type):
        for method, mime in RICH_METHODS.items():
            if mime not in forms.data and has_method(kind, method):
                forms.add(mime, forms.attempt(mime, partial(_call, value, method)))
    for painter in painters:
        painter(forms, value)
    return forms.shown()


def raw_bundle(data: Any) -> Shown:
    """A bundle that is given as such. @raises TypeError when it is no mapping from mime types to contents."""
    if not issubclass(type(data), dict):
        raise TypeError('a raw display is a dict of mime types and contents, not %s' % type_name(data))
    forms = Forms()
    for mime, content in dict(data).items():
        if not issubclass(type(mime), str):
            raise TypeError('a mime type is text, not %s' % type_name(mime))
        forms.add(exact(mime), content)
    return forms.shown()


def has_method(kind: type, name: str) -> bool:
    """Looks in the classes alone: neither a metaclass nor the value itself is asked."""
    for base in type.__getattribute__(kind, '__mro__'):
        members = type.__getattribute__(base, '__dict__')
        if name in members:
            return members[name] is not None
    return False


def _call(value: Any, method: str) -> Any:
    return getattr(value, method)()


def _show_itself(value: Any) -> bool:
    """False when the value says that it cannot."""
    try:
        value._ipython_display_()
    except NotImplementedError:
        return False
    return True


def _add_own_bundle(forms: Forms, value: Any) -> None:
    made = value._repr_mimebundle_(include=None, exclude=None)
    metadata: Any = {}
    if type(made) is tuple and len(made) == 2:
        made, metadata = made
    if made is None:
        return
    for mime, content in dict(made).items():
        forms.add(exact(mime), content)
    forms.describe(metadata or {})


def _text(own: Any, value: Any) -> str:
    if type(own) is str:
        return _cut(own, len(own) > TEXT_CHARACTERS)
    try:
        return text_of(value)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:  # the value's own __repr__
        return '<%s object; its repr() failed: %s>' % (type_name(value), describe(error))


def describe(error: BaseException) -> str:
    """`ValueError: message`, however odd the error is itself."""
    if type(error) is LeftOut:
        return str(error)
    try:
        text = exact(str(error))
    except BaseException:  # its own __str__
        text = ''
    name = type_name(error)
    return ('%s: %s' % (name, text) if text else name)[:REASON_CHARACTERS]


def text_of(value: Any) -> str:
    """
    repr(), cut at about a million characters without rendering much more than that where it can be helped.
    """
    kind = type(value)
    if (kind is str or kind is bytes) and len(value) > TEXT_CHARACTERS:
        return _cut(repr(value[:TEXT_CHARACTERS])[:-1], True)
    if id(kind) in CONTAINERS and len(value) > LARGE_ITEMS:
        return _large_container(value, kind)
    text = exact(repr(value))
    return _cut(text, len(text) > TEXT_CHARACTERS)


def _cut(text: str, cut: bool) -> str:
    return text[:TEXT_CHARACTERS] + '… (cut)' if cut else text


def _large_container(value: Any, kind: type) -> str:
    opening, closing = CONTAINERS[id(kind)]
    pieces, size = [], 0
    for item in value.items() if kind is dict else value:
        piece = '%s: %s' % (repr(item[0]), repr(item[1])) if kind is dict else repr(item)
        pieces.append(piece)
        size += len(piece) + 2
        if size > TEXT_CHARACTERS:
            return opening + _cut(', '.join(pieces), True)
    return opening + ', '.join(pieces) + closing


def exact(text: Any) -> str:
    """A plain str: a subclass may have a length, slices and an equality of its own."""
    if not issubclass(type(text), str):
        raise LeftOut('text was expected, not %s' % type_name(text))
    return str.__str__(text)


def cleaned(content: Any) -> tuple[Any, int]:
    """
    Content that holds nothing of the session any more, and its size as JSON. Bytes become base64.
    @raises LeftOut TypeError ValueError for what is no JSON
    """
    kind = type(content)
    if issubclass(kind, (bytes, bytearray, memoryview)):
        view = memoryview(content)
        if view.nbytes > RICH_BYTES:
            raise _too_large(view.nbytes)
        text = base64.b64encode(view).decode()
        return text, len(text)
    if issubclass(kind, str):
        text = exact(content)
        if len(text) > RICH_BYTES:
            raise _too_large(len(text))
        # A character may take as many as twelve in JSON.
        return text, 12 * len(text) if 12 * len(text) <= TEXT_CHARACTERS else len(to_json(text))
    encoded = to_json(content)
    size = max(len(encoded), VALUE_BYTES * sum(map(encoded.count, ',[{')))
    if size > RICH_BYTES:
        raise _too_large(size)
    plain, _ = from_json(encoded)
    if _is_deeper_than(DEPTH, plain):
        raise LeftOut('nested deeper than %d' % DEPTH)
    return plain, size


def _too_large(size: int) -> LeftOut:
    return LeftOut('%d bytes; one form may have %d' % (size, RICH_BYTES))


def _is_deeper_than(levels: int, content: Any) -> bool:
    if not isinstance(content, (dict, list)):
        return False
    items = content.values() if isinstance(content, dict) else content
    return levels == 0 or any(_is_deeper_than(levels - 1, item) for item in items)
