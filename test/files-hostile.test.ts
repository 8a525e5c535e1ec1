/** Workspaces whose code works against the one who reads and writes its files. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { isSojournError } from '../src/types/errors.js';
import { needs, pythonExecutable } from './support/needs.js';
import { codeOf, counter } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const attackPath = fileURLToPath(new URL('./support/workspace_attack.py', import.meta.url));
const run = promisify(execFile);
/** Whoever the code of a session runs as where the server is root. */
const stranger = 54_321;
const isRoot = process.getuid?.() === 0;

describe('K-26: files of a session in bad company', () => {
  let world: World;
  let session: ISession;
  let workspace = '';
  let outside = '';

  before(function () {
    needs.linux(this);
    return needs.python(this);
  });
  beforeEach(async () => {
    world = await openWorld();
    session = await world.client.createSession({ ...counter, sessionId: 'a' });
    ({ workspace } = await session.files.list());
    outside = join(world.dataDir, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    if (!isRoot) return;
    await chown(workspace, stranger, stranger);
    for (const folder of [
      dirname(world.dataDir),
      world.dataDir,
      dirname(dirname(workspace)),
      dirname(workspace),
      outside,
    ])
      await chmod(folder, 0o711);
    await chmod(join(outside, 'secret'), 0o600);
  });
  afterEach(() => world.close());

  /** Works beside code that swaps things, and ends that. */
  const beside = async (attack: string, work: () => Promise<void>) => {
    await mkdir(join(workspace, 'd/e'), { recursive: true });
    if (isRoot) for (const folder of ['d', 'd/e']) await chown(join(workspace, folder), stranger, stranger);
    const who = isRoot ? { uid: stranger, gid: stranger } : {};
    const code = await readFile(attackPath, 'utf8');
    const child: ChildProcess = spawn(pythonExecutable, ['-c', code, workspace, outside, attack], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...who,
    });
    const ended = once(child, 'exit');
    try {
      if (child.stdout) await once(child.stdout, 'data');
      await work();
      expect(child.exitCode, 'the attack went on to the end').to.equal(null);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  };

  /** How often it was done and refused; nothing but these codes may come. */
  const repeat = async (times: number, work: (index: number) => Promise<unknown>) => {
    const outcomes = new Map<string, number>();
    for (let index = 0; index < times; index += 1) {
      const code = await codeOf(work(index));
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    }
    const expected = ['none', 'invalid_params', 'file_not_found', 'conflict'];
    expect([...outcomes.keys()].filter((code) => !expected.includes(code))).to.deep.equal([]);
    return outcomes;
  };

  const untouched = async () => {
    expect(await readdir(outside)).to.deep.equal(['secret']);
    expect(await readFile(join(outside, 'secret'), 'utf8')).to.equal('secret');
    expect((await lstat(outside)).uid).to.equal(process.getuid?.());
  };

  it('writes nothing through a folder that is swapped for a link all the time', async function () {
    this.timeout(60_000);
    await beside('folder', async () => {
      await repeat(400, (index) => session.files.write(`d/new-${index}/f`, 'x'));
      await repeat(200, (index) => session.files.upload('d/secret', new Uint8Array([index])));
    });
    await untouched();
  });

  it('removes nothing through a folder that is swapped for a link all the time', async function () {
    this.timeout(60_000);
    await beside('folder', async () => {
      await repeat(300, () => session.files.delete('d/secret'));
      await repeat(100, () => session.files.delete('d', { recursive: true }));
    });
    await untouched();
  });

  it('reads and lists nothing through a folder that is swapped for a link all the time', async function () {
    this.timeout(60_000);
    await beside('folder', async () => {
      await repeat(1000, async () => {
        const { text } = await session.files.read('d/secret');
        expect(text).not.to.equal('secret');
      });
      await repeat(500, async () => {
        const { files } = await session.files.list('', { recursive: true });
        expect(files.map(({ name }) => name)).not.to.include('secret');
      });
    });
    await untouched();
  });

  it('reads nothing but the file from a name that is swapped for links, pipes and devices', async function () {
    this.timeout(60_000);
    await writeFile(join(workspace, 'f'), 'mine');
    await beside('file', async () => {
      const outcomes = await repeat(1500, async () => {
        expect((await session.files.read('f')).text).to.equal('mine');
      });
      expect([...outcomes.values()].reduce((sum, count) => sum + count)).to.equal(1500);
    });
    await untouched();
  });

  it('stays inside when a folder is moved while it goes up and down through it', async function () {
    this.timeout(60_000);
    await beside('parent', async () => {
      await repeat(400, () => session.files.write('d/e/../../d/e/../secret', 'x'));
      await repeat(400, async () => {
        expect((await session.files.read('d/e/../secret')).text).not.to.equal('secret');
      });
    });
    await untouched();
  });

  it('waits for nobody: neither for the other end of a pipe nor at a socket', async () => {
    await run('mkfifo', [join(workspace, 'pipe')]);
    const server = createServer().listen(join(workspace, 'socket'));
    await once(server, 'listening');
    try {
      for (const path of ['pipe', 'socket']) {
        expect(await codeOf(session.files.read(path))).to.equal('invalid_params');
        expect(await codeOf(session.files.download(path))).to.equal('invalid_params');
        expect(await codeOf(session.files.write(path, 'x'))).to.equal('invalid_params');
      }
      expect((await session.files.list()).files.map(({ kind }) => kind)).to.deep.equal(['other', 'other']);
      expect(await session.files.delete('pipe')).to.include({ kind: 'other' });
    } finally {
      server.close();
      await once(server, 'close');
    }
  });

  it('waits for nobody who holds a lease on a file', async () => {
    await writeFile(join(workspace, 'leased'), 'x');
    const code = `import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, lambda *_: None)
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
while True: signal.pause()`;
    const child = spawn(pythonExecutable, ['-c', code, join(workspace, 'leased')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    expect(await codeOf(session.files.read('leased'))).to.equal('conflict');
    child.kill('SIGKILL');
    await ended;
    expect((await session.files.read('leased')).text).to.equal('x');
  });

  it('reads no device', async function () {
    needs.root(this);
    await run('mknod', [join(workspace, 'zero'), 'c', '1', '5']);
    expect(await codeOf(session.files.read('zero'))).to.equal('invalid_params');
    expect(await codeOf(session.files.write('zero', 'x'))).to.equal('invalid_params');
    await rm(join(workspace, 'zero'));
  });

  it('reads no file that has another name outside, and writes over none', async () => {
    await link(join(outside, 'secret'), join(workspace, 'hard'));
    for (const operation of ['read_file', 'download_file']) {
      const work = session.call(operation, { path: 'hard' });
      const error: unknown = await work.catch((caught: unknown) => caught);
      expect(isSojournError(error, 'invalid_params') && error.fields.reason).to.equal('outside_workspace');
    }
    await session.files.write('hard', 'mine');
    expect((await session.files.read('hard')).text).to.equal('mine');
    await untouched();
  });

  it('reads a file that has two names inside', async () => {
    await session.files.write('one', 'mine');
    await link(join(workspace, 'one'), join(workspace, 'two'));
    expect((await session.files.read('two')).text).to.equal('mine');
    await link(join(workspace, 'one'), join(outside, 'three'));
    expect(await codeOf(session.files.read('two'))).to.equal('invalid_params');
  });

  it('shows the session no file before all of it is there, and leaves none when it breaks off', async () => {
    const seen: string[][] = [];
    async function* broken() {
      yield new Uint8Array(1_000_000);
      seen.push(await readdir(workspace));
      throw new Error('the sender is tired');
    }
    const error: unknown = await session.files.upload('f', broken()).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(Error).with.property('message', 'the sender is tired');
    expect([...seen, await readdir(workspace)]).to.deep.equal([[], []]);
    expect(await readdir(join(dirname(dirname(workspace)), '.incoming'))).to.deep.equal([]);
  });

  it('gives what it writes to the owner of the workspace', async function () {
    needs.root(this);
    await session.files.write('new/folder/f', 'x');
    await session.files.upload('new/g', new Uint8Array(1));
    for (const path of ['new', 'new/folder', 'new/folder/f', 'new/g']) {
      const { uid, gid } = await lstat(join(workspace, path));
      expect([uid, gid], path).to.deep.equal([stranger, stranger]);
    }
  });

  it('leaves what a link of the workspace itself points to alone', async () => {
    await rm(workspace, { recursive: true });
    await symlink(outside, workspace);
    expect(await codeOf(session.files.list())).not.to.equal('none');
    expect(await codeOf(session.files.read('secret'))).not.to.equal('none');
    expect(await codeOf(session.files.write('new', 'x'))).not.to.equal('none');
    expect(await codeOf(session.files.delete('secret'))).not.to.equal('none');
    await untouched();
  });
});
