"""Code of a session that swaps things in its workspace as fast as it can, until it is killed: for tests of races.

Arguments: the workspace, a folder outside of it that holds a file `secret`, and the name of the attack.
"""

import os
import shutil
import sys
from collections.abc import Callable

workspace, outside, attack = sys.argv[1:]
os.chdir(workspace)


def swap_folder() -> None:
    """`d` is a folder, then a link to the folder outside, and a folder again."""
    os.rename('d', 'aside')
    os.symlink(outside, 'd')
    os.unlink('d')
    os.rename('aside', 'd')


def swap_file() -> None:
    """`f` is a file, a link to the secret, a pipe, and a link to a device; each takes the place of the one before."""
    os.symlink(os.path.join(outside, 'secret'), 'next')
    os.replace('next', 'f')
    os.mkfifo('next')
    os.replace('next', 'f')
    os.symlink('/dev/zero', 'next')
    os.replace('next', 'f')
    with open('next', 'w') as file:
        file.write('mine')
    os.replace('next', 'f')


def swap_parent() -> None:
    """`d/e` moves out of its folder and back, while `d` becomes a link."""
    os.rename('d/e', 'moved')
    os.rename('d', 'aside')
    os.symlink(outside, 'd')
    os.unlink('d')
    os.rename('aside', 'd')
    os.rename('moved', 'd/e')


attacks: dict[str, Callable[[], None]] = {
    'folder': swap_folder,
    'file': swap_file,
    'parent': swap_parent,
}
def begin() -> None:
    """Whatever the server wrote or removed in between: `d` is a folder again."""
    shutil.rmtree('aside', ignore_errors=True)
    shutil.rmtree('moved', ignore_errors=True)
    if os.path.islink('d'):
        os.unlink('d')
    os.makedirs('d/e', exist_ok=True)


print('ready', flush=True)
while True:
    try:
        attacks[attack]()
    except OSError:
        try:
            begin()
        except OSError:
            # Once more, from what is there then.
            continue
