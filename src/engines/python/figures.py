"""
Figures of matplotlib: shown as images when the session shows them and, at the latest, when the run ends.

Works on what is imported and imports nothing: a session without matplotlib pays one look into a dictionary.
Images are made as `savefig` makes them, so `rcParams` `savefig.dpi`, `savefig.bbox` and the like hold; a
`savefig.format` other than png is shown beside the png.
"""

from __future__ import annotations

import functools
import io
import sys
from typing import Any, Callable

from sojourn_kernel.display import Forms, describe, painters
from sojourn_kernel.interrupts import Terminated

FORMATS = {'png': 'image/png', 'svg': 'image/svg+xml', 'pdf': 'application/pdf', 'jpg': 'image/jpeg'}


def is_figure(value: Any) -> bool:
    kind = getattr(sys.modules.get('matplotlib.figure'), 'Figure', None)
    return type(kind) is type and issubclass(type(value), kind)


def paint(forms: Forms, value: Any) -> None:
    """The images of a figure."""
    if not is_figure(value):
        return
    wanted = forms.attempt('image/*', lambda: sys.modules['matplotlib'].rcParams['savefig.format'])
    for name in dict.fromkeys(('png', wanted)):
        mime = FORMATS.get(name)
        if mime is not None:
            forms.add(mime, forms.attempt(mime, functools.partial(_image, value, name)))


painters.append(paint)


def _image(figure: Any, name: str) -> Any:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=name)
    return buffer.getvalue().decode() if name == 'svg' else buffer.getvalue()


class Figures:
    """The figures that pyplot holds open. Each is shown once, unless it was changed since."""

    def __init__(self, display: Callable[[Any], Any]) -> None:
        self._display = display
        # By id; the figures are kept so that their ids stay theirs.
        self._seen: dict[int, Any] = {}

    def adopt(self, pyplot: Any) -> None:
        """`plt.show()` and `figure.show()` show here, whatever backend without windows is chosen."""

        @functools.wraps(pyplot.show)
        def show(*arguments: Any, **options: Any) -> None:
            self.flush()

        def show_one(manager: Any) -> None:
            self._show(manager.canvas.figure)

        pyplot.show = show
        bases: Any = sys.modules['matplotlib.backend_bases']
        bases.FigureManagerBase.show = show_one

    def note(self, value: Any) -> None:
        """A value that has just been shown."""
        if is_figure(value):
            self._seen[id(value)] = value
            # Saving leaves the mark of a change, though it puts back what it changed.
            value.stale = False

    def flush(self) -> None:
        """Shows every open figure and closes it."""
        pyplot = self._open()
        if pyplot is None:
            return
        try:
            managers = sorted(pyplot.get_all_fig_managers(), key=lambda manager: manager.num)
            for figure in [manager.canvas.figure for manager in managers]:
                self._show(figure)
        except (KeyboardInterrupt, Terminated):
            raise
        except Exception as error:  # another thread or odd code has its hands in them
            print('The open figures cannot be shown: %s' % describe(error), file=sys.stderr)
        finally:
            self.close()

    def close(self) -> None:
        """Closes all figures, shown or not."""
        self._seen.clear()
        pyplot = self._open()
        try:
            if pyplot is not None:
                pyplot.destroy_all()
        except Exception as error:  # as above
            print('The open figures cannot be closed: %s' % describe(error), file=sys.stderr)

    def _show(self, figure: Any) -> None:
        if id(figure) not in self._seen or figure.stale:
            self._display(figure)

    def _open(self) -> Any:
        """pyplot's list of open figures; None when it holds none."""
        found = getattr(sys.modules.get('matplotlib._pylab_helpers'), 'Gcf', None)
        return found if getattr(found, 'figs', None) else None
