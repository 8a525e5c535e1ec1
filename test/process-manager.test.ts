/** The server in the background: real processes, a stand-in for the server where it must misbehave. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { systemClock, systemFiles, systemSpawner } from '../src/core/system.js';
import { ProcessManager } from '../src/managers/process-manager.js';
import type { ProcessManagerOptions } from '../src/managers/process-manager.js';
import { isSojournError } from '../src/types/errors.js';
import { pythonExecutable } from './support/needs.js';
import { programPath } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

const standIn = fileURLToPath(new URL('./support/stand-in-server.mjs', import.meta.url));

async function failureOf(work: Promise<unknown>): Promise<{ code: string; detail: string }> {
  try {
    await work;
  } catch (error) {
    if (isSojournError(error)) return { code: error.code, detail: error.detail };
    throw error;
  }
  throw new Error('it was expected to fail');
}

/** Runs a clock faster, so that patience of many seconds is over soon. */
const hurried = { ...systemClock, monotonic: () => systemClock.monotonic() * 60 };

describe('process manager', () => {
  let dataDir: string;
  const started: ProcessManager[] = [];
  const strangers: Server[] = [];

  beforeEach(async () => {
    dataDir = join(await temporaryFolder('process'), 'data');
  });

  afterEach(async () => {
    for (const manager of started.splice(0)) await manager.stopServer();
    for (const stranger of strangers.splice(0)) stranger.close();
  });

  function managerOf(mode = '', options: Partial<ProcessManagerOptions> = {}): ProcessManager {
    const manager = new ProcessManager({
      dataDir,
      command: [process.execPath, standIn, dataDir],
      env: { PATH: process.env.PATH ?? '', MODE: mode },
      clock: systemClock,
      pause,
      files: systemFiles,
      spawner: systemSpawner,
      ...options,
    });
    started.push(manager);
    return manager;
  }

  async function leaveWord(pid: unknown, url = 'http://127.0.0.1:9'): Promise<void> {
    await mkdir(dataDir, { recursive: true });
    const word = { pid, url, token: null, version: '0', started_at: 'then' };
    await writeFile(join(dataDir, 'runtime.json'), JSON.stringify(word));
  }

  it('starts a server, finds it again, and stops it', async () => {
    const manager = managerOf();
    const pid = await manager.startServer();
    const again = managerOf();
    expect(await again.isServerRunning()).to.equal(true);
    expect(await again.getServerPid()).to.equal(pid);
    expect(await again.stopServer()).to.equal(true);
    expect(await manager.isServerRunning()).to.equal(false);
    expect(await manager.getServerPid()).to.equal(null);
    expect(systemSpawner.signal(pid ?? 0, 0)).to.equal(false);
  });

  it('starts nothing while one answers', async () => {
    const pid = await managerOf().startServer();
    expect(await managerOf('fails').startServer()).to.equal(pid);
  });

  it('says false when there is nothing to stop', async () => {
    expect(await managerOf().stopServer()).to.equal(false);
  });

  it('reports the last words of a server that ends early', async () => {
    const failure = await failureOf(managerOf('fails').startServer());
    expect(failure).to.deep.equal({
      code: 'engine_unavailable',
      detail: 'port 8765 is taken; choose another --port.',
    });
  });

  it('gives up on a server that never announces itself, and leaves no process', async () => {
    const failure = await failureOf(managerOf('never announces').startServer({ timeoutMs: 500 }));
    expect(failure.code).to.equal('engine_unavailable');
    expect(failure.detail).to.include('server.log');
  });

  it('kills a server that does not stop when asked', async () => {
    const manager = managerOf('stubborn', { clock: hurried });
    const pid = await manager.startServer({ timeoutMs: 600_000 });
    expect(await manager.stopServer()).to.equal(true);
    expect(systemSpawner.signal(pid ?? 0, 0)).to.equal(false);
  });

  it('tells of a server that is there and does not answer, starts no second one, and can stop it', async () => {
    const refusing = () => Promise.reject(new Error('no answer'));
    const pid = await managerOf().startServer();
    const deaf = managerOf('', { fetch: refusing });
    const failure = await failureOf(deaf.startServer());
    expect(failure.code).to.equal('engine_unavailable');
    expect(failure.detail).to.include(`pid ${pid}`).and.to.include('sojourn stop');
    expect(await deaf.stopServer()).to.equal(true);
  });

  it('ignores the word of a server that is dead', async () => {
    const pid = await managerOf().startServer();
    const word = await readFile(join(dataDir, 'runtime.json'));
    await managerOf().stopServer();
    await writeFile(join(dataDir, 'runtime.json'), word);
    expect(await managerOf().getServerPid()).to.equal(null);
    expect(await managerOf().startServer())
      .to.be.a('number')
      .and.to.not.equal(pid);
  });

  it('never signals a process that only has the pid of a former server', async () => {
    await leaveWord(process.pid);
    expect(await managerOf().isServerRunning()).to.equal(false);
    expect(await managerOf().stopServer()).to.equal(false);
  });

  it('takes a stranger at the address for no server', async () => {
    const stranger = createServer((_request, response) => response.end('{"pid":1}'));
    strangers.push(stranger);
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    await leaveWord(process.pid, `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`);
    expect(await managerOf().isServerRunning()).to.equal(false);
    stranger.closeAllConnections();
  });

  it('has no pid when the word holds none', async () => {
    for (const pid of ['12', 'abc', -5, 0, 1.5, null]) {
      await leaveWord(pid);
      expect(await managerOf().getServerPid(), String(pid)).to.equal(null);
    }
  });

  it('cannot start in a folder that cannot be made, and says so', async () => {
    await writeFile(join(dataDir, '..', 'file'), '');
    const below = join(dataDir, '..', 'file', 'data');
    const failure = await failureOf(managerOf('', { dataDir: below }).startServer());
    expect(failure.code).to.equal('storage_error');
    expect(failure.detail).to.include(below);
  });

  it('ends up with one real server however many start it at once', async function () {
    this.timeout(60_000);
    const real = () =>
      managerOf('', {
        command: [process.execPath, programPath, '--data-dir', dataDir, 'serve', '--quiet'],
        env: {
          PATH: process.env.PATH ?? '',
          HOME: dataDir,
          SOJOURN_PORT: '0',
          SOJOURN_PYTHON_EXECUTABLE: pythonExecutable,
          SOJOURN_PYTHON_PRELOAD: 'math',
        },
      });
    const pids = await Promise.all([real(), real(), real(), real()].map((manager) => manager.startServer()));
    expect(new Set(pids).size).to.equal(1);
    expect(await real().getServerPid()).to.equal(pids[0]);
  });
});
