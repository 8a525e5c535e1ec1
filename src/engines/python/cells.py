"""The sources of the code that ran, by the names that tracebacks show: `<cell 12>`.

They are given to linecache, where tracebacks and inspect.getsource look, and given again when user code
emptied it.
"""

from __future__ import annotations

import linecache

KEPT_BYTES = 32 << 20


class Cells:
    """Remembers sources, the oldest forgotten first when they grow too many."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self._bytes = 0

    def remember(self, name: str, source: str) -> None:
        self._forget(name)
        self.sources[name] = source
        self._bytes += len(source)
        while self._bytes > KEPT_BYTES and len(self.sources) > 1:
            self._forget(next(iter(self.sources)))
        self._publish(name)

    def publish(self) -> None:
        """Gives all of them to linecache again."""
        for name in self.sources:
            if name not in linecache.cache:
                self._publish(name)

    def _publish(self, name: str) -> None:
        source = self.sources[name]
        # Without a time of change linecache never looks for the file.
        lines = source.splitlines(keepends=True)
        # Tracebacks count on the end of the last line, else their carets are one column off.
        if lines and not lines[-1].endswith('\n'):
            lines[-1] += '\n'
        linecache.cache[name] = (len(source), None, lines, name)

    def _forget(self, name: str) -> None:
        if name in self.sources:
            self._bytes -= len(self.sources.pop(name))
            linecache.cache.pop(name, None)
