"""
What happens when a session imports a library that shows things: libraries that are there learn where to show,
and `IPython.display` is there even when IPython is not.
"""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec
from typing import Any, Callable

from sojourn_kernel import display_objects

# Patched when it is imported: without a notebook IPython's own `display` prints.
REAL_DISPLAY = 'IPython.core.display_functions'
STAND_INS: dict[str, dict[str, Any]] = {
    'IPython': {'get_ipython': lambda: None, 'version_info': (0, 0, 0), '__version__': '0.0.0'},
    'IPython.core': {},
    'IPython.core.display': display_objects.NAMES,
    'IPython.display': display_objects.NAMES,
}


def _adopt_display(module: Any) -> None:
    for name in ('display', 'update_display', 'clear_output'):
        setattr(module, name, display_objects.NAMES[name])


class Hooks:
    """
    A finder that finds nothing by itself: it calls a function when a module was loaded by somebody else.
    """

    def __init__(self, after: dict[str, Callable[[Any], None]]) -> None:
        self._after = {**after, REAL_DISPLAY: _adopt_display}

    def install(self) -> None:
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]
        sys.meta_path.append(StandIn())  # type: ignore[arg-type]
        for name, act in self._after.items():
            if name in sys.modules:
                act(sys.modules[name])

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        act = self._after.get(name)
        if act is None:
            return None
        finders = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, 'find_spec')]
        found = (finder.find_spec(name, path, target) for finder in finders)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            _call_after(spec.loader, act)
        return spec


def _call_after(loader: Any, act: Callable[[Any], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: types.ModuleType) -> None:
        execute(module)
        act(module)

    loader.exec_module = exec_module


class StandIn:
    """The last finder and a loader: whoever has IPython installed never meets it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in STAND_INS or (name != 'IPython' and not self._made(sys.modules.get('IPython'))):
            return None
        is_package = name in ('IPython', 'IPython.core')
        return ModuleSpec(name, self, is_package=is_package)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__dict__.update(STAND_INS[module.__name__])

    def _made(self, module: Any) -> bool:
        """A real IPython that has no such module is to say so itself."""
        return type(getattr(getattr(module, '__spec__', None), 'loader', None)) is StandIn
