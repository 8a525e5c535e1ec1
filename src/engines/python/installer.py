"""Running pip in a process that is made for one installation and thrown away after it.

Building a package runs code of whoever wrote it, so this process is locked in under a uid of its own and sees
nothing of the session: of what the session has, it is told names and versions.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import subprocess
import sys
from typing import Any, TextIO

from sojourn_kernel.packages import distributions

OLDEST_PIP = (22, 2)
TARGET = 'new'
LINE_BYTES = 65536
# How long the output of what pip left running is waited for.
LINGER_S = 0.2
# The arguments come through stdin: an address may hold a password, and others may read a command line. Where the
# uid is the server's, a mode can only be changed through a file that the sandbox let be opened.
BOOT = '''import json, os, runpy, sys
setup = json.load(sys.stdin)
sys.path[:], sys.argv[:] = setup['path'], ['pip', *setup['arguments']]
def chmod(path, mode, *, real=os.chmod, **options):
    try:
        return real(path, mode, **options)
    except PermissionError:
        place = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(place, mode)
    finally:
        os.close(place)
os.chmod = chmod
runpy.run_module('pip', run_name='__main__', alter_sys=True)
'''


def resolve_packages(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """What pip would install for these requirements, beside what the session and the machine have."""
    problem = problem_with_pip()
    if problem is not None:
        return {'problem': problem, 'returncode': 1, 'wanted': []}
    seen = describe_present(folder, request['present'])
    report = os.path.join(folder, 'report.json')
    arguments = ['install', '--dry-run', '--no-user', '--report', report, *request['options']]
    arguments += ['--upgrade'] if request['upgrade'] else []
    returncode = run_pip([*arguments, '--', *request['requirements']], seen, request['secrets'])
    wanted = read_report(report) if returncode == 0 else []
    return {'problem': None, 'returncode': returncode, 'wanted': wanted}


def stage_packages(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Puts exactly these packages into a folder that is handed over to the session."""
    target = os.path.join(folder, TARGET)
    os.mkdir(target, 0o700)
    arguments = ['install', '--no-deps', '--no-compile', '--no-warn-script-location', '--target', target]
    arguments += [*request['options'], '--', *request['requirements']]
    returncode = run_pip(arguments, None, request['secrets'])
    found = [{'name': one['name'], 'version': one['version']} for one in distributions(target)]
    return {'returncode': returncode, 'installed': found if returncode == 0 else []}


def problem_with_pip() -> str | None:
    from importlib import metadata

    try:
        if importlib.util.find_spec('pip') is None:
            raise metadata.PackageNotFoundError
        version = metadata.version('pip')
    except metadata.PackageNotFoundError:
        return 'it has no pip'
    steps = tuple(int(step) for step in version.split('.')[:2] if step.isdigit())
    return None if steps >= OLDEST_PIP else 'its pip is %s, and %d.%d is needed' % (version, *OLDEST_PIP)


def describe_present(folder: str, present: list[dict[str, str]]) -> str:
    """A folder in which pip finds the metadata of the session's packages, and none of their code."""
    seen = os.path.join(folder, 'present')
    os.mkdir(seen, 0o700)
    for place, package in enumerate(present):
        info = os.path.join(seen, '%s-%s.dist-info' % (package['name'].replace('-', '_'), package['version']))
        os.makedirs(info, exist_ok=True)
        with open(os.path.join(info, 'METADATA'), 'w', encoding='utf-8', errors='replace') as file:
            file.write(package['header'] + '\n\n')
    return seen


def read_report(path: str) -> list[dict[str, Any]]:
    with open(path, encoding='utf-8') as file:
        report = json.load(file)
    return [
        {
            'name': one['metadata']['name'],
            'version': one['metadata']['version'],
            'url': one['download_info']['url'] if one['is_direct'] else None,
        }
        for one in report['install']
    ]


def run_pip(arguments: list[str], seen: str | None, secrets: list[str]) -> int:
    """Its exit status; its output goes out as it comes, a line at a time, without the secrets."""
    path = [entry for entry in sys.path if os.path.isabs(entry)]
    setup = json.dumps({'arguments': arguments, 'path': path if seen is None else [seen, *path]})
    child = subprocess.Popen(
        [sys.executable, '-E', '-s', '-B', '-c', BOOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=os.environ['TMPDIR'],
    )
    assert child.stdin and child.stdout and child.stderr
    try:
        with child.stdin as stdin:
            stdin.write(setup.encode())
    except BrokenPipeError:
        pass  # it ended already, and its status says so
    with selectors.DefaultSelector() as selector:
        for pipe, stream in ((child.stdout, sys.stdout), (child.stderr, sys.stderr)):
            selector.register(pipe, selectors.EVENT_READ, Lines(stream, secrets))
        while selector.get_map():
            ready = selector.select(LINGER_S)
            if not ready and child.poll() is not None:
                break
            for key, _ in ready:
                data = os.read(key.fd, LINE_BYTES)
                key.data.add(data)
                if not data:
                    selector.unregister(key.fileobj)
    return child.wait()


def environment() -> dict[str, str]:
    """Nothing of the machine's or the user's own settings, and nothing that a build must not know."""
    temporary = os.environ['TMPDIR']
    home = os.path.join(temporary, 'home')
    os.makedirs(home, exist_ok=True)
    names = ('PATH', 'LANG', 'LC_ALL', 'SOJOURN_KERNEL')
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **kept,
        'HOME': home,
        'TMPDIR': temporary,
        'PIP_CACHE_DIR': os.path.join(temporary, 'cache'),
        'PIP_CONFIG_FILE': os.devnull,
        'PIP_DISABLE_PIP_VERSION_CHECK': '1',
        'PIP_NO_COLOR': '1',
        'PIP_NO_INPUT': '1',
        'PIP_PROGRESS_BAR': 'off',
        'PIP_ROOT_USER_ACTION': 'ignore',
        'PYTHONDONTWRITEBYTECODE': '1',
    }


class Lines:
    """Passes bytes on as whole lines of text, without the secrets."""

    def __init__(self, stream: TextIO, secrets: list[str]) -> None:
        self._stream = stream
        self._secrets = secrets
        self._rest = b''

    def add(self, data: bytes) -> None:
        """No data: the end."""
        *lines, self._rest = (self._rest + data).split(b'\n')
        whole = b''.join(line + b'\n' for line in lines)
        if not data or len(self._rest) > LINE_BYTES:
            whole, self._rest = whole + self._rest, b''
        text = whole.decode('utf-8', 'replace')
        for secret in self._secrets:
            text = text.replace(secret, '****')
        if text:
            self._stream.write(text)
