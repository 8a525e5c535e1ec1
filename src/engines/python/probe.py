"""
Says which Python this is, which of the named packages it has and how sessions can be locked in, as one line of
JSON. Readable for any Python 3.
"""

import json
import os
import sys


def versions(names):
    """Distribution name -> version of what is installed; nothing is imported."""
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:
        return {}
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass
    return found


def sandbox(settings):
    """What this machine gives to lock sessions in, tried out in a child; None where Python cannot fork."""
    if sys.version_info < (3, 9) or not hasattr(os, 'fork'):
        return None
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        if not os.path.isdir(settings['workspaces']):  # before the first session: one that is closed likewise
            settings.update(workspaces=os.path.join(folder, 'workspaces'), temporary=os.path.join(folder, 'tmp'))
            os.mkdir(settings['workspaces'])
            os.mkdir(settings['temporary'])
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                import zygote_setup
                package = zygote_setup.load_kernel_package(os.path.dirname(os.path.abspath(__file__)))
                os.write(writer, json.dumps(package.sandbox.Sandbox(settings).facts()).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            text = file.read()
        os.waitpid(pid, 0)
    return json.loads(text.decode()) if text else None


print(json.dumps({
    'executable': sys.executable,
    'version': '%d.%d.%d' % sys.version_info[:3],
    'packages': versions(sys.argv[2:]),
    'fork': hasattr(os, 'fork'),
    'sandbox': sandbox(json.loads(sys.argv[1])),
}))
