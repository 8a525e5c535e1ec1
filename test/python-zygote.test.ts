/** The zygote: how it starts, dies, is started anew, and never lets a kernel outlive its server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { needs, pythonExecutable } from './support/needs.js';
import { failure, isAlive } from './support/python-fates.js';
import { PythonWorld } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('the Python zygote', () => {
  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });

  const parentOf = async (session: PythonSession) => Number(await session.value('import os; os.getppid()'));

  it('is started anew when it died, and its kernels are told dead', async () => {
    const world = await PythonWorld.open();
    try {
      const session = await world.session();
      const zygote = await parentOf(session);
      process.kill(zygote, 'SIGKILL');
      while (session.deaths.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const next = await world.session();
      expect(await next.value('1')).to.equal('1');
      expect(await parentOf(next)).to.not.equal(zygote);
    } finally {
      await world.close();
    }
  });

  it('takes all kernels along when the server is killed, before a next server begins', async () => {
    const folder = await temporaryFolder('python-server');
    const child = spawn(process.execPath, ['--import=tsx', 'test/support/python-server.ts', folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    expect(pids.every(isAlive)).to.equal(true);
    child.kill('SIGKILL');
    const world = await PythonWorld.open({ runDir: join(folder, 'run') });
    try {
      await world.session();
      expect(pids.filter(isAlive)).to.deep.equal([]);
    } finally {
      await world.close();
    }
  });

  it('is killed by the next one when it was stopped and its server is dead', async () => {
    const folder = await temporaryFolder('python-server');
    const child = spawn(process.execPath, ['--import=tsx', 'test/support/python-server.ts', folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    process.kill(pids[0] ?? 0, 'SIGSTOP');
    child.kill('SIGKILL');
    const world = await PythonWorld.open({ runDir: join(folder, 'run') });
    try {
      const session = await world.session();
      expect(await session.value('1')).to.equal('1');
      expect(pids.filter(isAlive)).to.deep.equal([]);
    } finally {
      await world.close();
    }
  });

  it('leaves out what cannot be preloaded', async () => {
    const world = await PythonWorld.open({ preload: ['json', 'no_such_module_here'] });
    try {
      const session = await world.session();
      expect(await session.value(`import sys; 'json' in sys.modules`)).to.equal('True');
    } finally {
      await world.close();
    }
  });

  it('opens its socket elsewhere when the path of the folder is too long', async () => {
    const folder = join(await temporaryFolder('python-deep'), 'deep'.repeat(30));
    await mkdir(folder);
    const world = await PythonWorld.open({ runDir: join(folder, 'run') });
    try {
      expect(await (await world.session()).value('1')).to.equal('1');
    } finally {
      await world.close();
    }
  });

  it('says what to do when there is no Python, or none that works', async () => {
    for (const executable of ['/nowhere/python3', 'no-such-python', '/bin/false']) {
      const world = await PythonWorld.open({ executable });
      const error = await failure(world.session());
      expect(error.code).to.equal('engine_unavailable');
      expect(error.detail).to.match(/Install Python 3\.9 or newer, or set python\.executable/);
      expect((await failure(world.definition.describe?.() ?? Promise.resolve())).code).to.equal(
        'engine_unavailable',
      );
      await world.close();
    }
  });

  it('describes its Python', async () => {
    const world = await PythonWorld.open({ preload: ['json'] });
    const facts = await world.definition.describe?.();
    expect(facts).to.include({ executable: pythonExecutable, fork: true });
    expect(facts?.version).to.match(/^3\.\d+\.\d+$/);
    await world.close();
  });

  it('makes sessions that are asked for while it starts wait for it', async () => {
    const world = await PythonWorld.open();
    try {
      const sessions = await Promise.all([world.session(), world.session(), world.session()]);
      const parents = await Promise.all(sessions.map(parentOf));
      expect(new Set(parents).size).to.equal(1);
    } finally {
      await world.close();
    }
  });
});
