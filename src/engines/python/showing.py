"""
Sends what a run shows, in the order of its output: displays, the value of the last expression, open figures.

`display` of a session takes the parameters that notebooks know. A display with an id can be updated later.
"""

from __future__ import annotations

import os
from typing import Any, Callable

from sojourn_kernel.display import Shown, bundle_of, cleaned, exact, raw_bundle
from sojourn_kernel.display_objects import DisplayHandle
from sojourn_kernel.figures import Figures
from sojourn_kernel.import_hooks import Hooks
from sojourn_kernel.interrupts import Terminated
from sojourn_kernel.output import Output

ID_CHARACTERS = 200


class Showing:
    """What a session shows, whoever asks for it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._figures = Figures(self.display)

    def install(self) -> None:
        """Makes the libraries that show things show them here, those too that are imported later."""
        Hooks({'matplotlib.pyplot': self._figures.adopt}).install()

    def display(
        self,
        *values: Any,
        raw: bool = False,
        metadata: Any = None,
        include: Any = None,
        exclude: Any = None,
        display_id: Any = None,
        update: bool = False,
    ) -> DisplayHandle | None:
        """
        Shows values. With `raw` they are bundles already; `include` and `exclude` choose among mime types.
        `display_id` is text, or True for a new one; with `update` the display of that id is replaced.
        """
        name = _id_of(display_id, update)
        for value in values:
            shown = raw_bundle(value) if raw else bundle_of(value)
            if shown is not None:
                self._send('display', _chosen(shown, include, exclude), metadata, name, update)
            self._figures.note(value)
        return None if name is None else DisplayHandle(name)

    def clear_output(self, wait: bool) -> None:
        """
        What the run has shown up to now is to go; with `wait` only once it shows something else.
        """
        self._output.show({'t': 'clear_output', 'wait': wait})

    def result(self, value: Any) -> None:
        """The value of the last expression."""
        shown = bundle_of(value)
        if shown is not None:
            self._send('result', shown)
        self._figures.note(value)

    def around(self, run: Callable[[], None]) -> None:
        """
        A run, after which every figure that it left open is shown; one that was stopped shows nothing more.
        """
        try:
            run()
        except (KeyboardInterrupt, Terminated):
            self._figures.close()
            raise
        except BaseException:
            self._figures.flush()
            raise
        self._figures.flush()

    def _send(
        self, kind: str, shown: Shown, metadata: Any = None, name: str | None = None, update: bool = False
    ) -> None:
        message: dict[str, Any] = {'t': kind, 'data': shown.data}
        known = {**shown.metadata, **cleaned(dict(metadata or {}))[0]}
        if known:
            message['metadata'] = known
        if name is not None:
            message['display_id'] = name
        if update:
            message['update'] = True
        self._output.show(message, hold=kind == 'result')


def _id_of(display_id: Any, update: bool) -> str | None:
    if display_id is None or display_id is False:
        if update:
            raise TypeError('an update needs a display_id')
        return None
    if display_id is True:
        return os.urandom(8).hex()
    name = exact(display_id) if issubclass(type(display_id), str) else str(display_id)
    if not 0 < len(name) <= ID_CHARACTERS:
        raise ValueError('a display_id has 1 to %d characters' % ID_CHARACTERS)
    return name


def _chosen(shown: Shown, include: Any, exclude: Any) -> Shown:
    data = shown.data
    if include is not None:
        wanted = {'text/plain', *([include] if isinstance(include, str) else include)}
        data = {mime: content for mime, content in data.items() if mime in wanted}
    if exclude is not None:
        unwanted = {*([exclude] if isinstance(exclude, str) else exclude)} - {'text/plain'}
        data = {mime: content for mime, content in data.items() if mime not in unwanted}
    return Shown(data, shown.metadata)
