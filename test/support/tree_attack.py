"""Code of a session that works in a folder while it is removed, until it is killed: for tests of races.

Arguments: the folder, a folder outside of it that is precious, and the name of the attack.
"""

import ctypes
import os
import shutil
import sys
from collections.abc import Callable

folder, outside, attack = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
exchange = 2


def swap() -> None:
    """Each folder is a folder and a link to the one outside by turns, and never missing in between."""
    for index in range(5):
        name, link = f'{folder}/d{index}', f'{folder}-link{index}'
        if not os.path.islink(link):
            # It came to be removed in the place of the folder.
            shutil.rmtree(link, ignore_errors=True)
            os.symlink(outside, link)
        for _ in range(20):
            libc.renameat2(-100, name.encode(), -100, link.encode(), exchange)


def write() -> None:
    """The same names over and over, in folders that are made anew."""
    os.makedirs(f'{folder}/again', exist_ok=True)
    for index in range(50):
        with open(f'{folder}/again/{index}', 'w') as file:
            file.write('mine')


attacks: dict[str, Callable[[], None]] = {'swap': swap, 'write': write}
print('ready', flush=True)
while True:
    try:
        attacks[attack]()
    except OSError:
        # What it works in was removed a moment ago.
        continue
