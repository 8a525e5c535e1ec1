"""
The display objects of notebooks, for code that imports them from `IPython.display` where no IPython is
installed.

They hold data and say of which mime type it is. None of them reaches for the network.
"""

from __future__ import annotations

import os
from typing import Any

from sojourn_kernel import rebuild

SIGNATURES = {b'\x89PNG': 'png', b'\xff\xd8\xff': 'jpeg', b'GIF8': 'gif', b'RIFF': 'webp'}


class DisplayHandle:
    """A display that can be updated."""

    def __init__(self, display_id: str) -> None:
        self.display_id = display_id

    def __repr__(self) -> str:
        return '<DisplayHandle display_id=%s>' % self.display_id

    def display(self, value: Any, **options: Any) -> None:
        """Shows a value under this id."""
        display(value, display_id=self.display_id, **options)

    def update(self, value: Any, **options: Any) -> None:
        """Replaces what is shown under this id."""
        display(value, display_id=self.display_id, update=True, **options)


def display(*values: Any, **options: Any) -> Any:
    """Shows values richly; the same as the builtin `display` of a session."""
    return rebuild.display(*values, **options)


def update_display(value: Any, *, display_id: str, **options: Any) -> None:
    """Replaces what is shown under an id."""
    display(value, display_id=display_id, update=True, **options)


def clear_output(wait: bool = False) -> None:
    """Removes what the run has shown up to now; with `wait` only once it shows something else."""
    if rebuild.home.clear_output is not None:
        rebuild.home.clear_output(bool(wait))


class DisplayObject:
    """`data`, or the content of the file `filename`; `metadata` goes with it."""

    _mime = 'text/plain'
    _mode = 'r'

    def __init__(self, data: Any = None, filename: Any = None, metadata: Any = None) -> None:
        self.filename = None if filename is None else os.fspath(filename)
        self.data = self._read(self.filename) if data is None and self.filename is not None else data
        self.metadata = dict(metadata or {})

    def _read(self, path: str) -> Any:
        encoding = None if 'b' in self._mode else 'utf-8'
        with open(path, self._mode, encoding=encoding) as file:
            return file.read()

    def __repr__(self) -> str:
        return '<%s.%s object>' % (type(self).__module__, type(self).__qualname__)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {self._mime: self.data}, ({self._mime: self.metadata} if self.metadata else {})


class HTML(DisplayObject):
    _mime = 'text/html'


class Markdown(DisplayObject):
    _mime = 'text/markdown'


class Latex(DisplayObject):
    _mime = 'text/latex'


class SVG(DisplayObject):
    _mime = 'image/svg+xml'


class Javascript(DisplayObject):
    _mime = 'application/javascript'


class JSON(DisplayObject):
    """Data of dicts, lists and plain values; text is taken as JSON text."""

    _mime = 'application/json'

    def __init__(self, data: Any = None, filename: Any = None, metadata: Any = None, **options: Any) -> None:
        super().__init__(data, filename, {**dict(metadata or {}), **options})
        if isinstance(self.data, str):
            import json

            self.data = json.loads(self.data)


class Image(DisplayObject):
    """A picture: its bytes, the name of its file, or an address, which is shown and not fetched."""

    _mode = 'rb'

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: Any = None,
        format: str | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        if isinstance(data, (str, os.PathLike)):
            is_address = isinstance(data, str) and data.startswith(('http:', 'https:'))
            data, url, filename = None, (data if is_address else url), (filename if is_address else data)
        size = {name: value for name, value in (('width', width), ('height', height)) if value is not None}
        super().__init__(data, filename, size)
        self.url = url
        if self.data is None and url is None:
            raise ValueError('no image data, file name or address')
        self.format = (format or self._recognised()).lower().replace('jpg', 'jpeg')

    def _recognised(self) -> str:
        head = bytes(self.data or b'')[:4]
        return next((name for sign, name in SIGNATURES.items() if head.startswith(sign)), 'png')

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if self.data is None:
            size = ''.join(' %s="%d"' % item for item in self.metadata.items())
            address = str(self.url).replace('&', '&amp;').replace('"', '&quot;')
            return {'text/html': '<img src="%s"%s/>' % (address, size)}
        mime = 'image/' + self.format
        return {mime: self.data}, ({mime: self.metadata} if self.metadata else {})


OBJECTS = (HTML, Markdown, Latex, SVG, Javascript, JSON, Image)
for _kind in OBJECTS:
    # The name by which they are imported, so that a stored one is found again.
    _kind.__module__ = 'IPython.core.display'
NAMES = {kind.__name__: kind for kind in OBJECTS}
NAMES.update(
    display=display, update_display=update_display, clear_output=clear_output, DisplayHandle=DisplayHandle
)
