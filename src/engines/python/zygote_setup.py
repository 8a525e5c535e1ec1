"""Getting the zygote ready: our own modules and the preload list."""

import builtins
import importlib
import importlib.util
import os
import sys
import types

PACKAGE = 'sojourn_kernel'
# In the order of their imports, so that each one finds those before it.
MODULES = (
    'libc',
    'processes',
    'syscalls',
    'landlock',
    'seccomp',
    'rlimits',
    'accounts',
    'view',
    'sandbox',
    'frames',
    'interrupts',
    'output',
    'stdin',
    'previews',
    'sizes',
    'display',
    'cells',
    'event_loop',
    'rebuild',
    'display_objects',
    'figures',
    'import_hooks',
    'showing',
    'json_values',
    'columns',
    'flatbuffer',
    'arrow_stream',
    'variables',
    'source_text',
    'lookup',
    'members',
    'signatures',
    'module_names',
    'completion',
    'inspection',
    'runner',
    'policy',
    'analysis',
    'script_life',
    'script',
    'definitions',
    'classes',
    'arrays',
    'reducers',
    'pickler',
    'grouping',
    'reasons',
    'nodes',
    'packing',
    'supply',
    'packages',
    'installer',
    'live_fork',
    'open_files',
    'frozen',
    'checkpoint',
    'restore',
    'kernel',
    'generation',
    'huge_pages',
    'forks',
    'heirs',
    'keeper',
)


def load_kernel_package(folder):
    """
    Loads our modules with a copy of the builtins of their own: user code may break `builtins`, never us.
    """
    package = types.ModuleType(PACKAGE)
    package.__path__ = [folder]
    sys.modules[PACKAGE] = package
    own_builtins = dict(vars(builtins))
    for name in MODULES:
        spec = importlib.util.spec_from_file_location(
            PACKAGE + '.' + name, os.path.join(folder, name + '.py')
        )
        module = importlib.util.module_from_spec(spec)
        module.__dict__['__builtins__'] = own_builtins
        sys.modules[spec.name] = module
        setattr(package, name, module)
        spec.loader.exec_module(module)
    return package


def preload(names):
    """
    Imports what is there. Returns the names that were imported and those that were not, with the reason.
    """
    loaded, missing = [], {}
    for name in names:
        try:
            importlib.import_module(name)
            loaded.append(name)
        except BaseException as error:  # a broken package may raise anything, SystemExit too
            missing[name] = '%s: %s' % (type(error).__name__, str(error)[:300])
    return loaded, missing
