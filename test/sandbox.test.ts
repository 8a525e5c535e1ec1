import { expect } from 'chai';
import { join } from 'node:path';
import { silentLog, systemClock, systemFiles, systemIds, systemSpawner } from '../src/core/system.js';
import { pythonEngine } from '../src/engines/python/definition.js';
import { Lease, UidPool } from '../src/engines/python/lease.js';
import { allowedProfiles, assertGiven, isolationGiven } from '../src/engines/python/sandbox.js';
import type { SandboxFacts } from '../src/engines/python/sandbox.js';
import { Sojourn } from '../src/client/sojourn.js';
import { HttpCaller } from '../src/client/http-caller.js';
import { isolationOf } from '../src/types/engine.js';
import { needs, pythonExecutable } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { PythonWorld, testSandbox } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

const whole: SandboxFacts = {
  uid: 'own',
  landlock_abi: 7,
  seccomp: true,
  no_new_privs: true,
  rlimits: true,
  live_forks: true,
  covered: [],
  missing: [],
  uids: [200_000, 201_023],
};
const partial: SandboxFacts = { ...whole, landlock_abi: 0, missing: ['landlock: there is none'] };

describe('the sandbox of Python sessions', () => {
  it('is called a sandbox only when no lock is missing', () => {
    expect(isolationGiven('strict', whole)).to.equal('sandbox');
    expect(isolationGiven('workspace', whole)).to.equal('process');
    expect(isolationGiven('strict', partial)).to.equal('process');
    expect(isolationGiven('off', whole)).to.equal('process');
  });

  it('is refused with the missing lock by name when the configuration demands it, and goes on with less for auto', () => {
    const strict = testSandbox('/x', { mode: 'strict' });
    expect(() => assertGiven('strict', strict, partial)).to.throw('landlock: there is none');
    expect(() => assertGiven('strict', strict, whole)).to.not.throw();
    expect(() => assertGiven('strict', testSandbox('/x'), partial)).to.not.throw();
    expect(() => assertGiven('off', strict, partial)).to.not.throw();
  });

  it('may be chosen by a session among the default and what the configuration allows', () => {
    expect(allowedProfiles(testSandbox('/x'))).to.deep.equal(['strict']);
    expect(allowedProfiles(testSandbox('/x', { mode: 'off' }))).to.deep.equal(['strict', 'off']);
    expect(allowedProfiles(testSandbox('/x', { allowed: ['workspace'] }))).to.deep.equal([
      'strict',
      'workspace',
    ]);
  });

  it('hands out a uid again only when all others were handed out, and none twice', () => {
    const pool = new UidPool([5, 7]);
    expect([pool.take(), pool.take()]).to.deep.equal([5, 6]);
    pool.giveBack(5);
    expect([pool.take(), pool.take()]).to.deep.equal([7, 5]);
    expect(() => pool.take()).to.throw('python.uid_range');
  });

  it('keeps the uid while a copy of the kernel still writes', async () => {
    const told: string[] = [];
    const lease = new Lease({
      sweep: (spare) => told.push(`sweep but ${spare.join()}`),
      release: () => Promise.resolve(void told.push('release')),
    });
    const letGo = lease.hold(12);
    lease.end();
    expect(told).to.deep.equal(['sweep but 12']);
    letGo();
    letGo();
    await lease.released;
    expect(told).to.deep.equal(['sweep but 12', 'release']);
  });

  it('knows every system call that it refuses', async function () {
    await needs.python(this);
    const world = await PythonWorld.open();
    try {
      const session = await world.session();
      const code = `from sojourn_kernel import syscalls
lists = [syscalls.NEVER, syscalls.UNCOUNTED, syscalls.NETWORK, syscalls.PROGRAMS, syscalls.SAME_OWNER]
[sorted({n for names in lists for n in names} - set(syscalls.numbers('x86_64'))), len(set(syscalls.numbers('aarch64').values())) == len(syscalls.numbers('aarch64'))]`;
      expect(await session.value(code)).to.equal('[[], True]');
    } finally {
      await world.close();
    }
  });

  it('refuses a session that asks for one where the configuration switches it off', async function () {
    await needs.python(this);
    const server = await openServer({ python: { sandbox: 'off', allow_sandbox: [] } });
    try {
      const client = new Sojourn(
        new HttpCaller({ url: server.url, token: server.token ?? undefined, retries: 0 }),
      );
      const error: unknown = await client
        .createSession({ minIsolation: 'sandbox' })
        .catch((reason: unknown) => reason);
      expect(error).to.include({ code: 'not_supported' });
      const session = await client.createSession();
      expect((await session.info()).isolation).to.equal('process');
    } finally {
      await server.dispose();
    }
  });

  it('ends a kernel that has used up its processor time, and says so', async function () {
    await needs.python(this);
    const folder = await temporaryFolder('sandbox');
    const world = await PythonWorld.open(
      { runDir: join(folder, 'run'), sandbox: { ...testSandbox(folder), cpuS: 1 } },
      folder,
    );
    try {
      const session = await world.session(undefined, { sandbox: 'strict' });
      const error: unknown = await session.run('while True: pass').catch((reason: unknown) => reason);
      expect(error).to.include({ code: 'kernel_died' });
      expect(session.deaths[0]?.detail).to.equal('The kernel had used up its processor time (python.cpu_s).');
    } finally {
      await world.close();
    }
  });

  it('tells the doctor what holds, and the same isolation as sessions get', async function () {
    await needs.python(this);
    const folder = await temporaryFolder('sandbox');
    const engine = pythonEngine({
      executable: pythonExecutable,
      preload: [],
      startTimeoutMs: 30_000,
      interruptGraceMs: 2000,
      variableBytes: 2 ** 20,
      sessionBytes: 2 ** 20,
      runDir: join(folder, 'run'),
      sandbox: testSandbox(folder),
      spawner: systemSpawner,
      clock: systemClock,
      ids: systemIds,
      files: systemFiles,
      log: silentLog,
    });
    try {
      const facts = await engine.describe?.();
      expect(facts).to.have.nested.property('sandbox.missing').that.is.an('array');
      expect(facts?.memory).to.match(/^(\d+ bytes for each process, by rlimit|not limited)$/);
      expect(facts?.isolation).to.equal(await isolationOf(engine, { sandbox: 'strict', policy: 'open' }));
    } finally {
      await engine.dispose?.();
    }
  });

  describe('does not stand in the way', () => {
    let world: PythonWorld;

    before(async function () {
      this.timeout(60_000);
      await needs.sandbox(this);
      for (const name of ['numpy', 'pandas', 'matplotlib']) await needs.pythonModule(this, name);
      const folder = await temporaryFolder('sandbox');
      const preload = ['numpy', 'pandas', 'matplotlib.pyplot'];
      world = await PythonWorld.open(
        { runDir: join(folder, 'run'), preload, sandbox: testSandbox(folder) },
        folder,
      );
    });
    after(() => world?.close());

    const works: Record<string, string> = {
      numpy: `import numpy as np; a = np.random.rand(400, 400); assert np.linalg.svd(a @ a.T)[1].shape == (400,)`,
      pandas: `import pandas as pd; d = pd.DataFrame({'a': range(1000)}); d.to_csv('d.csv'); assert pd.read_csv('d.csv').a.sum() == 499500`,
      matplotlib: `import matplotlib.pyplot as plt, os; plt.plot([1, 2, 3]); plt.title('äöü $x^2$'); plt.savefig('p.png'); plt.savefig('p.pdf'); assert os.path.getsize('p.png') > 1000`,
      threads: `from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool: assert sum(pool.map(lambda n: n * n, range(100))) == 328350`,
      asyncio: `import asyncio
async def work(): return await asyncio.gather(*[asyncio.to_thread(lambda n=n: n) for n in range(5)])
assert asyncio.run(work()) == [0, 1, 2, 3, 4]`,
      'time zones, sqlite and late imports': `import zoneinfo, datetime, sqlite3, decimal, xml.dom.minidom, email.message, ssl, ctypes
assert datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset().seconds == 7200
with sqlite3.connect('db') as db: db.execute('create table t (n)'); db.execute('insert into t values (1)')`,
      'forked children': `import os
pid = os.fork()
if pid == 0: os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7`,
    };
    it('caches of libraries, which are no files of the session', async () => {
      const session = await world.session(undefined, { sandbox: 'strict' });
      const code = `import os, pathlib
cache = pathlib.Path(os.environ['XDG_CACHE_HOME'], 'library')
cache.mkdir(parents=True)
(cache / 'index').write_text('x')
os.listdir('.'), cache.is_relative_to(os.environ['TMPDIR'])`;
      expect(await session.value(code)).to.equal('([], True)');
      await session.engine.dispose();
    });

    for (const [name, code] of Object.entries(works)) {
      it(name, async () => {
        const session = await world.session(undefined, { sandbox: 'strict' });
        const { outcome } = await session.run(code);
        expect(outcome.error?.traceback).to.equal(undefined);
        await session.save();
        await session.engine.dispose();
      });
    }
  });
});
