"""
Says which Python this is and which of the named packages it has, as one line of JSON. Readable for any Python
3.
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


print(
    json.dumps(
        {
            'executable': sys.executable,
            'version': '%d.%d.%d' % sys.version_info[:3],
            'packages': versions(sys.argv[1:]),
            'fork': hasattr(os, 'fork'),
        }
    )
)
