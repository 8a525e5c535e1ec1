"""The packages of a session: a folder of its own in its workspace, so that checkpoints carry it.

What was installed elsewhere is laid into the workspace by the server; here it is taken over by renames alone,
which are undone when one of them fails.
"""

from __future__ import annotations

import csv
import importlib
import os
import re
import shutil
import sys
from typing import Any, Callable

FOLDER = '.site-packages'
# What is laid beside the folder before it is taken over, and what it replaces.
BESIDE = re.compile(r'\.site-packages\.(new|old)-[a-z0-9]+')
INFO = '.dist-info'
HEADER_CHARACTERS = 65536
SYSTEM_FOLDERS = ('site-packages', 'dist-packages')
# As they were before any code of the session.
lexists, listdir, mkdir, rename = os.path.lexists, os.listdir, os.mkdir, os.rename
isdir, islink, isfile = os.path.isdir, os.path.islink, os.path.isfile
remove_tree, join = shutil.rmtree, os.path.join


def add_to_path(workspace: str) -> None:
    """Behind the workspace and the standard library, before the packages that all sessions share."""
    shared = [place for place, entry in enumerate(sys.path) if os.path.basename(entry) in SYSTEM_FOLDERS]
    sys.path.insert(shared[0] if shared else len(sys.path), join(os.path.realpath(workspace), FOLDER))


def list_packages(workspace: str) -> dict[str, Any]:
    """Name, version and what else the head of its metadata says, of each package in the session's folder."""
    told = ('name', 'version', 'header')
    found = distributions(join(workspace, FOLDER))
    return {'packages': [{key: one[key] for key in told} for one in found]}


def distributions(folder: str) -> list[dict[str, str]]:
    """The packages of a folder: name, version, header of the metadata, folder of the metadata."""
    found = []
    for entry in sorted(listdir(folder)) if isdir(folder) else []:
        if not entry.endswith(INFO):
            continue
        try:
            with open(join(folder, entry, 'METADATA'), encoding='utf-8', errors='replace') as file:
                header = file.read(HEADER_CHARACTERS).split('\n\n', 1)[0]
        except OSError:
            continue
        fields = dict(reversed(re.findall(r'^(Name|Version):[ \t]*(\S+)', header, re.MULTILINE)))
        if len(fields) == 2:
            name, version = fields['Name'], fields['Version']
            found.append({'name': name, 'version': version, 'header': header, 'info': entry})
    return found


def normal(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def adopt_packages(workspace: str, staged: str, guarded: Callable[..., Any]) -> dict[str, list[str]]:
    """Takes over the folder `staged` of the workspace. Returns those of its modules that are imported already."""
    folder, source = join(workspace, FOLDER), join(workspace, staged)
    old = join(workspace, staged.replace('.new-', '.old-'))
    loaded = [name for name in modules_of(source) if name in sys.modules]
    try:
        Takeover(folder, source, old).run()
    finally:
        for entry in listdir(workspace):
            if BESIDE.fullmatch(entry):
                remove_tree(join(workspace, entry), ignore_errors=True)
    # The session may have finders of its own, so this is its code to run.
    guarded(importlib.invalidate_caches)
    return {'loaded': loaded}


def modules_of(folder: str) -> list[str]:
    """Names that can be imported from a folder, except namespaces, which several packages share."""
    found = set()
    for entry in listdir(folder):
        path = join(folder, entry)
        name, dot, end = entry.partition('.')
        module = end.split('.')[-1] in ('py', 'so') if dot else isfile(join(path, '__init__.py'))
        if module and name.isidentifier():
            found.add(name)
    return sorted(found)


class Takeover:
    """Moves the content of `source` into `folder`, and what it replaces into `old`. All of it, or nothing."""

    def __init__(self, folder: str, source: str, old: str) -> None:
        self._folder = folder
        self._source = source
        self._old = old
        self._done: list[tuple[str, str]] = []

    def run(self) -> None:
        mkdir(self._old, 0o700)
        try:
            new = {normal(one['name']) for one in distributions(self._source)}
            for one in distributions(self._folder):
                if normal(one['name']) in new:
                    self._put_away_package(one['info'])
            self._merge(self._source, self._folder)
        except BaseException:
            for origin, target in reversed(self._done):
                rename(target, origin)
            raise

    def _move(self, origin: str, target: str) -> None:
        rename(origin, target)
        self._done.append((origin, target))

    def _put_away(self, path: str) -> None:
        self._move(path, join(self._old, str(len(self._done))))

    def _put_away_package(self, info: str) -> None:
        """What the package's own list names, and the folders that are empty then."""
        folders = set()
        for path in self._files_of(info):
            if lexists(path) and not (isdir(path) and not islink(path)):
                self._put_away(path)
                folders.add(os.path.dirname(path))
        for path in sorted(folders, key=len, reverse=True):
            while path != self._folder and set(listdir(path)) <= {'__pycache__'}:
                self._put_away(path)
                path = os.path.dirname(path)
                if path in folders:
                    break
        info = join(self._folder, info)
        if lexists(info):
            self._put_away(info)

    def _files_of(self, info: str) -> list[str]:
        try:
            with open(join(self._folder, info, 'RECORD'), encoding='utf-8', newline='') as file:
                rows = [row[0] for row in csv.reader(file) if row]
        except (OSError, ValueError, csv.Error):
            return []
        found = []
        for name in rows:
            # Scripts stand two folders up in the list, where pip had unpacked it.
            steps = re.sub(r'^(\.\./)+', '', name).split('/')
            if not {'', '.', '..'} & set(steps):
                found.append(join(self._folder, *steps))
        return found

    def _merge(self, source: str, target: str) -> None:
        real = isdir(target) and not islink(target)
        if real and isdir(source) and not islink(source):
            for entry in listdir(source):
                self._merge(join(source, entry), join(target, entry))
            return
        if lexists(target):
            self._put_away(target)
        self._move(source, target)
