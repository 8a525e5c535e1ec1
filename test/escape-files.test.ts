import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { EscapeWorld } from './support/escape-world.js';
import { escapeSuite, refusals } from './support/escape-world.js';

const reading = (path: string) => `attempt(lambda: open(${JSON.stringify(path)}, 'rb').read())`;
const writing = (path: string) => `attempt(lambda: open(${JSON.stringify(path)}, 'ab').write(b'x'))`;
const secret = ({ target }: EscapeWorld) => join(target.workspace, 'secret.txt');

describe('escape: files', () => {
  const get = escapeSuite({ allow_sandbox: ['strict', 'off'] });

  refusals(get, {
    'does not read the token of the server': ({ dataDir }) => reading(join(dataDir, 'token')),
    'does not read what the server says about itself': ({ dataDir }) =>
      reading(join(dataDir, 'runtime.json')),
    'does not read the database': ({ dataDir }) => reading(join(dataDir, 'sojourn.db')),
    'does not write to the database': ({ dataDir }) => writing(join(dataDir, 'sojourn.db')),
    'does not list the data folder': ({ dataDir }) =>
      `attempt(lambda: os.listdir(${JSON.stringify(dataDir)}))`,
    'does not list the workspaces': ({ dataDir }) =>
      `attempt(lambda: os.listdir(${JSON.stringify(join(dataDir, 'workspaces'))}))`,
    'does not list the workspace of another session': ({ target }) =>
      `attempt(lambda: os.listdir(${JSON.stringify(target.workspace)}))`,
    'does not read a file of another session': (world) => reading(secret(world)),
    'does not write a file of another session': (world) => writing(secret(world)),
    'does not make a file in the workspace of another session': ({ target }) =>
      writing(join(target.workspace, 'planted')),
    'does not remove a file of another session': (world) =>
      `attempt(lambda: os.remove(${JSON.stringify(secret(world))}))`,
    'does not cut a file of another session short': (world) =>
      `attempt(lambda: os.truncate(${JSON.stringify(secret(world))}, 0))`,
    'does not rename the workspace of another session': ({ target }) =>
      `attempt(lambda: os.rename(${JSON.stringify(target.workspace)}, 'mine'))`,
    'does not follow its own symbolic link to another session': (world) =>
      `os.symlink(${JSON.stringify(secret(world))}, 'link')\n${reading('link')}`,
    'does not make a hard link to a file of another session': (world) =>
      `attempt(lambda: os.link(${JSON.stringify(secret(world))}, 'link'))`,
    'does not make a hard link to a program that runs as root': () =>
      `attempt(lambda: os.link('/bin/su', 'su'))`,
    'does not change the mode of a file of another session': (world) =>
      `attempt(lambda: os.chmod(${JSON.stringify(secret(world))}, 0o777))`,
    'does not change the owner of a file of another session': (world) =>
      `attempt(lambda: os.chown(${JSON.stringify(secret(world))}, os.getuid(), -1))`,
    'does not change the mode of the data folder': ({ dataDir }) =>
      `attempt(lambda: os.chmod(${JSON.stringify(dataDir)}, 0o777))`,
    'does not give its own file to another uid': ({ target }) =>
      `open('f', 'w').close(); attempt(lambda: os.chown('f', ${target.uid}, -1))`,
    'does not read the list of users': () => reading('/etc/passwd'),
    'does not read the passwords': () => reading('/etc/shadow'),
    'does not list the home of the server': () => `attempt(lambda: os.listdir(${JSON.stringify(homedir())}))`,
    'does not list the root of the machine': () => `attempt(lambda: os.listdir('/'))`,
    'does not write to the temporary folder of the machine': () => writing('/tmp/planted-by-a-session'),
    'does not write to the packages of Python': () => `attempt(lambda: open(os.__file__, 'ab'))`,
    'does not open the memory of the machine': () => reading('/dev/mem'),
    'does not open a disk': () => reading('/dev/vda'),
    'does not open a terminal': () => reading('/dev/ptmx'),
    'does not make a device': () => `attempt(lambda: os.mknod('disk', 0o060600, os.makedev(254, 0)))`,
    'does not make a socket file': () => `attempt(lambda: os.mknod('door', 0o140600))`,
    'does not change its root folder': () => `attempt(lambda: os.chroot('.'))`,
    'does not open a file by its handle': () => `call(304, -100, ctypes.create_string_buffer(64), 0)`,
    'does not watch the folders of others': () => `call(294, 0)`,
    'does not use shared memory of the machine': () => writing('/dev/shm/planted-by-a-session'),
    'does not list the temporary folders of other sessions': ({ dataDir }) =>
      `attempt(lambda: os.listdir(${JSON.stringify(join(dataDir, 'run', 'tmp'))}))`,
    'does not reach upwards from its workspace': () => reading('../../token'),
    'does not reach upwards by a folder that it holds open': () =>
      `here = os.open('.', os.O_RDONLY); attempt(lambda: os.open('../../token', os.O_RDONLY, dir_fd=here))`,
  });

  it('finds the same files when it is not locked in', async () => {
    const world = get();
    const code = `[os.path.exists(p) for p in ${JSON.stringify([join(world.dataDir, 'token'), secret(world)])}]`;
    expect(await world.attack(code, { sandbox: 'off' })).to.equal('[True, True]');
  });

  it('inherits no folder and no file of the server', async () => {
    const code = `import stat
kinds = set()
for fd in range(3, 256):
    try: kinds.add(stat.S_IFMT(os.fstat(fd).st_mode))
    except OSError: pass
stat.S_IFDIR in kinds`;
    expect(await get().attack(code)).to.equal('False');
  });

  it('cannot write through any descriptor that it inherits but pipes and sockets', async () => {
    const code = `import stat
odd = []
for fd in range(3, 256):
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode): continue
        os.pwrite(fd, b'x', 0); odd.append(fd)
    except OSError: pass
odd`;
    expect(await get().attack(code)).to.equal('[]');
  });

  it('works in its workspace and its temporary folder as in any other', async () => {
    const code = `import tempfile, shutil, pathlib
pathlib.Path('a/b').mkdir(parents=True); pathlib.Path('a/b/c').write_text('text')
shutil.copy('a/b/c', 'd'); os.rename('d', 'a/e'); os.symlink('a/e', 'f'); os.chmod('f', 0o600); os.mkfifo('p')
with tempfile.TemporaryDirectory() as folder: shutil.copytree('a', folder + '/copy')
open('f').read(), sorted(os.listdir('.'))`;
    expect(await get().attack(code)).to.equal(`('text', ['a', 'f', 'p'])`);
  });

  it('leaves nothing behind in the temporary folder', async () => {
    const code = `import tempfile; print(tempfile.gettempdir()); open(tempfile.gettempdir() + '/x', 'w').close()`;
    const folder = await get().attack(code);
    expect(folder).to.include('/run/tmp/');
    expect(existsSync(folder)).to.equal(false);
  });
});
